//! Proves that a body came from Slack: HMAC-SHA256 over its raw bytes. Must not know what is in the body.
//!
//! Rules: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use thiserror::Error;
use time::OffsetDateTime;

/// The header with the time of sending, in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";
/// How far a request's time may be from ours, either way: Slack's five minutes against replays.
pub const WINDOW_SECONDS: u64 = 300;

const VERSION: &str = "v0";

/// The signing secrets that are live: one, or two while rotating.
#[derive(Clone)]
pub struct SigningSecrets(Vec<SecretString>);

impl SigningSecrets {
    /// Reads one secret or several, separated by commas.
    ///
    /// # Errors
    /// [`NoSecret`] when the text holds none: an empty secret would be one that everybody knows.
    pub fn parse(text: &str) -> Result<Self, NoSecret> {
        let secrets: Vec<_> =
            text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).map(SecretString::from).collect();
        if secrets.is_empty() { Err(NoSecret) } else { Ok(Self(secrets)) }
    }

    /// Checks the two headers against the body as it came, at `now`. Any live secret will do.
    ///
    /// # Errors
    /// [`SignatureError`]; nothing in the body may be looked at then.
    pub fn verify(
        &self,
        timestamp_header: Option<&str>,
        signature_header: Option<&str>,
        raw_body: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), SignatureError> {
        let timestamp = timestamp_header.ok_or(SignatureError::Missing { header: TIMESTAMP_HEADER })?;
        let signature = signature_header.ok_or(SignatureError::Missing { header: SIGNATURE_HEADER })?;
        let sent_at = parse_timestamp(timestamp).ok_or(SignatureError::Malformed { header: TIMESTAMP_HEADER })?;
        let claimed = parse_signature(signature).ok_or(SignatureError::Malformed { header: SIGNATURE_HEADER })?;

        let skew_seconds = now.unix_timestamp().saturating_sub(sent_at);
        if skew_seconds.unsigned_abs() > WINDOW_SECONDS {
            return Err(SignatureError::Stale { skew_seconds });
        }
        // Each comparison takes constant time (`verify_slice`); which of our own secrets fits is no secret.
        let fits = |secret: &SecretString| mac(secret, timestamp, raw_body).verify_slice(&claimed).is_ok();
        if self.0.iter().any(fits) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }

    /// Signs with the first secret: what a sender in tests and tools puts into [`SIGNATURE_HEADER`].
    #[must_use]
    pub fn sign(&self, timestamp: i64, raw_body: &[u8]) -> String {
        self.0.first().map(|secret| sign(secret, timestamp, raw_body)).unwrap_or_default()
    }
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningSecrets({} redacted)", self.0.len())
    }
}

/// The signature of `raw_body`, sent at `timestamp` (Unix seconds).
#[must_use]
pub fn sign(secret: &SecretString, timestamp: i64, raw_body: &[u8]) -> String {
    let tag = mac(secret, &timestamp.to_string(), raw_body).finalize().into_bytes();
    format!("{VERSION}={}", hex::encode(tag))
}

/// A configuration without a signing secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("there is no Slack signing secret in it")]
pub struct NoSecret;

/// Why a request is not from Slack, as far as we can tell.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SignatureError {
    /// A header is not there.
    #[error("the header {header} is missing")]
    Missing {
        /// Which.
        header: &'static str,
    },
    /// A header cannot be one of Slack's.
    #[error("the header {header} is malformed")]
    Malformed {
        /// Which.
        header: &'static str,
    },
    /// It was signed too long ago (a replay), too far ahead, or one of the clocks is wrong.
    #[error("the request was signed {skew_seconds} s from now")]
    Stale {
        /// Our clock minus theirs; for the metric of clock skew.
        skew_seconds: i64,
    },
    /// No live secret gives this signature.
    #[error("the signature does not match")]
    Mismatch,
}

impl SignatureError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "signature_missing",
            Self::Malformed { .. } => "signature_malformed",
            Self::Stale { .. } => "signature_stale",
            Self::Mismatch => "signature_mismatch",
        }
    }
}

/// The MAC over `v0:<timestamp>:<body>`, the timestamp spelt as in the header.
fn mac(secret: &SecretString, timestamp: &str, raw_body: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(secret.expose_secret().as_bytes());
    mac.update(VERSION.as_bytes());
    mac.update(b":");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(raw_body);
    mac
}

/// RFC 2104 §2: a key longer than a block is hashed, a shorter one filled up with zeros. The library's own function
/// for this returns a `Result` that is never an error.
fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    let hashed;
    let key: &[u8] = if secret.len() > block.len() {
        hashed = Sha256::digest(secret);
        &hashed
    } else {
        secret
    };
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new(&block)
}

