//! The deliveries that units have, with what they carry. It must not change one.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId};
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::held_work::DispatchedDelivery;
use dispatch_routing::replay::{Existing, Skipped};
use serde_json::Value;
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;

macro_rules! select {
    ($which:literal) => {
        concat!(
            "
SELECT p.unit_id, d.delivery_id, d.dispatch_id, p.classification_id, d.destination, d.content, d.state, d.reason,
    d.after_delivery
FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
WHERE ",
            $which,
            " ORDER BY d.delivery_id"
        )
    };
}

// Their ids are minted in the order of the plan.
const OF_UNITS: &str = select!("p.unit_id = ANY ($1)");
const BY_IDS: &str = select!("d.delivery_id = ANY ($1) OR d.dispatch_id = $2");

const REPLACE: &str = "
UPDATE dispatch.deliveries SET state = 'cancelled', reason = 'replayed', settled_at = now()
WHERE delivery_id = ANY ($1) AND state IN ('exhausted', 'failed')
RETURNING delivery_id";

#[derive(QueryableByName)]
struct Replaced {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    classification_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    destination: Value,
    #[diesel(sql_type = Jsonb)]
    content: Value,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    after_delivery: Option<Uuid>,
}

/// Every delivery of these units, in the order of their plans.
pub(crate) async fn of_units(
    connection: &mut AsyncPgConnection,
    units: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Existing>>, StoreError> {
    let mut all: HashMap<Uuid, Vec<Existing>> = HashMap::with_capacity(units.len());
    if units.is_empty() {
        return Ok(all);
    }
    let rows: Vec<Row> = sql(OF_UNITS).bind::<Array<SqlUuid>, _>(units).load(connection).await?;
    for row in rows {
        all.entry(row.unit_id).or_default().push(existing(row)?);
    }
    Ok(all)
}

/// These deliveries, and those of this dispatch.
pub(crate) async fn these(
    connection: &mut AsyncPgConnection,
    deliveries: &[Uuid],
    dispatch: Option<Uuid>,
) -> Result<Vec<Existing>, StoreError> {
    let rows: Vec<Row> = sql(BY_IDS)
        .bind::<Array<SqlUuid>, _>(deliveries)
        .bind::<Nullable<SqlUuid>, _>(dispatch)
        .load(connection)
        .await?;
    rows.into_iter().map(existing).collect()
}

/// Ends dead deliveries in whose place there is something else now: nobody needs to look at them any more.
pub(crate) async fn replace(
    connection: &mut AsyncPgConnection,
    deliveries: &[DeliveryId],
) -> Result<Vec<Uuid>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = deliveries.iter().map(|id| id.0).collect();
    let replaced: Vec<Replaced> = sql(REPLACE).bind::<Array<SqlUuid>, _>(ids).load(connection).await?;
    Ok(replaced.into_iter().map(|row| row.delivery_id).collect())
}

/// A delivery as people are told of it.
pub(crate) fn told(one: &Existing) -> DispatchedDelivery {
    DispatchedDelivery {
        delivery_id: one.delivery_id,
        destination: one.destination.clone(),
        state: one.state,
        reason: one.reason.clone(),
    }
}

/// These deliveries as what was left alone, as they stand now.
pub(crate) async fn skipped(
    connection: &mut AsyncPgConnection,
    deliveries: &[Uuid],
) -> Result<Vec<Skipped>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    Ok(these(connection, deliveries, None).await?.iter().map(Skipped::of).collect())
}

fn existing(row: Row) -> Result<Existing, StoreError> {
    Ok(Existing {
        delivery_id: DeliveryId(row.delivery_id),
        dispatch_id: DispatchId(row.dispatch_id),
        classification_id: ClassificationId(row.classification_id),
        destination: serde_json::from_value(row.destination)?,
        content: serde_json::from_value(row.content)?,
        // The column's CHECK knows the same words.
        state: DeliveryState::parse(&row.state).unwrap_or(DeliveryState::Pending),
        reason: row.reason,
        after: row.after_delivery.map(DeliveryId),
    })
}
