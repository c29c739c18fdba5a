//! Proves that a request came from Twilio: HMAC-SHA1 over its URL and parameters. Must not know what they mean.
//!
//! Rules: <https://www.twilio.com/docs/usage/security#validating-requests>. SHA-1 is Twilio's choice; HMAC holds with it.

mod url_forms;

use crate::params::{Format, pairs};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::fmt;
use thiserror::Error;
use url_forms::{body_hash, url_forms};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-twilio-signature";

/// The auth tokens that are live: one, or two while rotating.
#[derive(Clone)]
pub struct AuthTokens(Vec<SecretString>);

impl AuthTokens {
    /// Reads one token or several, separated by commas.
    ///
    /// # Errors
    /// [`TokenError`] when the text holds none (an empty one would be one that everybody knows), or something that can
    /// be none. It never quotes a token.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let tokens: Vec<_> = text.split(',').map(str::trim).filter(|token| !token.is_empty()).collect();
        if tokens.is_empty() {
            return Err(TokenError::Empty);
        }
        // What stands in a header when we send, so that sending cannot fail on it later.
        if !tokens.iter().all(|token| token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(TokenError::NotAToken);
        }
        Ok(Self(tokens.into_iter().map(SecretString::from).collect()))
    }

    /// The first one: what we ourselves send with.
    #[must_use]
    pub fn first(&self) -> Option<&SecretString> {
        self.0.first()
    }

    /// Checks [`SIGNATURE_HEADER`] against the URL and the body as it came. Any live token will do.
    ///
    /// `url` is the full URL as Twilio called it: public base, path and query.
    ///
    /// # Errors
    /// [`SignatureError`]; nothing in the body may be looked at then.
    pub fn verify(
        &self,
        signature: Option<&str>,
        url: &str,
        content_type: Option<&str>,
        raw_body: &[u8],
    ) -> Result<(), SignatureError> {
        let signature = signature.ok_or(SignatureError::Missing)?;
        let claimed = parse_signature(signature).ok_or(SignatureError::Malformed)?;
        match Format::of(content_type) {
            Format::Form => self.fits(&claimed, url, &signed_text(&pairs(raw_body))),
            Format::Json => {
                let hash = body_hash(url).ok_or(SignatureError::BodyHashMissing)?;
                // The URL first: until it is proven, the hash in it is anybody's.
                self.fits(&claimed, url, "")?;
                if same(hash.as_bytes(), hex::encode(Sha256::digest(raw_body)).as_bytes()) {
                    Ok(())
                } else {
                    Err(SignatureError::BodyHashMismatch)
                }
            }
        }
    }

    /// Whether a live token signs one of the URL's forms and `parameters` like this. Each comparison takes constant
    /// time (`verify_slice`); which of our own tokens fits is no secret.
    fn fits(&self, claimed: &[u8; 20], url: &str, parameters: &str) -> Result<(), SignatureError> {
        let forms = url_forms(url);
        let fits =
            |token: &SecretString| forms.iter().any(|url| mac(token, url, parameters).verify_slice(claimed).is_ok());
        if self.0.iter().any(fits) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

impl fmt::Debug for AuthTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthTokens({} redacted)", self.0.len())
    }
}

/// The signature of a form POSTed to `url`; of a JSON body, whose hash stands in the URL, with no form at all.
#[must_use]
pub fn sign(token: &SecretString, url: &str, form: &[(String, String)]) -> String {
    STANDARD.encode(mac(token, url, &signed_text(form)).finalize().into_bytes())
}

/// Why a configuration of tokens cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum TokenError {
    /// There is none in it.
    #[error("there is no Twilio auth token in it")]
    Empty,
    /// Something that cannot be a token.
    #[error("one of the Twilio auth tokens has characters that no token has")]
    NotAToken,
}

/// Why a request is not from Twilio, as far as we can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the header {SIGNATURE_HEADER} is missing")]
    Missing,
    /// It cannot be one of Twilio's.
    #[error("the header {SIGNATURE_HEADER} is malformed")]
    Malformed,
    /// No live token gives this signature: another token, another body, or another URL than the configured one.
    #[error("the signature does not match")]
    Mismatch,
    /// The body is JSON, and the URL does not say what it hashes to.
    #[error("the URL has no bodySHA256 for the JSON body")]
    BodyHashMissing,
    /// The URL is Twilio's and the body is not.
    #[error("the body does not match bodySHA256")]
    BodyHashMismatch,
}

impl SignatureError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Malformed => "signature_malformed",
            Self::Mismatch => "signature_mismatch",
            Self::BodyHashMissing => "body_hash_missing",
            Self::BodyHashMismatch => "body_hash_mismatch",
        }
    }
}

/// What is signed after the URL: every key and value without separators, sorted by both, a repeated pair once.
fn signed_text(form: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = form.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]).collect()
}

fn mac(token: &SecretString, url: &str, parameters: &str) -> Hmac<Sha1> {
    let mut mac = keyed(token.expose_secret().as_bytes());
    mac.update(url.as_bytes());
    mac.update(parameters.as_bytes());
    mac
}

/// RFC 2104 §2: a key longer than a block is hashed, a shorter one filled up with zeros. The library's own function
/// for this returns a `Result` that is never an error.
fn keyed(secret: &[u8]) -> Hmac<Sha1> {
    let mut block = hmac::digest::Key::<Hmac<Sha1>>::default();
    let hashed;
    let key: &[u8] = if secret.len() > block.len() {
        hashed = Sha1::digest(secret);
        &hashed
    } else {
        secret
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new(&block)
}

fn parse_signature(text: &str) -> Option<[u8; 20]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// Compares without saying by its time how much is the same. The lengths are no secret.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
