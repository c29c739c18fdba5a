//! What a claim reads, counted: nothing of what waits in lanes that may not be used, however much it is.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Json, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;

use super::OPEN;
use crate::store::sql::sql;
use crate::testing::{TestDatabase, rows_read_of};

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Json, column_name = "QUERY PLAN")]
    plan: Value,
}

/// Rows of deliveries that the look for open lanes reads, as the executor counts them.
async fn rows_read(connection: &mut AsyncPgConnection) -> f64 {
    let explained: Plan = sql(format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {OPEN}"))
        .bind::<Text, _>("slack")
        .bind::<BigInt, _>(16_i64)
        .bind::<Array<Text>, _>(vec!["slack/full"])
        .get_result(connection)
        .await
        .expect("explained");
    rows_read_of("deliveries", &explained.plan)
}

/// So many deliveries in each of `lanes` lanes called `name`.
async fn add(connection: &mut AsyncPgConnection, name: &str, lanes: u32, each: u32, state: &str) {
    let unit = "00000000-0000-0000-0000-000000000001";
    let rows = format!(
        "INSERT INTO dispatch.deliveries (delivery_id, dispatch_id, unit_id, kind, destination, content, state, lane, channel)
         SELECT gen_random_uuid(), '{unit}', '{unit}', 'slack', '{{}}', '{{}}', '{state}', 'slack/{name}', 'C' || channel
         FROM generate_series(1, {lanes}) AS channel, generate_series(1, {each})"
    );
    connection.batch_execute(&rows).await.expect("inserted");
}

#[tokio::test]
async fn what_waits_behind_a_closed_door_is_not_read() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    // Only this table's rows matter here.
    connection.batch_execute("SET session_replication_role = replica").await.expect("set");
    add(&mut connection, "lives", 40, 5, "pending").await;
    let alone = rows_read(&mut connection).await;
    assert!(alone >= 200.0, "each of them is seen: {alone}");
    add(&mut connection, "broken", 100, 100, "pending").await;
    add(&mut connection, "full", 100, 50, "pending").await;
    add(&mut connection, "rated", 1, 10_000, "pending").await;
    add(&mut connection, "later", 1, 10_000, "pending").await;
    add(&mut connection, "lives", 40, 500, "delivered").await;
    connection
        .batch_execute(
            "INSERT INTO dispatch.breakers (lane, state, asks_at) VALUES ('slack/broken', 'open', now() + interval '1 hour');
             INSERT INTO dispatch.buckets (lane, channel, ready_at) VALUES ('slack/rated', 'C1', now() + interval '1 hour');
             UPDATE dispatch.deliveries SET next_attempt_at = now() + interval '1 hour' WHERE lane = 'slack/later';
             ANALYZE dispatch.deliveries",
        )
        .await
        .expect("closed");
    let beside = rows_read(&mut connection).await;
    assert!(beside <= alone + 20.0, "{beside} rows instead of {alone}: a look each");
}
