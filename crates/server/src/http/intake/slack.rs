//! `POST /intake/slack`: verify on the raw bytes, parse, make durable, then answer. Must not know what a message means.

use super::sms_door::header;
use super::{JsonBytes, SlackAnswerDto};
use crate::http::problem::{Problem, kind};
use crate::http::trace::TraceContext;
use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use dispatch_mission::clock::Clock;
use dispatch_pipeline::intake::Intake;
use dispatch_slack::event::{self, Incoming, OwnIds, Reception, reason};
use dispatch_slack::verify::{SIGNATURE_HEADER, SigningSecrets, TIMESTAMP_HEADER};
use std::sync::Arc;
use time::OffsetDateTime;

/// What it takes to tell Slack from a forger.
pub struct SlackDoor {
    secrets: Option<SigningSecrets>,
    clock: Arc<dyn Clock>,
    own: OwnIds,
}

impl SlackDoor {
    /// With these signing secrets; without any, nothing gets in.
    #[must_use]
    pub fn new(secrets: Option<SigningSecrets>, clock: Arc<dyn Clock>) -> Self {
        Self { secrets, clock, own: OwnIds::default() }
    }

    /// Verifies one request; nothing in its body may be looked at before. Answers when it came.
    ///
    /// # Errors
    /// The problem to answer with.
    pub fn verify(&self, request: &HttpRequest, body: &[u8]) -> Result<OffsetDateTime, Problem> {
        let secrets = self.secrets.as_ref().ok_or_else(|| {
            Problem::new(&kind::SLACK_NOT_CONFIGURED)
                .detail("SLACK_SIGNING_SECRET is not set, so no request can be told from a forged one.")
        })?;
        let now = self.clock.now();
        secrets.verify(header(request, TIMESTAMP_HEADER), header(request, SIGNATURE_HEADER), body, now)?;
        Ok(now)
    }

    /// Verifies and parses one event.
    pub(in crate::http) fn open(
        &self,
        request: &HttpRequest,
        body: &[u8],
        trace: &TraceContext,
    ) -> Result<Incoming, Problem> {
        let now = self.verify(request, body)?;
        let header = |name: &str| header(request, name);
        let redelivery = event::redelivery(header(event::RETRY_NUM_HEADER), header(event::RETRY_REASON_HEADER));
        let reception = Reception { redelivery, trace_id: trace.trace_id(), received_at: now, own: &self.own };
        Ok(event::parse(body, reception)?)
    }
}

/// Receives one event of the Slack Events API.
#[utoipa::path(
    post, path = "/intake/slack", operation_id = "receiveSlackEvent", tag = "intake",
    summary = "Receive a Slack event",
    description = "The request URL of a Slack app's event subscription. The signature is verified on the raw bytes \
                   (`X-Slack-Signature`, at most 300 s old), and the event is committed before it is answered. An event or message \
                   that came in before is answered with the first one's `event_id`. Events that nothing is done about (bots, \
                   reactions) are kept and answered with status `ignored`.",
    params(
        ("X-Slack-Request-Timestamp" = String, Header, description = "Unix seconds of sending", example = "1763647387"),
        ("X-Slack-Signature" = String, Header, description = "`v0=` and the HMAC-SHA256 of `v0:timestamp:body` in hex",
            example = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        ("X-Slack-Retry-Num" = Option<i32>, Header, nullable = false, description = "Number of a repeat, 1 to 3"),
        ("X-Slack-Retry-Reason" = Option<String>, Header, nullable = false, description = "Reason of a repeat"),
    ),
    request_body(content = crate::openapi::JsonObject, description = "`event_callback` or `url_verification`", content_type = "application/json",
        example = json!({
            "type": "event_callback", "team_id": "T01", "api_app_id": "A01", "event_id": "Ev01", "event_time": 1763647387,
            "event": { "type": "message", "channel": "C01", "user": "U01", "ts": "1763647387.000100",
                       "text": "Please order a yard sign for 12 Elm St by Friday" },
        })),
    responses(
        (status = 200, description = "Stored, or known before, or the challenge", body = SlackAnswerDto),
        (status = 400, description = "`invalid_body`: signed, but nothing that could be stored"),
        (status = 401, description = "`signature_missing`, `signature_malformed`, `signature_stale` (more than 300 s off) or `signature_mismatch`"),
        (status = 408, description = "`request_timeout`: the body did not arrive within 10 s"),
        (status = 413, description = "`payload_too_large`: more than 1 MiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`signal_rejected`: it can never be stored; sent with `X-Slack-No-Retry`"),
        (status = 503, description = "`intake_unavailable` or `overloaded`: not stored, come again after `Retry-After`; or `slack_not_configured`"),
    ),
    security(()),
)]
pub async fn receive(
    request: HttpRequest,
    body: JsonBytes,
    trace: TraceContext,
    door: Data<SlackDoor>,
    intake: Data<Intake>,
) -> Result<Json<SlackAnswerDto>, Problem> {
    match door.open(&request, &body.0, &trace)? {
        Incoming::Challenge(text) => Ok(Json(SlackAnswerDto::challenge(text))),
        Incoming::Signal(signal) => {
            let workspace = signal.conversation.workspace.clone();
            let receipt = intake.receive(*signal).await.map_err(|error| Problem::from(error).for_slack())?;
            tell_operators(&workspace, receipt.ignored.as_deref());
            Ok(Json(receipt.into()))
        }
    }
}

/// What Slack says to those who run the app, not to those who use it.
fn tell_operators(workspace: &str, ignored: Option<&str>) {
    match ignored {
        Some(reason::APP_RATE_LIMITED) => tracing::warn!(workspace, "Slack withholds events: more than 30,000 an hour"),
        Some(reason @ (reason::APP_UNINSTALLED | reason::TOKENS_REVOKED)) => {
            tracing::warn!(workspace, reason, "a Slack workspace revoked tokens of ours or removed the app");
        }
        _ => {}
    }
}
