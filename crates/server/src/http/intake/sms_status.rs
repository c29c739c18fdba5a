//! `POST /intake/sms/status`: what Twilio says became of a message of ours. Must not know what follows from it.

use super::FormOrJsonBytes;
use super::sms_contract::{SmsBodyHash, SmsRefused, SmsSignature};
use super::sms_door::{SmsDoor, header};
use crate::http::problem::{Problem, unrecorded};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dispatch_pipeline::reports::Reports;
use dispatch_sms::event::status;
use utoipa::ToSchema;

/// The form as Twilio sends it; see [`super::sms::SmsForm`].
#[derive(ToSchema)]
#[allow(dead_code, non_snake_case, missing_docs)]
pub struct SmsStatusForm {
    #[schema(example = "SM00000000000000000000000000000002")]
    MessageSid: String,
    #[schema(example = "AC00000000000000000000000000000001")]
    AccountSid: String,
    #[schema(example = "delivered")]
    MessageStatus: String,
    #[schema(example = "30003", nullable = false)]
    ErrorCode: Option<String>,
}

/// Receives one report about a message that Dispatch sent.
#[utoipa::path(
    post, path = "/intake/sms/status", operation_id = "receiveSmsStatus", tag = "intake",
    summary = "Receive what became of a text message",
    description = "The status callback of messages that Dispatch sends; it names this URL itself when `PUBLIC_URL` is set. \
                   Verified as `POST /intake/sms` is. Reports may repeat and come in any order: a status never goes back. A \
                   message that did not arrive makes its delivery `failed`; one that nobody could tell about becomes \
                   `delivered` when it arrived.",
    params(
        SmsSignature,
        ("delivery_id" = Option<String>, Query, nullable = false, description = "The delivery that the message was sent for"),
        SmsBodyHash,
    ),
    request_body(description = "A form, or the same parameters as JSON", content(
        (inline(SmsStatusForm) = "application/x-www-form-urlencoded", example = json!({
            "MessageSid": "SM00000000000000000000000000000002", "AccountSid": "AC00000000000000000000000000000001",
            "MessageStatus": "delivered",
        })),
        (crate::openapi::JsonObject = "application/json", example = json!({
            "MessageSid": "SM00000000000000000000000000000002", "AccountSid": "AC00000000000000000000000000000001",
            "MessageStatus": "undelivered", "ErrorCode": "30003",
        })),
    )),
    responses(
        (status = 204, description = "Noted, or no news"),
        (status = 400, description = "`invalid_body`: signed, but no report"),
        SmsRefused,
        (status = 503, description = "`intake_unavailable`: not noted, come again after `Retry-After`; or `sms_not_configured`"),
    ),
    security(()),
)]
pub async fn receive(
    request: HttpRequest,
    body: FormOrJsonBytes,
    door: Data<SmsDoor>,
    reports: Data<Reports>,
) -> Result<HttpResponse, Problem> {
    let account = door.open(&request, &body.0)?;
    let content_type = header(&request, CONTENT_TYPE.as_str());
    let report = status::parse(content_type, &body.0, request.query_string(), account)?;
    reports.note(report).await.map_err(unrecorded)?;
    Ok(HttpResponse::NoContent().finish())
}