fn parse_timestamp(text: &str) -> Option<i64> {
    // `parse` alone would take a sign, which Slack never sends.
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn parse_signature(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix(VERSION)?.strip_prefix('=')?;
    let mut tag = [0; 32];
    hex::decode_to_slice(digits, &mut tag).ok()?;
    Some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Slack's documented sample, from the page above.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const SENT_AT: i64 = 1_531_420_618;
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
        &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
        &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).expect("a time in range")
    }

    fn check(secrets: &str, timestamp: &str, signature: &str, body: &str, now: i64) -> Result<(), &'static str> {
        let secrets = SigningSecrets::parse(secrets).expect("secrets");
        secrets.verify(Some(timestamp), Some(signature), body.as_bytes(), at(now)).map_err(|error| error.code())
    }

    #[test]
    fn slacks_documented_sample_verifies_and_is_what_we_sign() {
        assert_eq!(check(SECRET, "1531420618", SIGNATURE, BODY, SENT_AT), Ok(()));
        assert_eq!(sign(&SECRET.into(), SENT_AT, BODY.as_bytes()), SIGNATURE);
        assert_eq!(SigningSecrets::parse(SECRET).expect("one").sign(SENT_AT, BODY.as_bytes()), SIGNATURE);
    }

    #[test]
    fn every_live_secret_verifies() {
        for secrets in [format!("{SECRET}, next"), format!("next,{SECRET}"), format!(" ,{SECRET},")] {
            assert_eq!(check(&secrets, "1531420618", SIGNATURE, BODY, SENT_AT), Ok(()), "{secrets}");
        }
    }

    #[test]
    fn the_window_is_300_seconds_either_way() {
        for (now, expected) in [
            (SENT_AT + 300, Ok(())),
            (SENT_AT - 300, Ok(())),
            (SENT_AT + 301, Err("signature_stale")),
            (SENT_AT - 301, Err("signature_stale")),
        ] {
            assert_eq!(check(SECRET, "1531420618", SIGNATURE, BODY, now), expected, "{}", now - SENT_AT);
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_code() {
        let upper = SIGNATURE.to_uppercase();
        for (timestamp, signature, body, code) in [
            ("1531420618", SIGNATURE, "token=other", "signature_mismatch"),
            ("1531420619", SIGNATURE, BODY, "signature_mismatch"),
            ("01531420618", SIGNATURE, BODY, "signature_mismatch"),
            ("1531420618", &SIGNATURE.replace('a', "b"), BODY, "signature_mismatch"),
            ("", SIGNATURE, BODY, "signature_malformed"),
            ("+1531420618", SIGNATURE, BODY, "signature_malformed"),
            ("1531420618.5", SIGNATURE, BODY, "signature_malformed"),
            ("99999999999999999999", SIGNATURE, BODY, "signature_malformed"),
            ("9223372036854775807", SIGNATURE, BODY, "signature_stale"),
            ("1531420618", "", BODY, "signature_malformed"),
            ("1531420618", &SIGNATURE[3..], BODY, "signature_malformed"),
            ("1531420618", &SIGNATURE[..65], BODY, "signature_malformed"),
            ("1531420618", &upper, BODY, "signature_malformed"),
        ] {
            assert_eq!(check(SECRET, timestamp, signature, body, SENT_AT), Err(code), "{timestamp} {signature}");
        }
        assert_eq!(check("another", "1531420618", SIGNATURE, BODY, SENT_AT), Err("signature_mismatch"));
    }

    #[test]
    fn a_missing_header_is_named() {
        let secrets = SigningSecrets::parse(SECRET).expect("one");
        let error = secrets.verify(None, Some(SIGNATURE), b"", at(SENT_AT)).expect_err("no time");
        assert_eq!((error.code(), error), ("signature_missing", SignatureError::Missing { header: TIMESTAMP_HEADER }));
        let error = secrets.verify(Some("1531420618"), None, b"", at(SENT_AT)).expect_err("no signature");
        assert_eq!(error, SignatureError::Missing { header: SIGNATURE_HEADER });
    }

    #[test]
    fn there_is_no_empty_secret_and_none_is_shown() {
        for text in ["", " ", ",", " , "] {
            assert_eq!(SigningSecrets::parse(text).err(), Some(NoSecret), "{text:?}");
        }
        let shown = format!("{:?}", SigningSecrets::parse("hush,hash").expect("two"));
        assert_eq!(shown, "SigningSecrets(2 redacted)");
    }

    #[test]
    fn a_long_secret_is_hashed_as_rfc_4231_says() {
        // RFC 4231, test case 6: a key of 131 bytes 0xaa is beyond ASCII, so its own construction is checked directly.
        let mut mac = keyed(&[0xaa; 131]);
        mac.update(b"Test Using Larger Than Block-Size Key - Hash Key First");
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(hex::encode(mac.finalize().into_bytes()), expected);
    }

    proptest! {
        #[test]
        fn what_we_sign_verifies_and_one_changed_byte_does_not(
            secret in "[!-+.-~]{1,80}", body in proptest::collection::vec(any::<u8>(), 1..300), place in any::<usize>(),
        ) {
            let secrets = SigningSecrets::parse(&secret).expect("one");
            let signature = secrets.sign(SENT_AT, &body);
            let stamp = SENT_AT.to_string();
            prop_assert!(secrets.verify(Some(&stamp), Some(&signature), &body, at(SENT_AT)).is_ok());
            let mut other = body.clone();
            let place = place % other.len();
            other[place] ^= 1;
            prop_assert!(secrets.verify(Some(&stamp), Some(&signature), &other, at(SENT_AT)).is_err());
        }

        #[test]
        fn no_header_can_make_it_panic(timestamp in ".*", signature in ".*", now in -60_000_000_000i64..60_000_000_000) {
            let secrets = SigningSecrets::parse(SECRET).expect("one");
            prop_assert!(secrets.verify(Some(&timestamp), Some(&signature), b"", at(now)).is_err());
        }
    }
}
