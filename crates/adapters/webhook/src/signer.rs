//! Standard Webhooks signatures. Must not know what is signed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use standardwebhooks::{Webhook, WebhookError};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// Bytes of a secret, as the specification wants them.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// What a secret begins with where it is written down.
const PREFIX: &str = "whsec_";

/// Signs with every secret that counts. Cheap to clone.
#[derive(Clone)]
pub struct Signer(Arc<[Webhook]>);

/// Why a secret is none. Never shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SecretError {
    /// Not `whsec_` and base64.
    #[error("is no signing secret: it is written whsec_ and base64")]
    Spelling,
    /// Too short to be safe, or longer than receivers accept.
    #[error("has {0} bytes; a signing secret has 24 to 64")]
    Length(usize),
}

impl Signer {
    /// Of these secrets, `whsec_…` each. The first one's signature stands first.
    ///
    /// # Errors
    /// [`SecretError`] of the first that is none, with its place among them.
    pub fn new(secrets: &[SecretString]) -> Result<Self, (usize, SecretError)> {
        let keys = secrets.iter().enumerate().map(|(place, secret)| key(secret).map_err(|error| (place, error)));
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// The value of `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &str) -> Result<String, WebhookError> {
        let each = self.0.iter().map(|key| key.sign(id, timestamp, body.as_bytes()));
        Ok(each.collect::<Result<Vec<_>, _>>()?.join(" "))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({} secrets)", self.0.len())
    }
}

fn key(secret: &SecretString) -> Result<Webhook, SecretError> {
    let encoded = secret.expose_secret().strip_prefix(PREFIX).ok_or(SecretError::Spelling)?;
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::Spelling)?;
    if !LENGTHS.contains(&bytes.len()) {
        return Err(SecretError::Length(bytes.len()));
    }
    Webhook::from_bytes(bytes).map_err(|_| SecretError::Spelling)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

    fn signed(secrets: &[&str]) -> String {
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Signer::new(&secrets).expect("sound").sign(ID, 1_614_265_330, BODY).expect("signed")
    }

    #[test]
    fn the_published_vector() {
        assert_eq!(signed(&[PUBLISHED]), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_rotating_both_sign_the_new_one_first() {
        let new = format!("{PREFIX}{}", BASE64_STANDARD.encode([7; 32]));
        let both = signed(&[&new, PUBLISHED]);
        let [first, second] = both.split(' ').collect::<Vec<_>>()[..] else { panic!("{both}") };
        assert_eq!((first, second), (signed(&[&new]).as_str(), signed(&[PUBLISHED]).as_str()));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_shown() {
        let short = format!("{PREFIX}{}", BASE64_STANDARD.encode([7; 23]));
        let long = format!("{PREFIX}{}", BASE64_STANDARD.encode([7; 65]));
        for (secret, error) in [
            ("hush", SecretError::Spelling),
            ("whsec_hush!", SecretError::Spelling),
            (short.as_str(), SecretError::Length(23)),
            (long.as_str(), SecretError::Length(65)),
        ] {
            let (place, told) = Signer::new(&[PUBLISHED.into(), secret.into()]).expect_err("refused");
            assert_eq!((place, told), (1, error));
            assert!(!told.to_string().contains("hush"));
        }
        assert_eq!(format!("{:?}", Signer::new(&[PUBLISHED.into()]).unwrap()), "Signer(1 secrets)");
    }
}
