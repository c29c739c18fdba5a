//! A database that takes connections and commits nothing: senders hear so soon, and nothing acknowledged is lost.

use crate::system;
use dispatch_tests::harness::SlackMessage;
use dispatch_tests::harness::system::CLEAR_TASK;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::Value;

/// Nobody can write signals while it lasts; it lasts until it is ended, longer than any sender waits.
const HOLD: &str = "BEGIN; LOCK TABLE dispatch.signals IN SHARE MODE; SELECT pg_sleep(60); COMMIT";
const HELD: &str = "SELECT count(*) AS n FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE relname = 'signals' AND mode = 'ShareLock' AND granted AND datname = current_database()";
const RELEASE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'BEGIN; LOCK TABLE%'";

#[tokio::test]
async fn senders_are_told_to_come_again_while_nothing_commits_and_nothing_is_lost() {
    let system = system().await;
    let server = system.serve().await;
    let acknowledged = system.say(&server, &SlackMessage::new("U0", CLEAR_TASK)).await;
    system.settled().await;
    let messages: Vec<_> =
        (1..=40).map(|n| SlackMessage::new(&format!("U{n}"), CLEAR_TASK).in_channel(&format!("C{n}"))).collect();
    let send_all = async || {
        join_all(messages.iter().map(async |message| {
            let response = message.request(&system.client, server.base()).send().await.expect("an answer");
            let (status, again) = (response.status(), response.headers().contains_key("retry-after"));
            (status, again, response.json::<Value>().await.expect("JSON"))
        }))
        .await
    };

    let refused = tokio::select! {
        () = system.database.execute(HOLD) => panic!("the lock was given up"),
        answers = async {
            system.eventually("the table is locked", async || system.ledger().count(HELD).await > 0).await;
            send_all().await
        } => answers,
    };
    // Dropping its connection does not end a sleeping session.
    system.database.execute(RELEASE).await;
    for (status, again, problem) in &refused {
        assert_eq!(*status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
        assert!(*again && problem["retryable"] == true, "{problem}");
        assert!(["overloaded", "intake_unavailable"].contains(&problem["code"].as_str().unwrap_or_default()));
    }

    system
        .eventually("all of them are taken when they come again", async || {
            send_all().await.iter().all(|(status, ..)| *status == StatusCode::OK)
        })
        .await;
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, 41, "each once, whether its slow commit went through or not");
    let (status, _) = system.get(&server, &format!("/observe/logs/{acknowledged}")).await;
    assert_eq!(status, StatusCode::OK);
    system.finish().await;
}
