//! SIGKILL between every two steps; then a ledger counts: nothing lost, nothing doubled.

use crate::system;
use dispatch_tests::harness::SlackMessage;
use dispatch_tests::harness::system::CLEAR_TASK;
use std::collections::HashSet;

/// Kills a server at `failpoint`, starts another, and counts the effects of one message.
async fn survives(failpoint: &str) {
    let system = system().await;
    let mut doomed = system.serve_until(failpoint).await;
    let event_id = system.say(&doomed, &SlackMessage::new("U1", CLEAR_TASK)).await;
    let status = doomed.ended().await;
    assert!(!status.success(), "killed at {failpoint}, not ended");

    let server = system.serve().await;
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, 1, "one mission after {failpoint}");
    let receipts = system.slack.posted();
    assert_eq!(receipts.len(), 1, "one receipt after {failpoint}: {receipts:?}");
    let (_, story) = system.get(&server, &format!("/observe/logs/{event_id}")).await;
    assert_eq!(story["state"], "done", "{story}");
    system.finish().await;
}

#[tokio::test]
async fn after_claiming_a_unit() {
    survives("unit.claimed").await;
}

#[tokio::test]
async fn after_classifying_a_unit() {
    survives("unit.classified").await;
}

#[tokio::test]
async fn after_settling_a_unit() {
    survives("unit.settled").await;
}

#[tokio::test]
async fn after_claiming_a_delivery() {
    survives("delivery.claimed").await;
}

#[tokio::test]
async fn after_sending_and_before_settling_a_delivery() {
    survives("delivery.sent").await;
}

#[tokio::test]
async fn a_unit_that_kills_every_worker_ends_as_a_dead_letter_alone() {
    let system = system().await;
    let launch = system.launch().env("DISPATCH_FAILPOINT", "unit.classified@poison").env("DISPATCH_MAX_ATTEMPTS", "3");
    let mut server = launch.clone().env("BURST_QUIET_MS", "1500").start().await;
    // All are due in the same moment, so that the first claim takes them together.
    for number in 0..12 {
        let text = if number == 4 { format!("{CLEAR_TASK}, poison") } else { CLEAR_TASK.to_owned() };
        let message = SlackMessage::new(&format!("U{number}"), &text).in_channel(&format!("C{number}"));
        system.say(&server, &message).await;
    }
    for _ in 0..3 {
        server.ended().await;
        server = launch.start().await;
    }
    system.settled().await;
    let dead = system.ledger().count("SELECT count(*) AS n FROM dispatch.units WHERE state = 'dead'").await;
    assert_eq!((dead, system.ledger().agent_tasks().await), (1, 11), "its neighbours are served");
    system.finish().await;
}

#[tokio::test]
async fn under_load_with_the_server_killed_again_and_again() {
    let system = system().await;
    let mut accepted = HashSet::new();
    for round in 0..4 {
        let server = system.serve().await;
        for number in 0..15 {
            let message =
                SlackMessage::new(&format!("U{round}-{number}"), CLEAR_TASK).in_channel(&format!("C{number}"));
            accepted.insert(system.say(&server, &message).await);
        }
        if round < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(250 + 60 * round)).await;
            server.kill().await;
        } else {
            system.settled().await;
        }
    }
    let stored = system.ledger().count("SELECT count(*) AS n FROM dispatch.signals").await;
    assert_eq!(stored, accepted.len() as i64, "every 200 is in the log");
    assert_eq!(system.ledger().agent_tasks().await, accepted.len() as i64, "each is one mission");
    let receipts = system.slack.posted();
    let distinct: HashSet<_> = receipts.iter().map(|receipt| receipt.delivery_id.clone()).collect();
    assert_eq!((receipts.len(), distinct.len()), (accepted.len(), accepted.len()), "each is one receipt");
    system.finish().await;
}

/// Kills a server at `failpoint` while two people declare one listing; then two servers go on at once.
async fn makes_one_listing_after(failpoint: &str) {
    let system = system().await;
    let mut doomed = system.serve_until(failpoint).await;
    for (author, text) in [
        ("U1", "New listing at 44 Birch Ave, going live Friday, $899k"),
        ("U2", "New sale listing: 44 BIRCH AVENUE, Toronto, going live Friday, $899k"),
    ] {
        system.say(&doomed, &SlackMessage::new(author, text).in_channel(&format!("C{author}"))).await;
    }
    assert!(!doomed.ended().await.success());
    let _servers = tokio::join!(system.serve(), system.serve());
    system.settled().await;
    let ledger = system.ledger();
    assert_eq!(ledger.count("SELECT count(*) AS n FROM listings").await, 1, "one listing after {failpoint}");
    let names = "SELECT count(*) AS n, count(DISTINCT name) AS names FROM dispatch_activities";
    let activities = &ledger.rows(names).await[0];
    assert_eq!(activities["n"], activities["names"], "each activity once after {failpoint}");
    assert_eq!(ledger.count("SELECT count(*) AS n FROM listing_notes").await, 1);
    let receipts = system.slack.posted();
    let says = |words: &str| receipts.iter().filter(|receipt| receipt.text.contains(words)).count();
    assert_eq!((receipts.len(), says("Listing detected"), says("Listing updated")), (2, 1, 1), "{receipts:?}");
    system.finish().await;
}

#[tokio::test]
async fn one_listing_of_two_after_claiming() {
    makes_one_listing_after("unit.claimed").await;
}

#[tokio::test]
async fn one_listing_of_two_after_classifying() {
    makes_one_listing_after("unit.classified").await;
}

#[tokio::test]
async fn one_listing_of_two_after_settling_one() {
    makes_one_listing_after("unit.settled").await;
}
