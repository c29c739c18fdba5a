//! Twilio's refusals, sorted by what may be done about them. Must not know what was asked for.
//!
//! Codes: <https://www.twilio.com/docs/api/errors>.

use dispatch_outbound::{Class, Failure, Response};
use serde_json::Value;

/// The answer is no 2xx.
///
/// A 5xx does not say whether the message was taken, other than 503, by which a server declines (RFC 9110 §15.6.4).
/// A 408 waited for a request that never came whole (§15.5.9).
pub(crate) fn of_status(answer: &Response) -> Failure {
    let told = error_code(&answer.body);
    let code = told.map_or_else(|| format!("http_{}", answer.status), |code| format!("twilio_{code}"));
    let (class, code) = match (answer.status, told) {
        (429, _) | (_, Some(20429)) => (Class::NotNow, "rate_limited".into()),
        (408 | 503, _) => (Class::NotNow, code),
        (500.., _) => (Class::Unclear, code),
        // Their carrier or Twilio holds a STOP of that number.
        (_, Some(21610)) => (Class::Unwanted, "opted_out".into()),
        // The sender's own queue is full.
        (_, Some(21611)) => (Class::NotNow, code),
        _ => (Class::Never, code),
    };
    Failure { class, code, retry_after: answer.retry_after() }
}

/// The `code` of Twilio's error body.
fn error_code(body: &[u8]) -> Option<u32> {
    let body: Value = serde_json::from_slice(body).ok()?;
    u32::try_from(body.get("code")?.as_u64()?).ok()
}
