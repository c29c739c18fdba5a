//! Deliver: claim, send through the courier that serves the destination, settle. Each delivery stands on its own feet:
//! it is settled when its own attempt ends, however long its neighbours take.

use crate::failpoint;
use dispatch_routing::backoff::RetrySchedule;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::delivery_queue::{DeliveryQueue, DeliverySettlement};
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::queue::{ClaimRule, QueueError, Settled};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// Deliveries of one kind that are under way at the same time.
const CONCURRENT_SENDS: usize = 8;

/// The use case between a routed unit and its effects.
pub struct Deliver {
    queue: Arc<dyn DeliveryQueue>,
    retry: RetrySchedule,
    claim: ClaimRule,
}

impl Deliver {
    /// Over this queue; `claim.max_attempts` is replaced by the schedule's own cap.
    #[must_use]
    pub fn new(queue: Arc<dyn DeliveryQueue>, retry: RetrySchedule, claim: ClaimRule) -> Self {
        let claim = ClaimRule { max_attempts: retry.max_attempts(), ..claim };
        Self { queue, retry, claim }
    }

    /// Claims due deliveries that `courier` serves and makes one attempt at each. Answers how many.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]: claims run out and the work comes back.
    pub async fn send_turn(&self, courier: &dyn Courier) -> Result<usize, QueueError> {
        // No more than can be under way at once: a claim must not age while it waits for its neighbours.
        let limit = self.claim.limit.min(CONCURRENT_SENDS as u32);
        let claimed = self.queue.claim(courier.serves(), ClaimRule { limit, ..self.claim }).await?;
        let moved = claimed.len();
        let results: Vec<_> = stream::iter(claimed)
            .map(|delivery| self.attempt(courier, delivery))
            .buffer_unordered(CONCURRENT_SENDS)
            .collect()
            .await;
        results.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(moved)
    }

    /// Claims due storage deliveries and applies their effects. Answers how many.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    pub async fn store_turn(&self) -> Result<usize, QueueError> {
        let claimed = self.queue.claim(DestinationKind::Storage, self.claim).await?;
        for delivery in &claimed {
            failpoint::pass("storage.claimed", || delivery.delivery_id.to_string());
            let outcome = self.queue.store(delivery).await?;
            tracing::info!(
                delivery_id = %delivery.delivery_id,
                state = outcome.state.as_str(),
                reason = outcome.reason.as_deref(),
                "storage delivery settled"
            );
        }
        Ok(claimed.len())
    }

    /// Makes deliveries due whose condition holds now.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    pub async fn release_held(&self) -> Result<u32, QueueError> {
        self.queue.release_held(self.claim.limit).await
    }

    async fn attempt(&self, courier: &dyn Courier, delivery: ClaimedDelivery) -> Result<(), QueueError> {
        failpoint::pass("delivery.claimed", || delivery.delivery_id.to_string());
        let begun = Instant::now();
        let outcome = self.outcome(courier, &delivery).await;
        failpoint::pass("delivery.sent", || delivery.delivery_id.to_string());
        let next = self.retry.after_with_jitter(delivery.attempts, &outcome);
        tracing::info!(
            delivery_id = %delivery.delivery_id,
            attempt = delivery.attempts,
            outcome = outcome.class(),
            code = outcome.code(),
            "delivery attempted"
        );
        let settlement = DeliverySettlement {
            delivery_id: delivery.delivery_id,
            token: delivery.token,
            outcome,
            took: begun.elapsed(),
            next,
        };
        if self.queue.settle(vec![settlement]).await? == [Settled::Lost] {
            tracing::warn!(delivery_id = %delivery.delivery_id, "the claim ran out before the attempt ended");
        }
        Ok(())
    }

    /// One attempt, ended while its claim still holds: a send that outlived its claim could meet the next one's.
    async fn outcome(&self, courier: &dyn Courier, delivery: &ClaimedDelivery) -> AttemptOutcome {
        let attempt = AssertUnwindSafe(courier.deliver(delivery)).catch_unwind();
        match tokio::time::timeout(self.claim.lease.mul_f32(0.8), attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => AttemptOutcome::Ambiguous { code: "courier_panicked".into() },
            Err(_elapsed) => AttemptOutcome::Ambiguous { code: "claim_ran_out".into() },
        }
    }
}
