//! The `DeliveryReports` port over table `dispatch.delivery_reports`.
//!
//! It must not know a provider.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::delivery_reports::{DeliveryReport, DeliveryReports, Recorded, ReportedStatus};
use dispatch_routing::queue::QueueError;
use serde_json::json;
use uuid::Uuid;

use super::deliveries::dependents;
use super::error::StoreError;
use super::sql::sql;
use super::timeline::{self, Entry};
use crate::connect::Pool;

/// What providers reported about messages after taking them.
#[derive(Clone, Debug)]
pub struct PgDeliveryReports {
    pool: Pool,
}

impl PgDeliveryReports {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl DeliveryReports for PgDeliveryReports {
    async fn record(&self, report: DeliveryReport) -> Result<Recorded, QueueError> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let recorded = connection.transaction(async |connection| record(connection, &report).await).await;
        Ok(recorded?)
    }
}

// No row comes back where as much or more is known: the row is locked before it is compared, so that of two reports at
// the same moment the later one sees the earlier.
const NOTE: &str = "
INSERT INTO dispatch.delivery_reports AS known (reference, delivery_id, status, error_code) VALUES ($1, $2, $3, $4)
ON CONFLICT (reference) DO UPDATE SET
    status = excluded.status, error_code = excluded.error_code, reported_at = now(),
    delivery_id = coalesce(excluded.delivery_id, known.delivery_id)
WHERE known.status = ANY ($5)
RETURNING delivery_id";

const BY_ID: &str = "SELECT delivery_id, unit_id, state FROM dispatch.deliveries WHERE delivery_id = $1 FOR UPDATE";

const BY_REFERENCE: &str = "
SELECT delivery_id, unit_id, state FROM dispatch.deliveries WHERE reference = $1
ORDER BY created_at DESC LIMIT 1 FOR UPDATE";

// Without its token a claim is void: the worker's settlement finds nothing to settle.
const END: &str = "
UPDATE dispatch.deliveries SET
    state = $2, reason = $3, reference = CASE WHEN $2 = 'delivered' THEN $4 ELSE coalesce(reference, $4) END,
    claim_token = NULL, lease_until = NULL, settled_at = now()
WHERE delivery_id = $1";

#[derive(QueryableByName)]
struct Noted {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    delivery_id: Option<Uuid>,
}

#[derive(QueryableByName)]
struct Delivery {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
}

async fn record(connection: &mut AsyncPgConnection, report: &DeliveryReport) -> Result<Recorded, StoreError> {
    let Some(noted) = note(connection, report).await? else { return Ok(Recorded::Known) };
    if let Some(delivery) = delivery(connection, noted.delivery_id, &report.reference).await? {
        let end = end(report, &delivery);
        timeline::append(connection, &[entry(report, &delivery, end)]).await?;
        if let Some(state) = end {
            conclude(connection, report, &delivery, state).await?;
        }
    }
    Ok(Recorded::Advanced)
}

async fn note(connection: &mut AsyncPgConnection, report: &DeliveryReport) -> Result<Option<Noted>, StoreError> {
    let older = ReportedStatus::ALL.into_iter().filter(|known| report.status.supersedes(*known));
    let mut noted: Vec<Noted> = sql(NOTE)
        .bind::<Text, _>(&report.reference)
        .bind::<Nullable<SqlUuid>, _>(report.delivery_id.map(|id| id.0))
        .bind::<Text, _>(report.status.as_str())
        .bind::<Nullable<Text>, _>(report.error_code.as_deref())
        .bind::<Array<Text>, _>(older.map(ReportedStatus::as_str).collect::<Vec<_>>())
        .load(connection)
        .await?;
    Ok(noted.pop())
}

async fn delivery(
    connection: &mut AsyncPgConnection,
    id: Option<Uuid>,
    reference: &str,
) -> Result<Option<Delivery>, StoreError> {
    let mut found: Vec<Delivery> = match id {
        Some(id) => sql(BY_ID).bind::<SqlUuid, _>(id).load(connection).await?,
        None => sql(BY_REFERENCE).bind::<Text, _>(reference).load(connection).await?,
    };
    Ok(found.pop())
}

/// The state that the report puts the delivery in, if it changes it.
fn end(report: &DeliveryReport, delivery: &Delivery) -> Option<DeliveryState> {
    let now = DeliveryState::parse(&delivery.state)?;
    let told = match report.status {
        ReportedStatus::Delivered | ReportedStatus::Read => DeliveryState::Delivered,
        ReportedStatus::Undelivered | ReportedStatus::Failed => DeliveryState::Failed,
        ReportedStatus::Queued | ReportedStatus::Sending | ReportedStatus::Sent => return None,
    };
    let open = matches!(now, DeliveryState::Pending | DeliveryState::Delivered | DeliveryState::Unknown);
    (open && told != now).then_some(told)
}

async fn conclude(
    connection: &mut AsyncPgConnection,
    report: &DeliveryReport,
    delivery: &Delivery,
    state: DeliveryState,
) -> Result<(), StoreError> {
    sql(END)
        .bind::<SqlUuid, _>(delivery.delivery_id)
        .bind::<Text, _>(state.as_str())
        .bind::<Nullable<Text>, _>(report.failure())
        .bind::<Text, _>(&report.reference)
        .execute(connection)
        .await?;
    match state {
        DeliveryState::Delivered => dependents::wake(connection, vec![delivery.delivery_id]).await,
        _ => dependents::cancel(connection, vec![delivery.delivery_id]).await,
    }
}

fn entry(report: &DeliveryReport, delivery: &Delivery, end: Option<DeliveryState>) -> Entry {
    let mut detail = json!({ "status": report.status.as_str(), "reference": report.reference });
    if let Some(code) = &report.error_code {
        detail["error_code"] = json!(code);
    }
    if let Some(state) = end {
        detail["state"] = json!(state.as_str());
    }
    Entry {
        step: "deliver",
        event: "delivery.reported",
        unit: Some(delivery.unit_id),
        delivery: Some(delivery.delivery_id),
        subject: Some(delivery.delivery_id.to_string()),
        detail,
        ..Entry::default()
    }
}
