//! What is done once more: skipped where it succeeded, exactly once where it is forced, whoever asks and whoever is killed.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Mood, Server, SlackMessage, System};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// Everything that a dry run must not touch: all rows but what counts requests and workers.
const DUMP: &str = "
SELECT jsonb_build_object(
    'units', (SELECT jsonb_agg(to_jsonb(u) ORDER BY unit_id) FROM dispatch.units AS u),
    'classifications', (SELECT jsonb_agg(to_jsonb(c) ORDER BY classification_id) FROM dispatch.classifications AS c),
    'dispatches', (SELECT jsonb_agg(to_jsonb(d) ORDER BY dispatch_id) FROM dispatch.dispatches AS d),
    'deliveries', (SELECT jsonb_agg(to_jsonb(d) ORDER BY delivery_id) FROM dispatch.deliveries AS d),
    'effects', (SELECT jsonb_agg(to_jsonb(e) ORDER BY effect_key) FROM dispatch.effects AS e),
    'replays', (SELECT jsonb_agg(to_jsonb(r) ORDER BY replay_id) FROM dispatch.replays AS r),
    'quotas', (SELECT jsonb_agg(to_jsonb(q) ORDER BY quota_key) FROM dispatch.quotas AS q),
    'timeline', (SELECT jsonb_agg(to_jsonb(t) ORDER BY entry) FROM dispatch.timeline AS t),
    'facts', (SELECT jsonb_agg(to_jsonb(f) ORDER BY mission_id) FROM dispatch.mission_facts AS f),
    'tasks', (SELECT jsonb_agg(to_jsonb(t) ORDER BY mission_id) FROM public.dispatch_agent_tasks AS t)
)::text AS dump";

pub fn post(system: &System, server: &Server, path: &str, key: Option<&str>, body: &Value) -> RequestBuilder {
    let request = system.client.post(format!("{}{path}", server.base())).bearer_auth(service_bearer()).json(body);
    match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    }
}

pub async fn ask(system: &System, server: &Server, path: &str, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
    let answer = post(system, server, path, key, body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// Repeats a request until whoever died with it has no claim to it any more.
pub async fn resume(system: &System, server: &Server, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    loop {
        let (status, answer) = ask(system, server, path, Some(key), body).await;
        if answer["code"] != "idempotency_in_progress" {
            return (status, answer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

pub async fn id(system: &System, query: &str) -> String {
    system.ledger().rows(query).await[0]["id"].as_str().unwrap().to_owned()
}

async fn dispatch(system: &System) -> String {
    id(system, "SELECT dispatch_id AS id FROM dispatch.dispatches ORDER BY created_at LIMIT 1").await
}

/// A message that became a task, with its receipt.
async fn done(system: &System, server: &Server) -> (String, String) {
    let event = system.say(server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 1));
    (event, dispatch(system).await)
}

/// A message that became a task, and whose receipt was refused for good.
async fn half_done(system: &System, server: &Server) -> (String, String) {
    system.slack.set_mood(Mood::Refusing("channel_not_found", 1));
    let event = system.say(server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 0));
    (event, dispatch(system).await)
}

#[tokio::test]
async fn what_did_not_arrive_is_found_and_delivered_and_then_there_is_nothing_left_to_do() {
    let system = system().await;
    let server = system.serve().await;
    let (event, dispatch) = half_done(&system, &server).await;
    let (_, page) = system.get(&server, "/route/dead-letters?class=target").await;
    let letter = page["items"][0].clone();
    assert_eq!((&letter["reason"], &letter["kind"]), (&json!("channel_not_found"), &json!("slack")), "{page}");
    let (_, report) = system.get(&server, &format!("/route/status/{dispatch}")).await;
    assert_eq!((&report["state"], &report["progress"]["failed"]), (&json!("dead"), &json!(1)), "{report}");

    let path = format!("/route/replay/{}", letter["id"].as_str().unwrap());
    let (status, made) = ask(&system, &server, &path, Some("k-1"), &json!({"reason": "The channel is back"})).await;
    assert_eq!((status, &made["outcome"]), (StatusCode::ACCEPTED, &json!("dispatched")), "{made}");
    assert_eq!(made["deliveries"][0]["delivery_id"], letter["id"], "{made}");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 1));
    let (_, report) = system.get(&server, &format!("/route/status/{}", letter["id"].as_str().unwrap())).await;
    let attempts = report["deliveries"][0]["attempts"].as_array().unwrap();
    let told: Vec<_> = attempts.iter().map(|one| (one["number"].as_u64(), one["outcome"].as_str())).collect();
    assert_eq!(told, [(Some(1), Some("permanent")), (Some(2), Some("delivered"))], "history stays");
    let (_, page) = system.get(&server, "/route/dead-letters").await;
    assert_eq!(page, json!({"items": []}));

    for from in ["deliver", "route"] {
        let body = json!({ "from": from });
        let (status, nothing) = ask(&system, &server, &format!("/route/replay/{event}"), None, &body).await;
        assert_eq!((status, &nothing["outcome"]), (StatusCode::ACCEPTED, &json!("nothing")), "{nothing}");
        assert_eq!(nothing["skipped"].as_array().map(Vec::len), Some(2), "{nothing}");
    }
    let (status, anew) = ask(&system, &server, &format!("/route/replay/{event}"), None, &json!({})).await;
    assert_eq!((status, &anew["outcome"]), (StatusCode::ACCEPTED, &json!("understood_anew")), "{anew}");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 1), "understood as before");
    let (_, story) = system.get(&server, &format!("/observe/logs/{event}")).await;
    let replays: Vec<_> =
        story["entries"].as_array().unwrap().iter().filter(|one| one["event"] == "unit.replayed").collect();
    assert_eq!(replays.len(), 4, "{story}");
    let first = &replays[0]["detail"];
    assert_eq!((&first["note"], &first["by"]), (&json!("The channel is back"), &json!("role:service_role")));
    system.finish().await;
}

