//! The `FlipWatch` port over tables `dispatch.legacy_traffic`, `flag_guards` and `shadow_differences`. It must not judge.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Double, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use dispatch_pipeline::helm::Traffic;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::flag::{ApiVersion, Steering};
use dispatch_pipeline::ports::flip_watch::{Answered, Due, FlipWatch, ShadowDifference, WatchEnd, WatchState, Watched};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

use super::error::StoreError;
use super::micros;
use super::sql::sql;
use crate::connect::{Pool, PooledConnection};

// In the order of the key: two replicas that add at the same time never wait for each other in a circle.
const ADD: &str = "
INSERT INTO dispatch.legacy_traffic AS kept (minute, route, contract, mark, answered, failed, slow)
SELECT date_trunc('minute', now()), route, contract, mark, answered, failed, slow
FROM unnest($1, $2, $3, $4, $5, $6) AS new (route, contract, mark, answered, failed, slow)
ORDER BY route, contract, mark
ON CONFLICT (minute, route, contract, mark) DO UPDATE SET
    answered = kept.answered + excluded.answered, failed = kept.failed + excluded.failed, slow = kept.slow + excluded.slow";

const ARM: &str = "
INSERT INTO dispatch.flag_guards (mark, back_version, back_percent, back_shadow, until)
VALUES ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 microsecond') ON CONFLICT (mark) DO NOTHING";

// A watch that has just begun is none of those: whoever claims may not have heard of its flip yet.
const OVERTAKEN: &str = "
UPDATE dispatch.flag_guards SET state = 'overtaken'
WHERE state = 'armed' AND mark <> $1 AND armed_at < now() - interval '5 seconds'";

// A judge that died is followed by another one.
const CLAIM: &str = "
UPDATE dispatch.flag_guards AS guard SET claimed_until = now() + interval '5 seconds'
WHERE mark = $1 AND state = 'armed' AND (claimed_until IS NULL OR claimed_until <= now())
RETURNING back_version, back_percent, back_shadow, until <= now() AS is_over,
    ARRAY(SELECT coalesce(sum(figure), 0)::bigint FROM (
        SELECT unnest(ARRAY[answered, failed, slow]) AS figure, unnest(ARRAY[1, 2, 3]) AS place FROM dispatch.legacy_traffic
        WHERE mark <> $1 AND minute > guard.armed_at - interval '1 hour'
        UNION ALL SELECT 0, generate_series(1, 3)) AS figures GROUP BY place ORDER BY place) AS before,
    ARRAY(SELECT coalesce(sum(figure), 0)::bigint FROM (
        SELECT unnest(ARRAY[answered, failed, slow]) AS figure, unnest(ARRAY[1, 2, 3]) AS place FROM dispatch.legacy_traffic
        WHERE mark = $1
        UNION ALL SELECT 0, generate_series(1, 3)) AS figures GROUP BY place ORDER BY place) AS since";

const END: &str = "
UPDATE dispatch.flag_guards SET state = $2, reason = $3, claimed_until = NULL WHERE mark = $1 AND state = 'armed'";

const STATE: &str = "
SELECT state, reason, extract(epoch FROM until - now())::float8 AS left_seconds FROM dispatch.flag_guards WHERE mark = $1";

const RECENT: &str = "
SELECT route, contract, sum(answered)::bigint AS answered, sum(failed)::bigint AS failed, sum(slow)::bigint AS slow
FROM dispatch.legacy_traffic WHERE minute > now() - interval '1 hour' GROUP BY route, contract ORDER BY route, contract";

const DIFFERENCES: &str = "
SELECT route, field, count(*) AS times FROM dispatch.shadow_differences, unnest(fields) AS field
WHERE seen_at > now() - interval '1 hour' GROUP BY route, field ORDER BY times DESC, route, field";

const DIFFERS: &str = "
INSERT INTO dispatch.shadow_differences (difference_id, route, trace_id, fields)
SELECT difference_id, route, trace_id, string_to_array(fields, ',')
FROM unnest($1, $2, $3, $4) AS new (difference_id, route, trace_id, fields)";

const PURGE: &str = "
WITH traffic AS (DELETE FROM dispatch.legacy_traffic WHERE minute < now() - interval '7 days' RETURNING 1),
    differences AS (DELETE FROM dispatch.shadow_differences WHERE seen_at < now() - interval '7 days' RETURNING 1)
SELECT (SELECT count(*) FROM traffic) + (SELECT count(*) FROM differences) AS rows";

/// Traffic of legacy paths, and watched flips.
#[derive(Clone, Debug)]
pub struct PgFlipWatch {
    pool: Pool,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Text)]
    back_version: String,
    #[diesel(sql_type = SmallInt)]
    back_percent: i16,
    #[diesel(sql_type = Bool)]
    back_shadow: bool,
    #[diesel(sql_type = Bool)]
    is_over: bool,
    #[diesel(sql_type = Array<BigInt>)]
    before: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    since: Vec<i64>,
}

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Double)]
    left_seconds: f64,
}

#[derive(QueryableByName)]
struct RecentRow {
    #[diesel(sql_type = Text)]
    route: String,
    #[diesel(sql_type = Text)]
    contract: String,
    #[diesel(sql_type = BigInt)]
    answered: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
    #[diesel(sql_type = BigInt)]
    slow: i64,
}

