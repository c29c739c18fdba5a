//! Classification by request: as a stream, as one answer, and every way to be refused.

use super::*;
use async_trait::async_trait;
use dispatch_classification::classification::{Meaning, Utterance};
use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Listener};
use dispatch_classification::taxonomy::TaskKey;
use dispatch_mission::ids::{ClassificationId, StreamId};
use dispatch_mission::zone::Zone;
use dispatch_pipeline::ports::classifications::{KeptClassification, MemoryClassifications};
use dispatch_pipeline::ports::streams::{EventName, MemoryStreams, StreamEvent};
use dispatch_pipeline::streams::StreamLimits;
use dispatch_pipeline::testing::{classified, rich};
use dispatch_routing::policy::Policy;
use serde_json::Map;

const STREAM: &str = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e";
const OF_UNIT: &str = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60";

fn id(text: &str) -> uuid::Uuid {
    uuid::Uuid::try_parse(text).expect("a UUID")
}

/// One that has ended, of `user-1`.
pub(super) fn streams() -> Data<Streams> {
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    let events = [
        (EventName::Metadata, json!({"stream_id": STREAM})),
        (EventName::Delta, json!({"provider": "local", "attempt": 1, "text": "two\nlines"})),
        (EventName::Error, json!({"code": "teller_lost", "retryable": true, "detail": "For a reason."})),
    ];
    let numbered = (1..).zip(events).map(|(seq, (name, data))| StreamEvent { seq, name, data: object(data) });
    let store = MemoryStreams::with(StreamId(id(STREAM)), "user:user-1", numbered.collect());
    Data::new(Streams::new(Arc::new(store), StreamLimits::default()))
}

/// What a message means is in it; and one classification of a unit.
pub(super) fn classify() -> Data<Classify> {
    let kept = KeptClassification {
        classification_id: ClassificationId(id(OF_UNIT)),
        classified: rich(),
        preview: None,
        unit_id: Some(dispatch_mission::ids::UnitId(id(STREAM))),
        principal: None,
        metadata: Map::new(),
        created_at: NOW,
    };
    let store = Arc::new(MemoryClassifications::with(kept));
    let clock = Arc::new(FixedClock(NOW));
    let minds = vec!["classifier.parrot".into()];
    Data::new(Classify::new(Arc::new(Parrot), store, Policy::default(), Zone::toronto(), clock, minds))
}

/// Says what it reads, then that it is work. `unreachable` and `unusable` are what they say.
pub(super) struct Parrot;

#[async_trait]
impl Classifier for Parrot {
    fn name(&self) -> &'static str {
        "parrot"
    }

    fn width(&self) -> usize {
        4
    }

    async fn classify(&self, unit: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError> {
        let text = unit[0].text.as_str();
        listener.delta("parrot", 1, text);
        match text {
            "unreachable" => Err(ClassifierError::unavailable("timeout", "somebody's words")),
            "unusable" => Err(ClassifierError::unusable("invalid_answer", "somebody's words")),
            "all" => Ok(rich()),
            _ => {
                Ok(Classified { provenance: rich().provenance, ..classified(Meaning::Stray(TaskKey::BuyerDeal), 0.25) })
            }
        }
    }
}

/// A sound GET of a path of the document.
pub(super) fn sound_path(path: &str) -> String {
    path.replace("{stream_id}", STREAM).replace("{classification_id}", OF_UNIT)
}

/// A sound POST to a path of the document.
pub(super) fn sound(path: &str) -> TestRequest {
    match path {
        "/reason/query" => query::sound(path),
        _ => post(path, &json!({"message": "all", "metadata": {"mine": 1}})),
    }
}

pub(super) fn post(path: &str, body: &Value) -> TestRequest {
    TestRequest::post().uri(path).insert_header(("authorization", token())).set_json(body)
}

/// One event as it came.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) data: Value,
}

