//! What a receiver's status means for a repeat. Must not know what was sent.

use dispatch_outbound::{Class, Failure};
use std::time::Duration;

/// Nobody listens there any more.
pub const GONE: u16 = 410;

/// A refusal. An answer that speaks of the event itself will be the same the next time, and an address that has moved for
/// good is for a person to write down; everything else may mend itself: receivers are deployed, and change their secrets.
pub fn refusal(status: u16, retry_after: Option<Duration>) -> Failure {
    let class = match status {
        301 | 308 | 400 | 405 | 406 | 411 | 413..=417 | 422 | 431 | 501 | 505 => Class::Never,
        GONE => Class::Unwanted,
        _ => Class::NotNow,
    };
    Failure { retry_after, ..Failure::new(class, format!("http_{status}")) }
}

/// Whether it was taken.
pub fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_mend_itself_is_tried_again() {
        for status in [302, 303, 307, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503, 504, 599] {
            let failure = refusal(status, Some(Duration::from_secs(9)));
            assert_eq!((failure.class, failure.retry_after), (Class::NotNow, Some(Duration::from_secs(9))), "{status}");
        }
        for status in [301, 308, 400, 413, 415, 422, 501] {
            assert_eq!(refusal(status, None).class, Class::Never, "{status}");
        }
        assert_eq!(refusal(410, None), Failure::new(Class::Unwanted, "http_410"));
        assert_eq!([199, 200, 204, 299, 300].map(is_success), [false, true, true, true, false]);
    }
}
