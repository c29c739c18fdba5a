//! The `ReplayBatches` port over tables `dispatch.replay_batches` and `dispatch.replay_items`.
//!
//! It must not replay anything: who does settles the items in his own transaction.

mod choice;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::ReplayId;
use dispatch_routing::held_work::Decider;
use dispatch_routing::queue::QueueError;
use dispatch_routing::replay::Stage;
use dispatch_routing::replay_batches::{Batch, BatchProgress, BatchState, BatchStep, NewBatch, Preview, ReplayBatches};
use time::OffsetDateTime;
use uuid::Uuid;

use super::error::StoreError;
use super::sql::sql;
use super::{clean, small, timeline};
use crate::connect::{Pool, PooledConnection};

const BEGIN: &str = "
INSERT INTO dispatch.replay_batches (
    batch_id, stage, forced, per_second, asked, more, principal, operation_id, note)
VALUES ($1, $2, $3, $4, $5, false, $6, $7, $8)
ON CONFLICT (operation_id) DO NOTHING RETURNING batch_id";

const OF_OPERATION: &str = "SELECT batch_id FROM dispatch.replay_batches WHERE operation_id = $1";

const FIND: &str = "
SELECT b.batch_id, b.state, b.stage, b.forced, b.per_second, b.more, b.created_at, b.ended_at, i.total, i.pending, i.done,
    i.skipped, i.refused
FROM dispatch.replay_batches AS b CROSS JOIN LATERAL (
    SELECT count(*) AS total, count(*) FILTER (WHERE state = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'skipped') AS skipped,
        count(*) FILTER (WHERE state = 'refused') AS refused
    FROM dispatch.replay_items WHERE batch_id = b.batch_id) AS i
WHERE b.batch_id = $1";

const CANCEL: &str = "
UPDATE dispatch.replay_batches SET state = 'cancelled', ended_at = now() WHERE batch_id = $1 AND state = 'running'";

const TAKE: &str = "
UPDATE dispatch.replay_batches SET next_step_at = now() + interval '1 second'
WHERE batch_id = (
    SELECT batch_id FROM dispatch.replay_batches WHERE state = 'running' AND next_step_at <= now()
    ORDER BY next_step_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING batch_id, stage, forced, per_second, principal, note";

const NEXT: &str = "
SELECT named FROM dispatch.replay_items WHERE batch_id = $1 AND state = 'pending' ORDER BY place LIMIT $2";

const END: &str = "
UPDATE dispatch.replay_batches SET state = 'done', ended_at = now() WHERE batch_id = $1 AND state = 'running'";

const REFUSE: &str = "
UPDATE dispatch.replay_items SET state = 'refused', reason = $3, settled_at = now()
WHERE batch_id = $1 AND named = $2 AND state = 'pending'";

/// Batches of replays.
#[derive(Clone, Debug)]
pub struct PgReplayBatches {
    pool: Pool,
}

impl PgReplayBatches {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn connection(&self) -> Result<PooledConnection, StoreError> {
        Ok(self.pool.get().await?)
    }
}

#[async_trait]
impl ReplayBatches for PgReplayBatches {
    async fn begin(&self, batch: &NewBatch) -> Result<Batch, QueueError> {
        let mut connection = self.connection().await?;
        Ok(connection.transaction(async |connection| begin(connection, batch).await).await?)
    }

    async fn preview(&self, batch: &NewBatch) -> Result<Preview, QueueError> {
        let mut connection = self.connection().await?;
        // Chosen as it would be, looked at, and rolled back.
        let looked = connection.transaction(async |connection| Err::<(), _>(preview(connection, batch).await)).await;
        match looked {
            Err(Looked::At(preview)) => Ok(preview),
            Err(Looked::Failed(error)) => Err(error.into()),
            Ok(()) => Ok(Preview::default()),
        }
    }

    async fn find(&self, id: ReplayId) -> Result<Option<Batch>, QueueError> {
        Ok(find(&mut *self.connection().await?, id.0).await?)
    }

    async fn cancel(&self, id: ReplayId) -> Result<Option<Batch>, QueueError> {
        let mut connection = self.connection().await?;
        sql(CANCEL).bind::<SqlUuid, _>(id.0).execute(&mut *connection).await.map_err(StoreError::from)?;
        Ok(find(&mut connection, id.0).await?)
    }

    async fn step(&self) -> Result<Option<BatchStep>, QueueError> {
        Ok(step(&mut *self.connection().await?).await?)
    }

    async fn refuse(&self, id: ReplayId, named: Uuid, code: &str) -> Result<(), QueueError> {
        let refuse = sql(REFUSE).bind::<SqlUuid, _>(id.0).bind::<SqlUuid, _>(named).bind::<Text, _>(code);
        refuse.execute(&mut *self.connection().await?).await.map_err(StoreError::from)?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    batch_id: Uuid,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = SqlUuid)]
    named: Uuid,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = SqlUuid)]
    batch_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    stage: Option<String>,
    #[diesel(sql_type = Bool)]
    forced: bool,
    #[diesel(sql_type = Int4)]
    per_second: i32,
    #[diesel(sql_type = Text)]
    principal: String,
    #[diesel(sql_type = Nullable<Text>)]
    note: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    batch_id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    stage: Option<String>,
    #[diesel(sql_type = Bool)]
    forced: bool,
    #[diesel(sql_type = Int4)]
    per_second: i32,
    #[diesel(sql_type = Bool)]
    more: bool,
    #[diesel(sql_type = Timestamptz)]
    created_at: OffsetDateTime,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ended_at: Option<OffsetDateTime>,
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = BigInt)]
    pending: i64,
    #[diesel(sql_type = BigInt)]
    done: i64,
    #[diesel(sql_type = BigInt)]
    skipped: i64,
    #[diesel(sql_type = BigInt)]
    refused: i64,
}

