//! Beside others: what somebody has in hand is left, nobody is waited for, replicas share a walk, and a row that cannot go
//! keeps no other.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;
use dispatch_pipeline::ports::retention::{Ages, Matter, Retention, Rows, Turn};
use dispatch_postgres::store::PgRetention;
use dispatch_routing::plan::Verdict;
use dispatch_routing::testing::{AGES, settlement};
use dispatch_routing::unit_queue::UnitQueue;

use super::{DAY, World};

const PAUSE: Duration = Duration::from_hours(1);

impl World {
    /// So many units without a mission, settled longer ago than anything is kept.
    async fn old(&self, count: usize) {
        for number in 0..count {
            let unit = self.replica.queues().claimed(&format!("old{number}"), AGES).await;
            self.replica.units.settle(vec![settlement(&unit, Verdict::Nothing)]).await.unwrap();
        }
        self.pass(self.ages.dead + DAY).await;
    }
}

#[tokio::test]
async fn what_somebody_has_in_hand_is_left_and_nobody_is_waited_for() {
    let world = World::new().await;
    world.task("C1").await;
    world.missions("mission_status = 'DONE'").await;
    world.pass(world.ages.work + DAY).await;
    for taken in ["units", "signals", "deliveries", "mission_facts"] {
        let mut other = world.database.connect().await;
        other.batch_execute(&format!("BEGIN; SELECT FROM dispatch.{taken} FOR UPDATE")).await.unwrap();
        let removed = tokio::time::timeout(Duration::from_secs(20), world.removes(Matter::Work)).await;
        assert_eq!(removed.expect("it does not wait").total(), 0, "{taken}");
        if taken != "deliveries" {
            let removed = tokio::time::timeout(Duration::from_secs(20), world.removes(Matter::Bodies)).await;
            assert_eq!(removed.expect("it does not wait").total(), u64::from(taken == "mission_facts"), "{taken}");
        }
        other.batch_execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(world.units_removed().await, 1);
}

#[tokio::test]
async fn replicas_share_one_walk_and_remove_everything_once() {
    let world = World::new().await;
    world.old(60).await;
    let store = Arc::new(world.store.clone());
    let mut replicas = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = Arc::clone(&store);
        replicas.spawn(async move {
            let mut rows = Rows::default();
            for _ in 0..200 {
                match store.turn(Matter::Work, &Ages::default(), 4, PAUSE).await.unwrap() {
                    Turn::Stepped(step) => rows.add(&step.rows),
                    Turn::Rests => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
            rows
        });
    }
    let mut rows = Rows::default();
    replicas.join_all().await.iter().for_each(|more| rows.add(more));
    assert_eq!(rows.0.get("units"), Some(&60), "{rows:?}");
    assert_eq!(world.count("units").await, 0);
}

#[tokio::test]
async fn cut_off_in_the_middle_nothing_is_half_gone() {
    let world = World::new().await;
    world.old(40).await;
    let store = PgRetention::new(world.database.pool());
    let walk = tokio::spawn(async move {
        let mut failures = 0;
        for _ in 0..400 {
            match store.turn(Matter::Work, &Ages::default(), 3, Duration::ZERO).await {
                Ok(_) => {}
                Err(_) => failures += 1,
            }
        }
        failures
    });
    let whole = "SELECT count(*) AS n FROM dispatch.units AS u WHERE NOT EXISTS (
            SELECT FROM dispatch.signals AS s WHERE s.unit_id = u.unit_id)
        OR NOT EXISTS (SELECT FROM dispatch.classifications AS c WHERE c.unit_id = u.unit_id)
        OR NOT EXISTS (SELECT FROM dispatch.timeline AS t WHERE t.unit_id = u.unit_id)";
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%dispatch.%'";
    while !walk.is_finished() {
        assert_eq!(crate::support::number(&world.database, whole).await, 0);
        world.database.execute(end).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    walk.await.unwrap();
    world.removes(Matter::Work).await;
    assert_eq!(world.count("units").await, 0, "and the rest goes later");
}

#[tokio::test]
async fn a_row_that_cannot_go_keeps_no_other() {
    let world = World::new().await;
    world.old(10).await;
    let hold = "CREATE TABLE dispatch.theirs (unit_id uuid REFERENCES dispatch.units);
        INSERT INTO dispatch.theirs SELECT unit_id FROM dispatch.units ORDER BY unit_id OFFSET 4 LIMIT 1";
    world.database.execute(hold).await;
    assert_eq!(world.units_removed().await, 9);
    assert_eq!(world.count("units JOIN dispatch.theirs USING (unit_id)").await, 1);
    for _ in 0..20 {
        world.store.turn(Matter::Work, &world.ages, 5, PAUSE).await.unwrap();
    }
    assert_eq!(world.store.turn(Matter::Work, &world.ages, 5, PAUSE).await.unwrap(), Turn::Rests, "a walk has an end");
}