/// Reads strictly what we write strictly.
pub(super) fn events(body: &str) -> Vec<Event> {
    let rest = body.strip_prefix("retry: 2000\n\n").expect("the opening");
    let whole: Vec<_> = rest.split_terminator("\n\n").collect();
    assert!(rest.ends_with("\n\n"), "every event is whole");
    let read = |text: &&str| {
        let lines: Vec<_> = text.lines().collect();
        let field = |at: usize, name: &str| lines[at].strip_prefix(name).expect("a field").to_owned();
        assert_eq!(lines.len(), 3, "{text}");
        let data = serde_json::from_str(&field(2, "data: ")).expect("JSON");
        Event { id: field(0, "id: "), name: field(1, "event: "), data }
    };
    whole.iter().map(read).collect()
}

/// Names and seqs, which are counted from 1.
pub(super) fn names(events: &[Event]) -> Vec<&str> {
    for (event, seq) in events.iter().zip(1..) {
        assert!(event.id.ends_with(&format!(":{seq}")), "{events:?}");
    }
    events.iter().map(|event| event.name.as_str()).collect()
}

#[actix_web::test]
async fn a_message_is_classified_as_a_stream() {
    let answer = ask(Fault::default(), post("/reason/classify", &json!({"message": "all"}))).await;
    assert_eq!(answer.header("content-type"), "text/event-stream");
    assert_eq!((answer.header("cache-control"), answer.header("x-accel-buffering")), ("no-store", "no"));
    let events = events(&answer.body);
    assert_eq!(names(&events), ["metadata", "delta", "classification", "complete"]);
    let (metadata, told, complete) = (&events[0].data, &events[2].data, &events[3].data);
    assert_eq!(events[0].id, format!("{}:1", metadata["stream_id"].as_str().expect("its id")));
    assert_eq!(metadata["classifiers"], json!(["classifier.parrot"]));
    assert_eq!(events[1].data, json!({"provider": "parrot", "attempt": 1, "text": "all"}));
    assert_eq!(told["classification_id"], metadata["classification_ids"][0]);
    assert_eq!((&told["message_type"], &told["task_key"]), (&json!("STRAY"), &json!("OPS_MISC_TASK")));
    assert_eq!((&told["confidence"], &told["due_date"]), (&json!(0.7), &json!("2026-11-27T17:00")));
    assert_eq!(told["listing"], json!({"type": "LEASE", "address": "12 Elm St \u{1f3e1}"}));
    assert_eq!(
        told["routing_decision"],
        json!({"auto_dispatch": true, "reason": "Above 0.7 threshold", "rule": "stray"})
    );
    assert!(told.get("index").is_none() && !answer.body.contains("null"), "{}", answer.body);
    assert_eq!(
        (&complete["status"], &complete["classification_ids"]),
        (&json!("success"), &metadata["classification_ids"])
    );
    assert_eq!(complete["usage"], json!({"input_tokens": 800, "output_tokens": 60, "cost_micros": 12}));
}

#[actix_web::test]
async fn each_message_of_a_batch_has_its_place() {
    let body =
        json!({"messages": [{"message": "one"}, {"message": "all", "metadata": {"k": "v"}}, {"message": "three"}]});
    let answer = ask(Fault::default(), post("/reason/classify", &body)).await;
    let events = events(&answer.body);
    let told: Vec<_> = events.iter().filter(|event| event.name == "classification").map(|event| &event.data).collect();
    assert_eq!(told.iter().map(|told| told["index"].as_i64()).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    assert_eq!((&told[1]["metadata"], told[0].get("metadata")), (&json!({"k": "v"}), None));
    let all = events.last().expect("an end");
    assert_eq!((all.name.as_str(), all.data["classification_ids"].as_array().map(Vec::len)), ("complete", Some(3)));

    let answer = ask(Fault::default(), post("/reason/classifications", &body)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let list = answer.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3));
    assert_eq!((&list["items"][2]["index"], &list["usage"]["input_tokens"]), (&json!(2), &json!(2400)));
}

