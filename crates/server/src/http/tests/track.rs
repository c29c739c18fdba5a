//! What was routed: where it stands, and what ended without success, never with a phone number.

use super::*;
use async_trait::async_trait;
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_routing::dead_letters::{Dead, DeadCursor, DeadFilter, DeadLetter, DeadLetters, DeadPage};
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::destination::{Destination, NotificationDestination, SmsNumber};
use dispatch_routing::dispatch_status::{Attempt, DeliveryStatus, DispatchStatus, DispatchStatuses};
use dispatch_routing::held_work::{KnownPerson, PersonKind};
use dispatch_routing::queue::QueueError;
use uuid::Uuid;

/// The dispatch that there is.
pub(super) const DISPATCH: &str = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62";
const UNIT: &str = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60";

fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).expect("a UUID")
}

fn phone() -> Destination {
    let number = SmsNumber { from: "+14165550100".into(), to: "+14165550142".into() };
    Destination::Notification(NotificationDestination::Sms(number))
}

struct One {
    down: bool,
}

#[async_trait]
impl DispatchStatuses for One {
    async fn find(&self, wanted: Uuid) -> Result<Option<DispatchStatus>, QueueError> {
        if self.down {
            return Err(QueueError::Unavailable("no route to host".into()));
        }
        let attempt = |number, outcome: &str, next_at| Attempt {
            number,
            at: NOW,
            outcome: outcome.into(),
            code: Some("http_503".into()),
            took: Some(Duration::from_millis(230)),
            next_at,
        };
        let delivery = DeliveryStatus {
            delivery_id: DeliveryId(id(UNIT)),
            destination: phone(),
            state: DeliveryState::Pending,
            reason: Some("http_503".into()),
            next_attempt_at: Some(NOW),
            held_until: None,
            in_hand: false,
            after: None,
            settled_at: None,
            attempts: vec![attempt(1, "retryable", Some(NOW)), attempt(2, "ambiguous", None)],
            gone: Vec::new(),
        };
        Ok((wanted == id(DISPATCH)).then(|| DispatchStatus {
            dispatch_id: DispatchId(id(DISPATCH)),
            unit_id: UnitId(id(UNIT)),
            classification_id: ClassificationId(id(UNIT)),
            rule: "stray".into(),
            routing: RoutingDecision { auto_dispatch: true, reason: "Above 0.7 threshold".into() },
            replay_of: None,
            created_at: NOW,
            deliveries: vec![delivery],
        }))
    }
}

#[async_trait]
impl DeadLetters for One {
    async fn list(&self, filter: &DeadFilter, after: Option<&DeadCursor>, _: u32) -> Result<DeadPage, QueueError> {
        if self.down {
            return Err(QueueError::Unavailable("no route to host".into()));
        }
        let letter = |what, reason: &str| DeadLetter {
            id: id(UNIT),
            what,
            unit_id: UnitId(id(UNIT)),
            reason: reason.into(),
            attempts: 5,
            since: NOW,
            age: Duration::from_secs(90),
            author: Some(KnownPerson { kind: PersonKind::Realtor, id: "r-1".into(), name: Some("Maria Lopez".into()) }),
        };
        let failed = Dead::Delivery {
            dispatch_id: DispatchId(id(DISPATCH)),
            delivery_id: DeliveryId(id(UNIT)),
            destination: phone(),
            state: DeliveryState::Failed,
        };
        let items = vec![letter(Dead::Unit, "attempts_exhausted"), letter(failed, "twilio_21211")];
        let wanted = |one: &DeadLetter| filter.class.is_none_or(|class| class == one.class());
        let next = after.is_none().then(|| DeadCursor { since: NOW, id: id(UNIT) });
        Ok(DeadPage { items: items.into_iter().filter(wanted).collect(), next })
    }
}

fn over(down: bool) -> Data<Track> {
    Data::new(Track::new(Arc::new(One { down }), Arc::new(One { down })))
}

pub(super) fn track() -> Data<Track> {
    over(false)
}

fn read(path: &str) -> TestRequest {
    as_service(TestRequest::get().uri(path))
}

#[actix_web::test]
async fn a_dispatch_is_shown_with_each_attempt_and_never_a_phone_number() {
    let answer = ask(Fault::default(), read(&format!("/route/status/{}", DISPATCH.to_uppercase()))).await;
    assert!(answer.status == StatusCode::OK && !answer.body.contains("555"), "{}", answer.body);
    let body = answer.json();
    assert_eq!((&body["state"], &body["progress"]["pending"]), (&json!("routed"), &json!(1)));
    let one = &body["deliveries"][0];
    assert_eq!(one["destination"], json!({"type": "notification", "target": "sms"}));
    assert_eq!(one["attempts"][0]["next_at"], one["next_attempt_at"], "{one}");
    assert_eq!(
        one["attempts"][1],
        json!({"number": 2, "at": "2026-11-20T14:03:07.120Z", "outcome": "ambiguous", "code": "http_503", "took_ms": 230})
    );
    for unknown in [UNIT, "nothing"] {
        let path = format!("/route/status/{unknown}");
        ask(Fault::default(), read(&path)).await.problem(404, "dispatch_not_found");
    }
}

#[actix_web::test]
async fn what_is_dead_has_a_class_and_an_owner() {
    let answer = ask(Fault::default(), read("/route/dead-letters")).await;
    assert!(answer.status == StatusCode::OK && !answer.body.contains("555"), "{}", answer.body);
    let page = answer.json();
    let (unit, message) = (&page["items"][0], &page["items"][1]);
    assert_eq!((&unit["kind"], &unit["class"]), (&json!("unit"), &json!("pipeline")));
    assert_eq!(unit["owner"], json!({"kind": "realtor", "id": "r-1", "name": "Maria Lopez"}));
    assert_eq!(
        (&message["kind"], &message["class"], &message["state"]),
        (&json!("sms"), &json!("target"), &json!("failed"))
    );
    assert_eq!(message["owner"], json!({"kind": "destination", "name": "sms"}));
    assert_eq!((&message["dispatch_id"], &message["age_seconds"]), (&json!(DISPATCH), &json!(90)));
    let cursor = page["next_cursor"].as_str().expect("more");
    let next = ask(Fault::default(), read(&format!("/route/dead-letters?class=target&cursor={cursor}"))).await.json();
    assert_eq!((next["items"].as_array().map(Vec::len), next.get("next_cursor")), (Some(1), None));
    ask(Fault::default(), read("/route/dead-letters?limit=0&class=ours")).await.problem(400, "invalid_parameters");
}

#[actix_web::test]
async fn a_database_that_is_down_is_no_empty_list() {
    for path in [&format!("/route/status/{DISPATCH}"), "/route/dead-letters"] {
        let surface = Surface { track: over(true), ..surface(Fault::default()) };
        ask_surface(surface, read(path)).await.problem(503, "database_unavailable");
    }
    let guest = TestRequest::get().uri("/route/dead-letters").insert_header(("authorization", bearer_of("nobody")));
    ask(Fault::default(), guest).await.problem(403, "scope_missing");
}
