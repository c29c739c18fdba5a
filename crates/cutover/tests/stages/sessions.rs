//! Roles with settings of their own: the engine sets what it needs itself, and nothing cuts it off.

use crate::support::{Door, Stand};
use dispatch_cutover::{Connector as _, Position, Stage, Walking};
use std::time::Duration;

/// What would cut off, lock out or confuse a session that takes what it is given. Transactions that may only read, or
/// that see one snapshot, among it.
const SETTINGS: [&str; 8] = [
    "statement_timeout = '1ms'",
    "lock_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '20ms'",
    "idle_session_timeout = '400ms'",
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "quote_all_identifiers = on",
    "synchronous_commit = off",
];

#[tokio::test]
async fn settings_of_the_role_neither_end_a_stage_nor_change_the_plan() {
    let mut stand = Stand::hostile().await;
    let oid = stand.number("SELECT oid::bigint FROM pg_database WHERE datname = current_database()").await;
    let role = format!("hasty_{oid}");
    let version = stand.number("SELECT current_setting('server_version_num')::bigint").await;
    let newer = (version >= 170_000).then_some("transaction_timeout = '20ms'");
    let settings = SETTINGS.into_iter().chain(newer);
    let own: String = settings.map(|setting| format!("ALTER ROLE {role} SET {setting};")).collect();
    stand.database.execute(&format!("CREATE ROLE {role} LOGIN SUPERUSER; {own}")).await;
    let before = stand.identity(true).await;
    let url = stand.database.url().expose().to_owned();
    let user = url.split_once("user=").map_or("", |(_, rest)| rest.split('&').next().unwrap()).to_owned();
    let hasty = Door(url.replace(&format!("user={user}"), &format!("user={role}")).parse().unwrap());

    let somebody = hasty.connect("somebody").await.unwrap();
    let cut_off = somebody.batch_execute("SELECT pg_sleep(0.3)").await.unwrap_err();
    assert_eq!(cut_off.code().unwrap().code(), "57014", "the settings are in force");

    let mut walking = Walking::begin(&hasty, "run").await.unwrap();
    let walks = "SELECT coalesce(max(pid), 0)::bigint FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'dispatch cutover run %'";
    let walks_as = stand.number(walks).await;
    stand.done(Stage::Expand).await;
    let plain = std::mem::replace(&mut stand.door, hasty);
    assert!(!stand.done(Stage::Expand).await, "the plan is the same, whoever makes it");
    stand.verified().await;
    let wait = async {
        // Longer than any of the timeouts: whoever gives way to this waits in a transaction, and between two.
        let reader = plain.connect("a report").await.unwrap();
        reader.batch_execute("BEGIN; SELECT count(*) FROM activities; SELECT pg_sleep(0.7); COMMIT").await.unwrap();
    };
    let ((), switched) = tokio::join!(wait, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stand.run(Stage::Switch).await
    });
    switched.unwrap();
    assert_eq!((stand.kinds().await.as_str(), stand.identity(true).await), ("vrvr", before.clone()));
    stand.contract().await.unwrap();
    stand.done(Stage::Rollback).await;
    stand.options.rollback_to = Some(Position::Legacy);
    stand.done(Stage::Rollback).await;
    assert_eq!(stand.identity(true).await, before);
    walking.still(&stand.door, &stand.options).await.unwrap();
    assert_eq!(stand.number(walks).await, walks_as, "nor was the session that only waits");
    drop(walking);
    let lost = |event: &serde_json::Value| event["text"].as_str().is_some_and(|text| text.contains("session was lost"));
    assert!(!stand.heard.all().iter().any(lost), "no session was ended");
    stand
        .database
        .execute(&format!("REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}
