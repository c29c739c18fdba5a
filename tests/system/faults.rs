//! A database that goes away, two replicas, a restart in the middle of a burst, an orderly end.

use crate::system;
use dispatch_tests::harness::SlackMessage;
use dispatch_tests::harness::system::CLEAR_TASK;
use reqwest::StatusCode;
use std::time::Duration;

#[tokio::test]
async fn nothing_is_acknowledged_while_the_database_is_down() {
    let system = system().await;
    let server = system.serve().await;
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    system.settled().await;

    system.database.refuse_connections(true).await;
    let lost = SlackMessage::new("U2", CLEAR_TASK);
    let refused = lost.request(&system.client, server.base()).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let health = system.client.get(format!("{}/observe/health", server.base())).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::SERVICE_UNAVAILABLE);
    let live = system.client.get(format!("{}/livez", server.base())).send().await.unwrap();
    assert_eq!(live.status(), StatusCode::OK, "a database that is down is no reason to restart the server");

    system.database.refuse_connections(false).await;
    system
        .eventually("the same message is accepted", async || {
            lost.request(&system.client, server.base()).send().await.unwrap().status() == StatusCode::OK
        })
        .await;
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, 2);
    system.finish().await;
}

#[tokio::test]
async fn two_replicas_share_one_queue_without_doubling() {
    let system = system().await;
    let (left, right) = (system.serve().await, system.serve().await);
    for number in 0..40 {
        let server = if number % 2 == 0 { &left } else { &right };
        system
            .say(server, &SlackMessage::new(&format!("U{number}"), CLEAR_TASK).in_channel(&format!("C{number}")))
            .await;
    }
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, 40);
    let receipts = system.slack.posted();
    assert_eq!(receipts.len(), 40);
    system.finish().await;
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_burst_loses_and_splits_nothing() {
    let system = system().await;
    let launch = system.launch().env("BURST_QUIET_MS", "5000");
    let first = launch.start().await;
    system.say(&first, &SlackMessage::new("U1", "Please order the lockbox and sign")).await;
    first.kill().await;
    let second = launch.start().await;
    system.say(&second, &SlackMessage::new("U1", "for our new listing at 12 Elm St by Friday")).await;
    system.settled().await;
    let units = system.ledger().count("SELECT count(*) AS n FROM dispatch.units").await;
    assert_eq!((units, system.ledger().agent_tasks().await), (1, 1));
    system.finish().await;
}

#[tokio::test]
async fn an_orderly_end_is_quick_and_leaves_no_claim() {
    let system = system().await;
    let server = system.serve().await;
    for number in 0..20 {
        system.say(&server, &SlackMessage::new(&format!("U{number}"), CLEAR_TASK)).await;
    }
    tokio::time::sleep(Duration::from_millis(350)).await;
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
    let claims = system
        .ledger()
        .count(
            "SELECT (SELECT count(*) FROM dispatch.units WHERE state = 'pending' AND lease_until > now())
                  + (SELECT count(*) FROM dispatch.deliveries WHERE state = 'pending' AND lease_until > now()) AS n",
        )
        .await;
    assert_eq!(claims, 0);
    let again = system.serve().await;
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, 20);
    drop(again);
    system.finish().await;
}
