//! The one place where errors become answers: every error of a port or an adapter is mapped to a problem here. Outside
//! text never includes an inner error; the chain is logged once, by `answer`. Must not know which handler failed.

mod answer;
mod body;
pub mod kind;
mod route;
mod sms;
#[cfg(test)]
mod tests;

pub use answer::{Final, MEDIA_TYPE, TYPE_BASE, as_event, finish};
pub use body::{ProblemBody, ProblemField};
pub use kind::Kind;
pub use sms::unrecorded;

use super::observe::HealthCheck;
use super::trace::TraceContext;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use dispatch_mission::mission_desk::{MissionDeskError, Refusal, Wrong};
use dispatch_mission::mission_store::MissionStoreError;
use dispatch_mission::signal_log::SignalLogError;
use dispatch_pipeline::classify::ClassifyError;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::classifications::ClassificationStoreError;
use dispatch_pipeline::streams::BeginError;
use dispatch_slack::event::ParseError;
use dispatch_slack::verify::SignatureError;
use std::error::Error as StdError;
use std::fmt;

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

    /// Slack would come three times more with an event that can never be stored; its own header spares both sides that.
    #[must_use]
    pub fn for_slack(self) -> Self {
        if self.0.kind == &kind::SIGNAL_REJECTED {
            return self.header(SLACK_NO_RETRY, HeaderValue::from_static("1"));
        }
        self
    }

    /// The kind of problem.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        self.0.kind
    }

    /// Says when to come again.
    #[must_use]
    pub fn retry_later(self) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER))
    }
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

impl From<SignalLogError> for Problem {
    fn from(error: SignalLogError) -> Self {
        match error {
            SignalLogError::Overloaded => {
                Self::new(&kind::OVERLOADED).detail("Nothing was stored; send the event again.").retry_later()
            }
            SignalLogError::Unavailable(_) => Self::new(&kind::INTAKE_UNAVAILABLE)
                .detail("Nothing was acknowledged; send the event again.")
                .retry_later(),
            SignalLogError::Rejected(_) => Self::new(&kind::SIGNAL_REJECTED)
                .detail("Nothing was stored, and the same event would be refused again."),
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
        match error {
            SignatureError::Mismatch => Self::new(kind),
            // These words are about the request's own headers; they tell a sender with a wrong clock what is wrong.
            told => Self::new(kind).detail(format!("{}.", sentence(&told.to_string()))),
        }
    }
}

/// The message of an error as a sentence begins.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl From<ParseError> for Problem {
    fn from(error: ParseError) -> Self {
        let field = ProblemField::pointer(error.pointer(), error.to_string());
        Self::new(&kind::INVALID_BODY).errors(vec![field])
    }
}

impl From<MissionStoreError> for Problem {
    fn from(error: MissionStoreError) -> Self {
        match error {
            MissionStoreError::CutoverExpandDue => Self::new(&kind::CUTOVER_EXPAND_DUE).detail(
                "The brokerage's tables still have their old names. Missions answer after the cut-over's expand.",
            ),
            MissionStoreError::Unavailable(_) => Self::new(&kind::DATABASE_UNAVAILABLE).retry_later(),
        }
        .because(error)
    }
}

impl From<MissionDeskError> for Problem {
    fn from(error: MissionDeskError) -> Self {
        match error {
            MissionDeskError::NotFound => Self::new(&kind::MISSION_NOT_FOUND),
            MissionDeskError::Refused(refusal) => refusal.into(),
            MissionDeskError::CutoverExpandDue => MissionStoreError::CutoverExpandDue.into(),
            MissionDeskError::Unavailable(cause) => MissionStoreError::Unavailable(cause).into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let told = format!("{}.", sentence(&refusal.to_string()));
        match refusal {
            Refusal::Claimed => Self::new(&kind::MISSION_CLAIMED),
            Refusal::Status { .. } => Self::new(&kind::MISSION_STATUS_CONFLICT).detail(told),
            Refusal::Deleted => Self::new(&kind::MISSION_DELETED),
            Refusal::Changed { .. } => Self::new(&kind::MISSION_CHANGED).detail(told),
            Refusal::FixedType => Self::new(&kind::MISSION_TYPE_FIXED),
            Refusal::NotAllowed(why) => Self::new(&kind::FORBIDDEN).detail(why),
            Refusal::Invalid(wrong) => {
                let field = |one: &Wrong| ProblemField::pointer(&format!("/{}", one.field), one.detail);
                Self::new(&kind::INVALID_BODY).errors(wrong.iter().map(field).collect())
            }
        }
    }
}

impl From<BeginError> for Problem {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Busy => Self::new(&kind::OVERLOADED).detail("Nothing was begun; ask again.").retry_later(),
            BeginError::TooMany => Self::new(&kind::TOO_MANY_STREAMS)
                .detail("Nothing was begun; ask again when one of your streams has ended.")
                .retry_later(),
            BeginError::Unavailable(down) => down.into(),
        }
    }
}

impl From<ClassificationStoreError> for Problem {
    fn from(error: ClassificationStoreError) -> Self {
        match error {
            ClassificationStoreError::Unavailable(_) => Self::new(&kind::DATABASE_UNAVAILABLE).retry_later(),
            ClassificationStoreError::Rejected(_) => Self::new(&kind::CLASSIFICATION_REJECTED),
        }
        .because(error)
    }
}

impl From<ClassifyError> for Problem {
    fn from(error: ClassifyError) -> Self {
        match error {
            // Its source may quote what was sent: the code alone goes to the log.
            ClassifyError::NotUnderstood(error) if error.is_retryable() => {
                Self::new(&kind::CLASSIFIER_UNAVAILABLE).retry_later().because(error.code())
            }
            ClassifyError::NotUnderstood(error) => Self::new(&kind::CLASSIFICATION_FAILED).because(error.code()),
            ClassifyError::NotKept(error) => error.into(),
            ClassifyError::CutOff => Self::new(&kind::INTERNAL).because(error),
        }
    }
}

impl From<StoreUnavailable> for Problem {
    fn from(error: StoreUnavailable) -> Self {
        Self::new(&kind::DATABASE_UNAVAILABLE).retry_later().because(error)
    }
}
