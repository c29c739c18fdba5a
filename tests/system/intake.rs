//! What may come in at `POST /intake/slack`, and what may not.

use crate::system;
use dispatch_tests::harness::event::{SECRET, signed, signed_at};
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Server, SlackMessage, System};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("the server answers");
    let status = response.status();
    (status, response.json().await.expect("every answer is JSON"))
}

/// A refusal is a problem with a stable code and a trace id, and stores nothing.
fn assert_problem((status, body): &(StatusCode, Value), expected: StatusCode) {
    assert_eq!(*status, expected, "{body}");
    assert_eq!(body["status"], expected.as_u16(), "{body}");
    for member in ["type", "title", "code", "trace_id"] {
        assert!(body[member].is_string(), "{member} is missing in {body}");
    }
}

async fn signals(system: &System) -> i64 {
    system.ledger().count("SELECT count(*) AS n FROM dispatch.signals").await
}

async fn intake_only(system: &System) -> Server {
    system.launch().arg("--no-worker").start().await
}

#[tokio::test]
async fn forged_and_stale_requests_are_refused_and_store_nothing() {
    let system = system().await;
    let server = intake_only(&system).await;
    let body = SlackMessage::new("U1", "hello").body().to_string().into_bytes();
    let (client, base) = (&system.client, server.base());

    let unsigned = client.post(format!("{base}/intake/slack")).header("content-type", "application/json");
    let wrong_secret = signed_at(client, base, body.clone(), "not-the-secret", now());
    let stale = signed_at(client, base, body.clone(), SECRET, now() - 310);
    let from_the_future = signed_at(client, base, body.clone(), SECRET, now() + 310);
    let altered = signed(client, base, body.clone()).body(String::from_utf8_lossy(&body).replace("hello", "pay me"));
    for request in [unsigned.body(body.clone()), wrong_secret, stale, from_the_future, altered] {
        assert_problem(&answer(request).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(signals(&system).await, 0);
    system.finish().await;
}

#[tokio::test]
async fn malformed_requests_are_problems_and_store_nothing() {
    let system = system().await;
    let server = intake_only(&system).await;
    let (client, base) = (&system.client, server.base());
    let whole = SlackMessage::new("U1", "hello").body().to_string().into_bytes();

    let truncated = signed(client, base, whole[..whole.len() / 2].to_vec());
    assert_problem(&answer(truncated).await, StatusCode::BAD_REQUEST);
    let not_utf8 = signed(client, base, vec![b'{', b'"', 0xff, 0xfe, b'"', b'}']);
    assert_problem(&answer(not_utf8).await, StatusCode::BAD_REQUEST);
    let huge = signed(client, base, vec![b' '; 2 * 1024 * 1024]);
    assert_problem(&answer(huge).await, StatusCode::PAYLOAD_TOO_LARGE);
    let at = now();
    let signature = dispatch_slack::verify::sign(&SECRET.to_owned().into(), at, &whole);
    let form = client
        .post(format!("{base}/intake/slack"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-slack-request-timestamp", at.to_string())
        .header("x-slack-signature", signature)
        .body(whole);
    assert_problem(&answer(form).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_problem(&answer(client.get(format!("{base}/intake/slack"))).await, StatusCode::METHOD_NOT_ALLOWED);
    assert_problem(&answer(client.get(format!("{base}/no/such/path"))).await, StatusCode::NOT_FOUND);
    assert_eq!(signals(&system).await, 0);
    system.finish().await;
}

#[tokio::test]
async fn a_challenge_is_answered_only_when_signed() {
    let system = system().await;
    let server = intake_only(&system).await;
    let body = json!({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"}).to_string();
    let (status, answered) = answer(signed(&system.client, server.base(), body.clone().into_bytes())).await;
    assert_eq!((status, &answered["challenge"]), (StatusCode::OK, &json!("3eZbrw1aB")));
    let forged = signed_at(&system.client, server.base(), body.into_bytes(), "wrong", now());
    assert_problem(&answer(forged).await, StatusCode::UNAUTHORIZED);
    system.finish().await;
}

#[tokio::test]
async fn what_is_not_acted_on_is_kept_with_its_reason() {
    let system = system().await;
    let server = system.serve().await;
    let with = |change: fn(&mut Value)| {
        let mut body = SlackMessage::new("U1", "hello").body();
        change(&mut body);
        signed(&system.client, server.base(), body.to_string().into_bytes())
    };
    let bot = with(|body| body["event"]["bot_id"] = json!("B1"));
    let reaction = with(|body| body["event"]["type"] = json!("reaction_added"));
    let joined = with(|body| body["event"]["subtype"] = json!("channel_join"));
    let nobody = with(|body| drop(body["event"].as_object_mut().unwrap().remove("user")));
    let unheard_of = with(|body| body["type"] = json!("something_new"));
    for request in [bot, reaction, joined, nobody, unheard_of] {
        let (status, body) = answer(request).await;
        assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("ignored")), "{body}");
        assert!(body["reason"].is_string() && body["event_id"].is_string(), "{body}");
    }
    assert_eq!(signals(&system).await, 5);
    system.settled().await;
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.units").await, 0);
    system.finish().await;
}

#[tokio::test]
async fn copies_get_the_first_ones_event_id_and_make_one_mission() {
    let system = system().await;
    let server = system.serve().await;
    let first = SlackMessage::new("U1", CLEAR_TASK);
    let event_id = system.say(&server, &first).await;

    let mut retried = first.clone();
    retried.retry = Some((1, "http_timeout".into()));
    assert_eq!(system.say(&server, &retried).await, event_id, "the same event again");
    let mut renamed = first.clone();
    renamed.event_id = "EvSomethingElse".into();
    assert_eq!(system.say(&server, &renamed).await, event_id, "the same message by another event");

    let at_once = SlackMessage::new("U2", "Please order a yard sign for our listing at 88 Birch Ave by Friday");
    let ids = join_all((0..12).map(|_| system.say(&server, &at_once))).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "twelve copies at the same moment are one: {ids:?}");

    system.settled().await;
    assert_eq!(signals(&system).await, 2);
    assert_eq!(system.ledger().agent_tasks().await, 2);
    let (status, story) = system.get(&server, &format!("/observe/logs/{event_id}")).await;
    assert_eq!(status, StatusCode::OK);
    let entries = story["entries"].as_array().unwrap();
    let repeats: Vec<_> = entries.iter().filter(|entry| entry["event"] == "signal.duplicate").collect();
    assert_eq!(repeats.len(), 2, "{story}");
    assert!(repeats.iter().any(|entry| entry.to_string().contains("http_timeout")), "the retry's reason is recorded");
    system.finish().await;
}

#[tokio::test]
async fn any_text_a_person_can_type_is_stored_and_settled() {
    let system = system().await;
    let server = system.serve().await;
    let long = "Please order the status certificate for 12 Elm St. ".repeat(200);
    let texts =
        ["🏠🎉👩‍👩‍👧‍👦 firm!! 🎉", "מה שלומך היום", "nul \u{0} inside", long.as_str(), "\u{202e}right to left override"];
    for (number, text) in texts.iter().enumerate() {
        system.say(&server, &SlackMessage::new(&format!("U{number}"), text)).await;
    }
    system.settled().await;
    assert_eq!(signals(&system).await, texts.len() as i64);
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.units WHERE state = 'dead'").await, 0);
    system.finish().await;
}

#[tokio::test]
async fn a_burst_is_understood_as_one() {
    let system = system().await;
    let server = system.launch().env("BURST_QUIET_MS", "2500").start().await;
    for text in ["Please order the status certificate", "for 12 Elm St", "by Friday"] {
        system.say(&server, &SlackMessage::new("U1", text)).await;
    }
    system.say(&server, &SlackMessage::new("U2", CLEAR_TASK)).await;
    for number in 0..10 {
        system.say(&server, &SlackMessage::new("U3", &format!("part {number}"))).await;
    }
    system.settled().await;
    let units = system
        .ledger()
        .rows("SELECT author, count(*)::int AS n FROM dispatch.units JOIN dispatch.signals USING (unit_id, author) GROUP BY 1 ORDER BY 1")
        .await;
    let sizes: Vec<_> = units.iter().map(|unit| unit["n"].as_i64().unwrap()).collect();
    assert_eq!(sizes, [3, 1, 10], "{units:?}");
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.units").await, 3);
    system.finish().await;
}
