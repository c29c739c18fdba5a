//! What an API key looks like: made, taken apart, compared. Must not know where keys are kept.

use dispatch_pipeline::ports::api_keys::KeyDigest;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use secrecy::SecretString;
use thiserror::Error;

/// Every key begins so: people and scanners of repositories know it for what it is.
const MARK: &str = "dsp_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX_LETTERS: usize = 12;
/// 62^43 is more than 2^256.
const SECRET_LETTERS: usize = 43;

/// This machine gives no random numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("this machine gives no random numbers")]
pub struct MintError;

/// A fresh key. Its text is shown once; prefix and digest are kept.
#[derive(Debug)]
pub struct MintedKey {
    /// The whole key.
    pub text: SecretString,
    /// Its public part.
    pub prefix: String,
    /// The digest of the whole.
    pub digest: KeyDigest,
}

/// Makes a key.
///
/// # Errors
/// [`MintError`].
pub fn mint() -> Result<MintedKey, MintError> {
    let random = SystemRandom::new();
    let prefix = letters(&random, PREFIX_LETTERS)?;
    let text = format!("{MARK}{prefix}_{}", letters(&random, SECRET_LETTERS)?);
    Ok(MintedKey { digest: digest_of(&text), prefix, text: text.into() })
}

/// Whether `credential` means to be an API key, so that it is never read as a token.
#[must_use]
pub fn is_key(credential: &str) -> bool {
    credential.starts_with(MARK)
}

/// The public part of a key, or of the beginning of one as a list shows it (`dsp_0bFx…`, with or without the rest).
#[must_use]
pub fn prefix_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(MARK)?;
    let prefix = rest.split_once('_').map_or(rest, |(prefix, _)| prefix);
    is_made_of_letters(prefix, PREFIX_LETTERS).then_some(prefix)
}

/// Prefix and digest of a whole key; nothing where it cannot be one.
pub(crate) fn taken_apart(text: &str) -> Option<(&str, KeyDigest)> {
    let (prefix, secret) = text.strip_prefix(MARK)?.split_once('_')?;
    let whole = is_made_of_letters(prefix, PREFIX_LETTERS) && is_made_of_letters(secret, SECRET_LETTERS);
    whole.then(|| (prefix, digest_of(text)))
}

/// Whether two digests are the same, in a time that does not tell how much of them is.
pub(crate) fn same(one: &KeyDigest, other: &KeyDigest) -> bool {
    let tag = |digest: &KeyDigest| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &digest.0), b"");
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &one.0), b"", tag(other).as_ref()).is_ok()
}

fn digest_of(text: &str) -> KeyDigest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    KeyDigest(bytes)
}

fn is_made_of_letters(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

fn letters(random: &SystemRandom, count: usize) -> Result<String, MintError> {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut bytes = [0; 64];
        random.fill(&mut bytes).map_err(|_| MintError)?;
        // Bytes that would make the first letters likelier than the others are passed over.
        let fair = bytes.into_iter().filter(|byte| *byte < 248);
        let drawn = fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        text.extend(drawn.take(count - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_key_is_found_by_its_prefix_and_known_by_its_digest() {
        let minted = mint().expect("random");
        let text = minted.text.expose_secret();
        assert_eq!(text.len(), 4 + 12 + 1 + 43);
        let (prefix, digest) = taken_apart(text).expect("whole");
        assert_eq!((prefix, digest), (minted.prefix.as_str(), minted.digest));
        assert!(is_key(text) && same(&digest, &minted.digest));
        assert_eq!(prefix_of(text), Some(prefix));
        assert_eq!(prefix_of(&text[..16]), Some(prefix));
        let other = mint().expect("random");
        assert!(other.prefix != minted.prefix && !same(&other.digest, &minted.digest));
        assert!(!format!("{minted:?}").contains(text), "never shown by accident");
    }

    #[test]
    fn what_is_no_key_is_not_taken_for_one() {
        let minted = mint().expect("random");
        let text = minted.text.expose_secret();
        for wrong in [
            "",
            "dsp_",
            "dsp__",
            "dsp_a_b",
            &text[..text.len() - 1],
            &format!("{text}x"),
            &text.to_uppercase(),
            &text.replacen(&minted.prefix, "' OR true --", 1),
            &text.replacen("dsp_", "", 1),
        ] {
            assert_eq!(taken_apart(wrong), None, "{wrong}");
        }
        assert!(!is_key("eyJhbGciOiJIUzI1NiJ9.e30.c2ln"));
    }
}
