//! Columns that a rename brings, and the rows that get their values.

use crate::support::Stand;
use dispatch_cutover::{Added, Spec, Stage};

fn with_a_column(accept: bool) -> Spec {
    let mut spec = Spec::embedded().unwrap();
    spec.tables[0].add.push(Added {
        name: "shown_as".to_owned(),
        kind: "text".to_owned(),
        fill: "status || ': ' || name".to_owned(),
        accept_triggers: accept,
    });
    spec
}

#[tokio::test]
async fn rows_are_filled_in_batches_and_a_killed_one_goes_on() {
    let mut stand = Stand::hostile().await;
    stand.options.spec = with_a_column(false);
    assert!(stand.refused(Stage::Expand, 64).await.contains("accept_triggers"));
    stand.options.spec = with_a_column(true);
    stand.done(Stage::Expand).await;
    stand.database.execute("INSERT INTO dispatch_activities (mission_id, listing_id, name, shown_as) VALUES ('mine', 'l1', 'x', 'own')").await;
    // As if a runner had been killed after the first half.
    stand
        .database
        .execute(
            "UPDATE activities SET shown_as = 'filled before' WHERE task_id <= 'a000000100';
             UPDATE dispatch_cutover.step SET filled_key = '[\"a000000100\"]', filled = 100 WHERE relation = 'activities'",
        )
        .await;
    assert!(stand.done(Stage::Backfill).await);
    assert!(!stand.done(Stage::Backfill).await);
    assert_eq!(stand.number("SELECT count(*) FROM activities WHERE shown_as IS NULL").await, 0);
    assert_eq!(stand.number("SELECT count(*) FROM activities WHERE shown_as = 'filled before'").await, 100);
    assert_eq!(stand.number("SELECT count(*) FROM activities WHERE shown_as = status || ': ' || name").await, 100);
    assert_eq!(stand.number("SELECT count(*) FROM activities WHERE shown_as = 'own'").await, 1);
    assert_eq!(stand.number("SELECT filled FROM dispatch_cutover.step WHERE relation = 'activities'").await, 200);
    stand.done(Stage::Verify).await;
    stand.done(Stage::Switch).await;
    stand.done(Stage::Rollback).await;
    assert_eq!(stand.number("SELECT count(*) FROM dispatch_activities WHERE shown_as IS NULL").await, 0);
}

#[tokio::test]
async fn it_waits_while_it_is_paused() {
    let mut stand = Stand::hostile().await;
    stand.options.spec = with_a_column(true);
    stand.done(Stage::Expand).await;
    stand
        .database
        .execute(
            &include_str!("../../testing/rows.sql")
                .replace("'a' ||", "'b' ||")
                .replace("'t' ||", "'u' ||")
                .replace("'KEY_'", "'K_'")
                .replace("{rows}", "60000"),
        )
        .await;
    stand.database.execute("UPDATE dispatch_cutover.run SET paused = true").await;
    let paused = async {
        crate::support::eventually("the pause", async || {
            stand.heard.all().iter().any(|event| event["text"].as_str().is_some_and(|text| text.starts_with("paused")))
        })
        .await;
        let filled = "SELECT filled FROM dispatch_cutover.step WHERE relation = 'activities'";
        let before = stand.number(filled).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(stand.number(filled).await, before);
        stand.database.execute("UPDATE dispatch_cutover.run SET paused = false").await;
    };
    let (done, ()) = tokio::join!(stand.run(Stage::Backfill), paused);
    done.unwrap();
    assert_eq!(stand.number("SELECT count(*) FROM activities WHERE shown_as IS NULL").await, 0);
    assert!(stand.heard.all().iter().any(|event| event["event"] == "progress" && event["eta_s"].is_number()));
}
