//! What all queues share: claim tokens, leases and the errors owed by their stores.

use std::time::Duration;
use thiserror::Error;
use uuid::Uuid;

/// Proof of one claim. A settlement stands only while the row still carries it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ClaimToken(pub Uuid);

/// How much to claim and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClaimRule {
    /// Rows at most.
    pub limit: u32,
    /// How long the claim holds; by the database's clock.
    pub lease: Duration,
    /// A row that was claimed this often and never settled is a dead letter instead of being claimed again.
    pub max_attempts: u32,
}

/// Whether a settlement was still the holder's to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settled {
    /// It stood and is committed.
    Stood,
    /// The lease had run out and somebody else holds or settled the row: nothing was written.
    Lost,
}

/// What a queue may answer instead.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The database did not answer; nothing was changed, or the change cannot be known and will be seen at the next claim.
    #[error("the queue is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database refused one row's data. In a batch, nothing was changed: settle one by one to find the culprit.
    #[error("the queue refused a row")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl QueueError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
