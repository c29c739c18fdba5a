//! Turns a verified body into a signal, or into a challenge to answer. Must not know HTTP, or what a text means.
//!
//! Rules: <https://docs.slack.dev/apis/events-api>. A body that is at all storable becomes a signal: Slack counts every
//! answer other than 2xx as a failure and disables subscriptions that fail (iterate/iterate#1521).

mod callback;
mod change;
pub(crate) mod fields;
mod installation;
mod message;
pub mod reason;
mod said;
#[cfg(test)]
mod tests;

use dispatch_mission::ids::SignalId;
use dispatch_mission::signal::{
    Attachment, Consent, Conversation, DedupeKeys, Disposition, NewSignal, Redelivery, Source,
};
use dispatch_mission::storable::storable;
use fields::Object;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use thiserror::Error;
use time::OffsetDateTime;

/// The header with the number of a repeat.
pub const RETRY_NUM_HEADER: &str = "x-slack-retry-num";
/// The header with the reason of a repeat.
pub const RETRY_REASON_HEADER: &str = "x-slack-retry-reason";

/// What came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// Slack checks that the endpoint is ours: answer with this text. Nothing is stored.
    Challenge(String),
    /// To be stored, whatever its disposition.
    Signal(Box<NewSignal>),
}

/// How the body came, as far as the body does not say.
#[derive(Clone, Debug)]
pub struct Reception<'a> {
    /// The repeat as announced by the headers; see [`redelivery`].
    pub redelivery: Redelivery,
    /// W3C trace id of the request.
    pub trace_id: &'a str,
    /// Now: when it happened, for the few kinds that do not say.
    pub received_at: OffsetDateTime,
    /// Who we are, beyond what the body itself says about the app it is sent to.
    pub own: &'a OwnIds,
}

/// Ids of our own app, bots and bot users: what they write is never acted on. Slack names most of them in the body
/// (`api_app_id`, `authorizations`), so the set may well be empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OwnIds(HashSet<String>);

impl OwnIds {
    /// Whether `id` is one of ours.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.0.contains(id)
    }
}

impl<T: Into<String>> FromIterator<T> for OwnIds {
    fn from_iter<I: IntoIterator<Item = T>>(ids: I) -> Self {
        Self(ids.into_iter().map(Into::into).collect())
    }
}

/// Reads the two headers of a repeat. A number that is none is left out: a repeat is recognised by its keys.
#[must_use]
pub fn redelivery(number: Option<&str>, reason: Option<&str>) -> Redelivery {
    let readable = |text: &&str| !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_graphic());
    Redelivery {
        number: number.and_then(|text| text.trim().parse().ok()),
        reason: reason.map(str::trim).filter(readable).map(str::to_owned),
    }
}

/// Why a body cannot even be stored.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ParseError {
    /// It is not UTF-8, so it is no JSON.
    #[error("the body is not UTF-8 from byte {at} on")]
    InvalidUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// It is no JSON: cut off, or something else.
    #[error("the body is not JSON: line {line}, column {column}")]
    InvalidJson {
        /// Where reading ended.
        line: usize,
        /// Where reading ended.
        column: usize,
    },
    /// A field that everything hangs on is not there.
    #[error("the field {pointer} is missing")]
    MissingField {
        /// Where it should be.
        pointer: &'static str,
    },
    /// A field that everything hangs on has another type.
    #[error("{} must be {expected}", if pointer.is_empty() { "the body".to_owned() } else { format!("the field {pointer}") })]
    InvalidField {
        /// Which; empty for the whole body.
        pointer: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

impl ParseError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidUtf8 { .. } => "invalid_utf8",
            Self::InvalidJson { .. } => "invalid_json",
            Self::MissingField { .. } => "missing_field",
            Self::InvalidField { .. } => "invalid_field",
        }
    }

    /// The JSON pointer (RFC 6901) of the field at fault; empty for the whole body.
    #[must_use]
    pub fn pointer(&self) -> &'static str {
        match self {
            Self::InvalidUtf8 { .. } | Self::InvalidJson { .. } => "",
            Self::MissingField { pointer } | Self::InvalidField { pointer, .. } => pointer,
        }
    }
}

