//! The `FlagLedger` port over tables `dispatch.flag_changes` and `dispatch.replicas`. It must not judge who is late.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Double, Nullable, SmallInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::flag::{ApiVersion, ChangeCursor, Flag, FlagChange, FlagLedger, Replica, Steering};
use std::time::Duration;
use time::OffsetDateTime;

use super::clean;
use super::error::StoreError;
use super::sql::sql;
use crate::connect::{Pool, PooledConnection};

const RECORD: &str = "
INSERT INTO dispatch.flag_changes (mark, version, percent, shadow, changed_by, reason)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (mark) DO NOTHING";

const HISTORY: &str = "
SELECT mark, version, percent, shadow, changed_by, reason, changed_at
FROM dispatch.flag_changes
WHERE $2 IS NULL OR (changed_at, mark) < ($2, $3)
ORDER BY changed_at DESC, mark DESC LIMIT $1";

// A brokerage is there, and it was not Dispatch that made it.
const ELSEWHERE: &str = "
SELECT NOT EXISTS (SELECT 1 FROM dispatch.schema_migrations WHERE set_name = 'brokerage')
    AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = to_regnamespace('public')
        AND relname IN ('listings', 'realtors', 'staff', 'dispatch_activities', 'dispatch_agent_tasks')) AS yes";

// By the wall clock, not the transaction's: what matters is when it was so.
const SERVES: &str = "
WITH gone AS (DELETE FROM dispatch.replicas WHERE seen_at < now() - interval '1 hour' AND replica <> $1)
INSERT INTO dispatch.replicas AS known (replica, mark) VALUES ($1, $2)
ON CONFLICT (replica) DO UPDATE SET
    seen_at = clock_timestamp(), mark = excluded.mark,
    since = CASE WHEN known.mark = excluded.mark THEN known.since ELSE clock_timestamp() END";

const REPLICAS: &str = "
SELECT replica, mark, since, extract(epoch FROM clock_timestamp() - seen_at)::float8 AS silent
FROM dispatch.replicas WHERE seen_at > now() - interval '1 hour' ORDER BY replica";

/// Changes of the flag, and who serves by which.
#[derive(Clone, Debug)]
pub struct PgFlagLedger {
    pool: Pool,
}

#[derive(QueryableByName)]
struct ChangeRow {
    #[diesel(sql_type = Text)]
    mark: String,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = SmallInt)]
    percent: i16,
    #[diesel(sql_type = Bool)]
    shadow: bool,
    #[diesel(sql_type = Text)]
    changed_by: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    changed_at: OffsetDateTime,
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct ReplicaRow {
    #[diesel(sql_type = Text)]
    replica: String,
    #[diesel(sql_type = Text)]
    mark: String,
    #[diesel(sql_type = Timestamptz)]
    since: OffsetDateTime,
    #[diesel(sql_type = Double)]
    silent: f64,
}

impl PgFlagLedger {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn connection(&self) -> Result<PooledConnection, StoreError> {
        Ok(self.pool.get().await?)
    }
}

#[async_trait]
impl FlagLedger for PgFlagLedger {
    async fn record(&self, flag: &Flag, by: &str, reason: Option<&str>) -> Result<(), StoreUnavailable> {
        let statement = sql(RECORD)
            .bind::<Text, _>(flag.mark.as_str())
            .bind::<Text, _>(flag.steering.version.as_str())
            .bind::<SmallInt, _>(i16::from(flag.steering.percent))
            .bind::<Bool, _>(flag.steering.shadow)
            .bind::<Text, _>(clean(by))
            .bind::<Nullable<Text>, _>(reason.map(clean));
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn history(&self, limit: u32, after: Option<&ChangeCursor>) -> Result<Vec<FlagChange>, StoreUnavailable> {
        let statement = sql(HISTORY)
            .bind::<BigInt, _>(i64::from(limit))
            .bind::<Nullable<Timestamptz>, _>(after.map(|after| after.at))
            .bind::<Nullable<Text>, _>(after.map(|after| after.mark.as_str()));
        let rows: Vec<ChangeRow> = statement.load(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(rows.into_iter().filter_map(change).collect())
    }

    async fn began_elsewhere(&self) -> Result<bool, StoreUnavailable> {
        let found: Vec<Yes> = sql(ELSEWHERE).load(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(found.iter().any(|found| found.yes))
    }

    async fn serves(&self, replica: &str, mark: &str) -> Result<(), StoreUnavailable> {
        let statement = sql(SERVES).bind::<Text, _>(replica).bind::<Text, _>(mark);
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn leaves(&self, replica: &str) -> Result<(), StoreUnavailable> {
        let statement = sql("DELETE FROM dispatch.replicas WHERE replica = $1").bind::<Text, _>(replica);
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn replicas(&self) -> Result<Vec<Replica>, StoreUnavailable> {
        let rows: Vec<ReplicaRow> =
            sql(REPLICAS).load(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        let replica = |row: ReplicaRow| Replica {
            name: row.replica,
            mark: row.mark,
            since: row.since,
            silent_for: Duration::from_secs_f64(row.silent.max(0.0)),
        };
        Ok(rows.into_iter().map(replica).collect())
    }
}

/// Only versions that this release knows were ever recorded by it.
fn change(row: ChangeRow) -> Option<FlagChange> {
    let version = ApiVersion::parse(&row.version)?;
    let percent = u8::try_from(row.percent).unwrap_or(100);
    let flag = Flag { steering: Steering { version, percent, shadow: row.shadow }, mark: row.mark };
    Some(FlagChange { flag, by: row.changed_by, reason: row.reason, at: row.changed_at })
}