#[tokio::test]
async fn a_forced_replay_makes_exactly_one_more_for_each_operation() {
    let system = system().await;
    let server = system.serve().await;
    let (event, dispatch) = done(&system, &server).await;
    let force = json!({"force": true});
    for (number, (path, key)) in
        [(format!("/route/replay/{dispatch}"), "k-1"), (format!("/route/replay/{event}"), "k-2")]
            .into_iter()
            .enumerate()
    {
        let (status, made) = ask(&system, &server, &path, Some(key), &force).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{made}");
        let (_, again) = ask(&system, &server, &path, Some(key), &force).await;
        assert_eq!(again, made, "the same replay");
        system.settled().await;
        let more = number as i64 + 2;
        assert_eq!((system.ledger().missions().await, system.slack.posted().len() as i64), (more, more), "{path}");
    }
    let lineage = "SELECT count(*) AS n FROM dispatch.dispatches WHERE replay_of IS NOT NULL";
    assert_eq!(system.ledger().count(lineage).await, 2);
    system.finish().await;
}

#[tokio::test]
async fn two_replicas_replaying_the_same_thing_at_once_do_it_once() {
    let system = system().await;
    let (left, right) = (system.serve().await, system.serve().await);
    let (event, dispatch) = half_done(&system, &left).await;
    for (path, body) in [
        (format!("/route/replay/{dispatch}"), json!({})),
        (format!("/route/replay/{event}"), json!({"from": "route"})),
        (format!("/route/replay/{event}"), json!({"from": "classify"})),
    ] {
        let asked = (0..8).map(|n| {
            let server = if n % 2 == 0 { &left } else { &right };
            post(&system, server, &path, None, &body).send()
        });
        for answer in futures_util::future::join_all(asked).await {
            let status = answer.unwrap().status();
            assert!(status == StatusCode::ACCEPTED || status == StatusCode::CONFLICT, "{path}: {status}");
        }
        system.settled().await;
        assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 1), "{path}");
    }
    system.finish().await;
}

#[tokio::test]
async fn the_same_forced_request_at_two_replicas_makes_one_more() {
    let system = system().await;
    let (left, right) = (system.serve().await, system.serve().await);
    let (_, dispatch) = done(&system, &left).await;
    let (path, force) = (format!("/route/replay/{dispatch}"), json!({"force": true}));
    let asked = (0..6).map(|n| {
        let server = if n % 2 == 0 { &left } else { &right };
        post(&system, server, &path, Some("k-1"), &force).send()
    });
    futures_util::future::join_all(asked).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (2, 2));
    system.finish().await;
}

