//! `POST /operations/webhooks/sms`: once a stub; now as durable and as well verified as through the new door. Must not know what
//! a message means.

use super::contract::{ErrorDetail, SmsAnswer};
use crate::http::intake::FormOrJsonBytes;
use crate::http::intake::sms_door::SmsDoor;
use crate::http::problem::Problem;
use crate::http::trace::TraceContext;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dispatch_pipeline::intake::Intake;
use serde_json::json;

/// Receives one text message.
///
/// # Errors
/// A request that is not Twilio's, or that was not stored.
#[utoipa::path(
    post, path = "/operations/webhooks/sms", operation_id = "legacySms", tag = "operations", summary = "Receive one text message",
    description = "The form that Twilio sends, signed over the URL that it called; stored before it is answered, once with \
                   whatever comes in at `/intake/sms`.",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Stored", body = SmsAnswer),
        (status = 400, description = "Signed, but nothing that could be stored", body = ErrorDetail),
        (status = 403, description = "Unsigned or forged", body = ErrorDetail),
        (status = 415, description = "Neither a form nor JSON", body = ErrorDetail),
        (status = 503, description = "Not stored, come again; or not configured", body = ErrorDetail),
    ),
    security(()),
)]
pub async fn receive(
    request: HttpRequest,
    body: FormOrJsonBytes,
    trace: TraceContext,
    door: Data<SmsDoor>,
    intake: Data<Intake>,
) -> Result<HttpResponse, Problem> {
    crate::http::intake::sms::take_in(&request, &body, &trace, &door, &intake).await?;
    Ok(HttpResponse::Ok().json(json!({ "message": "SMS queued" })))
}
