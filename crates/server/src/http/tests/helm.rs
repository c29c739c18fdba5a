//! The old contract under its prefix, and the unprefixed legacy paths under both values of the flag.

use super::slack::{message, signed};
use super::*;
use crate::http::operations::Farewell;
use crate::http::operations::status::Integrations;
use dispatch_pipeline::helm::{Helm, HelmParts};
use dispatch_pipeline::ports::flag::{ApiVersion, MemoryFlag, MemoryFlagLedger, Steering};
use dispatch_pipeline::ports::flip_watch::{Compared, MemoryFlips};
use futures_util::FutureExt as _;
use time::macros::datetime;
use tokio_util::sync::CancellationToken;

/// A flag that nobody has set.
pub(super) fn helm() -> Data<Helm> {
    steered(Steering::all_to(ApiVersion::Dispatch))
}

pub(super) fn farewell() -> Data<Farewell> {
    let (deprecated, sunset) = (datetime!(2026-11-28 00:00 UTC), datetime!(2027-12-31 00:00 UTC));
    Data::new(Farewell { deprecated, sunset })
}

pub(super) fn integrations() -> Data<Integrations> {
    Data::new(Integrations { openai: false, slack: true, twilio: true })
}

pub(super) fn steered(steering: Steering) -> Data<Helm> {
    let store = Arc::new(MemoryFlag::default());
    store.put(steering).now_or_never().expect("memory does not wait").expect("written");
    let parts = HelmParts {
        store,
        ledger: Arc::new(MemoryFlagLedger::default()),
        flips: Arc::new(MemoryFlips::default()),
        replica: "here".into(),
    };
    Data::from(Helm::take(parts, Some(ApiVersion::Dispatch)).now_or_never().expect("memory does not wait"))
}

pub(super) fn under(version: ApiVersion) -> Surface {
    Surface { helm: steered(Steering::all_to(version)), ..surface(Fault::default()) }
}

fn json_post(path: &str, body: &Value) -> TestRequest {
    as_service(TestRequest::post().uri(path)).set_json(body)
}

fn at(path: &str, body: &Value) -> TestRequest {
    signed(body.to_string()).uri(path)
}

const OLD: [ApiVersion; 2] = ApiVersion::ALL;

#[actix_web::test]
async fn old_slack_answers_are_the_old_ones_whatever_the_flag_says() {
    let event = |change: fn(&mut Value)| {
        let mut body = message("hello");
        change(&mut body);
        body
    };
    let failure = |error: &str| json!({ "ok": false, "error": error });
    for version in OLD {
        for (body, answer) in [
            (message("hello"), json!({ "ok": true })),
            (event(|body| body["event"]["bot_id"] = json!("B1")), json!({ "ok": true })),
            (event(|body| drop(body.as_object_mut().unwrap().remove("event"))), failure("missing_event")),
            (
                event(|body| drop(body["event"].as_object_mut().unwrap().remove("user"))),
                failure("missing_user_or_channel"),
            ),
            (event(|body| body["event"]["type"] = json!("reaction_added")), failure("unknown_event_type")),
            (json!({ "type": "url_verification", "challenge": "abc" }), json!({ "challenge": "abc" })),
        ] {
            let told = ask_surface(under(version), at("/operations/webhooks/slack", &body)).await;
            assert_eq!((told.status.as_u16(), told.json()), (200, answer), "{body}");
        }
        let forged = at("/operations/webhooks/slack", &message("x")).insert_header(("x-slack-signature", "v0=00"));
        let told = ask_surface(under(version), forged).await;
        assert_eq!(told.status, StatusCode::UNAUTHORIZED);
        assert!(
            told.json()["detail"].is_string() && told.header("content-type") == "application/json",
            "{}",
            told.body
        );
    }
    let down = surface(Fault { log_down: true, ..Fault::default() });
    let told = ask_surface(down, at("/operations/webhooks/slack", &message("x"))).await;
    assert_eq!((told.status.as_u16(), told.json()), (500, failure("enqueue_failed")));
}

#[actix_web::test]
async fn the_flag_steers_the_unprefixed_webhooks() {
    for path in ["/webhooks/slack", "/api/slack_webhook"] {
        let old = ask_surface(under(ApiVersion::Operations), at(path, &message("hello"))).await;
        assert_eq!(old.json(), json!({ "ok": true }), "{path}");
        let new = ask_surface(under(ApiVersion::Dispatch), at(path, &message("hello"))).await;
        assert_eq!(new.json()["status"], "queued", "{path}");
    }
    let forged = |version| {
        let request = at("/webhooks/slack", &message("x")).insert_header(("x-slack-signature", "v0=00"));
        ask_surface(under(version), request)
    };
    assert_eq!(forged(ApiVersion::Operations).await.status, StatusCode::UNAUTHORIZED);
    forged(ApiVersion::Dispatch).await.problem(401, "signature_malformed");
}

