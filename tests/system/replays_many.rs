//! Many replays at once: at a rate, with progress, whoever is killed; of dead letters, and by force of what succeeded.

use crate::replays::{ask, post, resume};
use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Mood, Server, SlackMessage, System};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Twelve receipts that were refused for good.
async fn twelve_dead(system: &System, server: &Server) {
    system.slack.set_mood(Mood::Refusing("channel_not_found", 12));
    for number in 0..12 {
        let message = SlackMessage::new(&format!("U{number}"), CLEAR_TASK).in_channel(&format!("C{number}"));
        system.say(server, &message).await;
    }
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (12, 0));
}

/// All dead letters are redriven, though a server is killed at `failpoint` while it is at it.
async fn redriven_in_spite_of(failpoint: &str) {
    let system = system().await;
    let setup = system.serve().await;
    twelve_dead(&system, &setup).await;
    setup.kill().await;
    let mut doomed = system.serve_until(failpoint).await;
    let body = json!({"kinds": ["slack"], "states": ["failed"], "per_second": 4, "reason": "Slack is back"});
    let sent = post(&system, &doomed, "/route/replays", Some("k-1"), &body).send().await;
    doomed.ended().await;
    drop(sent);
    let (left, right) = (system.serve().await, system.serve().await);
    let (status, begun) = resume(&system, &left, "/route/replays", "k-1", &body).await;
    assert_eq!((status, &begun["total"]), (StatusCode::ACCEPTED, &json!(12)), "{begun}");
    let path = format!("/route/replays/{}", begun["replay_id"].as_str().unwrap());
    system.eventually("the batch is done", async || system.get(&right, &path).await.1["state"] == "done").await;
    let (_, ended) = system.get(&right, &path).await;
    assert_eq!((&ended["done"], &ended["pending"], &ended["refused"]), (&json!(12), &json!(0), &json!(0)), "{ended}");
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (12, 12), "after {failpoint}");
    let replays = system.ledger().count("SELECT count(*) AS n FROM dispatch.replays").await;
    assert_eq!(replays, 12, "after {failpoint}");
    system.finish().await;
}

#[tokio::test]
async fn all_dead_letters_are_redriven_though_a_worker_dies_with_them_in_hand() {
    redriven_in_spite_of("replays.taken").await;
}

#[tokio::test]
async fn all_dead_letters_are_redriven_though_a_worker_dies_between_two() {
    redriven_in_spite_of("replays.settled").await;
}

#[tokio::test]
async fn a_cancelled_batch_leaves_the_rest_alone() {
    let system = system().await;
    let server = system.serve().await;
    system.slack.set_mood(Mood::Refusing("channel_not_found", 6));
    for number in 0..6 {
        let message = SlackMessage::new(&format!("U{number}"), CLEAR_TASK).in_channel(&format!("C{number}"));
        system.say(&server, &message).await;
    }
    system.settled().await;
    let (_, begun) = ask(&system, &server, "/route/replays", None, &json!({"all": true, "per_second": 1})).await;
    let path = format!("/route/replays/{}", begun["replay_id"].as_str().unwrap());
    system.eventually("one is replayed", async || system.get(&server, &path).await.1["done"] != 0).await;
    let (status, ended) = ask(&system, &server, &format!("{path}/cancel"), None, &json!({})).await;
    assert_eq!((status, &ended["state"]), (StatusCode::OK, &json!("cancelled")), "{ended}");
    system.settled().await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let (_, later) = system.get(&server, &path).await;
    assert_eq!(later, ended);
    assert!(system.slack.posted().len() < 6);
    system.finish().await;
}

/// So many messages that were routed and answered, each in a channel of its own.
async fn answered(system: &System, server: &Server, many: usize) {
    for number in 0..many {
        let message = SlackMessage::new(&format!("U{number}"), CLEAR_TASK).in_channel(&format!("C{number}"));
        system.say(server, &message).await;
    }
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (i64::try_from(many).unwrap(), many));
}