#[tokio::test]
async fn a_dry_run_changes_no_row() {
    let system = system().await;
    let server = system.serve().await;
    let (event, dispatch) = half_done(&system, &server).await;
    let before = system.ledger().rows(DUMP).await;
    for (named, from) in [(&event, "classify"), (&event, "route"), (&event, "deliver"), (&dispatch, "deliver")] {
        for force in [false, true] {
            let body = json!({"from": from, "force": force, "dry_run": true});
            let (status, shown) = ask(&system, &server, &format!("/route/replay/{named}"), None, &body).await;
            assert_eq!((status, &shown["dry_run"]), (StatusCode::OK, &json!(true)), "{shown}");
            let planned = shown["difference"]["planned"].as_array().unwrap().len();
            let due = shown["deliveries"].as_array().unwrap().len();
            match (from, force) {
                ("classify" | "route", true) => assert_eq!(planned, 2, "both once more: {shown}"),
                ("deliver", true) => assert_eq!((planned, due), (1, 1), "{shown}"),
                ("route", false) => assert_eq!(planned, 1, "the receipt is missing: {shown}"),
                ("deliver", false) => assert_eq!((planned, due), (0, 1), "{shown}"),
                _ => assert_eq!(shown["difference"]["now"]["message_type"], "STRAY", "{shown}"),
            }
        }
    }
    assert_eq!(system.ledger().rows(DUMP).await, before);
    system.finish().await;
}

/// Kills a server at `failpoint` while it replays, and lets another one go on.
async fn survives(failpoint: &str, path: impl Fn(&str, &str) -> String, body: Value, expected: (i64, usize)) {
    let system = system().await;
    let setup = system.serve().await;
    let (event, dispatch) = half_done(&system, &setup).await;
    setup.kill().await;
    let path = path(&event, &dispatch);
    let mut doomed = system.serve_until(failpoint).await;
    let sent = post(&system, &doomed, &path, Some("k-1"), &body).send().await;
    assert!(!doomed.ended().await.success(), "killed at {failpoint}");
    drop(sent);
    let server = system.serve().await;
    let (status, answer) = resume(&system, &server, &path, "k-1", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), expected, "after {failpoint}");
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.replays").await, 1, "after {failpoint}");
    system.finish().await;
}

#[tokio::test]
async fn killed_between_a_replay_and_its_answer() {
    survives("operation.applied", |_, dispatch| format!("/route/replay/{dispatch}"), json!({}), (1, 1)).await;
}

#[tokio::test]
async fn killed_between_a_forced_replay_and_its_answer() {
    let force = json!({"force": true});
    survives("operation.applied", |_, dispatch| format!("/route/replay/{dispatch}"), force, (2, 1)).await;
}

#[tokio::test]
async fn killed_with_a_redriven_delivery_in_hand() {
    survives("delivery.claimed", |_, dispatch| format!("/route/replay/{dispatch}"), json!({}), (1, 1)).await;
}

#[tokio::test]
async fn killed_after_sending_a_redriven_delivery() {
    survives("delivery.sent", |_, dispatch| format!("/route/replay/{dispatch}"), json!({}), (1, 1)).await;
}

#[tokio::test]
async fn killed_while_understanding_anew() {
    for failpoint in ["unit.claimed", "unit.classified", "unit.settled"] {
        let forced = json!({"from": "classify", "force": true});
        survives(failpoint, |event, _| format!("/route/replay/{event}"), forced, (2, 1)).await;
        survives(failpoint, |event, _| format!("/route/replay/{event}"), json!({"from": "classify"}), (1, 0)).await;
    }
}