#[derive(QueryableByName)]
struct DifferenceRow {
    #[diesel(sql_type = Text)]
    route: String,
    #[diesel(sql_type = Text)]
    field: String,
    #[diesel(sql_type = BigInt)]
    times: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

impl PgFlipWatch {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn connection(&self) -> Result<PooledConnection, StoreError> {
        Ok(self.pool.get().await?)
    }

    async fn due(&self, current: &str) -> Result<Option<DueRow>, StoreError> {
        let mut connection = self.connection().await?;
        sql(OVERTAKEN).bind::<Text, _>(current).execute(&mut *connection).await?;
        Ok(sql(CLAIM).bind::<Text, _>(current).load(&mut *connection).await?.pop())
    }
}

#[async_trait]
impl FlipWatch for PgFlipWatch {
    async fn add(&self, tallies: &BTreeMap<Answered, Traffic>) -> Result<(), StoreUnavailable> {
        let figure = |of: fn(&Traffic) -> u64| tallies.values().map(|one| signed(of(one))).collect::<Vec<_>>();
        let statement = sql(ADD)
            .bind::<Array<Text>, _>(tallies.keys().map(|key| key.route).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(tallies.keys().map(|key| key.contract).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(tallies.keys().map(|key| key.mark.as_str()).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(figure(|one| one.answered))
            .bind::<Array<BigInt>, _>(figure(|one| one.failed))
            .bind::<Array<BigInt>, _>(figure(|one| one.slow));
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn arm(&self, watched: &Watched, lasts: Duration) -> Result<(), StoreUnavailable> {
        let statement = sql(ARM)
            .bind::<Text, _>(watched.mark.as_str())
            .bind::<Text, _>(watched.back.version.as_str())
            .bind::<SmallInt, _>(i16::from(watched.back.percent))
            .bind::<Bool, _>(watched.back.shadow)
            .bind::<BigInt, _>(micros(lasts));
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn claim(&self, current: &str) -> Result<Option<Due>, StoreUnavailable> {
        let Some(row) = self.due(current).await? else { return Ok(None) };
        let Some(version) = ApiVersion::parse(&row.back_version) else { return Ok(None) };
        let percent = u8::try_from(row.back_percent).unwrap_or(100);
        let back = Steering { version, percent, shadow: row.back_shadow };
        Ok(Some(Due {
            watched: Watched { mark: current.to_owned(), back },
            before: traffic(&row.before),
            since: traffic(&row.since),
            is_over: row.is_over,
        }))
    }

    async fn end(&self, mark: &str, end: &WatchEnd) -> Result<(), StoreUnavailable> {
        let (state, reason) = match end {
            WatchEnd::Passed => ("passed", None),
            WatchEnd::FlippedBack(reason) => ("flipped_back", Some(reason.as_str())),
            WatchEnd::Overtaken => ("overtaken", None),
        };
        let statement = sql(END).bind::<Text, _>(mark).bind::<Text, _>(state).bind::<Nullable<Text>, _>(reason);
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn state(&self, mark: &str) -> Result<Option<WatchState>, StoreUnavailable> {
        let statement = sql(STATE).bind::<Text, _>(mark);
        let mut rows: Vec<StateRow> = statement.load(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(rows.pop().map(|row| match row.state.as_str() {
            "armed" => WatchState { left: Some(Duration::from_secs_f64(row.left_seconds.max(0.0))), end: None },
            "passed" => WatchState { left: None, end: Some(WatchEnd::Passed) },
            "flipped_back" => {
                WatchState { left: None, end: Some(WatchEnd::FlippedBack(row.reason.unwrap_or_default())) }
            }
            _ => WatchState { left: None, end: Some(WatchEnd::Overtaken) },
        }))
    }

    async fn recent(&self) -> Result<Vec<(String, ApiVersion, Traffic)>, StoreUnavailable> {
        let rows: Vec<RecentRow> = sql(RECENT).load(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        let known = |row: RecentRow| {
            let version = ApiVersion::parse(&row.contract)?;
            Some((row.route, version, traffic(&[row.answered, row.failed, row.slow])))
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }

    async fn differences(&self) -> Result<Vec<(String, String, u64)>, StoreUnavailable> {
        let rows: Vec<DifferenceRow> =
            sql(DIFFERENCES).load(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(rows.into_iter().map(|row| (row.route, row.field, u64::try_from(row.times).unwrap_or(0))).collect())
    }

    async fn differs(&self, differences: &[ShadowDifference]) -> Result<(), StoreUnavailable> {
        let statement = sql(DIFFERS)
            .bind::<Array<SqlUuid>, _>(differences.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(differences.iter().map(|one| one.route).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(differences.iter().map(|one| one.trace_id.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(differences.iter().map(|one| one.fields.join(",")).collect::<Vec<_>>());
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn purge(&self) -> Result<u32, StoreUnavailable> {
        let counts: Vec<Count> = sql(PURGE).load(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(counts.as_slice().first().map_or(0, |count| u32::try_from(count.rows).unwrap_or(u32::MAX)))
    }
}

fn traffic(figures: &[i64]) -> Traffic {
    let at = |place: usize| figures.get(place).map_or(0, |figure| u64::try_from(*figure).unwrap_or(0));
    Traffic { answered: at(0), failed: at(1), slow: at(2) }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
