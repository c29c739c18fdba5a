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
    /// The operation makes something, and a repeat would make it twice.
    IDEMPOTENCY_KEY_REQUIRED = 400 "idempotency_key_required" "An Idempotency-Key is required" never;
    /// The header Idempotency-Key is no key.
    IDEMPOTENCY_KEY_INVALID = 400 "idempotency_key_invalid" "The Idempotency-Key cannot be read" never;
    /// The last event that a client says it has is none of this stream.
    LAST_EVENT_ID_INVALID = 400 "last_event_id_invalid" "The last event id is not of this stream" never;
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
    /// Known caller, whose credential is good for other things.
    SCOPE_MISSING = 403 "scope_missing" "The credential lacks a scope" never;
    /// A development server was asked under a name that is not its own.
    HOST_NOT_ALLOWED = 403 "host_not_allowed" "This server answers only on its own machine" never;
    /// A request without Twilio's signature.
    SMS_SIGNATURE_MISSING = 403 "sms_signature_missing" "The request is not signed by Twilio" never;
    /// A signature that cannot be Twilio's.
    SMS_SIGNATURE_MALFORMED = 403 "sms_signature_malformed" "Twilio's signature cannot be read" never;
    /// A signature that no live token gives for this URL and body.
    SMS_SIGNATURE_MISMATCH = 403 "sms_signature_mismatch" "Twilio's signature does not match" never;
    /// A JSON body that is not the one whose hash is signed.
    SMS_BODY_MISMATCH = 403 "sms_body_mismatch" "The body is not the signed one" never;
    /// A message of another account than ours.
    ACCOUNT_MISMATCH = 403 "account_mismatch" "The message belongs to another account" never;
    /// No such path.
    NOT_FOUND = 404 "not_found" "There is nothing at this path" never;
    /// No such mission.
    MISSION_NOT_FOUND = 404 "mission_not_found" "No mission has this id" never;
    /// Nothing has this id.
    STORY_NOT_FOUND = 404 "story_not_found" "Nothing is known under this id" never;
    /// No such stream, or another caller's.
    STREAM_NOT_FOUND = 404 "stream_not_found" "No stream of yours has this id" never;
    /// No such classification, or none that the caller may see.
    CLASSIFICATION_NOT_FOUND = 404 "classification_not_found" "No classification has this id" never;
    /// No such unit, or none that waits.
    HELD_NOT_FOUND = 404 "held_not_found" "Nothing with this id waits for a person" never;
    /// Neither a dispatch nor a delivery.
    DISPATCH_NOT_FOUND = 404 "dispatch_not_found" "No dispatch or delivery has this id" never;
    /// No event, unit, classification, dispatch or delivery; or no batch.
    REPLAY_NOT_FOUND = 404 "replay_not_found" "Nothing that can be replayed has this id" never;
    /// The path exists, the method does not; `Allow` says which do.
    METHOD_NOT_ALLOWED = 405 "method_not_allowed" "This path does not take this method" never;
    /// The first request with this key has no answer yet.
    IDEMPOTENCY_IN_PROGRESS = 409 "idempotency_in_progress" "The first request with this key is still being processed" retry;
    /// Somebody else has the mission.
    MISSION_CLAIMED = 409 "mission_claimed" "Somebody else has this mission" never;
    /// The mission's status does not allow it.
    MISSION_STATUS_CONFLICT = 409 "mission_status_conflict" "The mission's status does not allow this" never;
    /// The mission is deleted.
    MISSION_DELETED = 409 "mission_deleted" "The mission is deleted" never;
    /// The mission is not at the version that the caller saw.
    MISSION_CHANGED = 409 "mission_changed" "The mission changed meanwhile" never;
    /// Activities keep the type of their template.
    MISSION_TYPE_FIXED = 409 "mission_type_fixed" "An activity keeps its type" never;
    /// Somebody, or the policy, dispatched it before.
    ALREADY_ROUTED = 409 "already_routed" "It was dispatched already" never;
    /// It was dismissed, has lapsed, or is being understood again.
    NOT_HELD = 409 "not_held" "It does not wait for a person any more" never;
    /// A worker understands the messages right now.
    UNIT_CLAIMED = 409 "unit_claimed" "A worker has it now" retry;
    /// A worker will understand the messages.
    UNIT_PENDING = 409 "unit_pending" "It is due already" retry;
    /// Somebody has to say yes or no first.
    UNIT_HELD = 409 "unit_held" "It waits for a person" never;
    /// There is no meaning to plan for.
    NOT_UNDERSTOOD = 409 "not_understood" "Its messages have not been understood" never;
    /// The burst is open, or nothing is done about the event.
    NOTHING_TO_REPLAY = 409 "nothing_to_replay" "There is nothing to do once more" never;
    /// Its messages changed after the caller looked.
    CLASSIFICATION_SUPERSEDED = 409 "classification_superseded" "The messages are understood another way now" never;
    /// The request did not arrive in time.
    REQUEST_TIMEOUT = 408 "request_timeout" "The request took too long to arrive" retry;
    /// In a stream: nobody listened for too long, so that the work was given up.
    READER_GONE = 408 "reader_gone" "Nobody listened any more" retry;
    /// The events of a stream are kept for ten minutes.
    STREAM_GONE = 410 "stream_gone" "The events of this stream are no longer kept" never;
    /// The body is larger than this operation reads.
    PAYLOAD_TOO_LARGE = 413 "payload_too_large" "The body is too large" never;
    /// Path and query are longer than is read.
    URI_TOO_LONG = 414 "uri_too_long" "The path is too long" never;
    /// The body has another content type.
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "The body has a content type that is not read here" never;
    /// Signed and understood, but it can never be stored.
    SIGNAL_REJECTED = 422 "signal_rejected" "The event cannot be stored" never;
    /// A text is too long, or there are too many.
    LIMIT_EXCEEDED = 422 "limit_exceeded" "More than is read at once" never;
    /// It is chatter, and nobody said where it should go.
    NOTHING_TO_DISPATCH = 422 "nothing_to_dispatch" "Nothing would be dispatched" never;
    /// A destination that is not served, or not for this message.
    DESTINATION_INVALID = 422 "destination_invalid" "Some destinations cannot be served" never;
    /// A text that can never be kept.
    CLASSIFICATION_REJECTED = 422 "classification_rejected" "The classification cannot be kept" never;
    /// The headers are larger than is read.
    HEADERS_TOO_LARGE = 431 "headers_too_large" "The headers are too large" never;
    /// The same key came with something else.
    IDEMPOTENCY_KEY_REUSED = 422 "idempotency_key_reused" "This Idempotency-Key was used for another request" never;
    /// Too many requests.
    RATE_LIMITED = 429 "rate_limited" "Too many requests" retry;
    /// So many streams of this caller are under way.
    TOO_MANY_STREAMS = 429 "too_many_streams" "Too many streams at the same time" retry;
    /// A fault of ours.
    INTERNAL = 500 "internal_error" "Something went wrong in Dispatch" retry;
    /// In a stream: more was told than is kept.
    STREAM_TOO_LONG = 500 "stream_too_long" "The stream became too long" never;
    /// A mind answered, but with nothing that could be used.
    CLASSIFICATION_FAILED = 502 "classification_failed" "The message could not be classified" never;
    /// In a stream: the process that told it is dead.
    TELLER_LOST = 503 "teller_lost" "The stream was cut off" retry;
    /// In a stream: the process that told it had to stop.
    SERVER_STOPPING = 503 "server_stopping" "The server had to stop" retry;
    /// No mind can be reached.
    CLASSIFIER_UNAVAILABLE = 503 "classifier_unavailable" "No classifier can be reached now" retry;
    /// The event was not stored; the sender should come again.
    INTAKE_UNAVAILABLE = 503 "intake_unavailable" "The event could not be stored now" retry;
    /// More comes in than can be stored; the sender should come again.
    OVERLOADED = 503 "overloaded" "Too much is coming in at the moment" retry;
    /// The database does not answer.
    DATABASE_UNAVAILABLE = 503 "database_unavailable" "The database does not answer" retry;
    /// No signing secret: nobody can be told from a forger.
    SLACK_NOT_CONFIGURED = 503 "slack_not_configured" "Slack is not configured" never;
    /// No credentials, or no public URL: nobody can be told from a forger.
    SMS_NOT_CONFIGURED = 503 "sms_not_configured" "SMS is not configured" never;
    /// The keys that tokens are checked with cannot be had now.
    AUTHENTICATION_UNAVAILABLE = 503 "authentication_unavailable" "Bearer tokens cannot be checked" retry;
    /// The brokerage's tables still have their old names.
    CUTOVER_EXPAND_DUE = 503 "cutover_expand_due" "The cut-over's expand step is due" never;
    /// A health check failed; `checks` says which.
    NOT_READY = 503 "not_ready" "Dispatch is not ready" retry;
    /// Not available now.
    UNAVAILABLE = 503 "unavailable" "Not available now" retry;
}

/// The kind with this code.
#[must_use]
pub fn of_code(code: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.code == code)
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
        414 => &URI_TOO_LONG,
        415 => &UNSUPPORTED_MEDIA_TYPE,
        422 => &INVALID_BODY,
        429 => &RATE_LIMITED,
        431 => &HEADERS_TOO_LARGE,
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