/// Why a transaction is rolled back.
enum Looked {
    At(Preview),
    Failed(StoreError),
}

impl<E: Into<StoreError>> From<E> for Looked {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn preview(connection: &mut AsyncPgConnection, batch: &NewBatch) -> Looked {
    // Whoever asks in earnest later does so under the same operation.
    let mut rehearsed = batch.clone();
    rehearsed.by.operation = None;
    let looked = async {
        let begun = begin(connection, &rehearsed).await?;
        choice::look(connection, &begun).await
    };
    looked.await.map_or_else(Looked::Failed, Looked::At)
}

async fn begin(connection: &mut AsyncPgConnection, batch: &NewBatch) -> Result<Batch, StoreError> {
    let mut begun: Vec<Id> = sql(BEGIN)
        .bind::<SqlUuid, _>(batch.batch_id.0)
        .bind::<Nullable<Text>, _>(batch.stage.map(Stage::as_str))
        .bind::<Bool, _>(batch.force)
        .bind::<Int4, _>(small(batch.per_second))
        .bind::<Jsonb, _>(choice::asked(batch))
        .bind::<Text, _>(&batch.by.principal)
        .bind::<Nullable<SqlUuid>, _>(batch.by.operation.map(|operation| operation.0))
        .bind::<Nullable<Text>, _>(batch.by.note.as_deref().map(clean))
        .load(connection)
        .await?;
    let id = match (begun.pop(), batch.by.operation) {
        (Some(begun), _) => {
            choice::choose(connection, batch).await?;
            timeline::ring(connection).await?;
            begun.batch_id
        }
        (None, Some(operation)) => {
            let before: Id = sql(OF_OPERATION).bind::<SqlUuid, _>(operation.0).get_result(connection).await?;
            before.batch_id
        }
        (None, None) => batch.batch_id.0,
    };
    find(connection, id).await?.ok_or(StoreError::Database(diesel::result::Error::NotFound))
}

async fn find(connection: &mut AsyncPgConnection, id: Uuid) -> Result<Option<Batch>, StoreError> {
    let mut rows: Vec<Row> = sql(FIND).bind::<SqlUuid, _>(id).load(connection).await?;
    Ok(rows.pop().as_ref().map(batch))
}

fn batch(row: &Row) -> Batch {
    let count = |counted: i64| u32::try_from(counted).unwrap_or(u32::MAX);
    Batch {
        batch_id: ReplayId(row.batch_id),
        // The columns' CHECKs know the same words.
        state: BatchState::parse(&row.state).unwrap_or(BatchState::Running),
        stage: row.stage.as_deref().and_then(Stage::parse),
        force: row.forced,
        per_second: u32::try_from(row.per_second).unwrap_or(1),
        more: row.more,
        progress: BatchProgress {
            total: count(row.total),
            pending: count(row.pending),
            done: count(row.done),
            skipped: count(row.skipped),
            refused: count(row.refused),
        },
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}

async fn step(connection: &mut AsyncPgConnection) -> Result<Option<BatchStep>, StoreError> {
    loop {
        let mut taken: Vec<Taken> = sql(TAKE).load(connection).await?;
        let Some(taken) = taken.pop() else { return Ok(None) };
        let next: Vec<Named> = sql(NEXT)
            .bind::<SqlUuid, _>(taken.batch_id)
            .bind::<BigInt, _>(i64::from(taken.per_second))
            .load(connection)
            .await?;
        if !next.is_empty() {
            return Ok(Some(BatchStep {
                batch_id: ReplayId(taken.batch_id),
                named: next.into_iter().map(|row| row.named).collect(),
                stage: taken.stage.as_deref().and_then(Stage::parse),
                force: taken.forced,
                by: Decider { principal: taken.principal, operation: None, note: taken.note },
            }));
        }
        // Behind one that has nothing left there may be another.
        sql(END).bind::<SqlUuid, _>(taken.batch_id).execute(connection).await?;
    }
}
