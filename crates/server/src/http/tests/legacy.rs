//! Each path of the old contract, one by one, under both values of the flag: whose shapes come back, and what every answer says
//! about the end of the old ones.

use super::helm::{steered, under};
use super::slack::{message, signed};
use super::*;
use dispatch_pipeline::ports::flag::{ApiVersion, Steering};

const BOTH: [ApiVersion; 2] = ApiVersion::ALL;

/// A legacy path, a sound request for it, and what it becomes.
struct Path {
    path: &'static str,
    successor: &'static str,
    sound: fn(&str) -> TestRequest,
    unsound: fn(&str) -> TestRequest,
    /// Status of the unsound one, old and new.
    refused: (u16, u16),
}

fn event(path: &str) -> TestRequest {
    signed(message("lol").to_string()).uri(path)
}

fn forged(path: &str) -> TestRequest {
    event(path).insert_header(("x-slack-signature", "v0=00"))
}

fn text(path: &str) -> TestRequest {
    sms::sound(path, sms::MESSAGE)
}

fn forged_text(path: &str) -> TestRequest {
    text(path).insert_header(("x-twilio-signature", "AAAA"))
}

fn post_json(path: &str, body: &Value) -> TestRequest {
    as_service(TestRequest::post().uri(path)).set_json(body)
}

/// Both contracts read a message; neither reads one without.
const PATHS: [Path; 6] = [
    Path { path: "/webhooks/slack", successor: "/intake/slack", sound: event, unsound: forged, refused: (401, 401) },
    Path { path: "/api/slack_webhook", successor: "/intake/slack", sound: event, unsound: forged, refused: (401, 401) },
    Path { path: "/webhooks/sms", successor: "/intake/sms", sound: text, unsound: forged_text, refused: (403, 403) },
    Path {
        path: "/classify",
        successor: "/reason/classify",
        sound: |path| post_json(path, &json!({ "message": "lol" })),
        unsound: |path| post_json(path, &json!({})),
        refused: (422, 400),
    },
    Path {
        path: "/chat",
        successor: "/reason/query",
        sound: |path| {
            // The question of the one and the conversation of the other: each reads its own.
            let old = json!({ "messages": [{ "role": "user", "content": "what is open?" }] });
            post_json(path, if path == "/reason/query" { &NEW_QUESTION } else { &old })
        },
        unsound: |path| post_json(path, &json!({})),
        refused: (422, 400),
    },
    Path {
        path: "/status",
        successor: "/observe/health",
        sound: |path| TestRequest::get().uri(path),
        unsound: |path| TestRequest::put().uri(path),
        refused: (405, 405),
    },
];

static NEW_QUESTION: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({ "question": "what is open?" }));

/// What an answer of a path of the old contract says about its end; a new path's says nothing.
fn says_farewell(answer: &Answer, successor: &str) -> bool {
    let said = ["deprecation", "sunset", "link"].map(|name| answer.header(name).to_owned());
    if said.iter().all(String::is_empty) {
        return false;
    }
    // RFC 9745 and RFC 8594: a moment in seconds, a date of HTTP, and the one is not after the other.
    assert_eq!(said[0], "@1795824000");
    assert_eq!(said[1], "Fri, 31 Dec 2027 00:00:00 GMT");
    assert_eq!(said[2], format!("<{successor}>; rel=\"successor-version\""));
    true
}

#[actix_web::test]
async fn each_path_speaks_the_contract_of_the_flag_also_when_it_refuses() {
    for version in BOTH {
        let is_old = version == ApiVersion::Operations;
        for Path { path, successor, sound, unsound, refused } in PATHS {
            let place = format!("{path} under {}", version.as_str());
            let body = if path == "/chat" && !is_old { post_json(path, &NEW_QUESTION) } else { sound(path) };
            let answer = ask_surface(under(version), body).await;
            assert_eq!(answer.status, StatusCode::OK, "{place}: {}", answer.body);
            assert!(says_farewell(&answer, successor), "{place}: the path is deprecated, whoever answers");
            let answer = ask_surface(under(version), unsound(path)).await;
            let expected = if is_old { refused.0 } else { refused.1 };
            assert_eq!(answer.status.as_u16(), expected, "{place}: {}", answer.body);
            assert!(says_farewell(&answer, successor), "{place}: an error is one of its answers too");
            let (told, content_type) = (answer.json(), answer.header("content-type"));
            if is_old {
                assert_eq!(content_type, "application/json", "{place}");
                let members: Vec<&String> = told.as_object().expect("an object").keys().collect();
                assert_eq!(members, ["detail"], "{place}: {told}");
            } else {
                assert!(content_type == "application/problem+json" && told["code"].is_string(), "{place}: {told}");
                assert_eq!(told["instance"], path, "it names what was called");
            }
        }
    }
}

#[actix_web::test]
async fn both_contracts_are_always_there_whatever_the_flag_says() {
    for version in BOTH {
        for Path { path, successor, sound, .. } in PATHS {
            let old = ask_surface(under(version), sound(&format!("/operations{path}"))).await;
            assert_eq!(old.status, StatusCode::OK, "{path}: {}", old.body);
            // `/operations/api/slack_webhook` is another name of the same.
            assert!(says_farewell(&old, successor), "{path}");
            for new_path in [successor.to_owned(), format!("/dispatch{successor}")] {
                let body = if path == "/chat" { post_json(&new_path, &NEW_QUESTION) } else { sound(&new_path) };
                let new = ask_surface(under(version), body).await;
                assert_eq!(new.status, StatusCode::OK, "{new_path}: {}", new.body);
                assert!(!says_farewell(&new, successor), "{new_path}");
            }
        }
    }
}

