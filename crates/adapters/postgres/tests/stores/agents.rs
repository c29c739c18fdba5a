//! What is old counts for nothing but the last use, and goes.

use dispatch_pipeline::ports::agents::{AgentLog, Tally};
use dispatch_postgres::store::PgAgentLog;
use dispatch_postgres::testing::TestDatabase;
use std::collections::BTreeMap;
use time::OffsetDateTime;

fn one_call(at: OffsetDateTime) -> BTreeMap<String, Tally> {
    BTreeMap::from([("mind.a".to_owned(), Tally { calls: 1, last_used_at: Some(at), ..Tally::default() })])
}

#[tokio::test]
async fn yesterday_counts_for_nothing_but_the_last_use() {
    let database = TestDatabase::new().await;
    let log = PgAgentLog::new(database.pool());
    let earlier = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    log.add(&one_call(earlier)).await.unwrap();
    database.execute("UPDATE dispatch.agent_minutes SET minute = minute - interval '2 days'").await;
    let read = log.read().await.unwrap();
    assert_eq!((read["mind.a"].calls, read["mind.a"].last_used_at), (0, Some(earlier)));
    assert_eq!(log.purge().await.unwrap(), 0, "the last use stays");

    let later = OffsetDateTime::from_unix_timestamp(1_700_000_060).unwrap();
    log.add(&one_call(later)).await.unwrap();
    assert_eq!(log.purge().await.unwrap(), 1);
    let read = log.read().await.unwrap();
    assert_eq!((read["mind.a"].calls, read["mind.a"].last_used_at), (1, Some(later)));
}
