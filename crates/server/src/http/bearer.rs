//! Checks bearer tokens that Supabase signed with its shared secret (JWT, HS256). Must not know routes.
//!
//! Deliberately small: one algorithm, no key lookup, nothing from the token's header is trusted but that it names this
//! algorithm. Tokens signed with asymmetric keys belong to the identity adapter.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use time::OffsetDateTime;

/// Clocks of two machines may differ this much.
const LEEWAY_SECONDS: f64 = 30.0;
/// No honest token is longer.
const LONGEST: usize = 8 * 1024;

/// Who calls, as the token says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The user's id; none for the service role.
    pub subject: Option<String>,
    /// `authenticated` or `service_role`.
    pub role: String,
}

/// Why a token does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BearerError {
    /// Not three parts of base64url, or not the JSON expected.
    Malformed,
    /// Another algorithm than HS256, or extensions we do not know.
    Algorithm,
    /// Signed with another secret, or altered.
    Signature,
    /// Expired, without expiry, or not valid yet.
    Time,
    /// Supabase's public `anon` key is a valid token too; it opens nothing here.
    Role,
}

impl BearerError {
    /// What the caller is told.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Malformed => "The token is not a JSON Web Token.",
            Self::Algorithm => "The token is not signed with HS256.",
            Self::Signature => "The token's signature does not match.",
            Self::Time => "The token has expired or is not valid yet.",
            Self::Role => "The token's role is not allowed.",
        }
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    role: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
}

/// Checks `token` with `secret` at `now`.
///
/// # Errors
/// [`BearerError`]; the signature is checked before any claim is read.
pub fn check(token: &str, secret: &SecretString, now: OffsetDateTime) -> Result<Caller, BearerError> {
    if token.len() > LONGEST {
        return Err(BearerError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(BearerError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(BearerError::Malformed)?;
    let header: Header = part(header)?;
    if header.alg != "HS256" || header.crit.is_some() {
        return Err(BearerError::Algorithm);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| BearerError::Malformed)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map_err(|_| BearerError::Signature)?;
    mac.update(signed.as_bytes());
    mac.verify_slice(&signature).map_err(|_| BearerError::Signature)?;
    accept(part(claims)?, now)
}

fn accept(claims: Claims, now: OffsetDateTime) -> Result<Caller, BearerError> {
    #[allow(clippy::cast_precision_loss)] // whole seconds of this millennium are exact in f64
    let now = now.unix_timestamp() as f64;
    let expired = claims.exp.is_none_or(|exp| now >= exp + LEEWAY_SECONDS);
    let early = claims.nbf.is_some_and(|nbf| now + LEEWAY_SECONDS < nbf);
    if expired || early {
        return Err(BearerError::Time);
    }
    match claims.role {
        Some(role) if matches!(role.as_str(), "authenticated" | "service_role") => {
            Ok(Caller { subject: claims.sub, role })
        }
        _ => Err(BearerError::Role),
    }
}

fn part<T: DeserializeOwned>(encoded: &str) -> Result<T, BearerError> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| BearerError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| BearerError::Malformed)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    /// Signs `claims` as Supabase would.
    pub(crate) fn sign(header: &Value, claims: &Value, secret: &str) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn verdict(header: &Value, claims: &Value, signed_with: &str) -> Result<Caller, BearerError> {
        check(&sign(header, claims, signed_with), &"the-secret".into(), NOW)
    }

    #[test]
    fn only_fresh_tokens_of_a_person_or_the_service_count() {
        let hs256 = json!({"alg": "HS256", "typ": "JWT"});
        let soon = NOW.unix_timestamp() + 600;
        let past = NOW.unix_timestamp() - 600;
        let good = json!({"sub": "user-1", "role": "authenticated", "exp": soon});
        let caller = verdict(&hs256, &good, "the-secret").expect("valid");
        assert_eq!((caller.subject.as_deref(), caller.role.as_str()), (Some("user-1"), "authenticated"));
        for (header, claims, secret, error) in [
            (&hs256, &good, "another-secret", BearerError::Signature),
            (&json!({"alg": "none"}), &good, "the-secret", BearerError::Algorithm),
            (&json!({"alg": "RS256"}), &good, "the-secret", BearerError::Algorithm),
            (&json!({"alg": "HS256", "crit": ["b64"]}), &good, "the-secret", BearerError::Algorithm),
            (&hs256, &json!({"role": "authenticated", "exp": past}), "the-secret", BearerError::Time),
            (&hs256, &json!({"role": "authenticated"}), "the-secret", BearerError::Time),
            (&hs256, &json!({"role": "authenticated", "exp": soon, "nbf": soon}), "the-secret", BearerError::Time),
            (&hs256, &json!({"role": "anon", "exp": soon}), "the-secret", BearerError::Role),
            (&hs256, &json!({"exp": soon}), "the-secret", BearerError::Role),
        ] {
            assert_eq!(verdict(header, claims, secret), Err(error), "{header} {claims}");
        }
    }

    #[test]
    fn rubbish_is_malformed() {
        for token in ["", "a", "a.b", "a.b.c", "....", &"x".repeat(LONGEST + 1)] {
            assert_eq!(check(token, &"the-secret".into(), NOW), Err(BearerError::Malformed), "{token}");
        }
    }
}
