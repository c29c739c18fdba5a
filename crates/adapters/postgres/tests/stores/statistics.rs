//! What the planner believes follows a rush.

use diesel_async::SimpleAsyncConnection;
use dispatch_pipeline::ports::statistics::Statistics;
use dispatch_postgres::store::PgStatistics;
use dispatch_postgres::testing::TestDatabase;

use crate::support::number;

const BELIEVED: &str = "SELECT reltuples::bigint AS n FROM pg_class WHERE oid = 'dispatch.signals'::regclass";
/// Three thousand messages; counted at once, not with the session's next report.
const RUSH: &str = "
INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text, message_ref, content_key,
    state, occurred_at, payload)
SELECT gen_random_uuid(), 'slack', 'T1', 'C1', 'slack/T1/C1/-', 'U1', 'a sign, please', '1.' || n, 'k' || n, 'queued', now(), '{}'
FROM generate_series(1, 3000) AS n;
SELECT pg_stat_force_next_flush()";

#[tokio::test]
async fn what_has_changed_much_is_looked_at_once() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    let statistics = [PgStatistics::new(database.pool()), PgStatistics::new(database.pool())];
    assert_eq!(statistics[0].refresh().await.unwrap(), 0, "nothing has changed");

    connection.batch_execute(RUSH).await.unwrap();
    let (one, other) = tokio::join!(statistics[0].refresh(), statistics[1].refresh());
    assert_eq!(one.unwrap() + other.unwrap(), 1, "signals, by one of them");
    assert_eq!(number(&database, BELIEVED).await, 3000);

    for channel in ["C2", "C3"] {
        connection.batch_execute(&format!("UPDATE dispatch.signals SET channel = '{channel}'")).await.unwrap();
    }
    connection.batch_execute("SELECT pg_stat_force_next_flush()").await.unwrap();
    assert_eq!(statistics[1].refresh().await.unwrap(), 1);
    assert_eq!(statistics[1].refresh().await.unwrap(), 0, "and that is enough");
}

#[tokio::test]
async fn a_table_that_somebody_holds_is_not_waited_for() {
    let database = TestDatabase::new().await;
    let (mut connection, mut holder) = (database.connect().await, database.connect().await);
    connection.batch_execute(RUSH).await.unwrap();
    let hold = "BEGIN; LOCK TABLE dispatch.signals IN SHARE UPDATE EXCLUSIVE MODE";
    holder.batch_execute(hold).await.unwrap();
    let statistics = PgStatistics::new(database.pool());
    let looked = tokio::time::timeout(std::time::Duration::from_secs(5), statistics.refresh());
    looked.await.expect("it does not wait").unwrap();
    assert_ne!(number(&database, BELIEVED).await, 3000);
}
