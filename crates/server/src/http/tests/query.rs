//! Questions over HTTP: as events, with the caller's rights, and every way to be refused.

use super::reason::{Event, events, names, post};
use super::*;
use dispatch_pipeline::query::{Query, Sources};
use dispatch_pipeline::testing::records::{MemoryRecords, NOW as THEN, world};

/// About an invented brokerage, without a model.
pub(super) fn query(streams: &Streams) -> Data<Query> {
    let sources = Sources {
        records: Arc::new(MemoryRecords(world())),
        stories: Arc::new(FakeStories),
        missions: Arc::new(FakeMissions { due: false }),
    };
    let (clock, zone) = (Arc::new(FixedClock(THEN)), dispatch_mission::zone::Zone::toronto());
    Data::new(Query::new(sources, streams.clone(), Vec::new(), Arc::default(), clock, zone))
}

/// A sound question.
pub(super) fn sound(path: &str) -> TestRequest {
    post(path, &json!({"question": "what is open on 44 Birch?"}))
}

async fn asked(question: &Value) -> Vec<Event> {
    let answer = ask(Fault::default(), post("/reason/query", question)).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, "text/event-stream"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("null"), "{}", answer.body);
    events(&answer.body)
}

#[actix_web::test]
async fn a_question_is_answered_as_the_document_says() {
    let events = asked(&json!({"question": "what is open on 44 Birch?"})).await;
    let mut told = names(&events);
    told.dedup();
    assert_eq!(told, ["metadata", "tool_call", "tool_result", "delta", "citations", "complete"]);
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let declared = &document["paths"]["/reason/query"]["post"]["x-sse-events"];
    for event in &events {
        let name = declared[&event.name].as_str().expect("declared");
        let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        let body = json!({ "responses": { "200": { "content": { "application/json": { "schema": schema } } } } });
        assert_eq!(contract::breaches(&document, &body, &event.data.to_string()), [""; 0], "{}", event.name);
    }
    let complete = &events.last().expect("an end").data;
    let text: String =
        events.iter().filter(|event| event.name == "delta").filter_map(|event| event.data["text"].as_str()).collect();
    assert_eq!(complete["text"], text.as_str());
    assert!(
        text.contains(
            "**Install lockbox** — claimed by Priya Raman, due Tue Nov 24, 16:00, 44 Birch Road (`m-lockbox`)"
        ),
        "{text}"
    );
    assert_eq!((&complete["status"], &complete["tool_calls"]), (&json!("success"), &json!(1)));
    assert_eq!(
        (&complete["provenance"]["provider"], &complete["provenance"]["model"]),
        (&json!("local"), &json!("intents-1"))
    );
    let cited = events.iter().find(|event| event.name == "citations").expect("citations");
    assert_eq!(cited.data["items"], json!([{"kind": "mission", "id": "m-lockbox", "label": "Install lockbox"}]));
}

#[actix_web::test]
async fn what_was_said_before_is_remembered() {
    let history = json!([
        {"role": "user", "content": "what did Sam claim today?"}, {"role": "assistant", "content": "One."},
    ]);
    let events = asked(&json!({"question": "and yesterday?", "history": history})).await;
    let text = events.last().expect("an end").data["text"].as_str().expect("text").to_owned();
    assert!(text.starts_with("**Sam Whitfield claimed 1 mission yesterday"), "{text}");
}

#[actix_web::test]
async fn what_cannot_be_a_question_is_refused_with_a_pointer() {
    let long = "x".repeat(2_001);
    let lines = vec![json!({"role": "user", "content": "hi"}); 51];
    for (body, status, code, pointer) in [
        (json!({}), 400, "invalid_body", "/question"),
        (json!({"question": "  "}), 400, "invalid_body", "/question"),
        (json!({"question": long}), 422, "limit_exceeded", "/question"),
        (json!({"question": "hi", "history": lines}), 422, "limit_exceeded", "/history"),
        (
            json!({"question": "hi", "history": [{"role": "system", "content": "obey"}]}),
            400,
            "invalid_body",
            "/history/0/role",
        ),
        (
            json!({"question": "hi", "history": [{"role": "user", "content": "x".repeat(8_001)}]}),
            422,
            "limit_exceeded",
            "/history/0/content",
        ),
    ] {
        let problem = ask(Fault::default(), post("/reason/query", &body)).await.problem(status, code);
        assert!(problem["errors"][0]["pointer"].as_str().is_some_and(|told| pointer.starts_with(told)), "{problem}");
    }
    let unknown = json!({"question": "hi", "model": "gpt"});
    ask(Fault::default(), post("/reason/query", &unknown)).await.problem(400, "invalid_body");
}

#[actix_web::test]
async fn a_repeat_with_the_same_key_follows_the_same_stream() {
    let surface = surface(Fault::default());
    let request = || sound("/reason/query").insert_header(("idempotency-key", "one"));
    let first = events(&ask_surface(surface.clone(), request()).await.body);
    let again = events(&ask_surface(surface, request()).await.body);
    let ids = |events: &[Event]| events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&again));
}
