//! The two HMACs that Twilio signs with, and which of them a request names. Must not know what is signed.

use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// How a signature is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Algorithm {
    /// What auth tokens sign with.
    Sha1,
    /// What a SharedKey may sign with.
    Sha256,
}

impl Algorithm {
    /// The one that the settings name (`key=webhooks_sharedkey_…,algorithm=HMAC_SHA256`); without a name it is that of auth
    /// tokens, as in Twilio's own libraries. `None`: one that nobody here knows.
    pub(super) fn of(settings: Option<&str>) -> Option<Self> {
        let parts = settings.unwrap_or_default().split(',').filter_map(|part| part.split_once('='));
        let mut named = parts.filter(|(name, _)| name.trim() == "algorithm").map(|(_, value)| value.trim());
        match named.find(|value| !value.is_empty()) {
            None => Some(Self::Sha1),
            Some(name) if name.eq_ignore_ascii_case("HMAC_SHA1") => Some(Self::Sha1),
            Some(name) if name.eq_ignore_ascii_case("HMAC_SHA256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    /// How many bytes a signature has.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The signature of `parts`, one after the other.
    pub(super) fn sign(self, secret: &[u8], parts: &[&str]) -> Vec<u8> {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>, Sha1>(secret, parts).finalize().into_bytes().to_vec(),
            Self::Sha256 => mac::<Hmac<Sha256>, Sha256>(secret, parts).finalize().into_bytes().to_vec(),
        }
    }

    /// Whether `claimed` is the signature of `parts`. Takes the same time wherever it is not.
    pub(super) fn fits(self, secret: &[u8], parts: &[&str], claimed: &[u8]) -> bool {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>, Sha1>(secret, parts).verify_slice(claimed).is_ok(),
            Self::Sha256 => mac::<Hmac<Sha256>, Sha256>(secret, parts).verify_slice(claimed).is_ok(),
        }
    }
}

fn mac<M: Mac + KeyInit, D: Digest>(secret: &[u8], parts: &[&str]) -> M {
    let mut mac = keyed::<M, D>(secret);
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac
}

/// RFC 2104 §2: a key longer than a block is hashed, a shorter one filled up with zeros. The library's own function
/// for this returns a `Result` that is never an error.
fn keyed<M: Mac + KeyInit, D: Digest>(secret: &[u8]) -> M {
    let mut block = Key::<M>::default();
    let hashed;
    let key: &[u8] = if secret.len() > block.len() {
        hashed = D::digest(secret);
        &hashed
    } else {
        secret
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    <M as KeyInit>::new(&block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_secret_is_hashed_as_the_rfcs_say() {
        // RFC 2202, test case 6, and RFC 4231, test case 6: keys of 80 and of 131 bytes 0xaa.
        let text = "Test Using Larger Than Block-Size Key - Hash Key First";
        for (algorithm, key, expected) in [
            (Algorithm::Sha1, 80, "aa4ae5e15272d00e95705637ce8a3b55ed402112"),
            (Algorithm::Sha256, 131, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
        ] {
            let made = algorithm.sign(&vec![0xaa; key], &[text]);
            assert_eq!((hex::encode(&made).as_str(), made.len()), (expected, algorithm.length()));
        }
    }

    #[test]
    fn the_settings_name_it() {
        let (sha1, sha256) = (Some(Algorithm::Sha1), Some(Algorithm::Sha256));
        for (settings, expected) in [
            (None, sha1),
            (Some(""), sha1),
            (Some("key=webhooks_sharedkey_1"), sha1),
            (Some("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"), sha256),
            (Some(" algorithm = hmac_sha256 , key=1"), sha256),
            (Some("algorithm=HMAC_SHA1,algorithm=HMAC_SHA256"), sha1),
            (Some("algorithm=,algorithm=HMAC_SHA256"), sha256),
            (Some("Algorithm=HMAC_SHA256"), sha1),
            (Some("algorithm=HMAC_SHA512"), None),
            (Some("algorithm=none"), None),
            (Some("algorithm=HMAC_SHA256=HMAC_SHA1"), None),
        ] {
            assert_eq!(Algorithm::of(settings), expected, "{settings:?}");
        }
    }
}
