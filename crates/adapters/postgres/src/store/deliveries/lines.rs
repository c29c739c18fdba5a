//! Conversations whose messages keep their order. It must not know which kinds do.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;

// Put back by what the one before waits for, so that a long line is not looked through at every claim. One that is in
// somebody's hands is soon done; one that waits for another delivery is not waited for, for that may take days.
const PUT_BACK: &str = "
UPDATE dispatch.deliveries AS d SET next_attempt_at = behind.until
FROM (
    SELECT one.delivery_id, greatest(now() + interval '1 second',
        CASE WHEN older.in_hand THEN '-infinity' ELSE older.next_attempt_at END) AS until
    FROM dispatch.deliveries AS one CROSS JOIN LATERAL (
        SELECT o.next_attempt_at, o.claim_token IS NOT NULL AND o.lease_until > now() AS in_hand
        FROM dispatch.deliveries AS o
        WHERE o.state = 'pending' AND o.line = one.line AND o.delivery_id < one.delivery_id
            AND o.next_attempt_at < 'infinity'
        ORDER BY o.delivery_id LIMIT 1) AS older
    WHERE one.delivery_id = ANY ($1)) AS behind
WHERE d.delivery_id = behind.delivery_id
RETURNING d.delivery_id";

#[derive(QueryableByName)]
struct Behind {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
}

/// Puts those of `due`, which the caller has locked, back in line that have another before them. Answers which.
pub(super) async fn put_back(connection: &mut AsyncPgConnection, due: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let behind: Vec<Behind> = sql(PUT_BACK).bind::<Array<SqlUuid>, _>(due).load(connection).await?;
    Ok(behind.into_iter().map(|row| row.delivery_id).collect())
}