#[actix_web::test]
async fn the_one_answer_is_kept_for_whoever_asked_and_for_observers() {
    let app = init_service(app(surface(Fault::default()))).await;
    let asked = call_service(&app, post("/reason/classifications", &json!({"message": "x"})).to_request()).await;
    assert_eq!(asked.status(), StatusCode::CREATED, "of one message as of several");
    let mut told = Answer::of(asked).await.json()["items"][0].take();
    assert_eq!(told.as_object_mut().and_then(|told| told.remove("index")), Some(json!(0)));
    assert_eq!((&told["confidence"], &told["routing_decision"]["rule"]), (&json!(0.25), &json!("below_threshold")));
    let path = format!("/reason/classifications/{}", told["classification_id"].as_str().expect("an id"));
    let show = async |path: &str, name: &'static str, value: String| {
        let request = TestRequest::get().uri(path).insert_header((name, value));
        Answer::of(call_service(&app, request.to_request()).await).await
    };
    assert_eq!(
        show(
            &path.to_uppercase().replace("/REASON/CLASSIFICATIONS", "/reason/classifications"),
            "authorization",
            token()
        )
        .await
        .json(),
        told
    );
    assert_eq!(show(&path, "authorization", bearer_of("marketing")).await.status, StatusCode::OK, "staff observes");
    show(&path, "x-api-key", "dsp_reason".into()).await.problem(404, "classification_not_found");
    show(&path, "x-api-key", "dsp_missions".into()).await.problem(403, "scope_missing");
    let of_unit = format!("/reason/classifications/{OF_UNIT}");
    assert_eq!(show(&of_unit, "authorization", token()).await.json()["unit_id"], STREAM);
    show(&of_unit, "x-api-key", "dsp_reason".into()).await.problem(404, "classification_not_found");
    show("/reason/classifications/none", "authorization", token()).await.problem(404, "classification_not_found");
}