#[tokio::test]
async fn what_cannot_be_replayed_says_why() {
    let system = system().await;
    let server = system.launch().env("AUTO_DISPATCH_THRESHOLD", "0.999").start().await;
    let event = system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    let (status, early) = ask(&system, &server, &format!("/route/replay/{event}"), None, &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{early}");
    system.settled().await;
    let (status, held) = ask(&system, &server, &format!("/route/replay/{event}"), None, &json!({})).await;
    assert_eq!((status, &held["code"]), (StatusCode::CONFLICT, &json!("unit_held")), "{held}");
    let nobody = "/route/replay/01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62";
    let (status, unknown) = ask(&system, &server, nobody, None, &json!({})).await;
    assert_eq!((status, &unknown["code"]), (StatusCode::NOT_FOUND, &json!("replay_not_found")));
    system.finish().await;
}

#[tokio::test]
async fn a_dead_unit_is_understood_when_its_cause_is_gone() {
    let system = system().await;
    let launch = system.launch().env("DISPATCH_FAILPOINT", "unit.classified").env("DISPATCH_MAX_ATTEMPTS", "2");
    let mut doomed = launch.start().await;
    let event = system.say(&doomed, &SlackMessage::new("U1", CLEAR_TASK)).await;
    doomed.ended().await;
    launch.start().await.ended().await;
    let server = system.launch().env("DISPATCH_MAX_ATTEMPTS", "2").start().await;
    system.settled().await;
    let (_, page) = system.get(&server, "/route/dead-letters?kind=unit").await;
    assert_eq!(page["items"][0]["class"], "pipeline", "{page}");
    let unit = page["items"][0]["id"].as_str().unwrap();
    let (status, made) = ask(&system, &server, &format!("/route/replay/{unit}"), None, &json!({})).await;
    assert_eq!((status, &made["outcome"]), (StatusCode::ACCEPTED, &json!("understood_anew")), "{made}");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 1), "{event}");
    system.finish().await;
}

/// Says yes to what was routed already, to destinations of one's own.
fn further(meaning: &str) -> Value {
    json!({"classification_id": meaning, "destinations": [
        {"type": "storage", "target": "supabase", "table": "dispatch_agent_tasks"},
        {"type": "notification", "target": "slack", "channel_id": "C777", "thread_ts": "1763647387.000100"},
    ]})
}

#[tokio::test]
async fn dispatching_what_was_routed_adds_only_what_is_not_there() {
    let system = system().await;
    let (left, right) = (system.serve().await, system.serve().await);
    done(&system, &left).await;
    let meaning = id(&system, "SELECT classification_id AS id FROM dispatch.units").await;
    let (status, plain) = ask(&system, &left, "/route/dispatch", None, &json!({"classification_id": meaning})).await;
    assert_eq!((status, &plain["code"]), (StatusCode::CONFLICT, &json!("already_routed")));
    let body = further(&meaning);
    let asked = (0..8).map(|n| {
        let server = if n % 2 == 0 { &left } else { &right };
        post(&system, server, "/route/dispatch", None, &body).send()
    });
    let mut skipped = Vec::new();
    for answer in futures_util::future::join_all(asked).await {
        let answer: Value = answer.unwrap().error_for_status().unwrap().json().await.unwrap();
        skipped.push(answer["skipped"].as_array().unwrap().len());
    }
    skipped.sort_unstable();
    assert_eq!(skipped, [1, 2, 2, 2, 2, 2, 2, 2], "the rows were there for all, the message for all but the first");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 2));
    system.finish().await;
}

#[tokio::test]
async fn killed_between_a_further_dispatch_and_its_answer() {
    let system = system().await;
    let setup = system.serve().await;
    done(&system, &setup).await;
    let meaning = id(&system, "SELECT classification_id AS id FROM dispatch.units").await;
    setup.kill().await;
    let body = further(&meaning);
    let mut doomed = system.serve_until("operation.applied").await;
    assert!(post(&system, &doomed, "/route/dispatch", Some("k-1"), &body).send().await.is_err(), "nobody answered");
    doomed.ended().await;
    let server = system.serve().await;
    let (status, resumed) = resume(&system, &server, "/route/dispatch", "k-1", &body).await;
    assert_eq!((status, resumed["skipped"].as_array().map(Vec::len)), (StatusCode::ACCEPTED, Some(1)), "{resumed}");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (1, 2));
    system.finish().await;
}
