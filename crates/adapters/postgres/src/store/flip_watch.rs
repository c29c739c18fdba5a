//! The `FlipWatch` port over tables `dispatch.legacy_traffic`, `flag_guards` and those of the shadow. It must not judge.

mod lately;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Double, Nullable, SmallInt, Text};
use diesel_async::RunQueryDsl;
use dispatch_pipeline::helm::Traffic;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::flag::{ApiVersion, Steering};
use dispatch_pipeline::ports::flip_watch::{
    Answered, Compared, Due, FlipWatch, Lately, ShadowDifference, WatchEnd, WatchState, Watched,
};
use std::collections::BTreeMap;
use std::time::Duration;

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

// What it is judged against is fixed here. What failed under a flip that was taken back is no measure for the next one.
const ARM: &str = "
INSERT INTO dispatch.flag_guards
    (mark, back_version, back_percent, back_shadow, contract, until, before_answered, before_failed, before_slow)
SELECT $1, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 microsecond',
    coalesce(sum(answered), 0)::bigint, coalesce(sum(failed), 0)::bigint, coalesce(sum(slow), 0)::bigint
FROM dispatch.legacy_traffic AS seen
WHERE minute > now() - interval '1 hour' AND contract = $7 AND mark NOT IN ($1, '')
    AND NOT EXISTS (SELECT FROM dispatch.flag_guards AS back WHERE back.mark = seen.mark AND back.state = 'flipped_back')
ON CONFLICT (mark) DO NOTHING";

// A watch that has just begun is none of those: its flip may not be in force yet, or whoever claims has not heard of it.
const OVERTAKEN: &str = "
UPDATE dispatch.flag_guards SET state = 'overtaken'
WHERE state = 'armed' AND mark <> $1
    AND coalesce(in_force_at + interval '5 seconds', armed_at + interval '60 seconds') < now()";

// A judge that died is followed by another one, and no claim outlasts the watch: its last word comes when it is over.
const CLAIM: &str = "
UPDATE dispatch.flag_guards AS guard SET
    in_force_at = coalesce(in_force_at, now()),
    claimed_until = CASE WHEN until > now() THEN least(until, now() + interval '5 seconds') ELSE now() + interval '5 seconds' END
WHERE mark = $1 AND state = 'armed' AND (claimed_until IS NULL OR claimed_until <= now())
RETURNING back_version, back_percent, back_shadow, contract, until <= now() AS is_over,
    ARRAY[before_answered, before_failed, before_slow] AS before,
    (SELECT ARRAY[coalesce(sum(answered), 0), coalesce(sum(failed), 0), coalesce(sum(slow), 0)]::bigint[]
        FROM dispatch.legacy_traffic AS seen WHERE seen.mark = guard.mark AND seen.contract = guard.contract) AS since";

const END: &str = "
UPDATE dispatch.flag_guards SET state = $2, reason = $3, claimed_until = NULL WHERE mark = $1 AND state = 'armed'";

const STATE: &str = "
SELECT state, reason, extract(epoch FROM until - now())::float8 AS left_seconds FROM dispatch.flag_guards WHERE mark = $1";

const PURGE: &str = "
WITH traffic AS (DELETE FROM dispatch.legacy_traffic WHERE minute < now() - interval '7 days' RETURNING 1),
    differences AS (DELETE FROM dispatch.shadow_differences WHERE seen_at < now() - interval '7 days' RETURNING 1),
    comparisons AS (DELETE FROM dispatch.shadow_comparisons WHERE minute < now() - interval '7 days' RETURNING 1)
SELECT (SELECT count(*) FROM traffic) + (SELECT count(*) FROM differences) + (SELECT count(*) FROM comparisons) AS rows";

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
    #[diesel(sql_type = Text)]
    contract: String,
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
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

impl DueRow {
    /// Nothing where it was armed by a release that knows more contracts.
    fn due(self, mark: &str) -> Option<Due> {
        let version = ApiVersion::parse(&self.back_version)?;
        let contract = ApiVersion::parse(&self.contract)?;
        let percent = u8::try_from(self.back_percent).unwrap_or(100);
        let back = Steering { version, percent, shadow: self.back_shadow };
        Some(Due {
            watched: Watched { mark: mark.to_owned(), back, contract, against: contract.other() },
            before: traffic(&self.before),
            since: traffic(&self.since),
            is_over: self.is_over,
        })
    }
}

impl StateRow {
    fn state(self) -> WatchState {
        let why = self.reason.unwrap_or_default();
        let end = match self.state.as_str() {
            "armed" => None,
            "passed" => Some(WatchEnd::Passed(why)),
            "flipped_back" => Some(WatchEnd::FlippedBack(why)),
            "unjudged" => Some(WatchEnd::Unjudged(why)),
            _ => Some(WatchEnd::Overtaken),
        };
        let left = end.is_none().then(|| Duration::from_secs_f64(self.left_seconds.max(0.0)));
        WatchState { left, end }
    }
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
            .bind::<Text, _>(watched.contract.as_str())
            .bind::<BigInt, _>(micros(lasts))
            .bind::<Text, _>(watched.against.as_str());
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn claim(&self, current: &str) -> Result<Option<Due>, StoreUnavailable> {
        let Some(row) = self.due(current).await? else { return Ok(None) };
        Ok(row.due(current))
    }

    async fn end(&self, mark: &str, end: &WatchEnd) -> Result<(), StoreUnavailable> {
        let (state, reason) = match end {
            WatchEnd::Passed(figures) => ("passed", Some(figures.as_str())),
            WatchEnd::FlippedBack(reason) => ("flipped_back", Some(reason.as_str())),
            WatchEnd::Overtaken => ("overtaken", None),
            WatchEnd::Unjudged(why) => ("unjudged", Some(why.as_str())),
        };
        let statement = sql(END).bind::<Text, _>(mark).bind::<Text, _>(state).bind::<Nullable<Text>, _>(reason);
        statement.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn state(&self, mark: &str) -> Result<Option<WatchState>, StoreUnavailable> {
        let statement = sql(STATE).bind::<Text, _>(mark);
        let mut rows: Vec<StateRow> = statement.load(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(rows.pop().map(StateRow::state))
    }

    async fn recent(&self) -> Result<Vec<Lately>, StoreUnavailable> {
        Ok(lately::recent(&mut *self.connection().await?).await?)
    }

    async fn compared(&self, tallies: &BTreeMap<&'static str, Compared>) -> Result<(), StoreUnavailable> {
        Ok(lately::compared(&mut *self.connection().await?, tallies).await?)
    }

    async fn comparisons(&self) -> Result<Vec<(String, Compared)>, StoreUnavailable> {
        Ok(lately::comparisons(&mut *self.connection().await?).await?)
    }

    async fn differences(&self) -> Result<Vec<(String, String, u64)>, StoreUnavailable> {
        Ok(lately::differences(&mut *self.connection().await?).await?)
    }

    async fn differs(&self, differences: &[ShadowDifference]) -> Result<(), StoreUnavailable> {
        Ok(lately::differs(&mut *self.connection().await?, differences).await?)
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
