//! The rows of circuit breakers, shared by all replicas. By the database's clock; the rules are the domain's.
//!
//! It must not know what an attempt was about.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Int4, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::breaker::{Breaker, BreakerRule, BreakerState, Health};
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::{micros, small};

// In one order, so that two claims never wait for each other.
const ASK: &str = "
WITH due AS (
    SELECT lane FROM dispatch.breakers WHERE lane = ANY ($1) AND state <> 'closed' AND asks_at <= now()
    ORDER BY lane FOR UPDATE
)
UPDATE dispatch.breakers AS b SET
    state = 'half_open', probe = asked.delivery_id, asks_at = now() + $3 * interval '1 microsecond'
FROM due JOIN unnest($1, $2) AS asked (lane, delivery_id) USING (lane)
WHERE b.lane = due.lane
RETURNING b.lane";

const MAKE: &str = "
INSERT INTO dispatch.breakers (lane) SELECT lane FROM unnest($1) AS new (lane) ORDER BY lane
ON CONFLICT DO NOTHING";

// Where all is well there is nothing to lock.
const LOCK: &str = "
SELECT lane, state, failures, openings, probe FROM dispatch.breakers
WHERE lane = ANY ($1) AND (state <> 'closed' OR failures > 0 OR lane = ANY ($2))
ORDER BY lane FOR UPDATE";

const WRITE: &str = "
UPDATE dispatch.breakers AS b SET
    state = told.state, failures = told.failures, openings = told.openings, probe = NULL,
    asks_at = now() + told.open_for * interval '1 microsecond',
    changed_at = CASE WHEN b.state = told.state THEN b.changed_at ELSE now() END
FROM unnest($1, $2, $3, $4, $5) AS told (lane, state, failures, openings, open_for)
WHERE b.lane = told.lane";

/// One attempt, as far as its destination is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub(super) lane: String,
    pub(super) delivery: Uuid,
    pub(super) health: Health,
}

/// A breaker that opened or closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Change {
    lane: String,
    breaker: Breaker,
    open_for: Duration,
}

impl Change {
    /// Told once, by whoever's attempt it was, when it is committed.
    pub(super) fn log(&self) {
        let lane = nameable(&self.lane);
        match self.breaker.state {
            BreakerState::Closed => tracing::info!(lane, "circuit breaker closed: deliveries go on"),
            _ => tracing::warn!(
                lane,
                failures = self.breaker.failures,
                open_seconds = self.open_for.as_secs(),
                "circuit breaker open: deliveries are kept"
            ),
        }
    }
}

/// Without what is nobody's business: a phone number is not for logs.
fn nameable(lane: &str) -> &str {
    match lane.split_once('/') {
        Some(("sms", _)) => "sms",
        _ => lane,
    }
}

#[derive(QueryableByName)]
struct Asked {
    #[diesel(sql_type = Text)]
    lane: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    lane: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Int4)]
    failures: i32,
    #[diesel(sql_type = Int4)]
    openings: i32,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    probe: Option<Uuid>,
}

impl Row {
    fn breaker(&self) -> Breaker {
        Breaker {
            // The column's CHECK knows the same words.
            state: BreakerState::parse(&self.state).unwrap_or(BreakerState::Closed),
            failures: u32::try_from(self.failures).unwrap_or(0),
            openings: u32::try_from(self.openings).unwrap_or(0),
        }
    }
}

/// Lets each of these pass the breaker before its lane, if nobody else's does meanwhile. Answers the lanes where it may.
pub(super) async fn ask(
    connection: &mut AsyncPgConnection,
    probes: &[(String, Uuid)],
    lease: Duration,
) -> Result<Vec<String>, StoreError> {
    if probes.is_empty() {
        return Ok(Vec::new());
    }
    let (lanes, deliveries): (Vec<&str>, Vec<Uuid>) = probes.iter().map(|(lane, id)| (lane.as_str(), *id)).unzip();
    let asked: Vec<Asked> = sql(ASK)
        .bind::<Array<Text>, _>(lanes)
        .bind::<Array<SqlUuid>, _>(deliveries)
        .bind::<BigInt, _>(micros(lease))
        .load(connection)
        .await?;
    Ok(asked.into_iter().map(|row| row.lane).collect())
}

/// Tells the breakers what attempts came to. Answers those that opened or closed by it.
pub(super) async fn tell(
    connection: &mut AsyncPgConnection,
    rule: &BreakerRule,
    told: &[Told],
) -> Result<Vec<Change>, StoreError> {
    let lanes: BTreeSet<&str> = told.iter().map(|one| one.lane.as_str()).collect();
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    let faulty: BTreeSet<&str> =
        told.iter().filter(|one| one.health == Health::Fault).map(|one| one.lane.as_str()).collect();
    let faulty = Vec::from_iter(faulty);
    if !faulty.is_empty() {
        sql(MAKE).bind::<Array<Text>, _>(&faulty).execute(connection).await?;
    }
    let rows: Vec<Row> = sql(LOCK)
        .bind::<Array<Text>, _>(Vec::from_iter(lanes))
        .bind::<Array<Text>, _>(&faulty)
        .load(connection)
        .await?;
    let changed: Vec<(Change, bool)> = rows.iter().filter_map(|row| change(row, rule, told)).collect();
    write(connection, &changed).await?;
    Ok(changed.into_iter().filter(|(_, turned)| *turned).map(|(change, _)| change).collect())
}

/// The row after these attempts, if they change it, and whether it opened or closed.
fn change(row: &Row, rule: &BreakerRule, told: &[Told]) -> Option<(Change, bool)> {
    let before = row.breaker();
    let (mut breaker, mut probed) = (before, false);
    for one in told.iter().filter(|one| one.lane == row.lane) {
        let probe = row.probe == Some(one.delivery);
        probed |= probe;
        breaker = breaker.after(rule, one.health, probe);
    }
    // One that says nothing makes room for the next.
    if breaker == before && !probed {
        return None;
    }
    let opened = breaker.state == BreakerState::Open;
    let open_for = if opened { rule.open_for(breaker.openings) } else { Duration::ZERO };
    let turned = breaker.state != before.state;
    Some((Change { lane: row.lane.clone(), breaker, open_for }, turned))
}

async fn write(connection: &mut AsyncPgConnection, changed: &[(Change, bool)]) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let changes = || changed.iter().map(|(change, _)| change);
    sql(WRITE)
        .bind::<Array<Text>, _>(changes().map(|one| one.lane.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(changes().map(|one| one.breaker.state.as_str()).collect::<Vec<_>>())
        .bind::<Array<Int4>, _>(changes().map(|one| small(one.breaker.failures)).collect::<Vec<_>>())
        .bind::<Array<Int4>, _>(changes().map(|one| small(one.breaker.openings)).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(changes().map(|one| micros(one.open_for)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}
