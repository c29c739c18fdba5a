//! An answer, read whole. Must not know what it says.

use reqwest::header::HeaderMap;
use std::fmt;
use std::time::Duration;

/// No wish to wait is taken for longer: a year in it is a mistake, and must not overflow anybody's clock.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, no longer than the cap.
    pub body: Vec<u8>,
}

impl Response {
    /// A header, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Retry-After` in seconds (RFC 9110 §10.2.3); a date there is not read, a week is the most.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // More digits than a `u64` holds are still a number, and longer than the longest.
        Some(text.parse().map_or(LONGEST_WAIT, Duration::from_secs).min(LONGEST_WAIT))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither headers nor body: either may hold what no log should.
        write!(f, "Response(status {}, {} bytes)", self.status, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderValue, RETRY_AFTER};

    #[test]
    fn retry_after_is_seconds() {
        for (text, seconds) in [
            ("30", Some(30)),
            (" 0 ", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("99999999999999999999999", Some(604_800)),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            let response = Response { status: 429, headers, body: b"hush".to_vec() };
            assert_eq!(response.retry_after(), seconds.map(Duration::from_secs), "{text:?}");
            assert_eq!(format!("{response:?}"), "Response(status 429, 4 bytes)");
        }
    }
}
