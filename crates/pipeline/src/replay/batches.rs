//! Many replays: asked for, shown, cancelled, and worked off by whichever worker comes by. Must not know how they are kept.

use super::{Replay, Wish};
use crate::failpoint;
use dispatch_mission::ids::ReplayId;
use dispatch_routing::queue::QueueError;
use dispatch_routing::replay::ReplayError;
use dispatch_routing::replay_batches::{Batch, BatchStep, NewBatch, Preview, ReplayBatches};
use std::sync::Arc;
use uuid::Uuid;

/// The use case behind `/route/replays`, and a lane of the worker.
pub struct Batches {
    batches: Arc<dyn ReplayBatches>,
    replay: Arc<Replay>,
}

impl Batches {
    /// Over these parts.
    #[must_use]
    pub fn new(batches: Arc<dyn ReplayBatches>, replay: Arc<Replay>) -> Self {
        Self { batches, replay }
    }

    /// Begins a batch. Once per operation.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn begin(&self, batch: &NewBatch) -> Result<Batch, QueueError> {
        self.batches.begin(batch).await
    }

    /// What [`Self::begin`] would choose now.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn preview(&self, batch: &NewBatch) -> Result<Preview, QueueError> {
        self.batches.preview(batch).await
    }

    /// How far a batch is.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find(&self, id: ReplayId) -> Result<Option<Batch>, QueueError> {
        self.batches.find(id).await
    }

    /// Ends a batch; what is not replayed yet stays as it is.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn cancel(&self, id: ReplayId) -> Result<Option<Batch>, QueueError> {
        self.batches.cancel(id).await
    }

    /// Replays the next ones of a batch that is due. Answers how many were settled.
    ///
    /// # Errors
    /// `Unavailable`: what was not settled is taken again.
    pub async fn turn(&self) -> Result<usize, QueueError> {
        let Some(step) = self.batches.step().await? else { return Ok(0) };
        failpoint::pass("replays.taken", || step.batch_id.to_string());
        for named in &step.named {
            self.one(&step, *named).await?;
            failpoint::pass("replays.settled", || named.to_string());
        }
        Ok(step.named.len())
    }

    async fn one(&self, step: &BatchStep, named: Uuid) -> Result<(), QueueError> {
        let wish = Wish { from: step.stage, force: step.force };
        match self.replay.replay(named, wish, &step.by, Some(step.batch_id)).await {
            Ok(_) => Ok(()),
            Err(ReplayError::Unavailable(cause)) => Err(QueueError::Unavailable(cause)),
            Err(refused) => {
                tracing::info!(batch_id = %step.batch_id, %named, code = refused.code(), "not replayed");
                self.batches.refuse(step.batch_id, named, refused.code()).await
            }
        }
    }
}
