//! `POST /intake/slack/interactions`: verify on the raw bytes, parse, keep the answer, then acknowledge. Must not know what
//! the answer leads to.

use super::FormBytes;
use super::slack::SlackDoor;
use crate::http::problem::{Problem, unrecorded};
use crate::http::trace::TraceContext;
use actix_web::http::header::HeaderName;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dispatch_pipeline::answers::Answers;
use dispatch_routing::answer_queue::Appended;
use dispatch_slack::interaction::{self, Interaction};
use utoipa::ToSchema;

const STATUS: HeaderName = HeaderName::from_static("dispatch-status");
const REASON: HeaderName = HeaderName::from_static("dispatch-reason");

/// The form as Slack sends it. Never read into this type; it is the shape for clients.
#[derive(ToSchema)]
#[allow(dead_code, missing_docs)]
pub struct SlackInteractionForm {
    /// A `block_actions` payload, as JSON text.
    #[schema(example = "{\"type\":\"block_actions\"}")]
    payload: String,
}

/// Receives what somebody clicked in Slack.
#[utoipa::path(
    post, path = "/intake/slack/interactions", operation_id = "receiveSlackInteraction", tag = "intake",
    summary = "Receive a click in Slack",
    description = "The request URL of a Slack app's interactivity. The signature is verified on the raw bytes as for `POST /intake/slack`. \
                   An answer to a question about held work is committed before it is acknowledged, and carried out right after, once, \
                   however often it is sent; who comes too late is told in Slack who decided. The answer has no body, for Slack would show \
                   it: `Dispatch-Status` says `queued` or `ignored`, and `Dispatch-Reason` why nothing is done (`type_unsupported`, \
                   `action_unsupported`, `person_missing`, `question_unknown`, `duplicate`).",
    params(
        ("X-Slack-Request-Timestamp" = String, Header, description = "Unix seconds of sending", example = "1763647387"),
        ("X-Slack-Signature" = String, Header, description = "`v0=` and the HMAC-SHA256 of `v0:timestamp:body` in hex",
            example = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
    ),
    request_body(content = inline(SlackInteractionForm), description = "A form with one field", content_type = "application/x-www-form-urlencoded",
        example = json!({ "payload": "{\"type\":\"block_actions\",\"user\":{\"id\":\"U01\",\"team_id\":\"T01\"},\"actions\":[{\"action_id\":\"dispatch_confirm\"}]}" })),
    responses(
        (status = 200, description = "Kept, known before, or nothing that is acted on"),
        (status = 400, description = "`invalid_body`: signed, but no payload"),
        (status = 401, description = "`signature_missing`, `signature_malformed`, `signature_stale` (more than 300 s off) or `signature_mismatch`"),
        (status = 408, description = "`request_timeout`: the body did not arrive within 10 s"),
        (status = 413, description = "`payload_too_large`: more than 1 MiB"),
        (status = 415, description = "`unsupported_media_type`: no form"),
        (status = 422, description = "`signal_rejected`: it can never be kept"),
        (status = 503, description = "`intake_unavailable`: not kept, click again; or `slack_not_configured`"),
    ),
    security(()),
)]
pub async fn receive(
    request: HttpRequest,
    body: FormBytes,
    trace: TraceContext,
    door: Data<SlackDoor>,
    answers: Data<Answers>,
) -> Result<HttpResponse, Problem> {
    door.verify(&request, &body.0)?;
    let answer = match interaction::parse(&body.0, trace.trace_id())? {
        Interaction::Answer(answer) => answer,
        Interaction::Ignored(reason) => return Ok(acknowledged("ignored", Some(reason))),
    };
    Ok(match answers.receive(&answer).await.map_err(unrecorded)? {
        Appended::Queued => acknowledged("queued", None),
        Appended::Duplicate => acknowledged("queued", Some("duplicate")),
        Appended::NoSuchQuestion => acknowledged("ignored", Some("question_unknown")),
    })
}

fn acknowledged(status: &'static str, reason: Option<&'static str>) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((STATUS, status));
    if let Some(reason) = reason {
        answer.insert_header((REASON, reason));
    }
    answer.finish()
}
