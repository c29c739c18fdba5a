//! What Dispatch knows about missions, beside the brokerage's own columns. It must not touch the brokerage's tables.

use diesel::sql_types::{Array, Bool, Float, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::mission::MissionKind;
use dispatch_routing::storage::{StorageItem, StorageWork};

use super::Job;
use crate::store::error::StoreError;
use crate::store::sql::sql;

const INSERT: &str = "
INSERT INTO dispatch.mission_facts AS facts (
    mission_id, kind, unit_id, classification_id, group_key, task_key, confidence, auto_dispatch, reason, needs_info)
SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (mission_id) DO NOTHING";

// The trigger on the missions' table counts the version; it may not be there yet while that table is one of the old ones.
const UPDATE: &str = "
UPDATE dispatch.mission_facts SET
    classification_id = $2, group_key = $3, task_key = $4, confidence = $5, auto_dispatch = $6, reason = $7,
    needs_info = $8, standing = 'open'
WHERE mission_id = ANY ($1)";

const CLOSE: &str = "UPDATE dispatch.mission_facts SET standing = 'closed' WHERE mission_id = ANY ($1)";

/// A mission that was made, and what it came from.
pub(super) struct Fact<'a> {
    pub(super) mission: String,
    pub(super) kind: MissionKind,
    pub(super) job: &'a Job<'a>,
}

/// Group key, task key and what must be answered first.
fn keys(work: &StorageWork) -> (Option<&'static str>, Option<&'static str>, Option<&str>) {
    match &work.item {
        StorageItem::Listing(work) => (Some(work.group_key.as_str()), None, None),
        StorageItem::AgentTask(work) | StorageItem::Activity(work) => {
            (None, work.task_key.map(|key| key.as_str()), work.needs_info.as_deref())
        }
        StorageItem::Messages | StorageItem::Reword(_) | StorageItem::Withdraw => (None, None, None),
    }
}

/// About new missions.
pub(super) async fn insert(connection: &mut AsyncPgConnection, facts: &[Fact<'_>]) -> Result<(), StoreError> {
    if facts.is_empty() {
        return Ok(());
    }
    let works: Vec<&StorageWork> = facts.iter().map(|fact| fact.job.work).collect();
    sql(INSERT)
        .bind::<Array<Text>, _>(facts.iter().map(|fact| fact.mission.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(facts.iter().map(|fact| fact.kind.as_str()).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(facts.iter().map(|fact| fact.job.unit).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(facts.iter().map(|fact| fact.job.classification).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(works.iter().map(|work| keys(work).0).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(works.iter().map(|work| keys(work).1).collect::<Vec<_>>())
        .bind::<Array<Float>, _>(works.iter().map(|work| work.confidence).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(works.iter().map(|work| work.routing_decision.auto_dispatch).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(works.iter().map(|work| work.routing_decision.reason.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(works.iter().map(|work| keys(work).2).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// About missions that say what `job` says from now on.
pub(super) async fn update(
    connection: &mut AsyncPgConnection,
    job: &Job<'_>,
    missions: &[&str],
) -> Result<(), StoreError> {
    if missions.is_empty() {
        return Ok(());
    }
    let (group, task, needs_info) = keys(job.work);
    sql(UPDATE)
        .bind::<Array<Text>, _>(missions)
        .bind::<Nullable<SqlUuid>, _>(job.classification)
        .bind::<Nullable<Text>, _>(group)
        .bind::<Nullable<Text>, _>(task)
        .bind::<Float, _>(job.work.confidence)
        .bind::<Bool, _>(job.work.routing_decision.auto_dispatch)
        .bind::<Text, _>(job.work.routing_decision.reason.as_str())
        .bind::<Nullable<Text>, _>(needs_info)
        .execute(connection)
        .await?;
    Ok(())
}

/// About missions that were taken back.
pub(super) async fn close(connection: &mut AsyncPgConnection, missions: &[&str]) -> Result<(), StoreError> {
    if !missions.is_empty() {
        sql(CLOSE).bind::<Array<Text>, _>(missions).execute(connection).await?;
    }
    Ok(())
}