#[actix_web::test]
async fn a_stream_is_followed_from_where_the_client_says() {
    let path = format!("/reason/stream/{STREAM}");
    let follow = async |path: &str, last: &str| {
        ask(Fault::default(), get_as_user(path).insert_header(("last-event-id", last))).await
    };
    let whole = follow(&path, "").await;
    assert_eq!(names(&events(&whole.body)), ["metadata", "delta", "error"]);
    assert!(whole.body.contains(r#""text":"two\nlines""#), "one line: {}", whole.body);
    for (path, last) in [
        (path.clone(), format!("{STREAM}:2")),
        (path.to_uppercase().replace("/REASON/STREAM", "/reason/stream"), format!("{}:2", STREAM.to_uppercase())),
        (format!("{path}?after={STREAM}:2"), String::new()),
        (format!("{path}?after={STREAM}:0"), format!("{STREAM}:2")),
    ] {
        let rest = events(&follow(&path, &last).await.body);
        assert_eq!((rest.len(), rest[0].id.as_str()), (1, format!("{STREAM}:3").as_str()), "{path} {last}");
    }
    let nothing = follow(&path, &format!("{STREAM}:3")).await;
    assert_eq!((nothing.status, nothing.body.as_str()), (StatusCode::NO_CONTENT, ""));
    let other = id(OF_UNIT);
    for last in ["3", "x:3", &format!("{STREAM}:x"), &format!("{STREAM}:-1"), &format!("{other}:2"), STREAM] {
        let problem = follow(&path, last).await.problem(400, "last_event_id_invalid");
        assert_eq!(problem["errors"][0]["parameter"], "Last-Event-ID");
    }
    let wrong = follow(&format!("{path}?after=3"), "").await.problem(400, "last_event_id_invalid");
    assert_eq!(wrong["errors"][0]["parameter"], "after");
}

#[actix_web::test]
async fn an_error_in_a_stream_is_a_problem() {
    let answer = ask(Fault::default(), get_as_user(&format!("/reason/stream/{STREAM}"))).await;
    let problem = events(&answer.body).pop().expect("an end").data;
    assert_eq!((&problem["code"], &problem["status"]), (&json!("teller_lost"), &json!(503)));
    assert_eq!((&problem["retryable"], &problem["detail"]), (&json!(true), &json!("For a reason.")));
    assert_eq!(problem["type"], "https://dispatch.archieos.com/problems/teller_lost");
    assert_eq!(problem["instance"], format!("/reason/stream/{STREAM}"));
    assert_eq!(problem["trace_id"], answer.header("dispatch-trace-id"));
    for (text, code) in [("unreachable", "classifier_unavailable"), ("unusable", "classification_failed")] {
        let answer = ask(Fault::default(), post("/reason/classify", &json!({"message": text}))).await;
        let told = events(&answer.body);
        assert_eq!(names(&told), ["metadata", "delta", "error"]);
        assert_eq!(told[2].data["code"], code);
        assert!(!told[2].data.to_string().contains("words"), "the cause stays inside");
        let status = if text == "unreachable" { 503 } else { 502 };
        let plain = ask(Fault::default(), post("/reason/classifications", &json!({"message": text}))).await;
        plain.problem(status, code);
    }
}

#[actix_web::test]
async fn a_stream_is_its_owners() {
    let path = format!("/reason/stream/{STREAM}");
    let other = TestRequest::get().uri(&path).insert_header(("authorization", bearer_of("admin")));
    ask(Fault::default(), other).await.problem(404, "stream_not_found");
    ask(Fault::default(), get_as_user(&format!("/reason/stream/{OF_UNIT}"))).await.problem(404, "stream_not_found");
    ask(Fault::default(), get_as_user("/reason/stream/none")).await.problem(404, "stream_not_found");
    ask(Fault::default(), TestRequest::get().uri(&path)).await.problem(401, "authentication_required");
    let guest = TestRequest::get().uri(&path).insert_header(("authorization", bearer_of("nobody")));
    ask(Fault::default(), guest).await.problem(403, "scope_missing");
    let head = ask(Fault::default(), get_as_user(&path).method(Method::HEAD)).await;
    assert_eq!((head.status, head.header("content-type")), (StatusCode::OK, "text/event-stream"));
}

#[actix_web::test]
async fn a_repeat_follows_the_stream_that_was_the_answer() {
    let app = init_service(app(surface(Fault::default()))).await;
    let keyed = |body: &Value| post("/reason/classify", body).insert_header(("idempotency-key", "k-1"));
    let ask = async |request: TestRequest| Answer::of(call_service(&app, request.to_request()).await).await;
    let first = ask(keyed(&json!({"message": "all"}))).await;
    let again = ask(keyed(&json!({"message": "all"}))).await;
    assert_eq!((&again.body, again.header("idempotent-replayed")), (&first.body, "true"));
    let last = events(&first.body).pop().expect("an end").id;
    let rest = ask(keyed(&json!({"message": "all"})).insert_header(("last-event-id", last.clone()))).await;
    assert_eq!(rest.status, StatusCode::NO_CONTENT);
    ask(keyed(&json!({"message": "else"}))).await.problem(422, "idempotency_key_reused");
}

#[actix_web::test]
async fn a_repeat_of_what_failed_for_the_moment_is_tried_again() {
    let app = init_service(app(surface(Fault::default()))).await;
    for (text, again) in [("unreachable", true), ("unusable", false)] {
        let keyed = || post("/reason/classify", &json!({"message": text})).insert_header(("idempotency-key", text));
        let ask = async |request: TestRequest| Answer::of(call_service(&app, request.to_request()).await).await;
        let (first, second) = (ask(keyed()).await, ask(keyed()).await);
        let (one, two) = (events(&first.body), events(&second.body));
        assert_eq!(second.header("idempotent-replayed"), if again { "" } else { "true" }, "{text}");
        assert_eq!(one[0].id != two[0].id, again, "{text}");
        assert_eq!(one[0].data["classification_ids"], two[0].data["classification_ids"], "the same operation");
        let rest = ask(keyed().insert_header(("last-event-id", two[1].id.clone()))).await;
        assert_eq!(events(&rest.body)[0].id, two[2].id, "who has a part of it gets the rest");
    }
}

#[actix_web::test]
async fn one_caller_has_so_many_streams_at_a_time() {
    let limits = StreamLimits { of_owner: 0, ..StreamLimits::default() };
    let streams = Data::new(Streams::new(Arc::new(MemoryStreams::default()), limits));
    let surface = Surface { streams, ..surface(Fault::default()) };
    let refused = ask_surface(surface, post("/reason/classify", &json!({"message": "all"}))).await;
    assert_eq!(refused.problem(429, "too_many_streams")["retryable"], true);
    assert_ne!(refused.header("retry-after"), "");
}

#[test]
fn examples_name_the_models_that_there_are() {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let models = [dispatch_classification::local::MODEL, dispatch_pipeline::query::LOCAL_MODEL];
    let mut seen = 0;
    let mut rest = vec![&document];
    while let Some(value) = rest.pop() {
        if value["provider"] == "local" && value["model"].is_string() {
            assert!(models.iter().any(|model| value["model"] == *model), "{value}");
            seen += 1;
        }
        match value {
            Value::Object(members) => rest.extend(members.values()),
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    assert!(seen > 4, "{seen}");
}

#[actix_web::test]
async fn every_stream_ends_with_the_same_members() {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    let schema = json!({ "$ref": "#/components/schemas/StreamCompleteEvent" });
    let body = json!({ "responses": { "200": { "content": { "application/json": { "schema": schema } } } } });
    for path in ["/reason/classify", "/reason/query"] {
        let end = events(&ask(Fault::default(), sound(path)).await.body).pop().expect("an end");
        assert_eq!(end.name, "complete");
        let mut breaches = contract::breaches(&document, &body, &end.data.to_string());
        // Each has members of its own beside these.
        breaches.retain(|breach| !breach.ends_with("is not declared"));
        assert_eq!(breaches, [""; 0], "{path}: {}", end.data);
        assert!(end.data["latency_ms"].is_number(), "{path}");
    }
    let operation = |path: &str, method: &str| document["paths"][path][method].clone();
    let all = &operation("/reason/stream/{stream_id}", "get")["x-sse-events"];
    for path in ["/reason/classify", "/reason/query"] {
        let told = operation(path, "post");
        assert!(told["responses"]["204"].is_object(), "{path}");
        assert!(told["x-sse-events"].as_object().expect("events").keys().all(|name| all[name].is_string()), "{path}");
    }
}

#[actix_web::test]
async fn what_cannot_be_read_is_pointed_at() {
    let long = "ü".repeat(16_001);
    let large: Map<String, Value> = (0..900).map(|n| (format!("member-{n}"), json!(n))).collect();
    let many: Vec<_> = (0..51).map(|_| json!({"message": "x"})).collect();
    for (body, code, pointer) in [
        (json!({}), "invalid_body", "/message"),
        (json!({"message": " \n"}), "invalid_body", "/message"),
        (json!({"message": 1}), "invalid_body", "/message"),
        (json!({"message": "x", "colour": "red"}), "invalid_body", "/colour"),
        (json!({"message": "x", "source": "fax"}), "invalid_body", "/source"),
        (json!({"message": "x", "timestamp": "tomorrow"}), "invalid_body", "/timestamp"),
        (json!({"message": "x", "timestamp": "0001-01-01T00:00:00Z"}), "invalid_body", "/timestamp"),
        (json!({"message": "x", "metadata": [1]}), "invalid_body", "/metadata"),
        (json!({"message": "x", "messages": []}), "invalid_body", "/messages"),
        (json!({"messages": []}), "invalid_body", "/messages"),
        (json!({"messages": [{"message": "x"}], "source": "sms"}), "invalid_body", "/source"),
        (json!({"messages": [{"message": "x"}, {"message": ""}]}), "invalid_body", "/messages/1/message"),
        (json!({"messages": [{"message": "x"}, {"text": "y"}]}), "invalid_body", "/messages/1/text"),
        (json!({"message": long}), "limit_exceeded", "/message"),
        (json!({"messages": [{"message": "x"}, {"message": long}]}), "limit_exceeded", "/messages/1/message"),
        (json!({"message": "x", "metadata": large}), "limit_exceeded", "/metadata"),
        (json!({"messages": many}), "limit_exceeded", "/messages"),
    ] {
        let status = if code == "invalid_body" { 400 } else { 422 };
        for path in ["/reason/classify", "/reason/classifications"] {
            let problem = ask(Fault::default(), post(path, &body)).await.problem(status, code);
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        }
    }
    let full = json!({"messages": (0..15).map(|_| json!({"message": "\u{1f3e1}".repeat(16_000)})).collect::<Vec<_>>()});
    let answer = ask(Fault::default(), post("/reason/classifications", &full)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
}
