//! The wired application over ports in memory: what everybody asks it, and every way to be refused.

mod agents;
mod changes;
mod contract;
mod document;
mod every_operation;
mod front_door;
mod helm;
mod idempotency;
mod identity;
mod interactions;
mod legacy;
mod query;
mod reason;
mod replays;
mod route;
mod slack;
mod slow;
mod sms;
mod track;

use super::*;
use crate::config::{Config, Role};
use crate::testing::identity::{bearer, bearer_of, credentials};
use crate::testing::{FakeLog, FakeMissions, FakeStories, FakeVitals, NOW, desk};
use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use dispatch_mission::clock::FixedClock;
use dispatch_pipeline::ports::idempotency::MemoryIdempotency;
use dispatch_slack::verify::SigningSecrets;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// What is different from a healthy, configured server.
#[derive(Clone, Copy, Default)]
struct Fault {
    log_down: bool,
    expand_due: bool,
    no_worker: bool,
    no_slack: bool,
    no_sms: bool,
    this_machine: bool,
}

fn surface(fault: Fault) -> Surface {
    let clock = Arc::new(FixedClock(NOW));
    let secrets = (!fault.no_slack).then(|| SigningSecrets::parse(SLACK_SECRET).expect("one"));
    let access = if fault.this_machine { Access::ThisMachine } else { Access::Proved(credentials()) };
    let streams = reason::streams();
    Surface {
        intake: Data::new(Intake::new(Arc::new(FakeLog::new(fault.log_down)))),
        answers: interactions::answers(fault.log_down),
        missions: Data::new(Missions::new(Arc::new(FakeMissions { due: fault.expand_due }))),
        desk: Data::new(Desk::new(desk(fault.expand_due))),
        keys: Data::new(Keys::new(Arc::new(MemoryIdempotency::default()), Duration::from_secs(60))),
        observe: Data::new(Observe::new(Arc::new(FakeStories), Arc::new(FakeVitals { live: !fault.no_worker }))),
        agents: agents::agents(&Default::default()),
        query: query::query(&streams),
        streams,
        classify: reason::classify(),
        route: route::route(),
        track: track::track(),
        replay: replays::replay(),
        batches: replays::batches(),
        policy: route::policy(&[]),
        slack: Data::new(SlackDoor::new(secrets, clock.clone())),
        sms: sms::door(fault.no_sms, clock.clone()),
        reports: Data::new(Reports::new(Arc::new(sms::ToldReports::new(fault.log_down)))),
        access: Data::new(access),
        document: Data::new(Document::of_this_build()),
        front: front(&[]),
        helm: helm::helm(),
        farewell: helm::farewell(),
        integrations: helm::integrations(),
    }
}

/// A front door with these settings, else as in `dispatch dev`.
fn front(settings: &[(&str, &str)]) -> Data<Front> {
    let setting = |name: &str| settings.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    Data::new(Front::new(&Config::from_env(&setting, Role::Dev).expect("valid settings")))
}

struct Answer {
    status: StatusCode,
    headers: actix_web::http::header::HeaderMap,
    body: String,
}

impl Answer {
    async fn of(response: ServiceResponse<impl MessageBody>) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = String::from_utf8_lossy(&read_body(response).await).into_owned();
        Self { status, headers, body }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// A problem with everything that every problem has.
    fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("https://dispatch.archieos.com/problems/{code}"));
        assert_eq!(body["trace_id"], self.header("dispatch-trace-id"));
        assert!(body["title"].is_string() && body["retryable"].is_boolean() && body["instance"].is_string());
        assert!(!self.body.contains("null"), "{}", self.body);
        body
    }
}

async fn ask(fault: Fault, request: TestRequest) -> Answer {
    ask_surface(surface(fault), request).await
}

async fn ask_surface(surface: Surface, request: TestRequest) -> Answer {
    let app = init_service(app(surface)).await;
    Answer::of(call_service(&app, request.to_request()).await).await
}

fn token() -> String {
    bearer_of("user-1")
}

fn get_as_user(path: &str) -> TestRequest {
    TestRequest::get().uri(path).insert_header(("authorization", token()))
}

/// Any request, by a trusted service.
fn as_service(request: TestRequest) -> TestRequest {
    request.insert_header(("authorization", bearer(&json!({"role": "service_role", "iss": "supabase"}))))
}

#[actix_web::test]
async fn pages_follow_each_other() {
    let first = ask(Fault::default(), get_as_user("/missions?limit=2&status=active")).await.json();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    let next = format!("/dispatch/missions?limit=2&cursor={}", first["next_cursor"].as_str().expect("more"));
    let second = ask(Fault::default(), get_as_user(&next)).await.json();
    assert_eq!(second["items"][0]["mission_id"], "m-3");
    assert!(second.get("next_cursor").is_none());
}

#[actix_web::test]
async fn wrong_questions_get_problems() {
    let wrong = ask(Fault::default(), get_as_user("/missions?limit=0&colour=red")).await;
    let names: Vec<_> = wrong.problem(400, "invalid_parameters")["errors"].as_array().expect("errors").clone();
    assert_eq!(names.iter().map(|e| e["parameter"].as_str()).collect::<Vec<_>>(), [Some("limit"), Some("colour")]);
    ask(Fault::default(), get_as_user("/missions/none")).await.problem(404, "mission_not_found");
    ask(Fault::default(), get_as_user("/missions/a%00b")).await.problem(404, "not_found");
    ask(Fault::default(), get_as_user("/observe/logs/none")).await.problem(404, "story_not_found");
    ask(Fault::default(), get_as_user("/no/such/path")).await.problem(404, "not_found");
    let wrong_method =
        ask(Fault::default(), TestRequest::delete().uri("/missions").insert_header(("authorization", token()))).await;
    wrong_method.problem(405, "method_not_allowed");
    assert_eq!(wrong_method.header("allow"), "GET, HEAD, POST");
    let due = Fault { expand_due: true, ..Fault::default() };
    ask(due, get_as_user("/missions")).await.problem(503, "cutover_expand_due");
}

