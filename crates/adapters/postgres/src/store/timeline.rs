//! Appends to the timeline, in the transaction that makes an entry true.
//!
//! It must not hold a message's text: ids, decisions and outcomes only.

use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::error::StoreError;
use super::sql::sql;

/// One thing that happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// `intake`, `reason`, `route`, `deliver` or `mission`.
    pub(crate) step: &'static str,
    /// What happened.
    pub(crate) event: &'static str,
    pub(crate) signal: Option<Uuid>,
    pub(crate) unit: Option<Uuid>,
    pub(crate) delivery: Option<Uuid>,
    /// The row it happened to.
    pub(crate) subject: Option<String>,
    /// Decisions, codes, durations.
    pub(crate) detail: Value,
}

const APPEND: &str = "
INSERT INTO dispatch.timeline (step, event, signal_id, unit_id, delivery_id, subject, detail)
SELECT step, event, signal_id, unit_id, delivery_id, subject, detail::jsonb
FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
    AS e (step, event, signal_id, unit_id, delivery_id, subject, detail, n)
ORDER BY n";

/// Appends these entries in their order.
pub(crate) async fn append(connection: &mut AsyncPgConnection, entries: &[Entry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    sql(APPEND)
        .bind::<Array<Text>, _>(entries.iter().map(|e| e.step).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(entries.iter().map(|e| e.event).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(entries.iter().map(|e| e.signal).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(entries.iter().map(|e| e.unit).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(entries.iter().map(|e| e.delivery).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(entries.iter().map(|e| e.subject.as_deref()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(entries.iter().map(|e| detail(&e.detail)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Wakes the workers when this transaction commits.
pub(crate) async fn ring(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    sql("SELECT pg_notify('dispatch_work', '')").execute(connection).await?;
    Ok(())
}

/// Codes come from outside, and jsonb takes no NUL.
fn detail(value: &Value) -> String {
    if value.is_null() { "{}".to_owned() } else { value.to_string().replace("\\u0000", "\\ufffd") }
}
