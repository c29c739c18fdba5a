//! Bodies of intake, both ways: raw bytes in (the signature is over them), the receipt out.

use crate::http::json::plain;
use crate::http::problem::{Problem, kind};
use crate::http::timestamp::Timestamp;
use actix_web::dev::Payload;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, web};
use dispatch_mission::signal_log::{Outcome, Receipt};
use serde::Serialize;
use std::future::Future;
use std::pin::Pin;
use utoipa::ToSchema;

/// Largest body that intake reads.
pub const LIMIT_BYTES: usize = 1024 * 1024;

/// The raw bytes of a JSON body, not parsed: nothing may look into them before their signature is verified.
#[derive(Debug)]
pub struct JsonBytes(pub web::Bytes);

/// The raw bytes of a form, not parsed either.
#[derive(Debug)]
pub struct FormBytes(pub web::Bytes);

/// The raw bytes of a form or a JSON body, not parsed either.
#[derive(Debug)]
pub struct FormOrJsonBytes(pub web::Bytes);

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl FromRequest for JsonBytes {
    type Error = Error;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        raw(request, payload, &[JSON], Self)
    }
}

impl FromRequest for FormBytes {
    type Error = Error;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        raw(request, payload, &[FORM], Self)
    }
}

impl FromRequest for FormOrJsonBytes {
    type Error = Error;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        raw(request, payload, &[FORM, JSON], Self)
    }
}

/// The whole body, if it has one of these types. How long and how late it may be is watched from outside.
fn raw<T: 'static>(
    request: &HttpRequest,
    payload: &mut Payload,
    types: &[&str],
    wrap: fn(web::Bytes) -> T,
) -> Extracted<T> {
    if let Err(problem) = acceptable(request, types) {
        return Box::pin(std::future::ready(Err(problem.into())));
    }
    let bytes = web::Bytes::from_request(request, payload);
    Box::pin(async move { Ok(wrap(bytes.await?)) })
}

fn acceptable(request: &HttpRequest, types: &[&str]) -> Result<(), Problem> {
    plain(request)?;
    if types.iter().any(|accepted| request.content_type().eq_ignore_ascii_case(accepted)) {
        return Ok(());
    }
    Err(Problem::new(&kind::UNSUPPORTED_MEDIA_TYPE).detail(format!("Send `Content-Type: {}`.", types.join("` or `"))))
}

/// What becomes of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IntakeStatus, example = "queued")]
pub enum IntakeStatusDto {
    /// It waits to be understood.
    Queued,
    /// It is kept and shown, never acted on; `reason` says why.
    Ignored,
}

/// The answer to Slack. `event_id`, `status` and `timestamp` stand in the answer to every event; `challenge` alone
/// answers `url_verification`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, ToSchema)]
#[schema(as = SlackAnswer, example = json!({
    "event_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "status": "queued", "timestamp": "2026-11-20T14:03:07.120Z",
}))]
pub struct SlackAnswerDto {
    /// The id under which everything about this message is found (`GET /observe/logs/{id}`). A message that came in
    /// before is answered with its first id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub event_id: Option<String>,
    /// What becomes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status: Option<IntakeStatusDto>,
    /// When it was first received, by the database's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub timestamp: Option<Timestamp>,
    /// Why it is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// True when the message came in before; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub duplicate: Option<bool>,
    /// The text that `url_verification` asked to hear back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub challenge: Option<String>,
}

impl SlackAnswerDto {
    /// The answer to `url_verification`.
    #[must_use]
    pub fn challenge(text: String) -> Self {
        Self { challenge: Some(text), ..Self::default() }
    }
}

impl From<Receipt> for SlackAnswerDto {
    fn from(receipt: Receipt) -> Self {
        let ignored = receipt.ignored.is_some();
        Self {
            event_id: Some(receipt.signal_id.to_string()),
            status: Some(if ignored { IntakeStatusDto::Ignored } else { IntakeStatusDto::Queued }),
            timestamp: Some(Timestamp(receipt.received_at)),
            reason: receipt.ignored,
            duplicate: (receipt.outcome == Outcome::Duplicate).then_some(true),
            challenge: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_mission::ids::SignalId;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn a_first_message_is_answered_with_the_contract_and_nothing_more() {
        let id = SignalId::mint();
        let at = datetime!(2026-11-20 14:03:07.12 UTC);
        let receipt = Receipt { signal_id: id, received_at: at, outcome: Outcome::Appended, ignored: None };
        let expected = json!({"event_id": id.to_string(), "status": "queued", "timestamp": "2026-11-20T14:03:07.120Z"});
        assert_eq!(json!(SlackAnswerDto::from(receipt)), expected);
    }

    #[test]
    fn a_challenge_is_answered_with_the_challenge_alone() {
        assert_eq!(json!(SlackAnswerDto::challenge("abc".into())), json!({"challenge": "abc"}));
    }
}