#[actix_web::test]
async fn the_old_root_answers_under_both() {
    for version in BOTH {
        for path in ["/", "/operations", "/operations/"] {
            let answer = ask_surface(under(version), TestRequest::get().uri(path)).await;
            let members: Vec<String> = answer.json().as_object().expect("an object").keys().cloned().collect();
            assert_eq!(members, ["name", "version", "description", "endpoints", "docs", "timestamp"], "{path}");
            assert!(says_farewell(&answer, "/docs"), "{path}");
            let head = ask_surface(under(version), TestRequest::default().method(Method::HEAD).uri(path)).await;
            assert_eq!(head.status, StatusCode::OK, "{path}");
        }
    }
}

#[actix_web::test]
async fn what_is_not_there_is_said_as_the_old_framework_said_it() {
    for (request, status, words) in [
        (TestRequest::get().uri("/operations/none"), 404, "Not Found"),
        (as_service(TestRequest::get().uri("/operations/classify")), 405, "Method Not Allowed"),
        (TestRequest::get().uri("/operations/webhooks/slack"), 405, "Method Not Allowed"),
    ] {
        let answer = ask(Fault::default(), request).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (status, json!({ "detail": words })));
        assert!(status != 405 || answer.header("allow") == "POST");
    }
    for (body, kind) in [
        (json!({ "message": "lol", "source": 7 }), "string_type"),
        (json!({ "message": "lol", "metadata": [] }), "dict_type"),
    ] {
        let answer = ask(Fault::default(), post_json("/operations/classify", &body)).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["detail"][0]["type"]), (422, &json!(kind)), "{body}");
    }
    let empty = as_service(TestRequest::post().uri("/operations/chat"));
    let told = ask(Fault::default(), empty).await.json();
    assert_eq!(told, json!({ "detail": [{ "loc": ["body"], "msg": "Field required", "type": "missing" }] }));
}

#[actix_web::test]
async fn in_the_shadow_the_old_contract_answers_everybody() {
    let shadow = Steering { version: ApiVersion::Dispatch, percent: 100, shadow: true };
    for Path { path, successor, sound, .. } in PATHS {
        let served = Surface { helm: steered(shadow), ..surface(Fault::default()) };
        let answer = ask_surface(served, sound(path)).await;
        assert!(answer.status == StatusCode::OK && says_farewell(&answer, successor), "{path}: {}", answer.body);
    }
}

/// Who gets a new token every hour is the same author.
#[actix_web::test]
async fn a_share_of_callers_is_steered_by_whom_a_token_is_about() {
    let part = Steering { version: ApiVersion::Dispatch, percent: 50, shadow: false };
    let mut old = 0;
    for number in 0..30 {
        let mut sides = Vec::new();
        for hour in 0..3 {
            let claims = json!({ "sub": format!("user-{number}"), "role": "authenticated", "aud": "authenticated",
                "session": hour });
            let served = Surface { helm: steered(part), ..surface(Fault::default()) };
            let request = TestRequest::get().uri("/status").insert_header(("authorization", bearer(&claims)));
            sides.push(ask_surface(served, request).await.json().get("checks").is_none());
        }
        assert!(sides.iter().all(|side| *side == sides[0]), "user-{number} went to and fro: {sides:?}");
        old += usize::from(sides[0]);
    }
    assert!((5..=25).contains(&old), "{old} of 30");
}

#[actix_web::test]
async fn every_operation_of_the_old_document_answers_as_it_declares() {
    let document: Value = serde_json::from_str(&crate::openapi::operations::json()).expect("JSON");
    let served = ask(Fault::default(), TestRequest::get().uri("/operations/openapi.json")).await;
    assert_eq!(served.json(), document);
    let page = ask(Fault::default(), TestRequest::get().uri("/operations/docs/")).await;
    assert!(page.status == StatusCode::OK && page.body.contains("swagger"), "{}", page.body);
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert_eq!(operation["deprecated"], true, "{path}");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let known = PATHS.iter().find(|known| path.ends_with(known.path));
            let sound = known.map_or_else(|| TestRequest::get().uri(path), |known| (known.sound)(path));
            let bare = TestRequest::default().method(method).uri(path);
            for (is_sound, request) in [(true, sound), (false, bare)] {
                let answer = ask(Fault::default(), request).await;
                let declared = &operation["responses"][answer.status.as_str()];
                assert!(declared.is_object(), "{path}: {} is not declared: {}", answer.status, answer.body);
                assert!(!is_sound || answer.status == StatusCode::OK, "{path}: {}", answer.body);
                if is_sound {
                    assert_eq!(contract::breaches(&document, operation, &answer.body), [""; 0], "{path}");
                }
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 12);
    // What a stream's event looks like stands in the document too.
    let told = ask(Fault::default(), post_json("/operations/classify", &json!({ "message": "lol" }))).await;
    let event = told.body.strip_prefix("data: ").and_then(|rest| rest.split("\n\n").next()).expect("an event");
    let schema = json!({ "responses": { "200": { "content": { "application/json": { "schema": {
        "$ref": "#/components/schemas/Classification" } } } } } });
    assert_eq!(contract::breaches(&document, &schema, event), [""; 0]);
}
