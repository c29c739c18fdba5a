//! The right to walk through all stages: one has it, and whoever is killed does not keep it.

use crate::support::{Stand, eventually};
use dispatch_cutover::{Stage, Walking};

const SESSIONS: &str =
    "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'dispatch cutover run %'";

#[tokio::test]
async fn a_second_walk_is_refused_and_told_who_walks() {
    let stand = Stand::hostile().await;
    let walking = Walking::begin(&stand.door, "run").await.unwrap();
    let pid = stand.number(&format!("SELECT pid::bigint {SESSIONS}")).await;
    for word in ["run", "rollback"] {
        let refused = Walking::begin(&stand.door, word).await.err().unwrap();
        let told = refused.to_string();
        assert!(
            refused.exit_code() == 77 && told.contains(&format!("pid {pid} ")) && told.contains("stop it there"),
            "{told}"
        );
    }
    // The stages are the walk's own; and whoever looks is told.
    stand.verified().await;
    stand.done(Stage::Status).await;
    let status = stand.heard.all().into_iter().rev().find(|event| event["event"] == "status").unwrap();
    assert!(status["walk"].as_str().unwrap().contains("dispatch cutover run"), "{status}");
    drop(walking);
    eventually("the lock is free", async || Walking::begin(&stand.door, "run").await.is_ok()).await;
}

#[tokio::test]
async fn a_walk_whose_session_was_ended_goes_on_unless_somebody_else_walks_by_now() {
    let stand = Stand::hostile().await;
    let mut walking = Walking::begin(&stand.door, "run").await.unwrap();
    let end = format!("SELECT count(pg_terminate_backend(pid)) {SESSIONS}");
    assert_eq!(stand.number(&end).await, 1);
    walking.still(&stand.door, &stand.options).await.unwrap();
    let another = Walking::begin(&stand.door, "run").await.err().unwrap();
    assert_eq!(another.exit_code(), 77, "it was taken anew");
    assert_eq!(stand.number(&end).await, 1);
    let mut rollback = None;
    eventually("somebody goes back", async || {
        rollback = Walking::begin(&stand.door, "rollback").await.ok();
        rollback.is_some()
    })
    .await;
    assert_eq!(walking.still(&stand.door, &stand.options).await.unwrap_err().exit_code(), 77);
}
