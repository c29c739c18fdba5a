//! An answer, read whole or piece by piece. Must not know what it says.

use crate::error::SendError;
use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
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
        retry_after(&self.headers)
    }
}

/// `Retry-After` among `headers`, in seconds (RFC 9110 §10.2.3); a date there is not read, a week is the most.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // More digits than a `u64` holds are still a number, and longer than the longest.
    Some(text.parse().map_or(LONGEST_WAIT, Duration::from_secs).min(LONGEST_WAIT))
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither headers nor body: either may hold what no log should.
        write!(f, "Response(status {}, {} bytes)", self.status, self.body.len())
    }
}

/// An answer of which only the head is read yet. Dropped, it ends the call.
pub struct Arriving {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    answer: reqwest::Response,
    left: usize,
}

impl Arriving {
    /// An answer whose body may have `cap` bytes.
    pub(crate) fn new(mut answer: reqwest::Response, cap: usize) -> Result<Self, SendError> {
        let status = answer.status().as_u16();
        if answer.content_length().is_some_and(|length| usize::try_from(length).map_or(true, |length| length > cap)) {
            return Err(SendError::TooLarge { status });
        }
        let headers = std::mem::take(answer.headers_mut());
        Ok(Self { status, headers, answer, left: cap })
    }

    /// The next piece of the body; none at its end.
    ///
    /// # Errors
    /// [`SendError::Ambiguous`] when the line is cut or the time is up, [`SendError::TooLarge`] beyond the cap.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        let Some(chunk) = self.answer.chunk().await.map_err(SendError::from_client)? else { return Ok(None) };
        self.left = self.left.checked_sub(chunk.len()).ok_or(SendError::TooLarge { status: self.status })?;
        Ok(Some(chunk))
    }

    /// The whole answer.
    pub(crate) async fn whole(mut self) -> Result<Response, SendError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status: self.status, headers: self.headers, body })
    }
}

impl fmt::Debug for Arriving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arriving(status {})", self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

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