/// Everything of these kinds that was planned in the last hour, once more.
fn everything(kinds: &[&str]) -> Value {
    let since = time::OffsetDateTime::now_utc() - time::Duration::hours(1);
    let since = since.format(&time::format_description::well_known::Rfc3339).unwrap();
    json!({"states": ["delivered"], "kinds": kinds, "since": since, "force": true, "per_second": 4,
        "reason": "The channel was wiped"})
}

/// A range of what succeeded is done once more, and no more than once, though a server is killed at `failpoint`.
async fn forced_in_spite_of(failpoint: &str) {
    let system = system().await;
    let setup = system.serve().await;
    answered(&system, &setup, 8).await;
    let mut rehearsed = everything(&["slack"]);
    rehearsed["dry_run"] = json!(true);
    let (status, shown) = ask(&system, &setup, "/route/replays", None, &rehearsed).await;
    assert_eq!(
        (status, &shown["total"], &shown["kinds"]),
        (StatusCode::OK, &json!(8), &json!({"slack": 8})),
        "{shown}"
    );
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.replay_batches").await, 0, "nothing began");
    setup.kill().await;
    let mut doomed = system.serve_until(failpoint).await;
    let body = everything(&["slack"]);
    let sent = post(&system, &doomed, "/route/replays", Some("k-1"), &body).send().await;
    doomed.ended().await;
    drop(sent);
    let (left, right) = (system.serve().await, system.serve().await);
    let (status, begun) = resume(&system, &left, "/route/replays", "k-1", &body).await;
    assert_eq!((status, &begun["total"], &begun["forced"]), (StatusCode::ACCEPTED, &json!(8), &json!(true)), "{begun}");
    let path = format!("/route/replays/{}", begun["replay_id"].as_str().unwrap());
    system.eventually("the batch is done", async || system.get(&right, &path).await.1["state"] == "done").await;
    let (_, ended) = system.get(&right, &path).await;
    assert_eq!((&ended["done"], &ended["skipped"], &ended["refused"]), (&json!(8), &json!(0), &json!(0)), "{ended}");
    system.settled().await;
    let ledger = system.ledger();
    assert_eq!((ledger.missions().await, system.slack.posted().len()), (8, 16), "each once more, after {failpoint}");
    let lineage = "SELECT count(*) AS n FROM dispatch.dispatches AS p JOIN dispatch.replays AS r USING (dispatch_id)
        WHERE p.replay_of IS NOT NULL AND r.forced AND r.batch_id IS NOT NULL AND r.note = 'The channel was wiped'";
    assert_eq!(ledger.count(lineage).await, 8, "who, when and why stands with each");
    system.finish().await;
}

#[tokio::test]
async fn a_range_is_done_once_more_though_a_worker_dies_with_it_in_hand() {
    forced_in_spite_of("replays.taken").await;
}

#[tokio::test]
async fn a_range_is_done_once_more_though_a_worker_dies_between_two() {
    forced_in_spite_of("replays.settled").await;
}

#[tokio::test]
async fn a_range_from_an_earlier_stage_is_of_units_and_makes_one_mission_more_of_each() {
    let system = system().await;
    let server = system.serve().await;
    answered(&system, &server, 3).await;
    let mut body = everything(&[]);
    body["from"] = json!("route");
    let (status, begun) = ask(&system, &server, "/route/replays", None, &body).await;
    assert_eq!(
        (status, &begun["total"]),
        (StatusCode::ACCEPTED, &json!(3)),
        "three units, and not six deliveries: {begun}"
    );
    let path = format!("/route/replays/{}", begun["replay_id"].as_str().unwrap());
    system.eventually("the batch is done", async || system.get(&server, &path).await.1["state"] == "done").await;
    system.settled().await;
    assert_eq!((system.ledger().missions().await, system.slack.posted().len()), (6, 6));
    let mut later = everything(&[]);
    later["since"] = json!("2100-01-01T00:00:00Z");
    let (_, none) = ask(&system, &server, "/route/replays", None, &later).await;
    assert_eq!(none["total"], 0, "{none}");
    system.finish().await;
}
