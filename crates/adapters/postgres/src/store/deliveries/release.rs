//! Makes deliveries due that were held for a condition which holds now. It must not bring that condition about.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_routing::delivery::ENDPOINT_DISABLED;
use serde_json::json;
use uuid::Uuid;

use crate::store::brokerage::expanded;
use crate::store::effects::EXPAND_DUE;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};

const RELEASE: &str = concat!(
    "
UPDATE dispatch.deliveries SET state = 'pending', reason = NULL, next_attempt_at = now(), due_since = now()
WHERE delivery_id IN (
    SELECT delivery_id FROM dispatch.deliveries
    WHERE state = 'held' AND reason = $1 AND ",
    expanded!(),
    "
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING delivery_id, unit_id"
);

// Switched on again, it begins anew: what it answered before says nothing about now.
const RELEASE_SWITCHED_ON: &str = "
UPDATE dispatch.deliveries SET state = 'pending', reason = NULL, attempts = 0, next_attempt_at = now(), due_since = now()
WHERE delivery_id IN (
    SELECT delivery_id FROM dispatch.deliveries AS d
    WHERE state = 'held' AND reason = $1 AND NOT EXISTS (
        SELECT FROM dispatch.send_permissions
        WHERE recipient = d.kind || ':' || (d.destination ->> 'target') AND reason IS NOT NULL)
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING delivery_id, unit_id";

#[derive(QueryableByName)]
struct Released {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
}

pub(crate) async fn release_held(connection: &mut AsyncPgConnection, limit: u32) -> Result<u32, StoreError> {
    connection
        .transaction(async |connection| {
            let mut entries: Vec<Entry> = Vec::new();
            for (statement, reason) in [(RELEASE, EXPAND_DUE), (RELEASE_SWITCHED_ON, ENDPOINT_DISABLED)] {
                let released: Vec<Released> =
                    sql(statement).bind::<Text, _>(reason).bind::<BigInt, _>(i64::from(limit)).load(connection).await?;
                entries.extend(released.iter().map(|row| entry(row, reason)));
            }
            if !entries.is_empty() {
                timeline::append(connection, &entries).await?;
                timeline::ring(connection).await?;
            }
            Ok(u32::try_from(entries.len()).unwrap_or(u32::MAX))
        })
        .await
}

fn entry(row: &Released, reason: &str) -> Entry {
    Entry {
        step: "deliver",
        event: "delivery.released",
        unit: Some(row.unit_id),
        delivery: Some(row.delivery_id),
        subject: Some(row.delivery_id.to_string()),
        detail: json!({ "was_held_for": reason }),
        ..Entry::default()
    }
}
