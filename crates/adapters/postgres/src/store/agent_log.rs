//! The `AgentLog` port over table `dispatch.agent_minutes`. It must not know what an agent does.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use dispatch_classification::classifier::Usage;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::agents::{AgentLog, FIGURES_OF, Tally};
use time::OffsetDateTime;

use super::error::StoreError;
use super::micros;
use super::sql::sql;
use crate::connect::Pool;

/// The outcome of calls that were answered.
const OK: &str = "ok";

// In the order of the key: two replicas that add at the same time never wait for each other in a circle.
const ADD: &str = "
INSERT INTO dispatch.agent_minutes AS kept
    (agent, minute, outcome, calls, busy_us, input_tokens, output_tokens, cost_micros, last_used_at)
SELECT agent, date_trunc('minute', now()), outcome, calls, busy_us, input_tokens, output_tokens, cost_micros, last_used_at
FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
    AS new (agent, outcome, calls, busy_us, input_tokens, output_tokens, cost_micros, last_used_at)
ORDER BY agent, outcome
ON CONFLICT (agent, minute, outcome) DO UPDATE SET
    calls = kept.calls + excluded.calls,
    busy_us = kept.busy_us + excluded.busy_us,
    input_tokens = kept.input_tokens + excluded.input_tokens,
    output_tokens = kept.output_tokens + excluded.output_tokens,
    cost_micros = CASE WHEN kept.cost_micros IS NULL THEN excluded.cost_micros
                       ELSE kept.cost_micros + coalesce(excluded.cost_micros, 0) END,
    last_used_at = greatest(kept.last_used_at, excluded.last_used_at)";

// What is older counts for nothing but the last use.
const READ: &str = "
SELECT agent, outcome, max(last_used_at) AS last_used_at,
    coalesce(sum(calls) FILTER (WHERE recent), 0)::bigint AS calls,
    coalesce(sum(busy_us) FILTER (WHERE recent), 0)::bigint AS busy_us,
    coalesce(sum(input_tokens) FILTER (WHERE recent), 0)::bigint AS input_tokens,
    coalesce(sum(output_tokens) FILTER (WHERE recent), 0)::bigint AS output_tokens,
    sum(cost_micros) FILTER (WHERE recent)::bigint AS cost_micros
FROM (SELECT *, minute > now() - $1 * interval '1 microsecond' AS recent FROM dispatch.agent_minutes) AS kept
GROUP BY agent, outcome";

const PURGE: &str = "
DELETE FROM dispatch.agent_minutes AS old
WHERE old.minute <= now() - $1 * interval '1 microsecond'
    AND EXISTS (SELECT FROM dispatch.agent_minutes AS newer WHERE newer.agent = old.agent AND newer.minute > old.minute)";

/// What agents did.
#[derive(Clone, Debug)]
pub struct PgAgentLog {
    pool: Pool,
}

impl PgAgentLog {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

/// One agent's calls of one outcome.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    agent: String,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = BigInt)]
    calls: i64,
    #[diesel(sql_type = BigInt)]
    busy_us: i64,
    #[diesel(sql_type = BigInt)]
    input_tokens: i64,
    #[diesel(sql_type = BigInt)]
    output_tokens: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    cost_micros: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    last_used_at: OffsetDateTime,
}

#[async_trait]
impl AgentLog for PgAgentLog {
    async fn add(&self, tallies: &BTreeMap<String, Tally>) -> Result<(), StoreUnavailable> {
        let rows: Vec<Row> = tallies.iter().flat_map(|(agent, tally)| rows(agent, tally)).collect();
        let each = |value: fn(&Row) -> i64| rows.iter().map(value).collect::<Vec<_>>();
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let statement = sql(ADD)
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.agent.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| row.outcome.as_str()).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(each(|row| row.calls))
            .bind::<Array<BigInt>, _>(each(|row| row.busy_us))
            .bind::<Array<BigInt>, _>(each(|row| row.input_tokens))
            .bind::<Array<BigInt>, _>(each(|row| row.output_tokens))
            .bind::<Array<Nullable<BigInt>>, _>(rows.iter().map(|row| row.cost_micros).collect::<Vec<_>>())
            .bind::<Array<Timestamptz>, _>(rows.iter().map(|row| row.last_used_at).collect::<Vec<_>>());
        statement.execute(&mut *connection).await.map_err(StoreError::from)?;
        Ok(())
    }

    async fn read(&self) -> Result<BTreeMap<String, Tally>, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let statement = sql(READ).bind::<BigInt, _>(micros(FIGURES_OF));
        let rows: Vec<Row> = statement.load(&mut *connection).await.map_err(StoreError::from)?;
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for row in rows {
            tallies.entry(row.agent.clone()).or_default().add(tally(row));
        }
        Ok(tallies)
    }

    async fn purge(&self) -> Result<u32, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let statement = sql(PURGE).bind::<BigInt, _>(micros(FIGURES_OF));
        let rows = statement.execute(&mut *connection).await.map_err(StoreError::from)?;
        Ok(u32::try_from(rows).unwrap_or(u32::MAX))
    }
}

/// One row per outcome. Time and tokens stand with the answers, or with the failures where there is nothing else.
fn rows(agent: &str, tally: &Tally) -> Vec<Row> {
    let answered = tally.calls.saturating_sub(tally.failed());
    let outcomes = tally.failures.iter().map(|(code, calls)| (code.as_str(), *calls));
    let mut rows: Vec<Row> = [(OK, answered)]
        .into_iter()
        .chain(outcomes)
        .filter(|(_, calls)| *calls > 0)
        .map(|(outcome, calls)| Row {
            agent: agent.to_owned(),
            outcome: outcome.to_owned(),
            calls: signed(calls),
            busy_us: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost_micros: None,
            last_used_at: tally.last_used_at.unwrap_or_else(OffsetDateTime::now_utc),
        })
        .collect();
    if let Some(first) = rows.first_mut() {
        first.busy_us = micros(tally.busy);
        first.input_tokens = signed(tally.usage.input_tokens);
        first.output_tokens = signed(tally.usage.output_tokens);
        first.cost_micros = tally.usage.cost_micros.map(signed);
    }
    rows
}

fn tally(row: Row) -> Tally {
    let calls = unsigned(row.calls);
    Tally {
        calls,
        failures: (row.outcome != OK && calls > 0).then_some((row.outcome, calls)).into_iter().collect(),
        busy: Duration::from_micros(unsigned(row.busy_us)),
        usage: Usage {
            input_tokens: unsigned(row.input_tokens),
            output_tokens: unsigned(row.output_tokens),
            cost_micros: row.cost_micros.map(unsigned),
        },
        last_used_at: Some(row.last_used_at),
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
