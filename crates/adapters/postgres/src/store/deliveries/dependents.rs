//! What follows for the deliveries that wait for another one. It must not know why that one ended as it did.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::insert;
use crate::store::clean;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline;

const WAKE: &str = "
UPDATE dispatch.deliveries SET next_attempt_at = now(), due_since = now()
WHERE after_delivery = ANY ($1) AND state = 'pending' AND next_attempt_at = 'infinity'";

const CANCEL: &str = "
WITH RECURSIVE lost AS (
    SELECT delivery_id FROM dispatch.deliveries WHERE after_delivery = ANY ($1)
    UNION
    SELECT d.delivery_id FROM dispatch.deliveries AS d JOIN lost ON d.after_delivery = lost.delivery_id
)
UPDATE dispatch.deliveries AS d SET
    state = 'cancelled', reason = 'dependency_failed', settled_at = now(), claim_token = NULL, lease_until = NULL
FROM lost WHERE d.delivery_id = lost.delivery_id AND d.state IN ('pending', 'held')
RETURNING d.delivery_id, d.unit_id";

#[derive(QueryableByName)]
struct Cancelled {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
}

// One that somebody has in hand has been read already.
const SAY: &str = "
UPDATE dispatch.deliveries SET content = jsonb_set(content, '{text}', to_jsonb($2::text))
WHERE after_delivery = $1 AND content ->> 'content' = 'message' AND state IN ('pending', 'held') AND claim_token IS NULL";

/// Lets the messages that wait for this delivery say something else.
pub(crate) async fn say(connection: &mut AsyncPgConnection, arriving: Uuid, text: &str) -> Result<(), StoreError> {
    sql(SAY).bind::<SqlUuid, _>(arriving).bind::<Text, _>(clean(text)).execute(connection).await?;
    Ok(())
}

/// Makes those due that waited for one of `arrived`.
pub(crate) async fn wake(connection: &mut AsyncPgConnection, arrived: Vec<Uuid>) -> Result<(), StoreError> {
    if arrived.is_empty() {
        return Ok(());
    }
    let woken = sql(WAKE).bind::<Array<SqlUuid>, _>(arrived).execute(connection).await?;
    if woken > 0 {
        timeline::ring(connection).await?;
    }
    Ok(())
}

/// Cancels those that waited, directly or not, for one of `lost`.
pub(crate) async fn cancel(connection: &mut AsyncPgConnection, lost: Vec<Uuid>) -> Result<(), StoreError> {
    if lost.is_empty() {
        return Ok(());
    }
    let cancelled: Vec<Cancelled> = sql(CANCEL).bind::<Array<SqlUuid>, _>(lost).load(connection).await?;
    let entries: Vec<_> = cancelled.iter().map(|row| insert::cancelled(row.delivery_id, row.unit_id)).collect();
    timeline::append(connection, &entries).await
}
