//! The record of a replay: written with what it did, read by whoever asks again. It must not do anything else.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{DispatchId, OperationId, ReplayId, UnitId};
use dispatch_routing::replay::{ReplayOrder, ReplayOutcome, Replayed, Stage};
use uuid::Uuid;

use super::existing;
use crate::store::clean;
use crate::store::error::StoreError;
use crate::store::sql::sql;

const REMEMBER: &str = "
INSERT INTO dispatch.replays (
    replay_id, named, unit_id, stage, forced, outcome, dispatch_id, redriven, skipped, principal, operation_id, batch_id,
    note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

macro_rules! recall {
    ($which:literal) => {
        concat!(
            "
SELECT replay_id, unit_id, stage, forced, outcome, dispatch_id, redriven, skipped FROM dispatch.replays WHERE ",
            $which
        )
    };
}

const OF_OPERATION: &str = recall!("operation_id = $1");
const OF_BATCH: &str = recall!("batch_id = $1 AND named = $2");

const SETTLE_ITEM: &str = "
UPDATE dispatch.replay_items SET state = $3, settled_at = now() WHERE batch_id = $1 AND named = $2 AND state = 'pending'";

/// What was done.
pub(super) struct Done {
    pub(super) outcome: ReplayOutcome,
    pub(super) dispatch: Option<Uuid>,
    pub(super) redriven: Vec<Uuid>,
    pub(super) skipped: Vec<Uuid>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    replay_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Text)]
    stage: String,
    #[diesel(sql_type = Bool)]
    forced: bool,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    dispatch_id: Option<Uuid>,
    #[diesel(sql_type = Array<SqlUuid>)]
    redriven: Vec<Uuid>,
    #[diesel(sql_type = Array<SqlUuid>)]
    skipped: Vec<Uuid>,
}

/// Writes it, and settles the place in the batch that it is for.
pub(super) async fn remember(
    connection: &mut AsyncPgConnection,
    order: &ReplayOrder,
    done: &Done,
) -> Result<(), StoreError> {
    sql(REMEMBER)
        .bind::<SqlUuid, _>(order.replay_id.0)
        .bind::<SqlUuid, _>(order.named)
        .bind::<SqlUuid, _>(order.unit_id.0)
        .bind::<Text, _>(order.action.stage().as_str())
        .bind::<Bool, _>(order.force)
        .bind::<Text, _>(done.outcome.as_str())
        .bind::<Nullable<SqlUuid>, _>(done.dispatch)
        .bind::<Array<SqlUuid>, _>(&done.redriven)
        .bind::<Array<SqlUuid>, _>(&done.skipped)
        .bind::<Text, _>(&order.by.principal)
        .bind::<Nullable<SqlUuid>, _>(order.by.operation.map(|operation| operation.0))
        .bind::<Nullable<SqlUuid>, _>(order.batch.map(|batch| batch.0))
        .bind::<Nullable<Text>, _>(order.by.note.as_deref().map(clean))
        .execute(connection)
        .await?;
    if let Some(batch) = order.batch {
        let state = if done.outcome == ReplayOutcome::Nothing { "skipped" } else { "done" };
        sql(SETTLE_ITEM)
            .bind::<SqlUuid, _>(batch.0)
            .bind::<SqlUuid, _>(order.named)
            .bind::<Text, _>(state)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// What this order came to before, if it was carried out.
pub(super) async fn before(
    connection: &mut AsyncPgConnection,
    order: &ReplayOrder,
) -> Result<Option<Replayed>, StoreError> {
    if let Some(operation) = order.by.operation {
        return of_operation(connection, operation).await;
    }
    let Some(batch) = order.batch else { return Ok(None) };
    let mut rows: Vec<Row> =
        sql(OF_BATCH).bind::<SqlUuid, _>(batch.0).bind::<SqlUuid, _>(order.named).load(connection).await?;
    match rows.pop() {
        Some(row) => Ok(Some(told(connection, row).await?)),
        None => Ok(None),
    }
}

/// What a replay under this operation came to.
pub(crate) async fn of_operation(
    connection: &mut AsyncPgConnection,
    operation: OperationId,
) -> Result<Option<Replayed>, StoreError> {
    let mut rows: Vec<Row> = sql(OF_OPERATION).bind::<SqlUuid, _>(operation.0).load(connection).await?;
    match rows.pop() {
        Some(row) => Ok(Some(told(connection, row).await?)),
        None => Ok(None),
    }
}

async fn told(connection: &mut AsyncPgConnection, row: Row) -> Result<Replayed, StoreError> {
    let done = Done {
        // The columns' CHECKs know the same words.
        outcome: ReplayOutcome::parse(&row.outcome).unwrap_or(ReplayOutcome::Nothing),
        dispatch: row.dispatch_id,
        redriven: row.redriven,
        skipped: row.skipped,
    };
    let stage = Stage::parse(&row.stage).unwrap_or(Stage::Deliver);
    replayed(connection, ReplayId(row.replay_id), UnitId(row.unit_id), (stage, row.forced), &done).await
}

/// What was done, as it stands now.
pub(super) async fn replayed(
    connection: &mut AsyncPgConnection,
    replay_id: ReplayId,
    unit_id: UnitId,
    (stage, force): (Stage, bool),
    done: &Done,
) -> Result<Replayed, StoreError> {
    let deliveries = existing::these(connection, &done.redriven, done.dispatch).await?;
    Ok(Replayed {
        replay_id,
        unit_id,
        stage,
        force,
        outcome: done.outcome,
        dispatch_id: done.dispatch.map(DispatchId),
        deliveries: deliveries.iter().map(existing::told).collect(),
        skipped: existing::skipped(connection, &done.skipped).await?,
    })
}
