//! Slack's refusals, sorted by what may be done about them. Must not know which method was called.
//!
//! Codes: <https://docs.slack.dev/reference/methods/chat.postMessage#errors>.

use dispatch_outbound::{Class, Failure, Response};
use std::time::Duration;

/// The answer is no 2xx.
///
/// Slack's own refusals are 200 or 429, so a 5xx comes from something on the way, which may have passed the request
/// on: unclear. A 503 that says when to come back was a decision not to (RFC 9110 §15.6.4); proxies answer a cut
/// connection to a server with a bare 503. A 408 waited for a request that never came whole (§15.5.9).
pub(crate) fn of_status(answer: &Response) -> Failure {
    let retry_after = answer.retry_after();
    let (class, code) = match answer.status {
        429 => (Class::NotNow, "rate_limited".to_owned()),
        408 => (Class::NotNow, "http_408".to_owned()),
        503 if retry_after.is_some() => (Class::NotNow, "http_503".to_owned()),
        status @ 500.. => (Class::Unclear, format!("http_{status}")),
        status => (Class::Never, format!("http_{status}")),
    };
    Failure { class, code, retry_after }
}

/// Slack said `ok: false`.
pub(crate) fn of_error(error: &str, retry_after: Option<Duration>) -> Failure {
    let code = if is_code(error) { error } else { "unrecognised_error" };
    let (class, code) = match code {
        "ratelimited" => (Class::NotNow, "rate_limited"),
        // Slack says of the first two that "some aspect of the operation" may have succeeded; the third means that
        // the request did not come whole, which is not always the whole truth behind proxies.
        "fatal_error" | "internal_error" | "request_timeout" => (Class::Unclear, code),
        _ if is_permanent(code) => (Class::Never, code),
        // Whatever Slack does not list here may come "where the service is down or other unexpected factors affect
        // processing" (the page above). It is a refusal, so a repeat doubles nothing, and attempts are capped.
        _ => (Class::NotNow, code),
    };
    // The workspace has used up its quota: nothing changes within minutes (grafana/oncall#5204 looped on it).
    let least = if code == "message_limit_exceeded" { Some(Duration::from_secs(3600)) } else { None };
    Failure { class, code: code.to_owned(), retry_after: retry_after.max(least) }
}

fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_permanent(code: &str) -> bool {
    PERMANENT.contains(&code) || PERMANENT_PREFIXES.iter().any(|prefix| code.starts_with(prefix))
}

/// `restricted_action_read_only_channel`, `invalid_blocks_format`, `not_allowed_token_type`, …
const PERMANENT_PREFIXES: [&str; 4] = ["restricted_action", "invalid_", "not_allowed", "metadata_"];

const PERMANENT: [&str; 40] = [
    "access_denied",
    "accesslimited",
    "account_inactive",
    "as_user_not_supported",
    "attachment_payload_limit_exceeded",
    "cannot_reply_to_message",
    "channel_is_limited_access",
    "channel_not_found",
    "channel_type_not_supported",
    "deprecated_endpoint",
    "duplicate_channel_not_found",
    "duplicate_message_not_found",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "is_archived",
    "is_inactive",
    "message_not_found",
    "messages_tab_disabled",
    "method_deprecated",
    "missing_post_type",
    "missing_scope",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_permission",
    "no_text",
    "not_authed",
    "not_in_channel",
    "org_login_required",
    "slack_connect_canvas_sharing_blocked",
    "slack_connect_file_link_sharing_blocked",
    "slack_connect_lists_sharing_blocked",
    "team_access_not_granted",
    "team_not_found",
    "thread_not_found",
    "token_expired",
    "token_revoked",
    "too_many_attachments",
    "too_many_contact_cards",
    "two_factor_setup_required",
    "unknown_method",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slacks_errors_by_what_may_be_done() {
        use Class::{Never, NotNow, Unclear};
        for (error, class, code) in [
            ("ratelimited", NotNow, "rate_limited"),
            ("rate_limited", NotNow, "rate_limited"),
            ("service_unavailable", NotNow, "service_unavailable"),
            ("message_limit_exceeded", NotNow, "message_limit_exceeded"),
            ("an_error_of_tomorrow", NotNow, "an_error_of_tomorrow"),
            ("Token xoxb-1 is bad", NotNow, "unrecognised_error"),
            ("", NotNow, "unrecognised_error"),
            ("internal_error", Unclear, "internal_error"),
            ("fatal_error", Unclear, "fatal_error"),
            ("request_timeout", Unclear, "request_timeout"),
            ("channel_not_found", Never, "channel_not_found"),
            ("not_in_channel", Never, "not_in_channel"),
            ("is_archived", Never, "is_archived"),
            ("invalid_auth", Never, "invalid_auth"),
            ("account_inactive", Never, "account_inactive"),
            ("token_revoked", Never, "token_revoked"),
            ("missing_scope", Never, "missing_scope"),
            ("msg_too_long", Never, "msg_too_long"),
            ("no_text", Never, "no_text"),
            ("invalid_blocks", Never, "invalid_blocks"),
            ("restricted_action", Never, "restricted_action"),
            ("restricted_action_thread_only_channel", Never, "restricted_action_thread_only_channel"),
        ] {
            let failure = of_error(error, None);
            assert_eq!((failure.class, failure.code.as_str()), (class, code), "{error:?}");
        }
    }

    #[test]
    fn waits_are_slacks_own_and_an_hour_at_least_for_a_used_up_quota() {
        let seconds = |error: &str, asked: Option<u64>| {
            of_error(error, asked.map(Duration::from_secs)).retry_after.map(|wait| wait.as_secs())
        };
        assert_eq!(seconds("ratelimited", Some(30)), Some(30));
        assert_eq!(seconds("ratelimited", None), None);
        assert_eq!(seconds("message_limit_exceeded", None), Some(3600));
        assert_eq!(seconds("message_limit_exceeded", Some(60)), Some(3600));
        assert_eq!(seconds("message_limit_exceeded", Some(7200)), Some(7200));
    }

    #[test]
    fn the_list_is_sorted_and_says_nothing_twice() {
        assert!(PERMANENT.is_sorted_by(|a, b| a < b));
        assert!(PERMANENT.iter().all(|code| !PERMANENT_PREFIXES.iter().any(|prefix| code.starts_with(prefix))));
    }

    proptest! {
        #[test]
        fn whatever_slack_says_the_code_is_one(error in ".*") {
            prop_assert!(is_code(&of_error(&error, None).code));
        }
    }
}
