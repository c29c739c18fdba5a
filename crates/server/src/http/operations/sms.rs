//! `POST /operations/webhooks/sms`: once a stub; now as durable and as well verified as through the new door. Must not know what
//! a message means.

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
