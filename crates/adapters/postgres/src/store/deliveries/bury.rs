//! Ends deliveries that nobody will try again: their attempts are used up, or their time is over.
//!
//! It must not decide which those are.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::dependents;
use crate::store::error::StoreError;
use crate::store::small;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};

// A token that is still there is a claim whose lease ran out unsettled: its worker may have sent.
const BURY: &str = "
UPDATE dispatch.deliveries SET
    may_have_been_sent = may_have_been_sent OR (claim_token IS NOT NULL AND kind <> 'storage'),
    state = CASE WHEN may_have_been_sent OR (claim_token IS NOT NULL AND kind <> 'storage')
        THEN 'unknown' ELSE 'exhausted' END,
    reason = CASE WHEN attempts < $2 THEN 'deadline_passed' ELSE coalesce(reason, 'attempts_exhausted') END,
    settled_at = now(), claim_token = NULL, lease_until = NULL
WHERE delivery_id = ANY ($1)
RETURNING delivery_id, unit_id, attempts, state, reason";

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Int4)]
    attempts: i32,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

/// Ends these, which the caller has locked, and what depends on them.
pub(super) async fn bury(
    connection: &mut AsyncPgConnection,
    spent: &[Uuid],
    max_attempts: u32,
) -> Result<(), StoreError> {
    if spent.is_empty() {
        return Ok(());
    }
    let ended: Vec<Ended> =
        sql(BURY).bind::<Array<SqlUuid>, _>(spent).bind::<Int4, _>(small(max_attempts)).load(connection).await?;
    let entries: Vec<Entry> = ended
        .iter()
        .map(|row| Entry {
            step: "deliver",
            event: "delivery.ended",
            unit: Some(row.unit_id),
            delivery: Some(row.delivery_id),
            subject: Some(row.delivery_id.to_string()),
            detail: json!({ "state": row.state, "reason": row.reason, "attempts": row.attempts }),
            ..Entry::default()
        })
        .collect();
    timeline::append(connection, &entries).await?;
    dependents::cancel(connection, ended.iter().map(|row| row.delivery_id).collect()).await
}
