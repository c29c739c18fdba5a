//! Sorts what goes wrong in one call: what it is called, whether to call again, what the gate must hear. Keeps nothing of
//! what was sent or answered: a provider's errors quote both.

use crate::gate::{Turned, Verdict};
use crate::leave_out::Part;
use crate::transport::send_error;
use dispatch_classification::classifier::ClassifierError;
use dispatch_outbound::{SendError, retry_after};
use rig_core::ProviderResponseError;
use rig_core::error::ProviderError;
use rig_core::http_client::HeaderMap;
use std::time::Duration;
use thiserror::Error;

/// One call that was not answered.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{code}{}", .status.map(|status| format!(" (HTTP {status})")).unwrap_or_default())]
pub struct Failure {
    /// The code of the port's error.
    pub code: &'static str,
    /// The status, where there was an answer.
    pub status: Option<u16>,
    /// What a repeat would do.
    pub class: Class,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// What the provider says it does not understand, of what can be left out.
    pub complaint: Option<Part>,
}

/// What a repeat would do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It may be answered.
    Transient,
    /// The same, until a person changes the key.
    Unauthorized,
    /// The same for this request; another may be answered.
    Rejected,
    /// The same for every request: a model or a path that does not exist.
    Misdirected,
    /// The same for this text; the next may be answered.
    Refused,
    /// It was never sent, or cannot be.
    NotCalled,
}

impl Failure {
    fn new(code: &'static str, class: Class) -> Self {
        Self { code, status: None, class, retry_after: None, complaint: None }
    }

    /// The time is up.
    pub fn timeout() -> Self {
        Self::new("timeout", Class::Transient)
    }

    /// What was said is not what was asked for, or not to be said.
    pub fn refused() -> Self {
        Self::new("refused", Class::Refused)
    }

    /// The gate turned the call away.
    pub fn turned(turned: Turned) -> Self {
        Self::new(turned.code(), Class::NotCalled)
    }

    /// What the library reports.
    pub fn of(error: &ProviderError) -> Self {
        match error {
            ProviderError::Http(error) => send_error(error).map_or_else(Self::broken, Self::of_call),
            ProviderError::ProviderResponse(answer) | ProviderError::InvalidAuthentication(answer) => {
                Self::of_answer(answer)
            }
            // Cut before its end.
            ProviderError::Truncated => Self::new("unreachable", Class::Transient),
            // It spoke, but not its own language: a proxy's page, half a document.
            ProviderError::Json(_) | ProviderError::Response(_) | ProviderError::Provider(_) => Self::broken(),
            _ => Self::new("invalid_answer", Class::NotCalled),
        }
    }

    fn broken() -> Self {
        Self::new("server_error", Class::Transient)
    }

    fn unauthorized() -> Self {
        Self::new("unauthorized", Class::Unauthorized)
    }

    fn of_call(error: &SendError) -> Self {
        match error {
            SendError::Ambiguous { code: "timeout", .. } | SendError::NotSent { code: "connect_timeout", .. } => {
                Self::timeout()
            }
            SendError::NotSent { .. } | SendError::Ambiguous { .. } => Self::new("unreachable", Class::Transient),
            SendError::TooLarge { .. } => Self::new("invalid_answer", Class::Refused),
            SendError::Forbidden(_) | SendError::Invalid { .. } => Self::new("unreachable", Class::Misdirected),
        }
    }

