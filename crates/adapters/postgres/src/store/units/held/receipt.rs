//! What a confirmation led to, as it stands now. It must not change it.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{DeliveryId, DispatchId, OperationId, UnitId};
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::held_work::{Dispatched, DispatchedDelivery};
use serde_json::Value;
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::units::replay::existing;

const OF_OPERATION: &str = "
SELECT dispatch_id, unit_id, skipped FROM dispatch.decisions
WHERE operation_id = $1 AND verdict = 'confirmed' AND dispatch_id IS NOT NULL";

// Their ids are minted in the order of the plan.
const DELIVERIES: &str = "
SELECT delivery_id, destination, state, reason FROM dispatch.deliveries WHERE dispatch_id = $1 ORDER BY delivery_id";

#[derive(QueryableByName)]
struct Decided {
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Array<SqlUuid>)]
    skipped: Vec<Uuid>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    destination: Value,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

/// What was confirmed under this operation, if anything was.
pub(crate) async fn of_operation(
    connection: &mut AsyncPgConnection,
    operation: OperationId,
) -> Result<Option<Dispatched>, StoreError> {
    let mut rows: Vec<Decided> = sql(OF_OPERATION).bind::<SqlUuid, _>(operation.0).load(connection).await?;
    match rows.pop() {
        Some(row) => {
            let (dispatch, unit) = (DispatchId(row.dispatch_id), UnitId(row.unit_id));
            Ok(Some(receipt(connection, dispatch, unit, &row.skipped).await?))
        }
        None => Ok(None),
    }
}

pub(super) async fn receipt(
    connection: &mut AsyncPgConnection,
    dispatch_id: DispatchId,
    unit_id: UnitId,
    skipped: &[Uuid],
) -> Result<Dispatched, StoreError> {
    let rows: Vec<Row> = sql(DELIVERIES).bind::<SqlUuid, _>(dispatch_id.0).load(connection).await?;
    let delivery = |row: Row| -> Result<DispatchedDelivery, StoreError> {
        Ok(DispatchedDelivery {
            delivery_id: DeliveryId(row.delivery_id),
            destination: serde_json::from_value(row.destination)?,
            // The column's CHECK knows the same words.
            state: DeliveryState::parse(&row.state).unwrap_or(DeliveryState::Pending),
            reason: row.reason,
        })
    };
    let deliveries = rows.into_iter().map(delivery).collect::<Result<_, _>>()?;
    let skipped = existing::skipped(connection, skipped).await?;
    Ok(Dispatched { dispatch_id, unit_id, deliveries, skipped })
}
