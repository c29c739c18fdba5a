//! The contract suites of the ports, each on a database of its own.

use dispatch_mission::testing::signal_log_contract;
use dispatch_pipeline::group_commit::{GroupCommit, Limits};
use dispatch_postgres::store::{PgDeliveryQueue, PgSignalLog, PgUnitQueue};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::testing::{Queues, delivery_queue_contract, unit_queue_contract};
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
