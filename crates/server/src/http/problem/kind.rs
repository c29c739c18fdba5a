//! Every kind of problem that Dispatch answers with: one constant each, fixed title, stable code.
//! Must not know what went wrong inside.

/// One kind of problem. `code` is the contract; the last part of the type URI is the same word.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The stable name that clients branch on.
    pub code: &'static str,
    /// The HTTP status it is answered with.
    pub status: u16,
    /// What it is, in words that never change.
    pub title: &'static str,
    /// Whether the same request may succeed later without a person's help.
    pub retryable: bool,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $title:literal $retry:ident;)+) => {
        $($(#[$doc])* pub const $name: Kind =
            Kind { code: $code, status: $status, title: $title, retryable: kinds!(@$retry) };)+
        /// All of them, for documentation and tests.
        pub const ALL: &[&Kind] = &[$(&$name),+];
    };
    (@retry) => { true };
    (@never) => { false };
}

kinds! {
    /// The request cannot be understood.
    BAD_REQUEST = 400 "bad_request" "The request cannot be understood" never;
    /// One or more query parameters are wrong; `errors` says which.
    INVALID_PARAMETERS = 400 "invalid_parameters" "Some parameters are not valid" never;
    /// The body is not the JSON that this operation reads.
    INVALID_BODY = 400 "invalid_body" "The body cannot be read" never;
    /// No credentials, or none that count.
    AUTHENTICATION_REQUIRED = 401 "authentication_required" "Authentication is required" never;
    /// A webhook without the headers that its signature needs.
    SIGNATURE_MISSING = 401 "signature_missing" "The request is not signed" never;
    /// A webhook whose signature headers cannot be the sender's.
    SIGNATURE_MALFORMED = 401 "signature_malformed" "The signature cannot be read" never;
    /// A webhook whose signature does not match its body.
    SIGNATURE_MISMATCH = 401 "signature_mismatch" "The signature does not match" never;
    /// A webhook signed too long ago, or in the future.
    SIGNATURE_STALE = 401 "signature_stale" "The signature is outside its time window" never;
    /// Known caller, but not for this.
    FORBIDDEN = 403 "forbidden" "Not allowed" never;
    /// A development server was asked under a name that is not its own.
    HOST_NOT_ALLOWED = 403 "host_not_allowed" "This server answers only on its own machine" never;
    /// No such path.
    NOT_FOUND = 404 "not_found" "There is nothing at this path" never;
    /// No such mission.
    MISSION_NOT_FOUND = 404 "mission_not_found" "No mission has this id" never;
    /// Nothing has this id.
    STORY_NOT_FOUND = 404 "story_not_found" "Nothing is known under this id" never;
    /// The path exists, the method does not; `Allow` says which do.
    METHOD_NOT_ALLOWED = 405 "method_not_allowed" "This path does not take this method" never;
    /// The request did not arrive in time.
    REQUEST_TIMEOUT = 408 "request_timeout" "The request took too long to arrive" retry;
    /// The body is larger than this operation reads.
    PAYLOAD_TOO_LARGE = 413 "payload_too_large" "The body is too large" never;
    /// The body has another content type.
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "The body has a content type that is not read here" never;
    /// Signed and understood, but it can never be stored.
    SIGNAL_REJECTED = 422 "signal_rejected" "The event cannot be stored" never;
    /// Too many requests.
    RATE_LIMITED = 429 "rate_limited" "Too many requests" retry;
    /// A fault of ours.
    INTERNAL = 500 "internal_error" "Something went wrong in Dispatch" retry;
    /// The event was not stored; the sender should come again.
    INTAKE_UNAVAILABLE = 503 "intake_unavailable" "The event could not be stored now" retry;
    /// More comes in than can be stored; the sender should come again.
    OVERLOADED = 503 "overloaded" "Too much is coming in at the moment" retry;
    /// The database does not answer.
    DATABASE_UNAVAILABLE = 503 "database_unavailable" "The database does not answer" retry;
    /// No signing secret: nobody can be told from a forger.
    SLACK_NOT_CONFIGURED = 503 "slack_not_configured" "Slack is not configured" never;
    /// Bearer tokens cannot be checked here.
    AUTHENTICATION_UNAVAILABLE = 503 "authentication_unavailable" "Bearer tokens cannot be checked" never;
    /// The brokerage's tables still have their old names.
    CUTOVER_EXPAND_DUE = 503 "cutover_expand_due" "The cut-over's expand step is due" never;
    /// A health check failed; `checks` says which.
    NOT_READY = 503 "not_ready" "Dispatch is not ready" retry;
    /// Not available now.
    UNAVAILABLE = 503 "unavailable" "Not available now" retry;
}

/// What a bare status means when nothing more is known.
#[must_use]
pub fn of_status(status: u16) -> &'static Kind {
    match status {
        401 => &AUTHENTICATION_REQUIRED,
        403 => &FORBIDDEN,
        404 => &NOT_FOUND,
        405 => &METHOD_NOT_ALLOWED,
        408 => &REQUEST_TIMEOUT,
        413 => &PAYLOAD_TOO_LARGE,
        415 => &UNSUPPORTED_MEDIA_TYPE,
        422 => &INVALID_BODY,
        429 => &RATE_LIMITED,
        400..=499 => &BAD_REQUEST,
        503 => &UNAVAILABLE,
        _ => &INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        let codes: HashSet<_> = ALL.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), ALL.len());
        assert!(ALL.iter().all(|kind| (400..600).contains(&kind.status)));
    }

    #[test]
    fn a_bare_status_keeps_its_class() {
        for status in [400, 401, 403, 404, 405, 406, 408, 413, 414, 415, 418, 429, 500, 502, 503] {
            let kind = of_status(status);
            assert_eq!(kind.status / 100, status / 100, "{status}");
        }
    }
}