/// Reads a body whose signature was verified.
///
/// # Errors
/// [`ParseError`] only where nothing can be stored: no JSON object, no `type`, or a challenge without its text.
pub fn parse(raw_body: &[u8], reception: Reception<'_>) -> Result<Incoming, ParseError> {
    let mut body = read(raw_body)?;
    let found = match required_text(&body, "type", "/type")? {
        "url_verification" => {
            return required_text(&body, "challenge", "/challenge").map(|text| Incoming::Challenge(text.to_owned()));
        }
        "event_callback" => callback::read(&body, reception.own),
        "app_rate_limited" => callback::rate_limited(&body),
        _ => Found::of(&body, Disposition::Ignore(reason::TYPE_UNSUPPORTED)),
    };

    // Slack's verification token of old is still a credential where it is still in use; it has no business in a log.
    body.remove("token");
    let event_id = body.id("event_id").map(str::to_owned);
    let event = event_id.as_ref().map(|id| format!("slack:event:{}/{id}", found.origin));
    // Without anything else to tell it by, it is told by the event, and in the end by its bytes.
    let content =
        found.content.or_else(|| event.clone()).unwrap_or_else(|| format!("slack:body:{}", hex_digest(raw_body)));
    Ok(Incoming::Signal(Box::new(NewSignal {
        signal_id: SignalId::mint(),
        conversation: Conversation {
            source: Source::Slack,
            workspace: found.workspace,
            channel: found.channel,
            thread: found.thread,
        },
        author: found.author,
        text: found.text,
        attachments: found.attachments,
        message_ref: found.message_ref,
        provider_event_id: event_id,
        occurred_at: found.occurred_at.unwrap_or(reception.received_at),
        keys: DedupeKeys { event, content },
        disposition: found.disposition,
        consent: found.consent,
        redelivery: reception.redelivery,
        payload: written(&body),
        trace_id: reception.trace_id.to_owned(),
    })))
}

/// What a body says about itself.
struct Found {
    /// Whose token answers.
    workspace: String,
    /// Where it happened; in a shared channel that may be another workspace.
    origin: String,
    channel: String,
    thread: Option<String>,
    author: String,
    text: String,
    attachments: Vec<Attachment>,
    message_ref: String,
    occurred_at: Option<OffsetDateTime>,
    content: Option<String>,
    disposition: Disposition,
    consent: Option<Consent>,
}

impl Found {
    /// Nothing but what the envelope says.
    fn of(body: &Map<String, Value>, disposition: Disposition) -> Self {
        Self {
            workspace: callback::workspace(body).unwrap_or_default().to_owned(),
            origin: callback::origin(body).unwrap_or_default().to_owned(),
            channel: String::new(),
            thread: None,
            author: String::new(),
            text: String::new(),
            attachments: Vec::new(),
            message_ref: String::new(),
            occurred_at: None,
            content: None,
            disposition,
            consent: None,
        }
    }

    /// Tells it apart from the message itself.
    fn mark(&mut self, by: &str) {
        if let Some(content) = &mut self.content {
            content.push('/');
            content.push_str(by);
        }
    }
}

fn read(raw_body: &[u8]) -> Result<Map<String, Value>, ParseError> {
    let text = std::str::from_utf8(raw_body).map_err(|error| ParseError::InvalidUtf8 { at: error.valid_up_to() })?;
    // The parser's own message may quote the body, so only the place goes out.
    let body = serde_json::from_str(&storable(text))
        .map_err(|error| ParseError::InvalidJson { line: error.line(), column: error.column() })?;
    match body {
        Value::Object(body) => Ok(body),
        _ => Err(ParseError::InvalidField { pointer: "", expected: "an object" }),
    }
}

/// Twice as fast as `to_string` of a `Value`, which goes through a formatter.
fn written(body: &Map<String, Value>) -> String {
    serde_json::to_string(body).unwrap_or_else(|_| Value::Object(body.clone()).to_string())
}

fn required_text<'a>(body: &'a Map<String, Value>, key: &str, pointer: &'static str) -> Result<&'a str, ParseError> {
    match body.get(key) {
        None | Some(Value::Null) => Err(ParseError::MissingField { pointer }),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(ParseError::InvalidField { pointer, expected: "a string" }),
    }
}

fn hex_digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
