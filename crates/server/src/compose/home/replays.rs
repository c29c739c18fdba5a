//! What is done once more is done at home.

use super::AtHome;
use async_trait::async_trait;
use dispatch_classification::classification::Utterance;
use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Listener, Silence};
use dispatch_mission::ids::{OperationId, ReplayId};
use dispatch_routing::queue::QueueError;
use dispatch_routing::replay::{ReplayError, ReplayOrder, Replayable, Replayed, Replays};
use dispatch_routing::replay_batches::{Batch, BatchStep, NewBatch, Preview, ReplayBatches};
use uuid::Uuid;

#[async_trait]
impl Replays for AtHome<dyn Replays> {
    async fn find(&self, id: Uuid) -> Result<Option<Replayable>, ReplayError> {
        let answer = self.run(move |replays| async move { replays.find(id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(ReplayError::Unavailable(cut_off.into())))
    }

    async fn of_operation(&self, operation: OperationId) -> Result<Option<Replayed>, ReplayError> {
        let answer = self.run(move |replays| async move { replays.of_operation(operation).await }).await;
        answer.unwrap_or_else(|cut_off| Err(ReplayError::Unavailable(cut_off.into())))
    }

    async fn carry_out(&self, order: &ReplayOrder) -> Result<Replayed, ReplayError> {
        let order = order.clone();
        let answer = self.run(move |replays| async move { replays.carry_out(&order).await }).await;
        answer.unwrap_or_else(|cut_off| Err(ReplayError::Unavailable(cut_off.into())))
    }
}

#[async_trait]
impl ReplayBatches for AtHome<dyn ReplayBatches> {
    async fn begin(&self, batch: &NewBatch) -> Result<Batch, QueueError> {
        let batch = batch.clone();
        let answer = self.run(move |batches| async move { batches.begin(&batch).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }

    async fn preview(&self, batch: &NewBatch) -> Result<Preview, QueueError> {
        let batch = batch.clone();
        let answer = self.run(move |batches| async move { batches.preview(&batch).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }

    async fn find(&self, id: ReplayId) -> Result<Option<Batch>, QueueError> {
        let answer = self.run(move |batches| async move { batches.find(id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }

    async fn cancel(&self, id: ReplayId) -> Result<Option<Batch>, QueueError> {
        let answer = self.run(move |batches| async move { batches.cancel(id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }

    async fn step(&self) -> Result<Option<BatchStep>, QueueError> {
        let answer = self.run(move |batches| async move { batches.step().await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }

    async fn refuse(&self, id: ReplayId, named: Uuid, code: &str) -> Result<(), QueueError> {
        let code = code.to_owned();
        let answer = self.run(move |batches| async move { batches.refuse(id, named, &code).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }
}

/// Nobody hears it think: what calls it is a rehearsal.
#[async_trait]
impl Classifier for AtHome<dyn Classifier> {
    fn name(&self) -> &str {
        self.port.name()
    }

    fn width(&self) -> usize {
        self.port.width()
    }

    async fn classify(&self, unit: &[Utterance], _: &dyn Listener) -> Result<Classified, ClassifierError> {
        let unit = unit.to_vec();
        let answer = self.run(move |mind| async move { mind.classify(&unit, &Silence).await }).await;
        answer.unwrap_or_else(|cut_off| Err(ClassifierError::unavailable("panicked", cut_off)))
    }
}
