//! The `DispatchStatuses` port: where a dispatch stands, delivery by delivery, and what each attempt came to.
//!
//! It must not change anything, nor show what a delivery says.

use crate::delivery::DeliveryState;
use crate::destination::Destination;
use crate::queue::QueueError;
use async_trait::async_trait;
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Tells where dispatches stand.
#[async_trait]
pub trait DispatchStatuses: Send + Sync {
    /// The dispatch with this id, with all its deliveries; or the dispatch of the delivery with this id, with that delivery
    /// alone. `None` when neither is known.
    ///
    /// Attempts are those of the story: they go on being told when a delivery is tried anew after its end.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn find(&self, id: Uuid) -> Result<Option<DispatchStatus>, QueueError>;
}

/// One dispatch, as it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct DispatchStatus {
    /// The dispatch.
    pub dispatch_id: DispatchId,
    /// Its unit.
    pub unit_id: UnitId,
    /// What the unit was understood to mean.
    pub classification_id: ClassificationId,
    /// The rule that made it.
    pub rule: String,
    /// Whether without a person's word, and why.
    pub routing: RoutingDecision,
    /// The dispatch that it replays, if it does.
    pub replay_of: Option<DispatchId>,
    /// When it was decided.
    pub created_at: OffsetDateTime,
    /// In the order of the plan.
    pub deliveries: Vec<DeliveryStatus>,
}

/// One delivery, as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryStatus {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Where it goes.
    pub destination: Destination,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it is not delivered, as far as that is known.
    pub reason: Option<String>,
    /// When it is tried next; none while it is being tried, waits for another delivery, or is finished.
    pub next_attempt_at: Option<OffsetDateTime>,
    /// Until when its lane keeps it back, where it does; `reason` says why: `breaker_open`, `rate_limited`.
    pub held_until: Option<OffsetDateTime>,
    /// Whether a worker has it now.
    pub in_hand: bool,
    /// The delivery that must have arrived first.
    pub after: Option<DeliveryId>,
    /// When it ended.
    pub settled_at: Option<OffsetDateTime>,
    /// The first one first.
    pub attempts: Vec<Attempt>,
    /// Rows that it made and that the brokerage has removed since, by their ids there. A forced replay makes them anew.
    pub gone: Vec<String>,
}

/// One attempt, as the story tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Counts from 1, over all rounds.
    pub number: u32,
    /// When it ended.
    pub at: OffsetDateTime,
    /// `delivered`, `retryable`, `permanent`, `unwanted`, `ambiguous` or `unknown`.
    pub outcome: String,
    /// Why it did not succeed.
    pub code: Option<String>,
    /// How long it took, where that was measured.
    pub took: Option<Duration>,
    /// When the next one was to follow.
    pub next_at: Option<OffsetDateTime>,
}
