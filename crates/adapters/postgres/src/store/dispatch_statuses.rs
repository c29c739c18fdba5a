//! The `DispatchStatuses` port over tables `dispatch.dispatches`, `dispatch.deliveries` and the timeline.
//!
//! It must not change anything.

mod gone;

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::dispatch_status::{Attempt, DeliveryStatus, DispatchStatus, DispatchStatuses};
use dispatch_routing::queue::QueueError;
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

use super::deliveries::held::held;
use super::error::StoreError;
use super::sql::sql;
use crate::connect::Pool;

const DISPATCH: &str = "
SELECT p.dispatch_id, p.unit_id, p.classification_id, p.rule, p.auto_dispatch, p.reason, p.replay_of, p.created_at,
    asked.delivery_id
FROM (
    SELECT dispatch_id, NULL::uuid AS delivery_id FROM dispatch.dispatches WHERE dispatch_id = $1
    UNION ALL
    SELECT dispatch_id, delivery_id FROM dispatch.deliveries WHERE delivery_id = $1
) AS asked JOIN dispatch.dispatches AS p USING (dispatch_id)";

// Their ids are minted in the order of the plan. One that waits for another delivery is due at infinity.
const DELIVERIES: &str = concat!(
    "
SELECT delivery_id, destination, state, coalesce(held.reason, d.reason) AS reason, after_delivery, settled_at, taken.in_hand,
    CASE WHEN state = 'pending' AND NOT taken.in_hand AND next_attempt_at < 'infinity' THEN next_attempt_at END
        AS next_attempt_at, held.until AS held_until
FROM dispatch.deliveries AS d
CROSS JOIN LATERAL (SELECT state = 'pending' AND claim_token IS NOT NULL AND lease_until > now() AS in_hand) AS taken
",
    held!(),
    "
WHERE dispatch_id = $1 AND ($2 IS NULL OR delivery_id = $2) ORDER BY delivery_id"
);

const ATTEMPTS: &str = "
SELECT delivery_id, at, coalesce(detail ->> 'outcome', 'unknown') AS outcome, detail ->> 'code' AS code,
    (detail ->> 'took_ms')::bigint AS took_ms, at + (detail ->> 'next_in_ms')::bigint * interval '1 millisecond' AS next_at
FROM dispatch.timeline
WHERE unit_id = $1 AND delivery_id = ANY ($2) AND event = 'delivery.attempted' ORDER BY entry";

/// Where dispatches stand.
#[derive(Clone, Debug)]
pub struct PgDispatchStatuses {
    pool: Pool,
}

impl PgDispatchStatuses {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl DispatchStatuses for PgDispatchStatuses {
    async fn find(&self, id: Uuid) -> Result<Option<DispatchStatus>, QueueError> {
        let mut connection = self.pool.get().await.map_err(StoreError::from)?;
        Ok(find(&mut connection, id).await?)
    }
}

#[derive(QueryableByName)]
struct DispatchRow {
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    classification_id: Uuid,
    #[diesel(sql_type = Text)]
    rule: String,
    #[diesel(sql_type = Bool)]
    auto_dispatch: bool,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    replay_of: Option<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    created_at: OffsetDateTime,
    /// The one delivery that was asked for.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    delivery_id: Option<Uuid>,
}

#[derive(QueryableByName)]
struct DeliveryRow {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    destination: Value,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    after_delivery: Option<Uuid>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    settled_at: Option<OffsetDateTime>,
    #[diesel(sql_type = Bool)]
    in_hand: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    next_attempt_at: Option<OffsetDateTime>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    held_until: Option<OffsetDateTime>,
}

#[derive(QueryableByName)]
struct AttemptRow {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<Text>)]
    code: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    took_ms: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    next_at: Option<OffsetDateTime>,
}

async fn find(connection: &mut AsyncPgConnection, id: Uuid) -> Result<Option<DispatchStatus>, StoreError> {
    let mut rows: Vec<DispatchRow> = sql(DISPATCH).bind::<SqlUuid, _>(id).load(connection).await?;
    let Some(dispatch) = rows.pop() else { return Ok(None) };
    let rows: Vec<DeliveryRow> = sql(DELIVERIES)
        .bind::<SqlUuid, _>(dispatch.dispatch_id)
        .bind::<Nullable<SqlUuid>, _>(dispatch.delivery_id)
        .load(connection)
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.delivery_id).collect();
    let mut attempts = attempts(connection, dispatch.unit_id, &ids).await?;
    let mut gone = gone::gone(connection, dispatch.unit_id, &ids).await?;
    let deliveries = rows.into_iter().map(|row| {
        let attempts = attempts.remove(&row.delivery_id).unwrap_or_default();
        let gone = gone.remove(&row.delivery_id).unwrap_or_default();
        delivery(row, attempts, gone)
    });
    Ok(Some(DispatchStatus {
        deliveries: deliveries.collect::<Result<_, _>>()?,
        dispatch_id: DispatchId(dispatch.dispatch_id),
        unit_id: UnitId(dispatch.unit_id),
        classification_id: ClassificationId(dispatch.classification_id),
        rule: dispatch.rule,
        routing: RoutingDecision { auto_dispatch: dispatch.auto_dispatch, reason: dispatch.reason },
        replay_of: dispatch.replay_of.map(DispatchId),
        created_at: dispatch.created_at,
    }))
}

/// By delivery. A number counts over all rounds: a delivery that is tried anew begins a round of its own in the story.
async fn attempts(
    connection: &mut AsyncPgConnection,
    unit: Uuid,
    deliveries: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Attempt>>, StoreError> {
    let rows: Vec<AttemptRow> =
        sql(ATTEMPTS).bind::<SqlUuid, _>(unit).bind::<Array<SqlUuid>, _>(deliveries).load(connection).await?;
    let mut attempts: HashMap<Uuid, Vec<Attempt>> = HashMap::with_capacity(deliveries.len());
    for row in rows {
        let before = attempts.entry(row.delivery_id).or_default();
        before.push(Attempt {
            number: u32::try_from(before.len()).unwrap_or(u32::MAX).saturating_add(1),
            at: row.at,
            outcome: row.outcome,
            code: row.code,
            took: row.took_ms.and_then(|took| u64::try_from(took).ok()).map(Duration::from_millis),
            next_at: row.next_at,
        });
    }
    Ok(attempts)
}

fn delivery(row: DeliveryRow, attempts: Vec<Attempt>, gone: Vec<String>) -> Result<DeliveryStatus, StoreError> {
    Ok(DeliveryStatus {
        delivery_id: DeliveryId(row.delivery_id),
        destination: serde_json::from_value(row.destination)?,
        // The column's CHECK knows the same words.
        state: DeliveryState::parse(&row.state).unwrap_or(DeliveryState::Pending),
        reason: row.reason,
        next_attempt_at: row.next_attempt_at,
        held_until: row.held_until,
        in_hand: row.in_hand,
        after: row.after_delivery.map(DeliveryId),
        settled_at: row.settled_at,
        attempts,
        gone,
    })
}
