//! What a claim reads, counted, by the plan that a worker keeps from when nothing waited.

use diesel::QueryableByName;
use diesel::sql_types::{Json, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;

use super::{MEMBERS, OLDEST_DUE};
use crate::store::sql::sql;
use crate::testing::{TestDatabase, rows_read_of};

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Json, column_name = "QUERY PLAN")]
    plan: Value,
}

#[derive(QueryableByName)]
struct Ids {
    #[diesel(sql_type = Text)]
    ids: String,
}

async fn run(connection: &mut AsyncPgConnection, statements: &str) {
    connection.batch_execute(statements).await.expect("executed");
}

async fn read(connection: &mut AsyncPgConnection, table: &str, prepared: &str) -> f64 {
    let explained: Plan = sql(format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE {prepared}"))
        .get_result(connection)
        .await
        .expect("explained");
    rows_read_of(table, &explained.plan)
}

const RUSH: &str = "
INSERT INTO dispatch.units (unit_id, source, workspace, channel, conversation, author, opened_at, state)
SELECT gen_random_uuid(), 'slack', 'T1', 'C' || n, 'slack/T1/C' || n || '/-', 'U1', now(),
    CASE WHEN n % 5 = 0 THEN 'routed' ELSE 'pending' END
FROM generate_series(1, 20000) AS n";

async fn reads_little(connection: &mut AsyncPgConnection) {
    for (prepared, most) in [("oldest_due (50, 50)", 250.0), ("oldest_due (400, 50)", 2_000.0)] {
        let rows = read(connection, "units", prepared).await;
        assert!(rows >= 50.0, "{prepared} finds what it looks for: {rows}");
        assert!(rows <= most, "{prepared} reads {rows} of 20,000 rows");
    }
}

/// What was measured when the last of a long history had just been finished says that nothing is ever due.
#[tokio::test]
async fn a_plan_by_statistics_of_a_finished_history_reads_little_of_a_rush() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    let history = RUSH.replace("'pending'", "'routed'");
    run(&mut connection, &format!("{history}; ANALYZE dispatch.units; {RUSH}")).await;
    run(&mut connection, &format!("PREPARE oldest_due (bigint, bigint) AS {OLDEST_DUE}")).await;
    for plans in ["force_generic_plan", "force_custom_plan"] {
        run(&mut connection, &format!("SET plan_cache_mode = {plans}")).await;
        reads_little(&mut connection).await;
    }
}

#[tokio::test]
async fn a_plan_from_an_empty_table_reads_little_of_a_rush() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    run(&mut connection, "ANALYZE dispatch.units, dispatch.signals; SET plan_cache_mode = force_generic_plan").await;
    let prepare = format!("PREPARE oldest_due (bigint, bigint) AS {OLDEST_DUE}; EXECUTE oldest_due (50, 50)");
    run(&mut connection, &prepare).await;
    run(&mut connection, &format!("PREPARE members (uuid[]) AS {MEMBERS}; EXECUTE members ('{{}}')")).await;
    run(
        &mut connection,
        &format!("{RUSH};
         INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text, message_ref, content_key,
             state, occurred_at, payload, unit_id)
         SELECT gen_random_uuid(), 'slack', 'T1', channel, conversation, 'U1', 'a sign, please', '1.' || ordinal, unit_id,
             'queued', now(), '{{}}', unit_id
         FROM dispatch.units"),
    )
    .await;
    let some: Ids = sql("SELECT (array_agg(unit_id))[1:50]::text AS ids FROM dispatch.units")
        .get_result(&mut connection)
        .await
        .expect("units");
    let rows = read(&mut connection, "signals", &format!("members ('{}')", some.ids)).await;
    assert!((50.0..=100.0).contains(&rows), "the messages of 50 units: {rows} rows are read");
    reads_little(&mut connection).await;
}
