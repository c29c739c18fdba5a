//! Twilio's refusals, sorted by what may be done about them. Must not know what was asked for.
//!
//! Codes: <https://www.twilio.com/docs/api/errors>.

use dispatch_outbound::{Response, SendError};
use serde_json::Value;
use std::time::Duration;

/// A call that Twilio did not confirm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    pub(crate) class: Class,
    /// A stable code; never anything else that Twilio or the network said.
    pub(crate) code: String,
    /// How long Twilio asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

/// What a failure means for a repeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// Twilio did nothing; later it may.
    NotNow,
    /// Twilio did nothing and never will.
    Never,
    /// Twilio did nothing, since the recipient does not want it.
    Unwanted,
    /// Twilio may have done it.
    Unclear,
}

impl Failure {
    fn new(class: Class, code: impl Into<String>) -> Self {
        Self { class, code: code.into(), retry_after: None }
    }

    /// The call got no answer.
    pub(crate) fn of_call(error: &SendError) -> Self {
        let class = match error {
            SendError::NotSent { .. } => Class::NotNow,
            SendError::Ambiguous { .. } | SendError::TooLarge { .. } => Class::Unclear,
            SendError::Forbidden(_) | SendError::Invalid { .. } => Class::Never,
        };
        Self::new(class, error.code())
    }

    /// The answer is no 2xx.
    ///
    /// A 5xx does not say whether the message was taken, other than 503, by which a server declines (RFC 9110 §15.6.4).
    /// A 408 waited for a request that never came whole (§15.5.9).
    pub(crate) fn of_status(answer: &Response) -> Self {
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
        Self { class, code, retry_after: answer.retry_after() }
    }

    /// The answer is a 2xx that Twilio cannot have written: something else may have, after Twilio did its work.
    pub(crate) fn unreadable() -> Self {
        Self::new(Class::Unclear, "invalid_response")
    }
}

/// The `code` of Twilio's error body.
fn error_code(body: &[u8]) -> Option<u32> {
    let body: Value = serde_json::from_slice(body).ok()?;
    u32::try_from(body.get("code")?.as_u64()?).ok()
}
