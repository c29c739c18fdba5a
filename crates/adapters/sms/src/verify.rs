//! Proves that a request came from Twilio: an HMAC over its URL and parameters. Must not know what they mean.
//!
//! Rules: <https://www.twilio.com/docs/usage/security#validating-requests>. SHA-1 is Twilio's choice; HMAC holds with it.
//! Who signs with a SharedKey (<https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys>) may have SHA-256.

mod algorithm;
mod url_forms;

use crate::params::{Format, pairs};
use algorithm::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;
use url_forms::{body_hash, url_forms};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-twilio-signature";
/// The header that names key and algorithm where a SharedKey signs.
pub const SETTINGS_HEADER: &str = "x-twilio-webhooks-signature-settings";

/// What a request claims.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// [`SIGNATURE_HEADER`].
    pub signature: Option<&'a str>,
    /// [`SETTINGS_HEADER`]. It is not signed itself: it chooses the algorithm, and every algorithm needs one of our secrets.
    pub settings: Option<&'a str>,
}

/// The auth tokens that are live: one, or two while rotating; also the secrets of SharedKeys.
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

    /// Checks what is claimed against the URL and the body as it came. Any live token will do.
    ///
    /// `url` is the full URL as Twilio called it: public base, path and query.
    ///
    /// # Errors
    /// [`SignatureError`]; nothing in the body may be looked at then.
    pub fn verify(
        &self,
        claim: Claim<'_>,
        url: &str,
        content_type: Option<&str>,
        raw_body: &[u8],
    ) -> Result<(), SignatureError> {
        let signature = claim.signature.ok_or(SignatureError::Missing)?;
        let algorithm = Algorithm::of(claim.settings).ok_or(SignatureError::AlgorithmUnknown)?;
        let claimed = STANDARD.decode(signature).ok().filter(|bytes| bytes.len() == algorithm.length());
        let claimed = (algorithm, claimed.ok_or(SignatureError::Malformed)?);
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
    /// time; which of our own tokens fits is no secret.
    fn fits(
        &self,
        (algorithm, claimed): &(Algorithm, Vec<u8>),
        url: &str,
        parameters: &str,
    ) -> Result<(), SignatureError> {
        let forms = url_forms(url);
        let fits = |token: &SecretString| {
            let secret = token.expose_secret().as_bytes();
            forms.iter().any(|url| algorithm.fits(secret, &[url, parameters], claimed))
        };
        if self.0.iter().any(fits) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

impl fmt::Debug for AuthTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthTokens({} redacted)", self.0.len())
    }
}

/// The signature of a form POSTed to `url`, as an auth token makes it; of a JSON body, whose hash stands in the URL, with no form at all.
#[must_use]
pub fn sign(token: &SecretString, url: &str, form: &[(String, String)]) -> String {
    STANDARD.encode(Algorithm::Sha1.sign(token.expose_secret().as_bytes(), &[url, &signed_text(form)]))
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
    /// It is made by an algorithm that we do not know.
    #[error("the header {SETTINGS_HEADER} names an algorithm other than HMAC_SHA1 and HMAC_SHA256")]
    AlgorithmUnknown,
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
            Self::AlgorithmUnknown => "signature_algorithm_unknown",
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

/// Compares without saying by its time how much is the same. The lengths are no secret.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
