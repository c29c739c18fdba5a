//! Makes deliveries due that were held for a condition which holds now. It must not bring that condition about.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
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
            let released: Vec<Released> =
                sql(RELEASE).bind::<Text, _>(EXPAND_DUE).bind::<BigInt, _>(i64::from(limit)).load(connection).await?;
            if !released.is_empty() {
                let entries: Vec<Entry> = released.iter().map(entry).collect();
                timeline::append(connection, &entries).await?;
                timeline::ring(connection).await?;
            }
            Ok(u32::try_from(released.len()).unwrap_or(u32::MAX))
        })
        .await
}

fn entry(row: &Released) -> Entry {
    Entry {
        step: "deliver",
        event: "delivery.released",
        unit: Some(row.unit_id),
        delivery: Some(row.delivery_id),
        subject: Some(row.delivery_id.to_string()),
        detail: json!({ "was_held_for": EXPAND_DUE }),
        ..Entry::default()
    }
}
