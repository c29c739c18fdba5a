//! Others who hold the tables, others who run the engine, and owners who may not see much.

use crate::support::{Door, Stand, eventually};
use dispatch_cutover::{Client, Connector as _, Stage};
use std::time::Duration;

async fn reader(stand: &Stand, sql: &str) -> Client {
    let client = stand.door.connect("a report").await.unwrap();
    client.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
    client
}

/// The longest that a client's lock is waited for, looked at every few milliseconds until told to stop.
async fn longest_wait(stand: &Stand, stop: &tokio::sync::Notify) -> Duration {
    let client = stand.door.connect("a look").await.unwrap();
    let sql =
        "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart) * 1000), 0)::int::text FROM pg_locks
        WHERE NOT granted AND mode = 'AccessExclusiveLock' AND locktype = 'relation'";
    let mut longest = 0;
    loop {
        let done = tokio::time::timeout(Duration::from_millis(3), stop.notified()).await.is_ok();
        for message in client.simple_query(sql).await.unwrap() {
            if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                longest = longest.max(row.get(0).unwrap().parse().unwrap());
            }
        }
        if done {
            return Duration::from_millis(longest);
        }
    }
}

#[tokio::test]
async fn a_reader_is_named_and_nobody_queues_behind_the_switch() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    stand.options.max_wait = Duration::from_millis(1_500);
    let report = reader(&stand, "SELECT count(*) FROM dispatch_activities").await;
    let pid = report.simple_query("SELECT pg_backend_pid()").await.unwrap();
    let tokio_postgres::SimpleQueryMessage::Row(pid) = &pid[1] else { panic!("a row") };
    let stop = tokio::sync::Notify::new();
    let run = async {
        let told = stand.refused(Stage::Switch, 75).await;
        stop.notify_one();
        told
    };
    let (told, longest) = tokio::join!(run, longest_wait(&stand, &stop));
    assert!(told.contains(&format!("pid {}", pid.get(0).unwrap())), "{told}");
    assert!(told.contains("a report") && !told.contains("gave way"), "{told}");
    assert_eq!(longest, Duration::ZERO, "nothing was asked for that readers would queue behind");
    assert_eq!(stand.kinds().await, "rvrv");
    report.batch_execute("COMMIT").await.unwrap();
    stand.done(Stage::Switch).await;
}

#[tokio::test]
async fn a_prepared_transaction_is_named_too() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    let may: i64 =
        stand.number("SELECT setting::bigint FROM pg_settings WHERE name = 'max_prepared_transactions'").await;
    if may == 0 {
        let report = reader(&stand, "LOCK TABLE agent_tasks IN ACCESS SHARE MODE").await;
        stand.options.max_wait = Duration::from_millis(300);
        stand.refused(Stage::Switch, 75).await;
        // The first table is switched, the second is not; both work, and the rerun goes on.
        assert_eq!(stand.kinds().await, "vrrv");
        drop(report);
    } else {
        stand.database.execute("BEGIN; SELECT count(*) FROM agent_tasks; PREPARE TRANSACTION 'cutover-test'").await;
        stand.options.max_wait = Duration::from_millis(300);
        assert!(stand.refused(Stage::Switch, 75).await.contains("prepared"));
        stand.database.execute("ROLLBACK PREPARED 'cutover-test'").await;
    }
    stand.options.max_wait = Duration::from_secs(5);
    stand.done(Stage::Switch).await;
    assert_eq!(stand.kinds().await, "vrvr");
}

#[tokio::test]
async fn the_second_runner_is_refused_at_once_and_status_is_not() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    stand.options.max_wait = Duration::from_secs(60);
    let report = reader(&stand, "SELECT count(*) FROM activities").await;
    let second = async {
        let holds = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database =
            (SELECT oid FROM pg_database WHERE datname = current_database())";
        eventually("the first runner", async || stand.number(holds).await == 1).await;
        // Refused while the first still waits: nobody waits for it.
        for stage in [Stage::Switch, Stage::Rollback, Stage::Verify, Stage::Contract] {
            assert!(stand.refused(stage, 77).await.contains("switch"));
        }
        stand.done(Stage::Status).await;
        stand.refused(Stage::Preflight, 64).await;
        assert_eq!(stand.number(holds).await, 1);
        report.batch_execute("COMMIT").await.unwrap();
    };
    let (first, ()) = tokio::join!(stand.run(Stage::Switch), second);
    assert!(first.unwrap().changed);
}

#[tokio::test]
async fn contract_waits_for_whoever_uses_an_old_name() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    stand.done(Stage::Switch).await;
    let old = reader(&stand, "SELECT count(*) FROM activities").await;
    let stop = stand.contract().await.unwrap_err();
    assert_eq!(stop.exit_code(), 78, "{stop}");
    assert!(stop.to_string().contains("still used"), "{stop}");
    drop(old);
    // Whoever reads the table by its new name uses no old one.
    let new = reader(&stand, "SELECT count(*) FROM dispatch_agent_tasks").await;
    let contracted = tokio::join!(stand.contract(), async {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        new.batch_execute("COMMIT").await.unwrap();
    });
    contracted.0.unwrap();
}

/// An owner who is no superuser and may not see how old other people's transactions are.
#[tokio::test]
async fn an_owner_who_sees_little_gets_there_too() {
    let mut stand = Stand::hostile().await;
    let role = format!(
        "owner_{}",
        stand.number("SELECT oid::bigint FROM pg_database WHERE datname = current_database()").await
    );
    stand
        .database
        .execute(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO {role};
             ALTER TABLE activities OWNER TO {role}; ALTER TABLE agent_tasks OWNER TO {role};"
        ))
        .await;
    let before = stand.identity(true).await;
    let url = stand.database.url().expose().to_owned();
    let user = url.split_once("user=").map_or("", |(_, rest)| rest.split('&').next().unwrap()).to_owned();
    assert!(!user.is_empty(), "the cluster's URL names its user");
    stand.door = Door(url.replace(&format!("user={user}"), &format!("user={role}")).parse().unwrap());
    let told = stand.refused(Stage::Expand, 64).await;
    assert!(told.contains("CREATE SCHEMA dispatch_cutover"), "{told}");
    stand.database.execute(&format!("CREATE SCHEMA dispatch_cutover AUTHORIZATION {role}")).await;
    stand.verified().await;
    // An administrator may go on where the owner began: the plan is the same.
    let owner = std::mem::replace(&mut stand.door, Door(stand.database.url().clone()));
    stand.done(Stage::Verify).await;
    assert!(!stand.done(Stage::Expand).await);
    stand.door = owner;
    stand.options.max_wait = Duration::from_millis(700);
    let foreign = Door(stand.database.url().clone());
    let report = foreign.connect("a report").await.unwrap();
    report.batch_execute("BEGIN; SELECT count(*) FROM activities").await.unwrap();
    assert!(stand.refused(Stage::Switch, 75).await.contains("pid"));
    report.batch_execute("COMMIT").await.unwrap();
    stand.options.max_wait = Duration::from_secs(5);
    stand.done(Stage::Switch).await;
    assert_eq!(stand.identity(true).await, before);
    stand.contract().await.unwrap();
    stand.done(Stage::Rollback).await;
    stand.options.rollback_to = Some(dispatch_cutover::Position::Legacy);
    stand.done(Stage::Rollback).await;
    assert_eq!(stand.identity(true).await, before);
    stand
        .database
        .execute(&format!("REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}