    fn of_answer(answer: &ProviderResponseError) -> Self {
        if answer.refusal {
            return Self::refused();
        }
        let code = answer.machine_code().unwrap_or_default().to_ascii_lowercase();
        let status = answer.status.map(|status| status.as_u16()).filter(|status| *status >= 300);
        let mut failure = match status.or_else(|| status_of(&code)) {
            Some(401 | 403) => Self::unauthorized(),
            Some(429) => Self::new("rate_limited", Class::Transient),
            Some(408) => Self::timeout(),
            Some(500..) | None => Self::broken(),
            Some(400) if filtered(&code) => Self::refused(),
            // Gemini's way to say it.
            Some(400) if answer.body.contains("API_KEY_INVALID") => Self::unauthorized(),
            Some(400 | 413 | 422) => Self::new("invalid_answer", Class::Rejected),
            // OpenRouter's way to say that no such model takes tools.
            Some(404) if Reason::of(&answer.body).says("tool") => Self::new("invalid_answer", Class::Rejected),
            Some(_) => Self::new("invalid_answer", Class::Misdirected),
        };
        failure.status = status;
        failure.retry_after = answer.headers.as_ref().and_then(wait);
        if matches!(failure.status, Some(400 | 422)) && failure.class == Class::Rejected {
            failure.complaint = Reason::of(&answer.body).complaint();
        }
        failure
    }

    /// What the gate must hear.
    pub fn verdict(&self) -> Verdict {
        match self.class {
            Class::Transient | Class::Misdirected => Verdict::Transient(self.retry_after),
            Class::Unauthorized => Verdict::Mistake,
            Class::Rejected | Class::Refused | Class::NotCalled => Verdict::Fine,
        }
    }

    /// The same in the port's words.
    pub fn into_error(self) -> ClassifierError {
        let code = self.code;
        // A refusal of this text or an answer that is none stays as it is; everything else may pass.
        if matches!(code, "refused" | "invalid_answer") {
            ClassifierError::unusable(code, self)
        } else {
            ClassifierError::unavailable(code, self)
        }
    }
}

/// Errors within a stream come after a status of 200; their codes say what it would have been.
fn status_of(code: &str) -> Option<u16> {
    Some(match code {
        "overloaded_error" | "server_error" | "api_error" | "unavailable" | "internal" => 503,
        "rate_limit_error" | "rate_limit_exceeded" | "resource_exhausted" => 429,
        "authentication_error" | "permission_error" | "invalid_api_key" => 401,
        "not_found_error" | "not_found" => 404,
        "invalid_request_error" | "invalid_argument" => 400,
        "timeout_error" | "deadline_exceeded" => 408,
        _ => return None,
    })
}

/// Whether a filter of the provider refused the text (Azure answers 400 then).
fn filtered(code: &str) -> bool {
    matches!(code, "content_filter" | "content_policy_violation" | "responsibleaipolicyviolation")
}

/// How long to wait: in milliseconds where OpenAI says so, else in seconds.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let milliseconds = headers.get("retry-after-ms").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    milliseconds.filter(|wait| *wait < 86_400_000).map(Duration::from_millis).or_else(|| retry_after(headers))
}

/// Why a provider refuses a request: the parameter it names, else its message. Nothing beside them, for the rest of a
/// body may be what was sent.
struct Reason(String);

impl Reason {
    fn of(body: &str) -> Self {
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let error = [body.pointer("/error"), body.pointer("/0/error")].into_iter().flatten().next().unwrap_or(&body);
        let text = |member: &str| error.get(member).and_then(|text| text.as_str()).filter(|text| !text.is_empty());
        Self(text("param").or_else(|| text("message")).unwrap_or_default().to_ascii_lowercase())
    }

