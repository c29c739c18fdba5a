//! The contract suites of the ports, each on a database of its own.

use dispatch_mission::testing::signal_log_contract;
use dispatch_pipeline::group_commit::{GroupCommit, Limits};
use dispatch_pipeline::testing::{
    agent_log_contract, flag_ledger_contract, flag_store_contract, flip_watch_contract, idempotency_contract,
};
use dispatch_postgres::store::{
    PgAgentLog, PgDeadLetters, PgDeliveryQueue, PgDispatchStatuses, PgFlag, PgFlagLedger, PgFlipWatch, PgIdempotency,
    PgReplayBatches, PgReplays, PgSignalLog, PgUnitQueue,
};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::testing::{
    Queues, delivery_queue_contract, ends_contract, lanes_contract, replays_contract, unit_queue_contract,
};
use std::sync::Arc;

#[tokio::test]
async fn signal_log() {
    let database = TestDatabase::new().await;
    signal_log_contract(&PgSignalLog::new(database.pool())).await;
}

#[tokio::test]
async fn signal_log_with_shared_commits() {
    let database = TestDatabase::new().await;
    let log = Arc::new(PgSignalLog::new(database.pool()));
    signal_log_contract(GroupCommit::new(log, Limits::default()).as_ref()).await;
}

#[tokio::test]
async fn unit_queue() {
    let database = TestDatabase::new().await;
    let pool = database.pool();
    unit_queue_contract(Queues {
        signals: &PgSignalLog::new(pool.clone()),
        units: &PgUnitQueue::new(pool.clone()),
        deliveries: &PgDeliveryQueue::new(pool),
    })
    .await;
}

#[tokio::test]
async fn delivery_queue() {
    let database = TestDatabase::new().await;
    let pool = database.pool();
    delivery_queue_contract(Queues {
        signals: &PgSignalLog::new(pool.clone()),
        units: &PgUnitQueue::new(pool.clone()),
        deliveries: &PgDeliveryQueue::new(pool),
    })
    .await;
}

#[tokio::test]
async fn dead_letters_and_statuses() {
    let database = TestDatabase::new().await;
    let pool = database.pool();
    let queues = Queues {
        signals: &PgSignalLog::new(pool.clone()),
        units: &PgUnitQueue::new(pool.clone()),
        deliveries: &PgDeliveryQueue::new(pool.clone()),
    };
    ends_contract(queues, &PgDispatchStatuses::new(pool.clone()), &PgDeadLetters::new(pool)).await;
}

#[tokio::test]
async fn replays() {
    let database = TestDatabase::new().await;
    dispatch_postgres::store::seed::brokerage(&mut database.connect().await).await.unwrap();
    let pool = database.pool();
    let queues = Queues {
        signals: &PgSignalLog::new(pool.clone()),
        units: &PgUnitQueue::new(pool.clone()),
        deliveries: &PgDeliveryQueue::new(pool.clone()),
    };
    replays_contract(queues, &PgReplays::new(pool.clone()), &PgReplayBatches::new(pool), async || {
        let passed = "UPDATE dispatch.replay_batches SET next_step_at = next_step_at - interval '1 second'";
        database.execute(passed).await;
    })
    .await;
}

#[tokio::test]
async fn lanes() {
    let database = TestDatabase::new().await;
    let pool = database.pool();
    let queues = Queues {
        signals: &PgSignalLog::new(pool.clone()),
        units: &PgUnitQueue::new(pool.clone()),
        deliveries: &PgDeliveryQueue::new(pool.clone()),
    };
    lanes_contract(queues, &|limits| Box::new(PgDeliveryQueue::new(pool.clone()).within(limits))).await;
}

#[tokio::test]
async fn idempotency() {
    let database = TestDatabase::new().await;
    let store = PgIdempotency::new(database.pool());
    // The database's clock is not ours to turn: everything else is moved into the past.
    idempotency_contract(&store, async |by| {
        let micros = by.as_micros();
        let moved = format!(
            "UPDATE dispatch.idempotency_keys SET lease_until = lease_until - {micros} * interval '1 microsecond',
                 expires_at = expires_at - {micros} * interval '1 microsecond'"
        );
        database.execute(&moved).await;
    })
    .await;
}

#[tokio::test]
async fn agent_log() {
    let database = TestDatabase::new().await;
    agent_log_contract(&PgAgentLog::new(database.pool())).await;
}

#[tokio::test]
async fn flag() {
    let database = TestDatabase::new().await;
    flag_store_contract(&PgFlag::listening(database.pool())).await;
    let database = TestDatabase::new().await;
    flag_ledger_contract(&PgFlagLedger::new(database.pool())).await;
}

#[tokio::test]
async fn flip_watch() {
    let database = TestDatabase::new().await;
    flip_watch_contract(&PgFlipWatch::new(database.pool()), async |by| {
        let micros = by.as_micros();
        let moved = format!(
            "UPDATE dispatch.flag_guards SET until = until - {micros} * interval '1 microsecond',
                 in_force_at = in_force_at - {micros} * interval '1 microsecond',
                 armed_at = armed_at - {micros} * interval '1 microsecond',
                 claimed_until = claimed_until - {micros} * interval '1 microsecond'"
        );
        database.execute(&moved).await;
    })
    .await;
}
