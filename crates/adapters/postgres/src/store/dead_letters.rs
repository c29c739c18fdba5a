//! The `DeadLetters` port over the partial indexes of dead units and deliveries.
//!
//! It must not change anything.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Double, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{DeliveryId, DispatchId, UnitId};
use dispatch_mission::signal::Source;
use dispatch_routing::dead_letters::{
    Dead, DeadCursor, DeadFilter, DeadLetter, DeadLetters, DeadPage, FaultClass, PIPELINE_REASONS,
};
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::queue::QueueError;
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

use super::error::StoreError;
use super::sql::sql;
use super::units::held::Everybody;
use crate::connect::Pool;

// Each half reads its own partial index from the cursor on, and no further than one page.
macro_rules! page {
    ($beyond:literal, $nowhere:literal, $order:literal) => {
        concat!(
            "
SELECT letter.*, u.source, u.author, extract(epoch FROM now() - letter.since)::float8 AS age FROM (
    (SELECT unit_id AS id, unit_id, NULL::uuid AS dispatch_id, NULL::jsonb AS destination, state,
        coalesce(reason, 'unknown') AS reason, attempts, settled_at AS since
     FROM dispatch.units
     WHERE state = 'dead' AND (settled_at, unit_id) ",
            $beyond,
            " (coalesce($1, '",
            $nowhere,
            "'), $2)
        AND (cardinality($4) = 0 OR coalesce(reason, 'unknown') = ANY ($4))
        AND (cardinality($5) = 0 OR 'unit' = ANY ($5)) AND cardinality($6) = 0 AND $7 IS DISTINCT FROM 'target'
     ORDER BY settled_at ",
            $order,
            ", unit_id ",
            $order,
            " LIMIT $3)
    UNION ALL
    (SELECT delivery_id, unit_id, dispatch_id, destination, state, coalesce(reason, 'unknown'), attempts, settled_at
     FROM dispatch.deliveries
     WHERE state IN ('exhausted', 'failed', 'unknown')
        AND (settled_at, delivery_id) ",
            $beyond,
            " (coalesce($1, '",
            $nowhere,
            "'), $2)
        AND (cardinality($4) = 0 OR coalesce(reason, 'unknown') = ANY ($4))
        AND (cardinality($5) = 0 OR kind = ANY ($5))
        AND (cardinality($6) = 0 OR destination ->> 'target' = ANY ($6) OR destination ->> 'channel_id' = ANY ($6)
            OR destination ->> 'table' = ANY ($6))
        AND ($7 IS NULL OR ($7 = 'pipeline') = (kind = 'storage' OR coalesce(reason, 'unknown') = ANY ($8)))
     ORDER BY settled_at ",
            $order,
            ", delivery_id ",
            $order,
            " LIMIT $3)
) AS letter JOIN dispatch.units AS u USING (unit_id)
ORDER BY letter.since ",
            $order,
            ", letter.id ",
            $order,
            " LIMIT $3"
        )
    };
}

const OLDEST_FIRST: &str = page!(">", "-infinity", "ASC");
const NEWEST_FIRST: &str = page!("<", "infinity", "DESC");

/// Dead letters.
#[derive(Clone, Debug)]
pub struct PgDeadLetters {
    pool: Pool,
}

impl PgDeadLetters {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl DeadLetters for PgDeadLetters {
    async fn list(&self, filter: &DeadFilter, after: Option<&DeadCursor>, limit: u32) -> Result<DeadPage, QueueError> {
        let mut connection = self.pool.get().await.map_err(StoreError::from)?;
        Ok(list(&mut connection, filter, after, limit).await?)
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    dispatch_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    destination: Option<Value>,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Int4)]
    attempts: i32,
    #[diesel(sql_type = Timestamptz)]
    since: OffsetDateTime,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Double)]
    age: f64,
}

pub(crate) async fn list(
    connection: &mut AsyncPgConnection,
    filter: &DeadFilter,
    after: Option<&DeadCursor>,
    limit: u32,
) -> Result<DeadPage, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (query, edge) = if filter.newest_first { (NEWEST_FIRST, Uuid::max()) } else { (OLDEST_FIRST, Uuid::nil()) };
    let mut rows: Vec<Row> = sql(query)
        .bind::<Nullable<Timestamptz>, _>(after.map(|cursor| cursor.since))
        .bind::<SqlUuid, _>(after.map_or(edge, |cursor| cursor.id))
        .bind::<BigInt, _>(i64::from(limit) + 1)
        .bind::<Array<Text>, _>(&filter.reasons)
        .bind::<Array<Text>, _>(&filter.kinds)
        .bind::<Array<Text>, _>(&filter.destinations)
        .bind::<Nullable<Text>, _>(filter.class.map(FaultClass::as_str))
        .bind::<Array<Text>, _>(PIPELINE_REASONS.as_slice())
        .load(connection)
        .await?;
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let next = rows.last().filter(|_| more).map(|row| DeadCursor { since: row.since, id: row.id });
    if rows.is_empty() {
        return Ok(DeadPage { items: Vec::new(), next });
    }
    let everybody = Everybody::read(connection).await?;
    let items = rows.into_iter().map(|row| letter(row, &everybody)).collect::<Result<_, _>>()?;
    Ok(DeadPage { items, next })
}

fn letter(row: Row, everybody: &Everybody) -> Result<DeadLetter, StoreError> {
    let what = match (row.destination, row.dispatch_id) {
        (Some(destination), Some(dispatch)) => Dead::Delivery {
            dispatch_id: DispatchId(dispatch),
            delivery_id: DeliveryId(row.id),
            destination: serde_json::from_value(destination)?,
            // The query asks for three of the words of the column's CHECK.
            state: DeliveryState::parse(&row.state).unwrap_or(DeliveryState::Failed),
        },
        _ => Dead::Unit,
    };
    Ok(DeadLetter {
        id: row.id,
        what,
        unit_id: UnitId(row.unit_id),
        reason: row.reason,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        since: row.since,
        // An instant ahead of this transaction's own is not waited for yet.
        age: Duration::try_from_secs_f64(row.age).unwrap_or_default(),
        author: Source::parse(&row.source).and_then(|source| everybody.by_account(source, &row.author)),
    })
}