#[actix_web::test]
async fn a_flip_between_two_tries_doubles_nothing() {
    let store: Arc<MemoryFlag> = Arc::default();
    store.put(Steering::all_to(ApiVersion::Operations)).await.unwrap();
    let parts = HelmParts {
        store: store.clone(),
        ledger: Arc::new(MemoryFlagLedger::default()),
        flips: Arc::new(MemoryFlips::default()),
        replica: "here".into(),
    };
    let helm = Helm::take(parts, Some(ApiVersion::Operations)).await;
    let served = Surface { helm: Data::from(helm.clone()), ..surface(Fault::default()) };
    let app = init_service(app(served)).await;
    let first = call_service(&app, at("/webhooks/slack", &message("once")).to_request()).await;
    assert_eq!(Answer::of(first).await.json(), json!({ "ok": true }));
    let wish = dispatch_pipeline::helm::Setting {
        steering: Steering::all_to(ApiVersion::Dispatch),
        by: "test".into(),
        reason: None,
        wait: Duration::ZERO,
        guard: None,
    };
    helm.set(&wish).await.unwrap();
    let again = call_service(&app, at("/webhooks/slack", &message("once")).to_request()).await;
    assert_eq!(Answer::of(again).await.json()["duplicate"], json!(true));
}

#[actix_web::test]
async fn classify_answers_in_the_old_shape_or_the_new_one() {
    let body = json!({ "message": "Please order a yard sign for 12 Elm St by Friday", "metadata": { "ts": "1763647387.000100" } });
    for path in ["/operations/classify", "/classify"] {
        let told = ask_surface(under(ApiVersion::Operations), json_post(path, &body)).await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.body);
        assert!(told.header("content-type").starts_with("text/event-stream"));
        assert_eq!((told.header("cache-control"), told.header("x-accel-buffering")), ("no-cache", "no"));
        assert!(told.header("deprecation").starts_with('@') && told.header("sunset").ends_with(" GMT"));
        assert_eq!(told.header("link"), "</reason/classify>; rel=\"successor-version\"");
        let events: Vec<_> = told.body.split("\n\n").collect();
        assert_eq!((events.len(), events[1], events[2]), (3, "data: [DONE]", ""), "{}", told.body);
        let told: Value = serde_json::from_str(events[0].strip_prefix("data: ").expect("data")).expect("JSON");
        let members: Vec<&str> = told.as_object().expect("object").keys().map(String::as_str).collect();
        let old = [
            "schema_version",
            "message_type",
            "task_key",
            "group_key",
            "listing",
            "assignee_hint",
            "due_date",
            "task_title",
            "confidence",
            "explanations",
        ];
        assert_eq!(members, old);
    }
    let new = ask_surface(under(ApiVersion::Dispatch), json_post("/classify", &json!({ "message": "lol" }))).await;
    assert!(new.body.contains("event: metadata") && new.body.contains("event: complete"), "{}", new.body);
    assert!(new.header("deprecation").starts_with('@'), "the new contract is not deprecated, the path is");
    let new =
        ask_surface(under(ApiVersion::Dispatch), json_post("/reason/classify", &json!({ "message": "lol" }))).await;
    assert_eq!(new.header("deprecation"), "");
}

#[actix_web::test]
async fn what_is_wrong_is_said_as_the_old_framework_said_it() {
    for (path, body, loc, kind) in [
        ("/operations/classify", json!({}), json!(["body", "message"]), "missing"),
        ("/operations/classify", json!({ "message": 1 }), json!(["body", "message"]), "string_type"),
        ("/operations/classify", json!([]), json!(["body"]), "dict_type"),
        ("/operations/chat", json!({}), json!(["body", "messages"]), "missing"),
        ("/operations/chat", json!({ "messages": [1] }), json!(["body", "messages", 0]), "dict_type"),
        (
            "/operations/chat",
            json!({ "messages": [{ "role": "user" }] }),
            json!(["body", "messages", 0, "content"]),
            "missing",
        ),
    ] {
        let told = ask_surface(under(ApiVersion::Operations), json_post(path, &body)).await;
        let first = &told.json()["detail"][0];
        assert_eq!((told.status.as_u16(), &first["loc"], &first["type"]), (422, &loc, &json!(kind)), "{path} {body}");
        assert!(first["msg"].is_string());
    }
    let no_json = as_service(TestRequest::post().uri("/operations/classify")).set_payload("{");
    let told = ask_surface(under(ApiVersion::Operations), no_json).await;
    assert_eq!((told.status.as_u16(), &told.json()["detail"][0]["type"]), (422, &json!("json_invalid")));
    let stranger = TestRequest::post().uri("/operations/classify").set_json(json!({ "message": "x" }));
    let told = ask_surface(under(ApiVersion::Operations), stranger).await;
    assert_eq!(told.status, StatusCode::UNAUTHORIZED);
    assert!(told.json()["detail"].is_string());
    let missing = ask_surface(under(ApiVersion::Operations), TestRequest::get().uri("/operations/none")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.json().as_object().map(serde_json::Map::len), Some(1));
}

