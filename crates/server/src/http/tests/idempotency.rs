//! A request that comes twice, in every way that it may.

mod hang_ups;

use super::*;
use crate::testing::brokerage;
use async_trait::async_trait;
use dispatch_mission::ids::{MissionId, OperationId};
use dispatch_mission::mission::Mission;
use dispatch_mission::mission_desk::{MissionAction, MissionDesk, MissionDeskError, NewMission, Request};
use dispatch_mission::testing::MemoryDesk;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::idempotency::{
    Claim, Fingerprint, IdempotencyStore, MemoryIdempotency, ScopeKey, StoredAnswer,
};
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

const LEASE: Duration = Duration::from_secs(60);
const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

/// What happens at the desk, and what came there.
#[derive(Default)]
struct Desks {
    /// How many calls fail, and how many panic, before one is served.
    failing: Mutex<usize>,
    panicking: Mutex<usize>,
    /// Where calls wait, when there is one.
    gate: Option<Semaphore>,
    came: Notify,
    operations: Mutex<Vec<Option<OperationId>>>,
}

struct Watched(Arc<Desks>, MemoryDesk);

#[async_trait]
impl MissionDesk for Watched {
    async fn create(&self, mission: &NewMission, request: &Request) -> Result<Mission, MissionDeskError> {
        self.0.operations.lock().expect("no holder panics").push(request.operation);
        self.0.came.notify_one();
        if let Some(gate) = &self.0.gate {
            gate.acquire().await.expect("open").forget();
        }
        let due = |left: &Mutex<usize>| {
            let mut left = left.lock().expect("no holder panics");
            let due = *left > 0;
            *left = left.saturating_sub(1);
            due
        };
        assert!(!due(&self.0.panicking), "as asked for");
        if due(&self.0.failing) {
            return Err(MissionDeskError::Unavailable("connection refused".into()));
        }
        self.1.create(mission, request).await
    }

    async fn act(
        &self,
        id: &MissionId,
        action: &MissionAction,
        request: &Request,
    ) -> Result<Mission, MissionDeskError> {
        self.1.act(id, action, request).await
    }
}

/// A store that does not answer.
struct Down;

#[async_trait]
impl IdempotencyStore for Down {
    async fn claim(&self, _: &ScopeKey, _: &Fingerprint, _: Duration) -> Result<Claim, StoreUnavailable> {
        Err(StoreUnavailable("connection refused".into()))
    }

    async fn finish(&self, _: &ScopeKey, _: OperationId, _: &StoredAnswer) -> Result<bool, StoreUnavailable> {
        Err(StoreUnavailable("connection refused".into()))
    }

    async fn release(&self, _: &ScopeKey, _: OperationId) -> Result<(), StoreUnavailable> {
        Err(StoreUnavailable("connection refused".into()))
    }

    async fn reopen(&self, _: &ScopeKey, _: &str) -> Result<(), StoreUnavailable> {
        Err(StoreUnavailable("connection refused".into()))
    }

    async fn purge(&self, _: u32) -> Result<u32, StoreUnavailable> {
        Err(StoreUnavailable("connection refused".into()))
    }
}

fn wired(desks: &Arc<Desks>, keys: Arc<dyn IdempotencyStore>) -> Surface {
    let desk = Watched(desks.clone(), MemoryDesk::new(brokerage(), Vec::new()));
    Surface {
        desk: Data::new(Desk::new(Arc::new(desk))),
        keys: Data::new(Keys::new(keys, LEASE)),
        ..surface(Fault::default())
    }
}

fn create(path: &str, key: &str, body: &Value) -> TestRequest {
    as_service(TestRequest::post()).uri(path).insert_header(("idempotency-key", key)).set_json(body)
}

fn sign_order() -> Value {
    json!({"title": "Order a yard sign", "priority": 3})
}

