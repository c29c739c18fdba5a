//! Once more: what is answered, and every way to be refused.

use super::*;
use async_trait::async_trait;
use dispatch_classification::classification::Meaning;
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId, OperationId, ReplayId, UnitId};
use dispatch_mission::zone::Zone;
use dispatch_pipeline::testing::classified;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::destination::{Destination, NotificationDestination, SmsNumber};
use dispatch_routing::plan::Content;
use dispatch_routing::policy::Policy;
use dispatch_routing::queue::QueueError;
use dispatch_routing::replay::{
    Existing, Footing, ReplayError, ReplayOrder, ReplayOutcome, Replayable, Replayed, Replays, Skipped, Subject,
};
use dispatch_routing::replay_batches::{Batch, BatchProgress, BatchState, BatchStep, NewBatch, Preview, ReplayBatches};
use dispatch_routing::testing::claimed_unit;
use uuid::Uuid;

/// How it refuses is what a test says.
struct One(fn() -> Option<ReplayError>);

fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).expect("a UUID")
}

fn receipt() -> Existing {
    let number = SmsNumber { from: "+14165550100".into(), to: "+14165550142".into() };
    Existing {
        delivery_id: DeliveryId(id(track::DISPATCH)),
        dispatch_id: DispatchId(id(track::DISPATCH)),
        classification_id: ClassificationId(Uuid::nil()),
        destination: Destination::Notification(NotificationDestination::Sms(number)),
        content: Content::Message { text: "Done".into() },
        state: DeliveryState::Delivered,
        reason: None,
        after: None,
    }
}

#[async_trait]
impl Replays for One {
    async fn find(&self, named: Uuid) -> Result<Option<Replayable>, ReplayError> {
        let in_force = ClassificationId(Uuid::nil());
        Ok((named == id(track::DISPATCH)).then(|| Replayable {
            subject: Subject::Dispatch(DispatchId(named)),
            speaks_of: Some(in_force),
            unit: claimed_unit("Please book the photographer"),
            footing: Footing { state: "routed".into(), in_hand: false, in_force: Some(in_force) },
            classified: Some(classified(Meaning::InfoRequest, 0.9)),
            deliveries: vec![receipt()],
        }))
    }

    async fn of_operation(&self, _: OperationId) -> Result<Option<Replayed>, ReplayError> {
        Ok(None)
    }

    async fn carry_out(&self, order: &ReplayOrder) -> Result<Replayed, ReplayError> {
        if let Some(refusal) = (self.0)() {
            return Err(refusal);
        }
        Ok(Replayed {
            replay_id: order.replay_id,
            unit_id: order.unit_id,
            stage: order.action.stage(),
            force: order.force,
            outcome: ReplayOutcome::Nothing,
            dispatch_id: None,
            deliveries: Vec::new(),
            skipped: vec![Skipped::of(&receipt())],
        })
    }
}

#[async_trait]
impl ReplayBatches for One {
    async fn begin(&self, batch: &NewBatch) -> Result<Batch, QueueError> {
        Ok(Batch { per_second: batch.per_second, ..running() })
    }

    async fn preview(&self, _: &NewBatch) -> Result<Preview, QueueError> {
        let kinds = [("slack".to_owned(), 3)].into();
        Ok(Preview { kinds, more: false, first: vec![id(track::DISPATCH)] })
    }

    async fn find(&self, wanted: ReplayId) -> Result<Option<Batch>, QueueError> {
        Ok((wanted.0 == id(track::DISPATCH)).then(running))
    }

    async fn cancel(&self, wanted: ReplayId) -> Result<Option<Batch>, QueueError> {
        let cancelled = || Batch { state: BatchState::Cancelled, ended_at: Some(NOW), ..running() };
        Ok((wanted.0 == id(track::DISPATCH)).then(cancelled))
    }

    async fn step(&self) -> Result<Option<BatchStep>, QueueError> {
        Ok(None)
    }

    async fn refuse(&self, _: ReplayId, _: Uuid, _: &str) -> Result<(), QueueError> {
        Ok(())
    }
}

fn running() -> Batch {
    Batch {
        batch_id: ReplayId(id(track::DISPATCH)),
        state: BatchState::Running,
        stage: None,
        force: false,
        per_second: 10,
        more: false,
        progress: BatchProgress { total: 3, pending: 1, done: 2, ..BatchProgress::default() },
        created_at: NOW,
        ended_at: None,
    }
}

fn over(refusal: fn() -> Option<ReplayError>) -> Data<Replay> {
    Data::new(Replay::new(Arc::new(One(refusal)), Arc::new(reason::Parrot), Policy::default(), Zone::toronto()))
}

