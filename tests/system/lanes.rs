//! Destinations that ask for a pause or fail: what waits for them is kept and said, and nobody else waits.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Mood, Server, SlackMessage, System};
use serde_json::Value;

const POLICY: &str = include_str!("../../crates/domain/routing/src/policy/default.toml");

fn said(number: u32, channel: &str) -> SlackMessage {
    SlackMessage::new(&format!("U{number}"), CLEAR_TASK).in_channel(channel)
}

#[tokio::test]
async fn slacks_429_rests_the_workspace_that_it_is_about_and_no_other() {
    let system = system().await;
    let server = system.serve().await;
    system.slack.set_mood(Mood::Busy(8, 1));
    system.say(&server, &said(1, "C1")).await;
    system.eventually("Slack was asked", async || system.slack.calls() == 1).await;
    system.say(&server, &said(2, "C2")).await;
    system.say(&server, &said(3, "C3").in_team("T2")).await;
    system.settled().await;
    let channels: Vec<_> = system.slack.posted().into_iter().map(|posted| posted.channel).collect();
    assert_eq!(
        (channels.len(), channels[0].as_str()),
        (3, "C3"),
        "it counts by workspace, not by channel: {channels:?}"
    );
    assert_eq!(system.slack.calls(), 4, "nobody asks again before its time");
    system.finish().await;
}

/// What the story of a message says of its receipt.
async fn receipt(system: &System, server: &Server, event_id: &str) -> Option<Value> {
    let (_, story) = system.get(server, &format!("/observe/logs/{event_id}")).await;
    let entries = story["entries"].as_array()?.iter();
    let mut planned =
        entries.filter(|entry| entry["event"] == "delivery.planned" && entry["detail"]["kind"] == "slack");
    planned.next_back().map(|entry| entry["detail"].clone())
}

#[tokio::test]
async fn a_breaker_outlives_the_worker_that_opened_it_and_loses_nothing() {
    let policy = POLICY.replace("failures = 5", "failures = 2").replace("open_seconds = 30", "open_seconds = 15");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), policy).unwrap();
    let system = system().await;
    let launch = system.launch().env("DISPATCH_POLICY", &file.path().to_string_lossy());
    let doomed = launch.clone().start().await;
    system.slack.set_mood(Mood::Refusing("service_unavailable", 2));
    system.say(&doomed, &said(1, "C1")).await;
    let open = "SELECT count(*) AS n FROM dispatch.breakers WHERE state = 'open'";
    system.eventually("the breaker is open", async || system.ledger().count(open).await == 1).await;
    doomed.kill().await;

    let server = launch.start().await;
    let kept = system.say(&server, &said(2, "C2")).await;
    let is_held =
        async || receipt(&system, &server, &kept).await.is_some_and(|detail| detail["held_until"].is_string());
    system.eventually("the receipt is held", is_held).await;
    assert_eq!(receipt(&system, &server, &kept).await.unwrap()["reason"], "breaker_open");
    assert_eq!((system.slack.calls(), system.slack.posted().len()), (2, 0), "it is left alone");
    system.settled().await;
    assert_eq!(system.slack.posted().len(), 2, "one receipt each");
    assert_eq!(system.ledger().count(open).await, 0, "and it is closed");
    system.finish().await;
}
