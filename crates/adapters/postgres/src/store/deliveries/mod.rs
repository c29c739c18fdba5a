//! What the `DeliveryQueue` port does, one step per file. It must not know a courier.

mod answers;
mod breakers;
mod buckets;
mod bury;
pub(super) mod claim;
pub(super) mod dependents;
pub(super) mod held;
pub(super) mod insert;
mod lanes;
mod lines;
pub(super) mod release;
pub(super) mod settle;
pub(super) mod store;

use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::error::StoreError;
use super::sql::sql;

/// A unit whose work needs a person's word (which realtor?) waits with its delivery.
const HOLD_UNITS: &str = "
UPDATE dispatch.units SET state = 'held', reason = 'realtor_unresolved', settled_at = NULL
WHERE unit_id = ANY ($1) AND state = 'routed'";

// No key changes, so that whoever points at a unit meanwhile waits for nobody.
const LOCK_UNITS: &str = "
SELECT u.unit_id FROM dispatch.units AS u
WHERE u.unit_id IN (SELECT unit_id FROM dispatch.deliveries WHERE delivery_id = ANY ($1))
ORDER BY u.unit_id FOR NO KEY UPDATE OF u";

/// Locks the units of these deliveries, before the deliveries themselves: everybody who holds both took the unit first, so
/// that no two wait for each other.
async fn lock_units(connection: &mut AsyncPgConnection, deliveries: &[Uuid]) -> Result<(), StoreError> {
    if !deliveries.is_empty() {
        sql(LOCK_UNITS).bind::<Array<SqlUuid>, _>(deliveries).execute(connection).await?;
    }
    Ok(())
}

pub(super) async fn hold_units(connection: &mut AsyncPgConnection, units: &[Uuid]) -> Result<(), StoreError> {
    if !units.is_empty() {
        sql(HOLD_UNITS).bind::<Array<SqlUuid>, _>(units).execute(connection).await?;
    }
    Ok(())
}
