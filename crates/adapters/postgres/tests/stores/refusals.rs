//! What the database refuses for now: privileges, migrations and locks leave the work due, and lose nothing.

use diesel_async::SimpleAsyncConnection;
use dispatch_mission::signal_log::SignalLog;
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::plan::Verdict;
use dispatch_routing::queue::{QueueError, Settled};
use dispatch_routing::testing::{AGES, AT_ONCE, agent_task, claim_for, message, said, settlement};
use dispatch_routing::unit_queue::UnitQueue;
use std::time::{Duration, Instant};

use crate::support::{Replica, number, text};

const STORAGE: &str = "SELECT state, reason, attempts, next_attempt_at > now() + interval '30 seconds' AS patient
    FROM dispatch.deliveries WHERE kind = 'storage'";
const DUE: &str = "UPDATE dispatch.deliveries SET next_attempt_at = now() WHERE kind = 'storage'";
const LINES: &str = "SELECT count(*) AS n FROM dispatch.timeline WHERE event = 'delivery.attempted'";

/// The only storage delivery, claimed and stored.
async fn store(replica: &Replica) -> DeliveryState {
    let claimed = replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    replica.deliveries.store(&claimed[0]).await.unwrap().state
}

#[tokio::test]
async fn a_missing_privilege_is_waited_for() {
    let database = TestDatabase::new().await;
    // Opened before the role is changed.
    let mut owner = database.connect().await;
    let name = database.json("SELECT current_database() AS name").await;
    owner
        .batch_execute(&format!(
            "GRANT USAGE ON SCHEMA dispatch TO service_role;
             GRANT ALL ON ALL TABLES IN SCHEMA dispatch TO service_role;
             GRANT ALL ON ALL SEQUENCES IN SCHEMA dispatch TO service_role;
             REVOKE INSERT ON dispatch_agent_tasks FROM service_role;
             ALTER DATABASE {} SET role TO service_role",
            text(&name[0], "name")
        ))
        .await
        .unwrap();
    let replica = Replica::of(&database);
    replica.queues().routed("p", vec![agent_task(), message("p", Some(0))]).await;
    for _ in 0..4 {
        let row = &database.json(STORAGE).await[0];
        assert_eq!((text(row, "state"), text(row, "reason")), ("pending", "storage_not_permitted"));
        assert_eq!((&row["attempts"], &row["patient"]), (&0.into(), &true.into()), "waiting is no attempt");
        owner.batch_execute(DUE).await.unwrap();
        assert_eq!(store(&replica).await, DeliveryState::Pending);
    }
    assert_eq!(number(&database, LINES).await, 1, "told once");
    owner.batch_execute(&format!("GRANT INSERT ON dispatch_agent_tasks TO service_role; {DUE}")).await.unwrap();
    assert_eq!(store(&replica).await, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_missing_column_is_waited_for() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    database.execute("ALTER TABLE dispatch.mission_facts RENAME COLUMN needs_info TO to_come").await;
    replica.queues().routed("c", vec![agent_task(), message("c", Some(0))]).await;
    let row = &database.json(STORAGE).await[0];
    assert_eq!((text(row, "state"), text(row, "reason")), ("pending", "storage_table_differs"));
    assert_eq!((&row["attempts"], &row["patient"]), (&0.into(), &true.into()));
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch_agent_tasks").await, 0);
    database.execute(&format!("ALTER TABLE dispatch.mission_facts RENAME COLUMN to_come TO needs_info; {DUE}")).await;
    assert_eq!(store(&replica).await, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_binary_ahead_of_its_migrations_refuses_no_unit() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    let unit = replica.queues().claimed("ahead", AGES).await;
    let plan = || settlement(&unit, Verdict::Dispatch(vec![agent_task()]));
    for (away, back) in [
        (
            "ALTER TABLE dispatch.dispatches RENAME COLUMN rule TO to_come",
            "ALTER TABLE dispatch.dispatches RENAME COLUMN to_come TO rule",
        ),
        ("ALTER TABLE dispatch.dispatches RENAME TO to_come", "ALTER TABLE dispatch.to_come RENAME TO dispatches"),
    ] {
        database.execute(away).await;
        let error = replica.units.settle(vec![plan()]).await.unwrap_err();
        assert!(matches!(error, QueueError::Unavailable(_)), "{error:?}");
        database.execute(back).await;
    }
    assert_eq!(replica.units.settle(vec![plan()]).await.unwrap(), [Settled::Stood]);
}

#[tokio::test]
async fn what_is_not_understood_is_tried_again() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    // In another language, as a server without English messages has it.
    database
        .execute(
            "CREATE FUNCTION voll() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN RAISE EXCEPTION 'konnte Datei nicht erweitern' USING ERRCODE = '53100'; END$$;
             CREATE TRIGGER voll BEFORE INSERT ON dispatch_agent_tasks FOR EACH ROW EXECUTE FUNCTION voll()",
        )
        .await;
    replica.queues().routed("v", vec![agent_task()]).await;
    let row = &database.json(STORAGE).await[0];
    assert_eq!((text(row, "state"), text(row, "reason")), ("pending", "storage_unavailable"));
    assert_eq!(row["attempts"], 1);
    database.execute(&format!("DROP TRIGGER voll ON dispatch_agent_tasks; {DUE}")).await;
    assert_eq!(store(&replica).await, DeliveryState::Delivered);
}

#[tokio::test]
async fn a_locked_table_does_not_keep_a_settlement() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    for n in 0..5 {
        replica.signals.append_all(vec![said(&format!("c{n}"), "U1", "1.000001")]).await.unwrap();
    }
    replica.units.close_bursts(AT_ONCE, 10).await.unwrap();
    let units = replica.units.claim(claim_for(AGES)).await.unwrap();
    let mut other = database.connect().await;
    other.batch_execute("BEGIN; LOCK TABLE dispatch_agent_tasks IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let begun = Instant::now();
    let all = units.iter().map(|unit| settlement(unit, Verdict::Dispatch(vec![agent_task()]))).collect();
    assert_eq!(replica.units.settle(all).await.unwrap(), [Settled::Stood; 5]);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?} for the whole batch", begun.elapsed());
    let rows = database.json(STORAGE).await;
    assert_eq!(rows.len(), 5);
    for row in &rows {
        assert_eq!((text(row, "state"), text(row, "reason")), ("pending", "storage_busy"));
    }
    // A worker that comes to one of them finds the same.
    database.execute(DUE).await;
    let begun = Instant::now();
    assert_eq!(store(&replica).await, DeliveryState::Pending);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?} for one", begun.elapsed());
    other.batch_execute("COMMIT").await.unwrap();
    // The suites' rule allows two attempts; a worker's allows more.
    database.execute(&format!("{DUE}; UPDATE dispatch.deliveries SET attempts = 1")).await;
    for _ in 0..5 {
        assert_eq!(store(&replica).await, DeliveryState::Delivered);
    }
}

#[tokio::test]
async fn old_quotas_are_forgotten() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    database
        .execute(
            "INSERT INTO dispatch.quotas SELECT 'old' || n, now() - interval '40 days' FROM generate_series(1, 15) AS n;
             INSERT INTO dispatch.quotas VALUES ('young', now() - interval '1 hour')",
        )
        .await;
    for left in [6, 1, 1] {
        replica.units.expire_held(10).await.unwrap();
        assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch.quotas").await, left);
    }
}
