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

pub(super) async fn hold_units(connection: &mut AsyncPgConnection, units: &[Uuid]) -> Result<(), StoreError> {
    if !units.is_empty() {
        sql(HOLD_UNITS).bind::<Array<SqlUuid>, _>(units).execute(connection).await?;
    }
    Ok(())
}
