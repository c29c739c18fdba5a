//! What was routed can be followed: where a dispatch stands, and what ended without success. Must not change anything.

use dispatch_routing::dead_letters::{DeadCursor, DeadFilter, DeadLetters, DeadPage};
use dispatch_routing::dispatch_status::{DispatchStatus, DispatchStatuses};
use dispatch_routing::queue::QueueError;
use std::sync::Arc;
use uuid::Uuid;

/// Most dead letters on one page.
pub const MAX_PAGE: u32 = 200;

/// The use cases behind `/route/status` and `/route/dead-letters`.
pub struct Track {
    statuses: Arc<dyn DispatchStatuses>,
    dead: Arc<dyn DeadLetters>,
}

impl Track {
    /// Over these ports.
    #[must_use]
    pub fn new(statuses: Arc<dyn DispatchStatuses>, dead: Arc<dyn DeadLetters>) -> Self {
        Self { statuses, dead }
    }

    /// Where the dispatch, or the delivery, with this id stands.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn status(&self, id: Uuid) -> Result<Option<DispatchStatus>, QueueError> {
        self.statuses.find(id).await
    }

    /// One page of what ended without success, at most [`MAX_PAGE`] long.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn dead(
        &self,
        filter: &DeadFilter,
        after: Option<&DeadCursor>,
        limit: u32,
    ) -> Result<DeadPage, QueueError> {
        self.dead.list(filter, after, limit.clamp(1, MAX_PAGE)).await
    }
}
