//! The one place where errors become answers: every port error is mapped to a problem here, rendered here and logged
//! here, once, with its chain. Outside text never includes an inner error. Must not know which handler failed.

mod body;
pub mod kind;

pub use body::{ProblemBody, ProblemField};
pub use kind::Kind;

use super::observe::HealthCheck;
use super::trace::TraceContext;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use dispatch_mission::mission_store::MissionStoreError;
use dispatch_mission::signal_log::SignalLogError;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_slack::event::ParseError;
use dispatch_slack::verify::SignatureError;
use std::error::Error as StdError;
use std::fmt;

/// Where the kinds of problems are named; the code follows.
pub const TYPE_BASE: &str = "https://dispatch.archieos.com/problems/";
/// The media type of every problem.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// How long a sender should wait before it comes again, in seconds.
const RETRY_AFTER: &str = "5";
/// Tells Slack that the same event will never be accepted.
const SLACK_NO_RETRY: HeaderName = HeaderName::from_static("x-slack-no-retry");

/// An answer that is not 2xx, on its way out. Boxed, so that the good answers beside it stay small.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: &'static Kind,
    detail: Option<String>,
    event_id: Option<String>,
    errors: Vec<ProblemField>,
    checks: Vec<HealthCheck>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(kind: &'static Kind) -> Self {
        Self(Box::new(Parts {
            kind,
            detail: None,
            event_id: None,
            errors: Vec::new(),
            checks: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// Says what is wrong in this case; for people outside.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names the event concerned.
    #[must_use]
    pub fn about_event(mut self, event_id: impl Into<String>) -> Self {
        self.0.event_id = Some(event_id.into());
        self
    }

    /// Names every wrong field or parameter.
    #[must_use]
    pub fn errors(mut self, errors: Vec<ProblemField>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds the health checks behind it.
    #[must_use]
    pub fn checks(mut self, checks: Vec<HealthCheck>) -> Self {
        self.0.checks = checks;
        self
    }

    /// Keeps the inner error for the log. It is never shown outside.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The kind of problem.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        self.0.kind
    }

    fn retry_later(self) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER))
    }

    fn body(&self, trace: &TraceContext, instance: Option<&str>) -> ProblemBody {
        ProblemBody {
            kind: format!("{TYPE_BASE}{}", self.0.kind.code),
            title: self.0.kind.title,
            status: self.0.kind.status,
            detail: self.0.detail.clone(),
            instance: instance.map(str::to_owned),
            code: self.0.kind.code,
            trace_id: trace.trace_id().to_owned(),
            event_id: self.0.event_id.clone(),
            retryable: self.0.kind.retryable,
            errors: self.0.errors.clone(),
            checks: self.0.checks.clone(),
        }
    }

    /// The complete answer.
    #[must_use]
    pub fn render(&self, trace: &TraceContext, instance: Option<&str>) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        for (name, value) in &self.0.headers {
            answer.insert_header((name, value));
        }
        // `json` keeps a content type that is already set.
        answer.content_type(MEDIA_TYPE).json(self.body(trace, instance))
    }

    /// Writes the whole chain to the log, which is the only place that sees it.
    fn log(&self) {
        let (code, detail) = (self.0.kind.code, self.0.detail.as_deref().unwrap_or_default());
        let chain = self.0.cause.as_deref().map(|cause| chain(cause)).unwrap_or_default();
        match self.0.kind.status {
            500.. => tracing::error!(code, detail, cause = chain, "answered with a problem"),
            401 | 403 => tracing::warn!(code, detail, cause = chain, "refused"),
            _ => tracing::info!(code, detail, cause = chain, "answered with a problem"),
        }
    }
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(error) = inner {
        text = format!("{text}: {error}");
        inner = error.source();
    }
    text
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Only seen where [`finish`] cannot reach; it knows the request and renders again.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.render(&TraceContext::fresh(), None)
    }
}

/// Makes a problem of every answer that is an error, whoever gave it, and logs it.
pub fn finish<B: MessageBody>(response: ServiceResponse<B>, trace: &TraceContext) -> ServiceResponse<EitherBody<B>> {
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response.map_into_left_body();
    }
    let instance = response.request().path().to_owned();
    let ours = response.response().error().and_then(|error| error.as_error::<Problem>());
    let answer = if let Some(problem) = ours {
        problem.log();
        problem.render(trace, Some(&instance))
    } else {
        let problem = of_framework(&response);
        problem.log();
        problem.render(trace, Some(&instance))
    };
    response.into_response(answer).map_into_right_body()
}

