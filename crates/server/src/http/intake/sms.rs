//! `POST /intake/sms`: verify on the raw bytes, parse, make durable, then answer with TwiML that says nothing. Must not know
//! what a message means.

use super::FormOrJsonBytes;
use super::sms_contract::{SmsBodyHash, SmsRefused, SmsSignature};
use super::sms_door::{SmsDoor, header};
use crate::http::problem::Problem;
use crate::http::timestamp::Timestamp;
use crate::http::trace::TraceContext;
use actix_web::http::header::{CONTENT_TYPE, HeaderName};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dispatch_mission::signal_log::Receipt;
use dispatch_pipeline::intake::Intake;
use dispatch_sms::event::{self, IDEMPOTENCY_HEADER, Reception};
use utoipa::ToSchema;

/// Twilio sends whatever stands in the answer to whoever wrote: nothing. The receipt comes when the mission is there.
const NO_REPLY: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;
const EVENT_ID: HeaderName = HeaderName::from_static("dispatch-event-id");
const STATUS: HeaderName = HeaderName::from_static("dispatch-status");
const TIMESTAMP: HeaderName = HeaderName::from_static("dispatch-timestamp");

/// The form as Twilio sends it. There are more parameters, and new ones come without notice: all of them are signed and
/// kept. Never read into this type; it is the shape for clients.
#[derive(ToSchema)]
#[allow(dead_code, non_snake_case, missing_docs)]
pub struct SmsForm {
    #[schema(example = "SM00000000000000000000000000000001")]
    MessageSid: String,
    #[schema(example = "AC00000000000000000000000000000001")]
    AccountSid: String,
    #[schema(example = "+14165550101")]
    From: String,
    #[schema(example = "+14165550100")]
    To: String,
    #[schema(example = "Please order a yard sign for 12 Elm St by Friday")]
    Body: String,
    #[schema(example = "0", nullable = false)]
    NumMedia: Option<String>,
}

/// Receives one text message.
#[utoipa::path(
    post, path = "/intake/sms", operation_id = "receiveSms", tag = "intake",
    summary = "Receive a text message",
    description = "The webhook for incoming messages of a Twilio number or messaging service. The signature is verified over \
                   the URL as Twilio called it (`PUBLIC_URL`, path, query) and every parameter of the body, and the message is \
                   committed before it is answered. The answer is TwiML without a verb; the receipt stands in its headers. A \
                   message that came in before is answered with the first one's `Dispatch-Event-Id`. STOP, START, HELP and the \
                   like are kept and answered with status `ignored`; whoever opted out is not written to. Media are recorded \
                   and not fetched.",
    params(
        SmsSignature,
        ("I-Twilio-Idempotency-Token" = Option<String>, Header, nullable = false, description = "The same for all repeats of one webhook"),
        SmsBodyHash,
    ),
    request_body(description = "A form, or the same parameters as JSON", content(
        (inline(SmsForm) = "application/x-www-form-urlencoded", example = json!({
            "MessageSid": "SM00000000000000000000000000000001", "AccountSid": "AC00000000000000000000000000000001",
            "From": "+14165550101", "To": "+14165550100", "Body": "Please order a yard sign for 12 Elm St by Friday",
            "NumMedia": "0",
        })),
        (crate::openapi::JsonObject = "application/json", example = json!({
            "MessageSid": "SM00000000000000000000000000000001", "AccountSid": "AC00000000000000000000000000000001",
            "From": "+14165550101", "To": "+14165550100", "Body": "Please order a yard sign for 12 Elm St by Friday",
        })),
    )),
    responses(
        (status = 200, description = "Stored, or known before", body = String, content_type = "text/xml",
            headers(
                ("Dispatch-Event-Id" = String, description = "The id under which everything about this message is found"),
                ("Dispatch-Status" = String, description = "`queued` or `ignored`"),
                ("Dispatch-Timestamp" = String, description = "When it was first received, by the database's clock: `YYYY-MM-DDTHH:MM:SS.mmmZ`"),
            ),
            example = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>"),
        (status = 400, description = "`invalid_body`: signed, but nothing that could be stored"),
        SmsRefused,
        (status = 503, description = "`intake_unavailable` or `overloaded`: not stored, come again after `Retry-After`; or `sms_not_configured`"),
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
    Ok(answer(&take_in(&request, &body, &trace, &door, &intake).await?))
}

/// Verifies, parses and stores one message.
pub(in crate::http) async fn take_in(
    request: &HttpRequest,
    body: &FormOrJsonBytes,
    trace: &TraceContext,
    door: &SmsDoor,
    intake: &Intake,
) -> Result<Receipt, Problem> {
    let account = door.open(request, &body.0)?;
    let reception = Reception {
        idempotency_token: header(request, IDEMPOTENCY_HEADER),
        trace_id: trace.trace_id(),
        received_at: door.now(),
        account,
    };
    let signal = event::parse(header(request, CONTENT_TYPE.as_str()), &body.0, reception)?;
    Ok(intake.receive(signal).await?)
}

fn answer(receipt: &Receipt) -> HttpResponse {
    let status = if receipt.ignored.is_some() { "ignored" } else { "queued" };
    HttpResponse::Ok()
        .content_type("text/xml")
        .insert_header((EVENT_ID, receipt.signal_id.to_string()))
        .insert_header((STATUS, status))
        .insert_header((TIMESTAMP, Timestamp(receipt.received_at).to_string()))
        .body(NO_REPLY)
}