#[actix_web::test]
async fn health_tells_what_is_wrong() {
    let well = ask(Fault::default(), TestRequest::get().uri("/observe/health")).await.json();
    assert_eq!((&well["status"], &well["queues"][0]["exact"]), (&json!("ok"), &json!(false)));
    assert_eq!(well["replica"], "here", "as the flag's ledger lists it");
    let idle = Fault { no_worker: true, ..Fault::default() };
    let problem = ask(idle, TestRequest::get().uri("/observe/health")).await.problem(503, "not_ready");
    assert!(
        problem["checks"].as_array().expect("checks").iter().any(|c| c["name"] == "workers" && c["status"] == "fail")
    );
    assert_eq!(ask(idle, TestRequest::get().uri("/readyz")).await.status, StatusCode::OK, "workers may run elsewhere");
}

#[actix_web::test]
async fn a_stranger_sees_nothing_but_probes_and_documentation() {
    for path in ["/missions", "/missions/m-1", "/observe/logs/m-1", "/observe/logs/m-1/text", "/dispatch/missions"] {
        let answer = ask(Fault::default(), TestRequest::get().uri(path)).await;
        answer.problem(401, "authentication_required");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let forged = TestRequest::get().uri("/missions").insert_header(("authorization", "Bearer a.b.c"));
    ask(Fault::default(), forged).await.problem(401, "authentication_required");
    for path in ["/livez", "/readyz", "/observe/health", "/openapi.json", "/docs/", "/dispatch/docs/"] {
        assert_eq!(ask(Fault::default(), TestRequest::get().uri(path)).await.status, StatusCode::OK, "{path}");
    }
}

#[actix_web::test]
async fn no_spelling_of_a_path_goes_round_the_guard() {
    let document: Value = serde_json::from_str(&crate::openapi::json()).expect("JSON");
    for (path, item) in document["paths"].as_object().expect("paths") {
        let asked = item["get"]["security"].as_array().is_none_or(|asked| !asked.is_empty());
        if item.get("get").is_none() || !asked {
            continue;
        }
        let path = path.replace("{mission_id}", "m-1").replace("{id}", "m-1");
        let letter = path.chars().nth(1).expect("a letter");
        let escaped = path.replacen(letter, &format!("%{:02x}", u32::from(letter)), 1);
        for spelling in [
            path.clone(),
            escaped,
            format!("/dispatch{path}"),
            format!("/{path}"),
            format!("/./{path}"),
            format!("{path}/"),
        ] {
            let status = ask(Fault::default(), TestRequest::get().uri(&spelling)).await.status.as_u16();
            assert!(status == 401 || status == 404 && spelling != path, "{spelling}: {status}");
        }
    }
}

#[actix_web::test]
async fn a_development_server_answers_its_own_machine_only() {
    let dev = Fault { this_machine: true, ..Fault::default() };
    let here: SocketAddr = "127.0.0.1:50000".parse().expect("valid");
    let from = |host: &'static str| TestRequest::get().uri("/missions").peer_addr(here).insert_header(("host", host));
    assert_eq!(ask(dev, from("localhost:8080")).await.status, StatusCode::OK);
    ask(dev, from("rebound.example:8080")).await.problem(403, "host_not_allowed");
}

#[actix_web::test]
async fn the_trace_of_the_caller_goes_on() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = ask(Fault::default(), TestRequest::get().uri("/nowhere").insert_header(("traceparent", parent))).await;
    assert_eq!(answer.problem(404, "not_found")["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[actix_web::test]
async fn swagger_ui_is_inside_and_reads_this_document() {
    let redirect = ask(Fault::default(), TestRequest::get().uri("/docs")).await;
    assert_eq!((redirect.status.as_u16(), redirect.header("location")), (307, "docs/"));
    assert!(ask(Fault::default(), TestRequest::get().uri("/docs/")).await.body.contains("swagger-ui"));
    let script = ask(Fault::default(), TestRequest::get().uri("/docs/swagger-initializer.js")).await;
    assert!(script.body.contains("../openapi.json"), "{}", script.body);
    ask(Fault::default(), TestRequest::get().uri("/docs/nothing.js")).await.problem(404, "not_found");
    let head = ask(Fault::default(), TestRequest::default().method(Method::HEAD).uri("/openapi.json")).await;
    assert_eq!(head.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_story_is_told_twice() {
    let upper = "/observe/logs/01930F5E-7C1A-7B3E-9D43-2F6B8A1C0D5E";
    let story = ask(Fault::default(), get_as_user(upper)).await.json();
    assert_eq!((&story["state"], &story["entries"][0]["at"]), (&json!("done"), &json!("2026-11-20T14:03:07.120Z")));
    let text = ask(Fault::default(), get_as_user(&format!("{upper}/text"))).await;
    assert!(text.header("content-type").starts_with("text/plain") && text.body.starts_with("state: done\n"));
}
