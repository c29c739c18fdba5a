//! A call that was not confirmed, sorted by what a repeat would do: the words that senders share. What a destination's own
//! refusals mean is theirs to say. Must not know deliveries, or when to try again.

use crate::error::SendError;
use std::time::Duration;

/// A call that its destination did not confirm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What it means for a repeat.
    pub class: Class,
    /// A stable code; never anything else that the destination or the network said.
    pub code: String,
    /// How long the destination asks to wait.
    pub retry_after: Option<Duration>,
}

/// What a failure means for a repeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Nothing was done; later it may be.
    NotNow,
    /// Nothing was done and never will be.
    Never,
    /// Nothing was done, since whoever it is for does not want it.
    Unwanted,
    /// It may have been done.
    Unclear,
}

impl Failure {
    /// Without a wish to wait.
    pub fn new(class: Class, code: impl Into<String>) -> Self {
        Self { class, code: code.into(), retry_after: None }
    }

    /// The call got no answer.
    #[must_use]
    pub fn of_call(error: &SendError) -> Self {
        let class = match error {
            SendError::NotSent { .. } => Class::NotNow,
            SendError::Ambiguous { .. } | SendError::TooLarge { .. } => Class::Unclear,
            SendError::Forbidden(_) | SendError::Invalid { .. } => Class::Never,
        };
        Self::new(class, error.code())
    }

    /// The answer is a success that the destination cannot have written: something else may have, after the work was
    /// done.
    #[must_use]
    pub fn unreadable() -> Self {
        Self::new(Class::Unclear, "invalid_response")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Forbidden;
    use std::io;

    #[test]
    fn a_call_without_an_answer_is_repeated_as_far_as_it_went() {
        let source = || Box::new(io::Error::other("hush"));
        for (error, class, code) in [
            (SendError::NotSent { code: "dns_failed", source: source() }, Class::NotNow, "dns_failed"),
            (SendError::Ambiguous { code: "timeout", source: source() }, Class::Unclear, "timeout"),
            (SendError::TooLarge { status: 200 }, Class::Unclear, "response_too_large"),
            (SendError::Forbidden(Forbidden::Address), Class::Never, "forbidden_address"),
            (SendError::Invalid { source: source() }, Class::Never, "invalid_request"),
        ] {
            assert_eq!(Failure::of_call(&error), Failure::new(class, code));
        }
    }
}