    fn says(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    /// The part of the request that it names.
    fn complaint(&self) -> Option<Part> {
        let schema = ["response_format", "json_schema", "output_config", "responsejsonschema", "structured output"];
        if schema.iter().any(|word| self.says(word)) {
            Some(Part::Schema)
        } else if self.says("temperature") {
            Some(Part::Temperature)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rig_core::http_client::StatusCode;

    fn answer(status: u16, body: &str) -> Failure {
        let status = StatusCode::from_u16(status).expect("a status");
        Failure::of(&ProviderError::from_http_response(status, body))
    }

    #[test]
    fn statuses_say_what_a_repeat_would_do() {
        for (status, code, class) in [
            (400, "invalid_answer", Class::Rejected),
            (401, "unauthorized", Class::Unauthorized),
            (403, "unauthorized", Class::Unauthorized),
            (404, "invalid_answer", Class::Misdirected),
            (307, "invalid_answer", Class::Misdirected),
            (408, "timeout", Class::Transient),
            (429, "rate_limited", Class::Transient),
            (500, "server_error", Class::Transient),
            (529, "server_error", Class::Transient),
        ] {
            let failure = answer(status, "hush");
            assert_eq!((failure.code, failure.class, failure.status), (code, class, Some(status)));
        }
    }

    #[test]
    fn errors_within_a_stream_are_told_by_their_code() {
        for (code, expected) in [
            ("overloaded_error", "server_error"),
            ("rate_limit_error", "rate_limited"),
            ("authentication_error", "unauthorized"),
            ("whatever_error", "server_error"),
        ] {
            let body = format!(r#"{{"type":"error","error":{{"type":"{code}","message":"hush"}}}}"#);
            assert_eq!(Failure::of(&ProviderError::from_provider_body(body)).code, expected, "{code}");
        }
    }

    #[test]
    fn what_can_be_left_out_is_heard_from_a_refusal_only() {
        let body = r#"{"error":{"message":"This model does not support response format `json_schema`"}}"#;
        assert_eq!(answer(400, body).complaint, Some(Part::Schema));
        let message = r#"{"error":{"message":"'temperature' does not support 0"}}"#;
        for (status, complaint) in
            [(400, Some(Part::Temperature)), (422, Some(Part::Temperature)), (404, None), (413, None), (500, None)]
        {
            assert_eq!(answer(status, message).complaint, complaint, "{status}");
        }
        let in_a_list = r#"[{"error":{"message":"responseJsonSchema is unknown"}}]"#;
        assert_eq!(answer(400, in_a_list).complaint, Some(Part::Schema));
        for elsewhere in [
            r#"{"error":{"param":"messages[1].content","message":"too long: the temperature in the house"}}"#,
            r#"{"error":{"message":"no"},"request":{"temperature":0}}"#,
            "temperature",
        ] {
            assert_eq!(answer(400, elsewhere).complaint, None, "{elsewhere}");
        }
    }

    #[test]
    fn what_is_wrong_with_one_request_says_nothing_about_the_next() {
        let no_tools = r#"{"error":{"message":"No endpoints found that support tool use."}}"#;
        for (status, body, verdict) in [
            (400, "{}", Verdict::Fine),
            (413, "{}", Verdict::Fine),
            (422, "{}", Verdict::Fine),
            (404, no_tools, Verdict::Fine),
            (404, "{}", Verdict::Transient(None)),
            (401, "{}", Verdict::Mistake),
            (500, "{}", Verdict::Transient(None)),
        ] {
            assert_eq!(answer(status, body).verdict(), verdict, "{status}");
        }
        assert!(!answer(404, no_tools).into_error().is_retryable());
    }

    #[test]
    fn a_filtered_text_is_refused() {
        let body = r#"{"error":{"code":"content_filter","message":"hush"}}"#;
        assert_eq!(answer(400, body), Failure { status: Some(400), ..Failure::refused() });
    }

    #[test]
    fn the_wait_is_read_in_milliseconds_and_seconds() {
        for (headers, expected) in [
            (&[("retry-after", "7")][..], Some(7000)),
            (&[("retry-after-ms", "250"), ("retry-after", "1")], Some(250)),
            (&[("retry-after-ms", "soon"), ("retry-after", "1")], Some(1000)),
            (&[("retry-after", "soon")], None),
        ] {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
                .collect();
            assert_eq!(wait(&headers), expected.map(Duration::from_millis));
        }
    }

    #[test]
    fn nothing_of_an_answer_is_kept() {
        let failure = answer(401, "sk-hunter2 is no key");
        let shown = format!("{failure} {failure:?} {:?}", failure.clone().into_error());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(failure.to_string(), "unauthorized (HTTP 401)");
    }
}