#[actix_web::test]
async fn status_and_root_show_what_is_so() {
    for version in OLD {
        let root = ask_surface(under(version), TestRequest::get().uri("/")).await.json();
        let members: Vec<&String> = root.as_object().expect("object").keys().collect();
        assert_eq!(members, ["name", "version", "description", "endpoints", "docs", "timestamp"]);
    }
    let status = ask_surface(under(ApiVersion::Operations), TestRequest::get().uri("/status")).await.json();
    assert_eq!((&status["status"], &status["integrations"]["supabase"]), (&json!("operational"), &json!("connected")));
    assert_eq!(
        (&status["integrations"]["openai"], &status["workers"]["slack_processor"]),
        (&json!("not_configured"), &json!("running"))
    );
    let new = ask_surface(under(ApiVersion::Dispatch), TestRequest::get().uri("/status")).await.json();
    assert!(new["checks"].as_array().expect("checks").iter().any(|check| check["name"] == "flag"));
    let idle = surface(Fault { no_worker: true, ..Fault::default() });
    let status = ask_surface(idle, TestRequest::get().uri("/operations/status")).await.json();
    assert_eq!((&status["status"], &status["workers"]["sms_processor"]), (&json!("degraded"), &json!("stopped")));
}

#[actix_web::test]
async fn a_share_of_authors_is_steered_by_who_they_are() {
    let part = Steering { version: ApiVersion::Dispatch, percent: 50, shadow: false };
    let mut old = 0;
    for number in 0..40 {
        let mut body = message("hello");
        body["event"]["user"] = json!(format!("U{number}"));
        let mut answers = Vec::new();
        for _ in 0..2 {
            let served = Surface { helm: steered(part), ..surface(Fault::default()) };
            answers.push(ask_surface(served, at("/webhooks/slack", &body)).await.json().get("ok").is_some());
        }
        assert_eq!(answers[0], answers[1], "an author stays where he is");
        old += usize::from(answers[0]);
    }
    assert!((8..=32).contains(&old), "{old} of 40");
}

#[actix_web::test]
async fn only_admins_set_the_flag() {
    let wish = json!({ "api_version": "operations", "reason": "going back" });
    let put = |request: TestRequest| request.method(Method::PUT).uri("/route/flag").set_json(&wish);
    let told = ask_surface(under(ApiVersion::Dispatch), put(as_service(TestRequest::default()))).await;
    assert_eq!((told.status.as_u16(), &told.json()["api_version"]), (200, &json!("operations")), "{}", told.body);
    let by_user = put(TestRequest::default().insert_header(("authorization", token())));
    assert_eq!(ask_surface(under(ApiVersion::Dispatch), by_user).await.status, StatusCode::FORBIDDEN);
}

#[actix_web::test]
async fn what_may_be_wished_of_the_flag_is_said_with_a_pointer() {
    let put = async |wish: Value| {
        let request = as_service(TestRequest::put().uri("/route/flag")).set_json(wish);
        ask_surface(under(ApiVersion::Dispatch), request).await
    };
    let forged = "line1\n2026-01-01T00:00:00Z  api_version: dispatch  by cli:alice: forged";
    for (wish, pointer, words) in [
        (json!({ "percent": 0 }), "/percent", "from 1 to 100"),
        (json!({ "percent": 300 }), "/percent", "from 1 to 100"),
        (json!({ "percent": 10, "shadow": true }), "/percent", "does not go with shadow"),
        (json!({ "reason": forged }), "/reason", "one line"),
        (json!({ "reason": " " }), "/reason", "says nothing"),
        (json!({ "guard_s": 0 }), "/guard_s", "24 hours"),
        (json!({ "guard_s": 86_401 }), "/guard_s", "24 hours"),
    ] {
        let mut wish = wish;
        wish["api_version"] = json!("dispatch");
        let told = put(wish.clone()).await;
        let field = told.json()["errors"][0].clone();
        assert_eq!((told.status.as_u16(), &field["pointer"]), (400, &json!(pointer)), "{wish}: {}", told.body);
        assert!(field["detail"].as_str().expect("words").contains(words), "{field}");
    }
    let long = json!({ "api_version": "dispatch", "reason": "x".repeat(501) });
    put(long).await.problem(422, "limit_exceeded");
    let guarded = put(json!({ "api_version": "operations", "percent": 5, "guard_s": 600 })).await.json();
    assert_eq!(guarded["guard"], json!({ "state": "armed", "seconds_left": 600 }));
    let plain = put(json!({ "api_version": "operations" })).await.json();
    assert!(plain.get("guard").is_none(), "{plain}");
}