/// An error that actix or a library answered with: its status says what it is, its words stay inside.
fn of_framework<B>(response: &ServiceResponse<B>) -> Problem {
    let mut problem = Problem::new(kind::of_status(response.status().as_u16()));
    if let Some(error) = response.response().error() {
        problem = problem.because(error.to_string());
    }
    match response.headers().get(header::ALLOW) {
        Some(allow) => problem.header(header::ALLOW, allow.clone()),
        None => problem,
    }
}

impl From<SignalLogError> for Problem {
    fn from(error: SignalLogError) -> Self {
        match error {
            SignalLogError::Unavailable(_) => Self::new(&kind::INTAKE_UNAVAILABLE)
                .detail("Nothing was acknowledged; send the event again.")
                .retry_later(),
            // Slack would come three times more with the same event; its own header spares both sides that.
            SignalLogError::Rejected(_) => Self::new(&kind::SIGNAL_REJECTED)
                .detail("Nothing was stored, and the same event would be refused again.")
                .header(SLACK_NO_RETRY, HeaderValue::from_static("1")),
        }
        .because(error)
    }
}

impl From<SignatureError> for Problem {
    fn from(error: SignatureError) -> Self {
        let kind = match error {
            SignatureError::Missing { .. } => &kind::SIGNATURE_MISSING,
            SignatureError::Malformed { .. } => &kind::SIGNATURE_MALFORMED,
            SignatureError::Stale { .. } => &kind::SIGNATURE_STALE,
            SignatureError::Mismatch => &kind::SIGNATURE_MISMATCH,
        };
        // These words are about the request's own headers; they tell a sender with a wrong clock what is wrong.
        Self::new(kind).detail(error.to_string()).because(error)
    }
}

impl From<ParseError> for Problem {
    fn from(error: ParseError) -> Self {
        let field = ProblemField::pointer(error.pointer(), error.to_string());
        Self::new(&kind::INVALID_BODY).errors(vec![field]).because(error)
    }
}

impl From<MissionStoreError> for Problem {
    fn from(error: MissionStoreError) -> Self {
        match error {
            MissionStoreError::CutoverExpandDue => Self::new(&kind::CUTOVER_EXPAND_DUE)
                .detail("The brokerage's tables still have their old names. Run `dispatch cutover expand`."),
            MissionStoreError::Unavailable(_) => Self::new(&kind::DATABASE_UNAVAILABLE).retry_later(),
        }
        .because(error)
    }
}

impl From<StoreUnavailable> for Problem {
    fn from(error: StoreUnavailable) -> Self {
        Self::new(&kind::DATABASE_UNAVAILABLE).retry_later().because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};

    async fn body_of(problem: &Problem) -> (HttpResponse, Value) {
        let trace = TraceContext::of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").expect("valid");
        let (head, body) = problem.render(&trace, Some("/missions/x")).into_parts();
        let bytes = to_bytes(body).await.expect("in memory");
        (head.set_body(BoxBody::new("")), serde_json::from_slice(&bytes).expect("JSON"))
    }

    #[actix_web::test]
    async fn an_inner_error_never_gets_out() {
        let secret = "password authentication failed for user dispatch";
        let problem = Problem::from(MissionStoreError::Unavailable(secret.into()));
        let (head, body) = body_of(&problem).await;
        assert!(!body.to_string().contains("password"));
        assert_eq!(head.headers().get("retry-after").expect("set"), "5");
        assert_eq!(head.headers().get("content-type").expect("set"), MEDIA_TYPE);
        let expected = json!({
            "type": "https://dispatch.archieos.com/problems/database_unavailable",
            "title": "The database does not answer", "status": 503, "instance": "/missions/x",
            "code": "database_unavailable", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "retryable": true,
        });
        assert_eq!(body, expected);
    }

    #[actix_web::test]
    async fn a_rejected_event_is_never_asked_for_again() {
        let problem = Problem::from(SignalLogError::Rejected("\\u0000".into()));
        let (head, body) = body_of(&problem).await;
        assert_eq!((head.status().as_u16(), body["retryable"].clone()), (422, json!(false)));
        assert_eq!(head.headers().get("x-slack-no-retry").expect("set"), "1");
    }

    #[actix_web::test]
    async fn wrong_parameters_are_named() {
        let field = ProblemField::parameter("limit", "must be from 1 to 200");
        let (_, body) = body_of(&Problem::new(&kind::INVALID_PARAMETERS).errors(vec![field])).await;
        assert_eq!(body["errors"], json!([{"parameter": "limit", "detail": "must be from 1 to 200"}]));
    }

    #[test]
    fn the_log_gets_the_whole_chain() {
        let error = MissionStoreError::Unavailable("connection refused".into());
        assert_eq!(chain(&error), "the mission store is unavailable: connection refused");
    }
}
