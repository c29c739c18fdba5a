//! Reason and route: bursts become units; a claimed unit is classified outside any transaction, decided by the policy, and
//! settled with its dispatch in one commit. Must not know which classifier it asks or how the queue keeps its rows.

mod settle;
mod think;
mod turn;

use crate::agents::Meter;
use crate::failpoint;
use dispatch_classification::classifier::Classifier;
use dispatch_mission::zone::Zone;
use dispatch_routing::policy::Policy;
use dispatch_routing::queue::{ClaimRule, QueueError};
use dispatch_routing::unit::{BurstRule, ClaimedUnit};
use dispatch_routing::unit_queue::UnitQueue;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use turn::Turn;

/// Bursts closed in one transaction.
const BURSTS_PER_TURN: u32 = 200;

/// What the agent that turns decisions into missions is called.
pub const ORCHESTRATOR: &str = "task_orchestrator";

/// The use case between intake and delivery.
pub struct Reason {
    queue: Arc<dyn UnitQueue>,
    classifier: Arc<dyn Classifier>,
    policy: Policy,
    zone: Zone,
    burst: BurstRule,
    claim: ClaimRule,
    meter: Arc<Meter>,
}

impl Reason {
    /// Over these parts.
    #[must_use]
    pub fn new(
        queue: Arc<dyn UnitQueue>,
        classifier: Arc<dyn Classifier>,
        policy: Policy,
        zone: Zone,
        burst: BurstRule,
        claim: ClaimRule,
        meter: Arc<Meter>,
    ) -> Self {
        Self { queue, classifier, policy, zone, burst, claim, meter }
    }

    /// Applies amendments and closes due bursts into units, unless they are [claimed as they close](Self::claims_bursts).
    /// Apart from [`think_turn`](Self::think_turn), for it never waits for a mind. Answers how many rows moved.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    pub async fn gather_turn(&self) -> Result<usize, QueueError> {
        // First, so that a burst is closed with what its messages say now.
        let amended = self.queue.amend(BURSTS_PER_TURN).await?;
        let closed =
            if self.claims_bursts() { 0 } else { self.queue.close_bursts(self.burst, BURSTS_PER_TURN).await? };
        Ok((amended + closed) as usize)
    }

    /// Whether bursts are claimed in the commit that closes them, which is half of the writing. Only for a mind that never
    /// waits: behind another one they are closed apart, so that none grows while it waits for a place.
    fn claims_bursts(&self) -> bool {
        !self.classifier.waits()
    }

    /// Understands and routes due units until none is left, as many at a time as the classifier can think about; a place
    /// that becomes free is taken at once, so that a slow thought holds up no other conversation. After `stop` nothing more
    /// is claimed, what is under way is finished and the rest handed back. Answers how many were claimed.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]: claims run out and the work comes back.
    pub async fn think_turn(&self, stop: &CancellationToken) -> Result<usize, QueueError> {
        Turn::new(self, stop).run().await
    }

    /// Ends held units whose time has run out.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    pub async fn expire_held(&self) -> Result<u32, QueueError> {
        self.queue.expire_held(BURSTS_PER_TURN).await
    }

    async fn claim(&self, free: usize) -> Result<Vec<ClaimedUnit>, QueueError> {
        let limit = self.claim.limit.min(u32::try_from(free).unwrap_or(u32::MAX));
        let mut units = self.queue.claim(ClaimRule { limit, ..self.claim }).await?;
        let left = limit.saturating_sub(u32::try_from(units.len()).unwrap_or(u32::MAX));
        // One that was claimed before is alone in this worker's hands.
        if left > 0 && self.claims_bursts() && units.iter().all(|unit| unit.attempts == 1) {
            match self.claim_bursts(left).await {
                Ok(more) => units.extend(more),
                // What is in hand already is not let go.
                Err(error) if !units.is_empty() => tracing::warn!(%error, "bursts were not closed"),
                Err(error) => return Err(error),
            }
        }
        if !units.is_empty() {
            failpoint::pass("unit.claimed", || units.iter().map(ClaimedUnit::text).collect::<Vec<_>>().join("\n"));
        }
        Ok(units)
    }

    async fn claim_bursts(&self, limit: u32) -> Result<Vec<ClaimedUnit>, QueueError> {
        self.queue.amend(BURSTS_PER_TURN).await?;
        self.queue.claim_bursts(self.burst, ClaimRule { limit, ..self.claim }).await
    }
}

#[cfg(test)]
mod tests;
