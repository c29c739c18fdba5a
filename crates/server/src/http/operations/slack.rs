//! `POST /operations/webhooks/slack`: Slack's events with the old answers, as durable and as well verified as through the new
//! door. Must not know what a message means.

use super::contract::{ErrorDetail, SlackAnswer};
use crate::http::intake::JsonBytes;
use crate::http::intake::slack::SlackDoor;
use crate::http::problem::{Final, Problem, kind};
use crate::http::trace::TraceContext;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dispatch_pipeline::intake::Intake;
use dispatch_slack::event::{Incoming, reason};
use serde_json::{Value, json};

/// Receives one event.
///
/// # Errors
/// A request that is not Slack's, or that can never be read.
#[utoipa::path(
    post, path = "/operations/webhooks/slack", operation_id = "legacySlack", tag = "operations", summary = "Receive one event of Slack",
    description = "Also at `/operations/api/slack_webhook`. Signed as every request of Slack; stored before it is answered, once \
                   with whatever comes in at `/intake/slack`.",
    request_body = crate::openapi::JsonObject,
    responses(
        (status = 200, description = "Taken, or why nobody acts on it", body = SlackAnswer),
        (status = 400, description = "Signed, but nothing that could be read", body = ErrorDetail),
        (status = 401, description = "Unsigned, forged or stale", body = ErrorDetail),
        (status = 415, description = "Not JSON", body = ErrorDetail),
        (status = 500, description = "`enqueue_failed`: not stored, come again", body = SlackAnswer),
        (status = 503, description = "No signing secret is configured", body = ErrorDetail),
    ),
    security(()),
)]
pub async fn receive(
    request: HttpRequest,
    body: JsonBytes,
    trace: TraceContext,
    door: Data<SlackDoor>,
    intake: Data<Intake>,
) -> Result<HttpResponse, Problem> {
    let signal = match door.open(&request, &body.0, &trace)? {
        Incoming::Challenge(text) => return Ok(HttpResponse::Ok().json(json!({ "challenge": text }))),
        Incoming::Signal(signal) => signal,
    };
    match intake.receive(*signal).await {
        Ok(receipt) => Ok(HttpResponse::Ok().json(answer(receipt.ignored.as_deref()))),
        Err(error) => {
            let problem = Problem::from(error).for_slack();
            problem.note();
            Ok(not_queued(problem.kind() == &kind::SIGNAL_REJECTED))
        }
    }
}

/// What the old contract said to what is kept and not acted on.
fn answer(ignored: Option<&str>) -> Value {
    let error = match ignored {
        Some(reason::MISSING_EVENT) => "missing_event",
        Some(reason::MISSING_USER_OR_CHANNEL) => "missing_user_or_channel",
        Some(reason::EVENT_UNSUPPORTED | reason::TYPE_UNSUPPORTED) => "unknown_event_type",
        _ => return json!({ "ok": true }),
    };
    json!({ "ok": false, "error": error })
}

/// Slack comes again with what was not stored; with what never can be, it need not.
fn not_queued(never: bool) -> HttpResponse {
    let mut answer = HttpResponse::InternalServerError();
    if never {
        answer.insert_header(("X-Slack-No-Retry", "1"));
    }
    let mut answer = answer.json(json!({ "ok": false, "error": "enqueue_failed" }));
    answer.extensions_mut().insert(Final);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_acts_on_has_the_old_names() {
        assert_eq!(answer(None), json!({ "ok": true }));
        assert_eq!(answer(Some(reason::BOT_MESSAGE)), json!({ "ok": true }));
        for (ignored, error) in [
            (reason::MISSING_EVENT, "missing_event"),
            (reason::MISSING_USER_OR_CHANNEL, "missing_user_or_channel"),
            (reason::EVENT_UNSUPPORTED, "unknown_event_type"),
            (reason::TYPE_UNSUPPORTED, "unknown_event_type"),
        ] {
            assert_eq!(answer(Some(ignored)), json!({ "ok": false, "error": error }));
        }
    }
}