pub(super) fn replay() -> Data<Replay> {
    over(|| None)
}

pub(super) fn batches() -> Data<Batches> {
    Data::new(Batches::new(Arc::new(One(|| None)), replay().into_inner()))
}

fn once_more(named: &str, body: Value) -> TestRequest {
    as_service(TestRequest::post().uri(&format!("/route/replay/{named}")).set_json(body))
}

#[actix_web::test]
async fn what_succeeded_is_named_and_never_by_its_phone_number() {
    let bare = as_service(TestRequest::post().uri(&format!("/route/replay/{}", track::DISPATCH)));
    let answer = ask(Fault::default(), bare).await;
    assert!(answer.status == StatusCode::ACCEPTED && !answer.body.contains("555"), "{}", answer.body);
    let body = answer.json();
    assert_eq!((&body["outcome"], &body["from"]), (&json!("nothing"), &json!("deliver")));
    assert_eq!(body["skipped"][0]["state"], "delivered", "{body}");
    let forced = once_more(track::DISPATCH, json!({"force": true, "dry_run": true}));
    let body = ask(Fault::default(), forced).await.json();
    assert_eq!((&body["outcome"], body.get("replay_id")), (&json!("dispatched"), None), "{body}");
    assert_eq!(body["difference"]["planned"][0]["text"], "Done", "{body}");
}

#[actix_web::test]
async fn who_cannot_have_it_once_more_is_told_why() {
    type Refused = fn() -> Option<ReplayError>;
    let refusals: [(Refused, u16, &str); 7] = [
        (|| Some(ReplayError::InHand), 409, "unit_claimed"),
        (|| Some(ReplayError::Pending), 409, "unit_pending"),
        (|| Some(ReplayError::Held), 409, "unit_held"),
        (|| Some(ReplayError::Superseded { by: None }), 409, "classification_superseded"),
        (|| Some(ReplayError::NotUnderstood), 409, "not_understood"),
        (|| Some(ReplayError::NothingYet { state: "queued".into() }), 409, "nothing_to_replay"),
        (|| Some(ReplayError::Unavailable("no route to host".into())), 503, "database_unavailable"),
    ];
    for (refusal, status, code) in refusals {
        assert_eq!(refusal().expect("one").code(), code);
        let surface = Surface { replay: over(refusal), ..surface(Fault::default()) };
        ask_surface(surface, once_more(track::DISPATCH, json!({}))).await.problem(status, code);
    }
    for unknown in [UnitId::mint().to_string(), "nothing".to_owned()] {
        ask(Fault::default(), once_more(&unknown, json!({}))).await.problem(404, "replay_not_found");
    }
    ask(Fault::default(), once_more(track::DISPATCH, json!({"from": "intake"}))).await.problem(400, "invalid_body");
    let long = json!({"reason": "x".repeat(501)});
    ask(Fault::default(), once_more(track::DISPATCH, long)).await.problem(422, "limit_exceeded");
    let guest = TestRequest::post().uri("/route/replays").set_json(json!({"all": true}));
    let guest = guest.insert_header(("authorization", bearer_of("nobody")));
    ask(Fault::default(), guest).await.problem(403, "scope_missing");
}

#[actix_web::test]
async fn many_are_begun_shown_and_ended() {
    let begin = |body: Value| as_service(TestRequest::post().uri("/route/replays").set_json(body));
    let begun = ask(Fault::default(), begin(json!({"reasons": ["http_503"], "per_second": 3}))).await;
    assert_eq!((begun.status, &begun.json()["per_second"]), (StatusCode::ACCEPTED, &json!(3)), "{}", begun.body);
    ask(Fault::default(), begin(json!({}))).await.problem(400, "invalid_body");
    let again = json!({"states": ["delivered"], "since": "2026-11-20T14:00:00.000Z", "force": true, "dry_run": true});
    let shown = ask(Fault::default(), begin(again)).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert_eq!(shown.json(), json!({"total": 3, "more": false, "kinds": {"slack": 3}, "first": [track::DISPATCH]}));
    let path = format!("/route/replays/{}", track::DISPATCH);
    let shown = ask(Fault::default(), as_service(TestRequest::get().uri(&path))).await.json();
    assert_eq!((&shown["state"], &shown["done"]), (&json!("running"), &json!(2)));
    let cancel = as_service(TestRequest::post().uri(&format!("{path}/cancel")));
    assert_eq!(ask(Fault::default(), cancel).await.json()["state"], "cancelled");
    let nobody = format!("/route/replays/{}", UnitId::mint());
    ask(Fault::default(), as_service(TestRequest::get().uri(&nobody))).await.problem(404, "replay_not_found");
}
