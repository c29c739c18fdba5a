//! The `AnswerQueue` port over table `dispatch.answers`.
//!
//! It must not know what an answer leads to.

use async_trait::async_trait;
use dispatch_mission::ids::{OperationId, UnitId};
use dispatch_routing::answer_queue::{AnswerQueue, AnswerSettlement, Appended, ClaimedAnswer, NewAnswer, Standing};
use dispatch_routing::queue::{ClaimRule, ClaimToken, QueueError, Settled};
use std::time::Duration;

use super::answers::{append, claim, settle};
use super::error::StoreError;
use crate::connect::{Pool, PooledConnection};

/// The answers to questions.
#[derive(Clone, Debug)]
pub struct PgAnswerQueue {
    pool: Pool,
}

impl PgAnswerQueue {
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
impl AnswerQueue for PgAnswerQueue {
    async fn append(&self, answer: &NewAnswer) -> Result<Appended, QueueError> {
        Ok(append::append(&mut *self.connection().await?, answer).await?)
    }

    async fn claim(&self, rule: ClaimRule) -> Result<Option<ClaimedAnswer>, QueueError> {
        Ok(claim::claim(&mut *self.connection().await?, rule).await?)
    }

    async fn standing(&self, unit: UnitId) -> Result<Standing, QueueError> {
        Ok(settle::standing(&mut *self.connection().await?, unit).await?)
    }

    async fn settle(&self, settlement: &AnswerSettlement) -> Result<Settled, QueueError> {
        Ok(settle::settle(&mut *self.connection().await?, settlement).await?)
    }

    async fn give_back(&self, answer: OperationId, token: ClaimToken, delay: Duration) -> Result<Settled, QueueError> {
        Ok(settle::give_back(&mut *self.connection().await?, answer, token, delay).await?)
    }
}