#[actix_web::test]
async fn the_history_is_a_page_like_any_other() {
    let app = init_service(app(under(ApiVersion::Dispatch))).await;
    for number in 0..3 {
        let wish = json!({ "api_version": "operations", "reason": format!("change {number}") });
        let put = as_service(TestRequest::put().uri("/route/flag")).set_json(wish);
        assert_eq!(call_service(&app, put.to_request()).await.status(), StatusCode::OK);
    }
    let page = async |query: &str| {
        let request = as_service(TestRequest::get().uri(&format!("/route/flag/history{query}")));
        Answer::of(call_service(&app, request.to_request()).await).await
    };
    let reasons = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items").iter();
        items.map(|item| item["reason"].as_str().expect("a reason").to_owned()).collect()
    };
    let first = page("?limit=2").await.json();
    assert_eq!(reasons(&first), ["change 2", "change 1"]);
    let rest = page(&format!("?limit=2&cursor={}", first["next_cursor"].as_str().expect("there is more"))).await.json();
    assert_eq!((reasons(&rest), rest.get("next_cursor")), (vec!["change 0".to_owned()], None));
    assert_eq!(reasons(&page("").await.json()).len(), 3);
    for wrong in ["?limit=abc", "?foo=1", "?limit=0", "?limit=201", "?cursor=x", "?limit=1&limit=2"] {
        page(wrong).await.problem(400, "invalid_parameters");
    }
}

/// The old contract takes what the new one refuses: the shadow says so, and how many it has looked at.
#[actix_web::test]
async fn the_shadow_has_the_new_contract_read_and_answer_the_same_request() {
    let helm = steered(Steering { version: ApiVersion::Dispatch, percent: 100, shadow: true });
    let app = init_service(app(Surface { helm: helm.clone(), ..surface(Fault::default()) })).await;
    for (body, status) in [
        (json!({ "message": "Please order a yard sign for 12 Elm St by Friday" }), 200),
        (json!({ "message": "" }), 200),
        (json!({ "message": "lol", "foo": 1 }), 200),
        (json!({}), 422),
    ] {
        let answer = call_service(&app, json_post("/classify", &body).to_request()).await;
        assert_eq!(answer.status().as_u16(), status, "{body}");
    }
    let stop = CancellationToken::new();
    stop.cancel();
    let expected = [("/classify".to_owned(), Compared { compared: 4, differed: 2 })];
    for _ in 0..500 {
        // A watch that is told to end writes down what it has.
        helm.watch(&stop).await;
        if helm.over().flips().comparisons().await.expect("answers") == expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(helm.over().flips().comparisons().await.expect("answers"), expected);
    let differences = helm.over().flips().differences().await.expect("answers");
    assert_eq!(differences, [("/classify".to_owned(), "status 200/400".to_owned(), 2)]);
}

#[actix_web::test]
async fn what_no_flag_steers_is_counted_by_itself() {
    let helm = steered(Steering::all_to(ApiVersion::Dispatch));
    let app = init_service(app(Surface { helm: helm.clone(), ..surface(Fault::default()) })).await;
    for path in ["/", "/operations", "/operations/", "/operations/status", "/status", "/operations/docs/", "/livez"] {
        call_service(&app, TestRequest::get().uri(path).to_request()).await;
    }
    let stop = CancellationToken::new();
    stop.cancel();
    helm.watch(&stop).await;
    let recent = helm.over().flips().recent().await.expect("answers");
    let counted: Vec<_> = recent.iter().map(|one| (one.route.as_str(), one.contract, one.hour.answered)).collect();
    let (old, new) = (ApiVersion::Operations, ApiVersion::Dispatch);
    let expected = [("/", old, 1), ("/operations/", old, 2), ("/operations/status", old, 1), ("/status", new, 1)];
    assert_eq!(counted, expected);
}
