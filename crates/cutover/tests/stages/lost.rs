//! The server ends the session in the middle of a stage: the stage goes on by itself.

use crate::support::{Door, Heard, Stand, eventually};
use async_trait::async_trait;
use dispatch_cutover::{Client, Connector, Position, Stage};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'dispatch cutover%' AND pid <> pg_backend_pid()";

#[tokio::test]
async fn every_stage_goes_on_with_another_session() {
    let mut stand = Stand::hostile().await;
    let before = stand.identity(true).await;
    let mut ended = 0;
    for (number, stage) in
        [Stage::Expand, Stage::Backfill, Stage::Verify, Stage::Switch, Stage::Rollback, Stage::Switch]
            .into_iter()
            .enumerate()
    {
        let done = AtomicBool::new(false);
        let harm = async {
            let mut ended = 0;
            // Not always at the same moment, and fewer times than a stage puts up with.
            while !done.load(Ordering::SeqCst) && ended < 3 {
                tokio::time::sleep(Duration::from_millis(15 + 25 * number as u64)).await;
                ended += stand.number(END).await;
            }
            ended
        };
        let run = async {
            let outcome = stand.run(stage).await;
            done.store(true, Ordering::SeqCst);
            outcome
        };
        let (outcome, harmed) = tokio::join!(run, harm);
        outcome.unwrap_or_else(|stop| panic!("{}: {stop}", stage.as_str()));
        ended += harmed;
    }
    assert!(ended >= 3, "sessions were ended: {ended}");
    assert_eq!((stand.kinds().await.as_str(), stand.identity(true).await), ("vrvr", before.clone()));
    stand.options.rollback_to = Some(Position::Legacy);
    stand.done(Stage::Rollback).await;
    assert_eq!(stand.identity(true).await, before);
}

/// Ended while it waits for a reader, and the reader goes only afterwards: it is the new session that switches.
#[tokio::test]
async fn a_switch_that_waits_goes_on_waiting_in_another_session() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    stand.options.max_wait = Duration::from_secs(30);
    let report = stand.door.connect("a report").await.unwrap();
    report.batch_execute("BEGIN; SELECT count(*) FROM activities").await.unwrap();
    let harm = async {
        let waits =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL
            AND application_name LIKE 'dispatch cutover switch%'";
        eventually("the runner waits", async || stand.number(waits).await == 1).await;
        assert_eq!(stand.number(END).await, 1);
        eventually("another session waits", async || stand.number(waits).await == 1).await;
        report.batch_execute("COMMIT").await.unwrap();
    };
    let (outcome, ()) = tokio::join!(stand.run(Stage::Switch), harm);
    assert!(outcome.unwrap().changed);
    assert!(
        stand
            .heard
            .all()
            .iter()
            .any(|event| event["text"].as_str().is_some_and(|text| text.contains("connecting anew")))
    );
    assert_eq!(stand.kinds().await, "vrvr");
}

/// Lets the first session in and no other.
struct Once {
    door: Door,
    used: AtomicBool,
}

#[async_trait]
impl Connector for Once {
    async fn connect(&self, name: &str) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
        if self.used.swap(true, Ordering::SeqCst) {
            return Err("the server is not there".into());
        }
        self.door.connect(name).await
    }
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_after_max_wait() {
    let mut stand = Stand::hostile().await;
    stand.verified().await;
    let report = stand.door.connect("a report").await.unwrap();
    report.batch_execute("BEGIN; SELECT count(*) FROM activities").await.unwrap();
    stand.options.max_wait = Duration::from_secs(2);
    let once = Once { door: Door(stand.database.url().clone()), used: AtomicBool::new(false) };
    let heard = Heard::default();
    let harm = async {
        eventually("the runner's session", async || stand.number(END).await == 1).await;
    };
    let run = dispatch_cutover::run(&once, Stage::Switch, &stand.options, &heard);
    let (outcome, ()) = tokio::join!(run, harm);
    let stop = outcome.unwrap_err();
    assert_eq!(stop.exit_code(), 1);
    assert!(stop.to_string().contains("the server is not there"), "{stop}");
    assert_eq!(stand.kinds().await, "rvrv");
}
