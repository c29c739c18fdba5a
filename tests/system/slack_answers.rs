//! What Slack may answer to a receipt, and what follows.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Mood, SlackMessage, System};
use std::time::{Duration, Instant};

async fn receipt_state(system: &System) -> String {
    let rows = system.ledger().rows("SELECT state FROM dispatch.deliveries WHERE kind = 'slack'").await;
    rows[0]["state"].as_str().unwrap().to_owned()
}

async fn say_one(system: &System) {
    let server = system.serve().await;
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;
}

#[tokio::test]
async fn a_receipt_goes_to_the_thread_with_its_delivery_id() {
    let system = system().await;
    let server = system.serve().await;
    let message = SlackMessage::new("U1", CLEAR_TASK);
    system.say(&server, &message).await;
    system.settled().await;
    let posted = system.slack.posted();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].thread_ts.as_deref(), Some(message.ts.as_str()));
    assert_eq!(posted[0].text, "✅ Task detected and added to your queue!");
    assert!(posted[0].delivery_id.is_some());
    system.finish().await;
}

#[tokio::test]
async fn a_429_is_waited_out_in_full() {
    let system = system().await;
    system.slack.set_mood(Mood::Busy(3, 1));
    let begun = Instant::now();
    say_one(&system).await;
    assert_eq!((system.slack.posted().len(), receipt_state(&system).await.as_str()), (1, "delivered"));
    assert!(begun.elapsed() >= Duration::from_secs(3), "Retry-After is honoured in full");
    system.finish().await;
}

#[tokio::test]
async fn a_transient_refusal_is_tried_again() {
    let system = system().await;
    system.slack.set_mood(Mood::Refusing("service_unavailable", 1));
    say_one(&system).await;
    assert_eq!((system.slack.posted().len(), receipt_state(&system).await.as_str()), (1, "delivered"));
    system.finish().await;
}

#[tokio::test]
async fn a_permanent_refusal_is_not() {
    let system = system().await;
    system.slack.set_mood(Mood::Refusing("channel_not_found", 99));
    say_one(&system).await;
    assert_eq!((system.slack.calls(), receipt_state(&system).await.as_str()), (1, "failed"));
    assert_eq!(system.ledger().agent_tasks().await, 1, "the mission stands all the same");
    system.finish().await;
}

#[tokio::test]
async fn an_unclear_refusal_is_looked_up_before_it_is_tried_again() {
    let system = system().await;
    system.slack.set_mood(Mood::Refusing("fatal_error", 1));
    say_one(&system).await;
    assert_eq!((system.slack.posted().len(), receipt_state(&system).await.as_str()), (1, "delivered"));
    assert_eq!(system.slack.lookups(), 1);
    system.finish().await;
}

/// The attempt is given up while its claim still holds; what was posted all the same is found.
#[tokio::test]
async fn an_answer_that_comes_too_late_does_not_double_the_receipt() {
    let system = system().await;
    system.slack.set_mood(Mood::Late(Duration::from_secs(4), 1));
    say_one(&system).await;
    assert_eq!((system.slack.posted().len(), receipt_state(&system).await.as_str()), (1, "delivered"));
    assert_eq!(system.slack.lookups(), 1);
    system.finish().await;
}

#[tokio::test]
async fn one_slow_answer_holds_up_nobody_else() {
    let system = system().await;
    system.slack.set_mood(Mood::Late(Duration::from_secs(20), 1));
    let server = system.launch().env("DISPATCH_LEASE_MS", "60000").start().await;
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.eventually("the slow one is under way", async || system.slack.calls() == 1).await;
    for number in 0..12 {
        let message = SlackMessage::new("U2", CLEAR_TASK).in_channel(&format!("C{number}"));
        system.say(&server, &message).await;
    }
    let delivered = "SELECT count(*) AS n FROM dispatch.deliveries WHERE kind = 'slack' AND state = 'delivered'";
    system.eventually("the others are delivered", async || system.ledger().count(delivered).await == 12).await;
    let slow = "SELECT count(*) AS n FROM dispatch.deliveries WHERE kind = 'slack' AND state = 'pending'";
    assert_eq!(system.ledger().count(slow).await, 1, "while the slow one is still under way");
    system.settled().await;
    system.finish().await;
}
