//! Clicks in Slack over the wired application: what gets in, what is refused, what Slack hears.

use super::*;
use async_trait::async_trait;
use dispatch_mission::ids::{OperationId, UnitId};
use dispatch_pipeline::answers::Answers;
use dispatch_routing::answer_queue::{AnswerQueue, AnswerSettlement, Appended, ClaimedAnswer, NewAnswer, Standing};
use dispatch_routing::queue::{ClaimRule, ClaimToken, QueueError, Settled};
use std::collections::HashSet;
use std::sync::Mutex;

/// The only question that was asked.
const QUESTION: &str = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60";

/// Keeps answers to one question; nobody works them off.
struct Kept {
    known: Mutex<HashSet<String>>,
    down: bool,
}

#[async_trait]
impl AnswerQueue for Kept {
    async fn append(&self, answer: &NewAnswer) -> Result<Appended, QueueError> {
        if self.down {
            return Err(QueueError::Unavailable("connection refused".into()));
        }
        if answer.question.to_string() != QUESTION {
            return Ok(Appended::NoSuchQuestion);
        }
        let is_new = self.known.lock().expect("no holder panics").insert(answer.key.clone());
        Ok(if is_new { Appended::Queued } else { Appended::Duplicate })
    }

    async fn claim(&self, _: ClaimRule) -> Result<Option<ClaimedAnswer>, QueueError> {
        Ok(None)
    }

    async fn standing(&self, _: UnitId) -> Result<Standing, QueueError> {
        Ok(Standing { state: None, decided: None })
    }

    async fn settle(&self, _: &AnswerSettlement) -> Result<Settled, QueueError> {
        Ok(Settled::Lost)
    }

    async fn give_back(&self, _: OperationId, _: ClaimToken, _: Duration) -> Result<Settled, QueueError> {
        Ok(Settled::Lost)
    }
}

pub(super) fn answers(down: bool) -> Data<Answers> {
    Data::new(Answers::new(Arc::new(Kept { known: Mutex::default(), down })))
}

pub(super) fn click() -> Value {
    json!({
        "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T1"},
        "actions": [{"action_id": "dispatch_confirm", "block_id": format!("dispatch:{QUESTION}"), "action_ts": "1.2"}],
    })
}

pub(super) fn signed(payload: &Value) -> TestRequest {
    let body =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &payload.to_string()).finish();
    signed_body(body)
}

fn signed_body(body: impl Into<Vec<u8>>) -> TestRequest {
    let body = body.into();
    let at = NOW.unix_timestamp();
    let signature = SigningSecrets::parse(SLACK_SECRET).expect("one").sign(at, &body);
    TestRequest::post()
        .uri("/intake/slack/interactions")
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .insert_header(("x-slack-request-timestamp", at.to_string()))
        .insert_header(("x-slack-signature", signature))
        .set_payload(body)
}

#[actix_web::test]
async fn a_click_is_acknowledged_without_a_word_once_it_is_kept() {
    let app = init_service(app(surface(Fault::default()))).await;
    for reason in ["", "duplicate"] {
        let answer = Answer::of(call_service(&app, signed(&click()).to_request()).await).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
        assert_eq!((answer.header("dispatch-status"), answer.header("dispatch-reason")), ("queued", reason));
    }
}

#[actix_web::test]
async fn what_is_no_answer_of_ours_is_ignored_with_its_reason() {
    let changed = |pointer: &str, value: Value| {
        let mut payload = click();
        *payload.pointer_mut(pointer).expect("there") = value;
        payload
    };
    for (payload, reason) in [
        (json!({"type": "view_submission", "view": {}}), "type_unsupported"),
        (changed("/actions/0/action_id", json!("approve")), "action_unsupported"),
        (changed("/user/id", json!(7)), "person_missing"),
        (changed("/actions/0/block_id", json!(format!("dispatch:{}", uuid::Uuid::nil()))), "question_unknown"),
    ] {
        let answer = ask(Fault::default(), signed(&payload)).await;
        assert_eq!((answer.status, answer.header("dispatch-status")), (StatusCode::OK, "ignored"), "{reason}");
        assert_eq!((answer.header("dispatch-reason"), answer.body.as_str()), (reason, ""));
    }
}

#[actix_web::test]
async fn a_click_that_cannot_be_trusted_read_or_kept_is_not_acknowledged() {
    let unsigned = TestRequest::post().uri("/intake/slack/interactions");
    let unsigned = unsigned.insert_header(("content-type", "application/x-www-form-urlencoded"));
    ask(Fault::default(), unsigned.set_payload("payload={}")).await.problem(401, "signature_missing");
    let altered = signed(&click()).set_payload("payload={}");
    ask(Fault::default(), altered).await.problem(401, "signature_mismatch");
    let stale = signed(&click()).insert_header(("x-slack-request-timestamp", "1000"));
    ask(Fault::default(), stale).await.problem(401, "signature_stale");
    let json = signed(&click()).insert_header(("content-type", "application/json"));
    ask(Fault::default(), json).await.problem(415, "unsupported_media_type");
    ask(Fault::default(), signed_body("a=b")).await.problem(400, "invalid_body");
    ask(Fault::default(), signed_body("payload=%7B")).await.problem(400, "invalid_body");
    ask(Fault::default(), signed_body(vec![b'x'; 2 << 20])).await.problem(413, "payload_too_large");
    let no_slack = Fault { no_slack: true, ..Fault::default() };
    ask(no_slack, signed(&click())).await.problem(503, "slack_not_configured");
    let down = Fault { log_down: true, ..Fault::default() };
    ask(down, signed(&click())).await.problem(503, "intake_unavailable");
}
