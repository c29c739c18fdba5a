//! With `pg_stat_statements` loaded, on a server of its own: what it has seen, and slower statements after the switch.

use crate::support::{Door, Heard, eventually};
use dispatch_cutover::{Connector as _, Options, Stage};
use dispatch_postgres::embedded::{self, EmbeddedOptions, EmbeddedPostgres};
use dispatch_postgres::testing::TestDatabase;
use std::time::Duration;

const TABLES: &str = "CREATE EXTENSION pg_stat_statements;
    CREATE TABLE activities (task_id text PRIMARY KEY, status text);
    CREATE TABLE agent_tasks (task_id text PRIMARY KEY, status text);
    INSERT INTO activities SELECT n::text, 'OPEN' FROM generate_series(1, 50) AS n";

#[tokio::test]
async fn statements_that_grow_slow_after_the_switch_take_it_back() {
    let available = "SELECT count(*) AS n FROM pg_available_extensions WHERE name = 'pg_stat_statements'";
    if TestDatabase::empty().await.json(available).await[0]["n"] == 0 {
        return; // This PostgreSQL came without its extensions.
    }
    let folder = std::env::temp_dir().join(format!("dispatch-statements-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let preload = EmbeddedOptions::new(&folder).throwaway().with("shared_preload_libraries", "pg_stat_statements");
    let server = EmbeddedPostgres::start(preload).await.unwrap();
    let door = Door(server.url().parse().unwrap());
    let client = door.connect("a client").await.unwrap();
    client.batch_execute(TABLES).await.unwrap();
    let (mut options, heard) = (Options::new().unwrap(), Heard::default());
    let done = async |stage, options: &Options| dispatch_cutover::run(&door, stage, options, &heard).await;

    for statement in [
        "TRUNCATE activities",
        "SELECT ctid FROM activities",
        "INSERT INTO agent_tasks VALUES ('1', 'x') ON CONFLICT ON CONSTRAINT agent_tasks_pkey DO NOTHING",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    done(Stage::Preflight, &options).await.unwrap();
    let seen = heard.findings().iter().filter(|finding| *finding == "warn statement").count();
    assert_eq!(seen, 3, "{:?}", heard.all());

    for stage in [Stage::Expand, Stage::Backfill, Stage::Verify] {
        done(stage, &options).await.unwrap();
    }
    for _ in 0..200 {
        client.batch_execute("SELECT count(*) FROM activities").await.unwrap();
    }
    (options.watch, options.watch_every) = (Some(Duration::from_secs(30)), Duration::from_millis(300));
    let harm = async {
        let switched = "SELECT count(*) FROM pg_class WHERE relname = 'activities' AND relkind = 'v'";
        eventually("the switch", async || client.query_one(switched, &[]).await.unwrap().get::<_, i64>(0) == 1).await;
        // One in ten: the mean alone would hardly tell. Until the names are as they were.
        while client.query_one(switched, &[]).await.unwrap().get::<_, i64>(0) == 1 {
            for _ in 0..9 {
                client.batch_execute("SELECT count(*) FROM dispatch_activities").await.unwrap_or_default();
            }
            let slow = "SELECT pg_sleep(0.15), count(*) FROM (SELECT 1 FROM agent_tasks LIMIT 1) AS x";
            client.batch_execute(slow).await.unwrap();
        }
    };
    let (outcome, ()) = tokio::join!(done(Stage::Switch, &options), harm);
    let stop = outcome.unwrap_err();
    assert_eq!(stop.exit_code(), 3, "{stop}");
    assert!(stop.to_string().contains("p95"), "{stop}");
    server.stop().await.unwrap();
    embedded::remove(&folder).await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
