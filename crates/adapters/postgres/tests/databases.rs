//! The parts together on a real server: a database per test, the pool, migrations.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use dispatch_postgres::migrate::{self, Brokerage, Which};
use dispatch_postgres::testing::TestDatabase;

#[tokio::test]
async fn a_database_is_migrated_and_ones_own() {
    let began = Instant::now();
    let (one, two) = (TestDatabase::new().await, TestDatabase::new().await);
    eprintln!("two databases in {:?}", began.elapsed());
    let pool = one.pool();
    let mut connection = pool.get().await.unwrap();
    assert_eq!(migrate::pending(&mut connection).await.unwrap(), Vec::<String>::new());
    connection.batch_execute("CREATE TABLE mine (id int)").await.unwrap();
    let mut other = two.connect().await;
    assert!(diesel::sql_query("SELECT * FROM mine").execute(&mut other).await.is_err());
}

#[tokio::test]
async fn two_replicas_may_migrate_at_once() {
    let database = TestDatabase::empty().await;
    let (one, two) = tokio::join!(migrate::run(database.url(), Which::All), migrate::run(database.url(), Which::All));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.applied.is_empty() != two.applied.is_empty(), "{one:?} {two:?}");
    assert_eq!(
        [one.brokerage, two.brokerage].iter().filter(|outcome| **outcome == Brokerage::Created).count(),
        1,
        "one of them found an empty database"
    );
    assert_eq!(migrate::pending(&mut database.connect().await).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn the_way_back_leaves_nothing_and_can_be_gone_again() {
    let database = TestDatabase::empty().await;
    let there = migrate::run(database.url(), Which::All).await.unwrap();
    assert_eq!(migrate::revert_all(database.url()).await.unwrap().len(), there.applied.len());
    let mut connection = database.connect().await;
    assert!(exists(&mut connection, "to_regnamespace('dispatch') IS NULL").await);
    assert!(exists(&mut connection, "to_regclass('public.dispatch_activities') IS NULL").await);
    assert_eq!(migrate::pending(&mut connection).await.unwrap().len(), count(&there.applied, "dispatch/"));
    assert_eq!(migrate::run(database.url(), Which::All).await.unwrap(), there);
}

#[tokio::test]
async fn what_operations_center_made_is_left_alone() {
    let database = TestDatabase::legacy(
        "CREATE TABLE activities (task_id text PRIMARY KEY); INSERT INTO activities VALUES ('a');
         CREATE TABLE agent_tasks (task_id text PRIMARY KEY)",
    )
    .await;
    let report = migrate::run(database.url(), Which::All).await.unwrap();
    assert_eq!(report.brokerage, Brokerage::LegacyExpandDue);
    assert_eq!(count(&report.applied, "brokerage/"), 0);
    let mut connection = database.connect().await;
    assert!(exists(&mut connection, "EXISTS (SELECT FROM activities WHERE task_id = 'a')").await);
    assert!(exists(&mut connection, "to_regclass('public.staff') IS NULL").await);
    assert_eq!(migrate::pending(&mut connection).await.unwrap(), Vec::<String>::new());

    connection
        .batch_execute("CREATE VIEW dispatch_activities AS SELECT task_id AS mission_id FROM activities")
        .await
        .unwrap();
    let report = migrate::run(database.url(), Which::All).await.unwrap();
    assert_eq!((report.brokerage, report.applied.len()), (Brokerage::Foreign, 0));
    migrate::revert_all(database.url()).await.unwrap();
    assert!(exists(&mut connection, "EXISTS (SELECT FROM activities WHERE task_id = 'a')").await);
}

#[tokio::test]
async fn the_brokerages_set_can_be_left_out() {
    let database = TestDatabase::empty().await;
    let report = migrate::run(database.url(), Which::DispatchOnly).await.unwrap();
    assert_eq!((report.brokerage, count(&report.applied, "brokerage/")), (Brokerage::Created, 0));
    let report = migrate::run(database.url(), Which::All).await.unwrap();
    assert_eq!((report.brokerage, count(&report.applied, "dispatch/")), (Brokerage::Created, 0));
}

fn count(names: &[String], set: &str) -> usize {
    names.iter().filter(|name| name.starts_with(set)).count()
}

async fn exists(connection: &mut AsyncPgConnection, condition: &str) -> bool {
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = Bool)]
        answer: bool,
    }
    let sql = format!("SELECT ({condition}) AS answer");
    diesel::sql_query(sql).get_result::<Answer>(connection).await.unwrap().answer
}