/// Asks one server for all of these, one after the other.
async fn ask_all(surface: Surface, requests: Vec<TestRequest>) -> Vec<Answer> {
    let app = init_service(app(surface)).await;
    let mut answers = Vec::new();
    for request in requests {
        answers.push(Answer::of(call_service(&app, request.to_request()).await).await);
    }
    answers
}

async fn ask_memory(requests: Vec<TestRequest>) -> (Arc<Desks>, Vec<Answer>) {
    let desks = Arc::new(Desks::default());
    let answers = ask_all(wired(&desks, Arc::new(MemoryIdempotency::default())), requests).await;
    (desks, answers)
}

fn calls(desks: &Desks) -> usize {
    desks.operations.lock().expect("no holder panics").len()
}

#[actix_web::test]
async fn every_change_of_the_document_takes_a_key() {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let open = operation["security"].as_array().is_some_and(Vec::is_empty);
            if open || !["post", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let path = path.replace("{mission_id}", "m-1").replace("{id}", "m-1");
            let request = || as_service(TestRequest::default().method(method.clone())).uri(&path);
            let parameters = operation["parameters"].as_array().expect("parameters");
            let mut declared = parameters.iter().map(|parameter| contract::resolve(&document, parameter));
            let declared = declared.find(|parameter| parameter["name"] == "Idempotency-Key").expect("it is declared");
            for wrong in ["", "two words"] {
                let answer = ask(Fault::default(), request().insert_header(("idempotency-key", wrong))).await;
                answer.problem(400, "idempotency_key_invalid");
            }
            let twice = request().append_header(("idempotency-key", "a")).append_header(("idempotency-key", "b"));
            ask(Fault::default(), twice).await.problem(400, "idempotency_key_invalid");
            let bare = ask(Fault::default(), request()).await;
            assert_eq!(bare.body.contains("idempotency_key_required"), declared["required"] == true, "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked >= 7, "{asked}");
    ask(Fault::default(), as_service(TestRequest::post()).uri("/missions").set_json(sign_order()))
        .await
        .problem(400, "idempotency_key_required");
}

#[actix_web::test]
async fn a_repeat_gets_the_same_answer_and_nothing_is_done_again() {
    let quoted = format!("\"{KEY}\"");
    let reordered = json!({"priority": 3.0, "title": "Order a yard sign"});
    let requests = vec![
        create("/missions", KEY, &sign_order()),
        create("/dispatch/missions", &quoted, &reordered),
        create("/missions", KEY, &sign_order()),
    ];
    let (desks, answers) = ask_memory(requests).await;
    let first = &answers[0];
    assert_eq!((first.status, first.header("idempotent-replayed")), (StatusCode::CREATED, ""));
    let mission = first.json();
    assert_eq!(first.header("location"), format!("/missions/{}", mission["mission_id"].as_str().expect("an id")));
    for repeat in &answers[1..] {
        assert_eq!((repeat.status, &repeat.body), (StatusCode::CREATED, &first.body));
        assert_eq!(repeat.header("idempotent-replayed"), "true");
        for name in ["location", "content-type", "cache-control"] {
            assert_eq!(repeat.header(name), first.header(name), "{name}");
        }
        assert_ne!(repeat.header("dispatch-trace-id"), first.header("dispatch-trace-id"));
    }
    assert_eq!(calls(&desks), 1);
}

#[actix_web::test]
async fn a_key_is_of_one_caller_one_route_and_one_body() {
    let other_caller = TestRequest::post().uri("/missions").insert_header(("authorization", token()));
    let other_caller = other_caller.insert_header(("idempotency-key", KEY)).set_json(json!({"title": "Another"}));
    let other_route = as_service(TestRequest::post()).uri("/missions/none/reopen");
    let requests = vec![
        create("/missions", KEY, &sign_order()),
        create("/missions", KEY, &json!({"title": "Another"})),
        create("/missions?x=1", KEY, &sign_order()),
        other_route.insert_header(("idempotency-key", KEY)),
        other_caller,
    ];
    let (desks, answers) = ask_memory(requests).await;
    assert_eq!(answers[0].status, StatusCode::CREATED);
    answers[1].problem(422, "idempotency_key_reused");
    answers[2].problem(422, "idempotency_key_reused");
    answers[3].problem(404, "mission_not_found");
    assert_eq!((answers[4].status, &answers[4].json()["title"]), (StatusCode::CREATED, &json!("Another")));
    assert_eq!(calls(&desks), 2);
}

#[actix_web::test]
async fn a_refusal_is_given_again_word_for_word() {
    let wrong = json!({"title": "Take photos", "kind": "activity", "listing_id": "nowhere"});
    let requests = vec![
        create("/missions", "a", &wrong),
        create("/missions", "a", &wrong),
        create("/missions", "b", &json!({"titel": 1})),
        create("/missions", "b", &json!({"titel": 1})),
    ];
    let (desks, answers) = ask_memory(requests).await;
    let first = answers[0].problem(400, "invalid_body");
    assert_eq!(first["errors"][0]["pointer"], "/listing_id");
    assert_eq!(answers[2].problem(400, "invalid_body")["errors"][0]["pointer"], "/titel");
    for (first, repeat) in [(&answers[0], &answers[1]), (&answers[2], &answers[3])] {
        assert_eq!((repeat.status, &repeat.body), (first.status, &first.body));
        assert_eq!(repeat.header("content-type"), "application/problem+json");
        assert_eq!((first.header("idempotent-replayed"), repeat.header("idempotent-replayed")), ("", "true"));
    }
    assert_eq!(calls(&desks), 1);
}

#[actix_web::test]
async fn nothing_is_done_while_the_store_is_down() {
    let desks = Arc::new(Desks::default());
    let answers = ask_all(wired(&desks, Arc::new(Down)), vec![create("/missions", KEY, &sign_order())]).await;
    let problem = answers[0].problem(503, "database_unavailable");
    assert_eq!((&problem["retryable"], calls(&desks)), (&json!(true), 0));
}

#[actix_web::test]
async fn a_fault_of_ours_is_not_kept_and_its_operation_goes_on() {
    let desks = Arc::new(Desks { failing: Mutex::new(1), panicking: Mutex::new(1), ..Desks::default() });
    let requests = (0..4).map(|_| create("/missions", KEY, &sign_order())).collect();
    let answers = ask_all(wired(&desks, Arc::new(MemoryIdempotency::default())), requests).await;
    answers[0].problem(500, "internal_error");
    answers[1].problem(503, "database_unavailable");
    assert_eq!((answers[2].status, answers[2].header("idempotent-replayed")), (StatusCode::CREATED, ""));
    assert_eq!((answers[3].status, answers[3].header("idempotent-replayed")), (StatusCode::CREATED, "true"));
    let operations = desks.operations.lock().expect("no holder panics");
    assert_eq!(operations.len(), 3);
    assert!(operations.iter().all(|one| one.is_some() && *one == operations[0]), "{operations:?}");
}

#[actix_web::test]
async fn while_the_first_is_at_work_a_second_is_told_to_come_again() {
    let desks = Arc::new(Desks { gate: Some(Semaphore::new(0)), ..Desks::default() });
    let app = init_service(app(wired(&desks, Arc::new(MemoryIdempotency::default())))).await;
    let request = || create("/missions", KEY, &sign_order()).to_request();
    let second = async {
        desks.came.notified().await;
        let answer = Answer::of(call_service(&app, request()).await).await;
        desks.gate.as_ref().expect("there is one").add_permits(1);
        answer
    };
    let (first, second) = tokio::join!(call_service(&app, request()), second);
    second.problem(409, "idempotency_in_progress");
    assert_eq!(second.header("retry-after"), "1");
    let first = Answer::of(first).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let third = Answer::of(call_service(&app, request()).await).await;
    assert_eq!((&third.body, third.header("idempotent-replayed")), (&first.body, "true"));
    assert_eq!(calls(&desks), 1);
}
