//! What a settlement leaves behind: classifications, dispatches, quotas. It must not decide anything.

use std::collections::HashSet;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Float, Nullable, Text, Timestamp, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_classification::classification::{Classification, SCHEMA_VERSION};
use dispatch_classification::classifier::Classified;
use dispatch_classification::taxonomy::{GroupKey, ListingType, TaskKey};
use dispatch_routing::plan::Quota;
use uuid::Uuid;

use super::carry_out::Order;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::{clean, jsonb, micros};

const CLASSIFICATIONS: &str = "
INSERT INTO dispatch.classifications (
    classification_id, unit_id, schema_version, message_type, group_key, task_key, listing_type, address,
    assignee_hint, due_date, task_title, confidence, explanations, provenance)
SELECT classification_id, unit_id, $14, message_type, group_key, task_key, listing_type, address,
    assignee_hint, due_date, task_title, confidence, explanations::jsonb, provenance::jsonb
FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS new (
    classification_id, unit_id, message_type, group_key, task_key, listing_type, address,
    assignee_hint, due_date, task_title, confidence, explanations, provenance)";

const DISPATCHES: &str = "
INSERT INTO dispatch.dispatches (dispatch_id, unit_id, classification_id, rule, auto_dispatch, reason, replay_of)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)";

// Sorted, so that two batches with the same keys do not deadlock.
const QUOTAS: &str = "
INSERT INTO dispatch.quotas AS quota (quota_key)
SELECT quota_key FROM unnest($1) AS wanted (quota_key) ORDER BY quota_key
ON CONFLICT (quota_key) DO UPDATE SET taken_at = now()
WHERE quota.taken_at <= now() - $2 * interval '1 microsecond'
RETURNING quota_key";

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Text)]
    quota_key: String,
}

/// What a unit was understood to mean.
#[derive(Clone, Copy)]
pub(super) struct Understood<'a> {
    pub(super) classification: Uuid,
    pub(super) unit: Uuid,
    pub(super) classified: &'a Classified,
}

pub(super) async fn classifications(
    connection: &mut AsyncPgConnection,
    rows: &[Understood<'_>],
) -> Result<(), StoreError> {
    let all: Vec<&Classification> = rows.iter().map(|row| &row.classified.classification).collect();
    let provenance = rows.iter().map(|row| jsonb(&row.classified.provenance)).collect::<Result<Vec<_>, _>>()?;
    let explanations = all.iter().map(|c| jsonb(&c.explanations)).collect::<Result<Vec<_>, _>>()?;
    sql(CLASSIFICATIONS)
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.classification).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.unit).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(all.iter().map(|c| c.meaning.message_type().as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            all.iter().map(|c| c.meaning.group_key().map(GroupKey::as_str)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            all.iter().map(|c| c.meaning.task_key().map(TaskKey::as_str)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            all.iter().map(|c| c.listing.kind.map(ListingType::as_str)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(
            all.iter().map(|c| c.listing.address.as_deref().map(clean)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(all.iter().map(|c| c.assignee_hint.as_deref().map(clean)).collect::<Vec<_>>())
        .bind::<Array<Nullable<Timestamp>>, _>(all.iter().map(|c| c.due_date).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            all.iter().map(|c| c.task_title.as_ref().map(|title| clean(title.as_str()))).collect::<Vec<_>>(),
        )
        .bind::<Array<Float>, _>(all.iter().map(|c| c.confidence.get()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(explanations)
        .bind::<Array<Text>, _>(provenance)
        .bind::<diesel::sql_types::Int2, _>(i16::from(SCHEMA_VERSION))
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn dispatches(connection: &mut AsyncPgConnection, rows: &[Order<'_>]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    sql(DISPATCHES)
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.dispatch).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.unit).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.classification).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.decision.rule.as_str()).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(rows.iter().map(|row| row.decision.routing.auto_dispatch).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.decision.routing.reason.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|row| row.replay_of).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes what is to be had of these quotas. A key that is in the answer may be used once.
pub(super) async fn take_quotas(
    connection: &mut AsyncPgConnection,
    wanted: &[&Quota],
) -> Result<HashSet<String>, StoreError> {
    let mut taken = HashSet::new();
    let mut intervals: Vec<_> = wanted.iter().map(|quota| quota.every).collect();
    intervals.sort_unstable();
    intervals.dedup();
    for every in intervals {
        let keys: HashSet<&str> =
            wanted.iter().filter(|quota| quota.every == every).map(|quota| quota.key.as_str()).collect();
        let keys: Vec<Taken> = sql(QUOTAS)
            .bind::<Array<Text>, _>(keys.into_iter().collect::<Vec<_>>())
            .bind::<BigInt, _>(micros(every))
            .load(connection)
            .await?;
        taken.extend(keys.into_iter().map(|row| row.quota_key));
    }
    Ok(taken)
}
