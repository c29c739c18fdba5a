//! Intake beyond the contract: what a batch refuses, what a repeat leaves in the story.

use dispatch_mission::signal::Redelivery;
use dispatch_mission::signal_log::{Outcome, SignalLog, SignalLogError};
use dispatch_mission::testing::slack_signal;
use dispatch_postgres::connect::{PoolOptions, pool_with};
use dispatch_postgres::store::PgSignalLog;
use dispatch_postgres::testing::TestDatabase;
use std::time::Duration;

use crate::support::{number, text};

#[tokio::test]
async fn a_batch_with_a_row_that_cannot_be_stored_is_refused_whole() {
    let database = TestDatabase::new().await;
    let log = PgSignalLog::new(database.pool());
    let good = slack_signal("U1", "1.000001", "fine");
    for bad in [
        ("text\0with a zero", r#"{"text":"fine"}"#),
        ("zero in the payload", r#"{"text":"\u0000"}"#),
        ("no JSON", "text=fine"),
        ("half a character", r#"{"text":"\ud83d"}"#),
    ] {
        let mut signal = slack_signal("U1", "1.000002", bad.0);
        signal.payload = bad.1.to_owned();
        let error = log.append_all(vec![good.clone(), signal]).await.unwrap_err();
        assert!(matches!(error, SignalLogError::Rejected(_)), "{}: {error:?}", bad.0);
    }
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch.signals").await, 0);
    assert_eq!(log.append_all(vec![good]).await.unwrap()[0].outcome, Outcome::Appended);
}

#[tokio::test]
async fn strange_but_storable_text_is_kept_as_it_is() {
    let database = TestDatabase::new().await;
    let log = PgSignalLog::new(database.pool());
    let words = format!("🏠 שלום {} \u{202e}backwards", "x".repeat(10_000));
    let mut signal = slack_signal("U1", "1.000001", &words);
    signal.payload = serde_json::json!({ "text": words }).to_string();
    signal.trace_id = "not a trace id".to_owned();
    log.append_all(vec![signal]).await.unwrap();
    let rows = database.json("SELECT text, payload ->> 'text' AS inner_text, trace_id FROM dispatch.signals").await;
    assert_eq!(text(&rows[0], "text"), words);
    assert_eq!(text(&rows[0], "inner_text"), words);
    assert!(rows[0]["trace_id"].is_null(), "no reason to refuse a message");
}

#[tokio::test]
async fn a_repeat_stands_in_the_story_of_the_first() {
    let database = TestDatabase::new().await;
    let log = PgSignalLog::new(database.pool());
    let first = slack_signal("U1", "1.000001", "once");
    let id = log.append_all(vec![first.clone()]).await.unwrap()[0].signal_id;
    let mut by_event = slack_signal("U1", "1.000002", "again");
    by_event.keys.event.clone_from(&first.keys.event);
    by_event.redelivery = Redelivery { number: Some(2), reason: Some("http_timeout\0".to_owned()) };
    let mut by_content = slack_signal("U1", "1.000003", "again");
    by_content.keys.content.clone_from(&first.keys.content);
    let receipts = log.append_all(vec![by_event, by_content]).await.unwrap();
    assert!(receipts.iter().all(|receipt| receipt.signal_id == id && receipt.outcome == Outcome::Duplicate));
    let rows = database.json("SELECT event, signal_id, detail FROM dispatch.timeline ORDER BY entry").await;
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter().all(|row| text(row, "event") == "signal.duplicate" && text(row, "signal_id") == id.to_string())
    );
    assert_eq!(rows[0]["detail"]["matched"], "event");
    assert_eq!(rows[0]["detail"]["retry_num"], 2);
    assert_eq!(rows[0]["detail"]["retry_reason"], "http_timeout\u{fffd}");
    assert_eq!(rows[1]["detail"]["matched"], "content");
}

#[tokio::test]
async fn crossing_batches_do_not_deadlock() {
    let database = TestDatabase::new().await;
    let log = PgSignalLog::new(database.pool());
    for round in 0..5 {
        let batch: Vec<_> = (0..50).map(|n| slack_signal("U1", &format!("{round}.{n:06}"), "same")).collect();
        let mut reversed: Vec<_> = batch.iter().rev().cloned().collect();
        for signal in &mut reversed {
            signal.signal_id = dispatch_mission::ids::SignalId::mint();
        }
        let (one, two) = tokio::join!(log.append_all(batch), log.append_all(reversed));
        let (one, mut two) = (one.unwrap(), two.unwrap());
        two.reverse();
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one.signal_id, two.signal_id);
            assert_ne!(one.outcome, two.outcome, "one of them is the first");
        }
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_unavailable() {
    let database = TestDatabase::new().await;
    let options = PoolOptions {
        statement_timeout: Duration::from_millis(200),
        acquire: Duration::from_secs(2),
        ..PoolOptions::new(1)
    };
    let pool = pool_with(database.url(), options).unwrap();
    let log = PgSignalLog::new(pool.clone());
    let append = || log.append_all(vec![slack_signal("U1", "1.000001", "late")]);

    let held = pool.get().await.unwrap();
    assert!(matches!(append().await.unwrap_err(), SignalLogError::Unavailable(_)), "no connection is free");
    drop(held);

    let mut other = database.connect().await;
    use diesel_async::SimpleAsyncConnection as _;
    other.batch_execute("BEGIN; LOCK TABLE dispatch.signals").await.unwrap();
    assert!(matches!(append().await.unwrap_err(), SignalLogError::Unavailable(_)), "the statement takes too long");
    other.batch_execute("ROLLBACK").await.unwrap();
    append().await.unwrap();

    database.refuse_connections(true).await;
    assert!(matches!(append().await.unwrap_err(), SignalLogError::Unavailable(_)), "the database is away");
    database.refuse_connections(false).await;
    let again = append().await.unwrap();
    assert_eq!(again[0].outcome, Outcome::Duplicate, "what was stored stayed stored");
}
