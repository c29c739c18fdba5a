//! Deliver: claim, send through the courier that serves the destination, settle. Each delivery stands on its own feet:
//! it is settled when its own attempt ends, however long its neighbours take.

use crate::agents::Meter;
use crate::failpoint;
use crate::reason::ORCHESTRATOR;
use dispatch_routing::backoff::RetrySchedule;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState, ENDPOINT_DISABLED};
use dispatch_routing::delivery_queue::{DeliveryQueue, DeliverySettlement};
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::queue::{ClaimRule, QueueError, Settled};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Deliveries of one kind that are under way at the same time.
const CONCURRENT_SENDS: u32 = 8;
/// How long an answer is waited for before the queue is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Storage deliveries claimed at once. Few, for they are applied one after another while their claims age; most never
/// come this way, since they are applied when their unit is settled.
const STORED_PER_CLAIM: u32 = 8;

/// The use case between a routed unit and its effects.
pub struct Deliver {
    queue: Arc<dyn DeliveryQueue>,
    retry: RetrySchedule,
    claim: ClaimRule,
    meter: Arc<Meter>,
}

impl Deliver {
    /// Over this queue; `claim.max_attempts` is replaced by the schedule's own cap.
    #[must_use]
    pub fn new(queue: Arc<dyn DeliveryQueue>, retry: RetrySchedule, claim: ClaimRule, meter: Arc<Meter>) -> Self {
        let claim = ClaimRule { max_attempts: retry.max_attempts(), ..claim };
        Self { queue, retry, claim, meter }
    }

    /// Sends due deliveries that `courier` serves until none is left, a bounded number at a time; a place that becomes
    /// free is taken at once, so that a slow answer holds up nobody else. After `stop` nothing more is claimed. Answers
    /// how many were sent.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]: claims run out and the work comes back.
    pub async fn send_turn(&self, courier: &dyn Courier, stop: &CancellationToken) -> Result<usize, QueueError> {
        let mut under_way = FuturesUnordered::new();
        let mut outcome = Ok(0);
        loop {
            // No more than can be under way: a claim must not age while it waits for its neighbours.
            let free = CONCURRENT_SENDS.saturating_sub(under_way.len() as u32);
            if let (Ok(moved), true) = (&mut outcome, free > 0 && !stop.is_cancelled()) {
                let rule = ClaimRule { limit: self.claim.limit.min(free), ..self.claim };
                match self.queue.claim(courier.serves(), rule).await {
                    Ok(claimed) => {
                        *moved += claimed.len();
                        under_way.extend(claimed.into_iter().map(|delivery| self.attempt(courier, delivery)));
                    }
                    Err(error) => outcome = Err(error),
                }
            }
            // Whatever ends first makes room; what becomes due meanwhile is not kept waiting by what does not end. After
            // a fault nothing more is claimed, but what is under way is never cut off.
            match tokio::time::timeout(LOOK_AGAIN, under_way.next()).await {
                Ok(None) => return outcome,
                Ok(Some(Ok(()))) | Err(_) => {}
                Ok(Some(Err(error))) => outcome = Err(error),
            }
        }
    }

    /// Claims due storage deliveries and applies their effects. Answers how many.
    ///
    /// # Errors
    /// The first [`QueueError`], after all that were claimed have been tried.
    pub async fn store_turn(&self) -> Result<usize, QueueError> {
        let rule = ClaimRule { limit: self.claim.limit.min(STORED_PER_CLAIM), ..self.claim };
        let claimed = self.queue.claim(DestinationKind::Storage, rule).await?;
        let mut outcome = Ok(claimed.len());
        for delivery in &claimed {
            failpoint::pass("storage.claimed", || delivery.delivery_id.to_string());
            let begun = Instant::now();
            match self.queue.store(delivery).await {
                Ok(stored) => {
                    let made = stored.state == DeliveryState::Delivered;
                    let why = stored.reason.as_deref().unwrap_or(stored.state.as_str());
                    self.meter.note(ORCHESTRATOR, begun.elapsed(), if made { Ok(None) } else { Err(why) });
                    tracing::info!(
                        delivery_id = %delivery.delivery_id,
                        state = stored.state.as_str(),
                        reason = stored.reason.as_deref(),
                        "storage delivery settled"
                    );
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
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
        failpoint::pass("delivery.sent", || format!("{} {}", courier.serves().as_str(), delivery.delivery_id));
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
        if let Some(recipient) = delivery.destination.recipient() {
            match self.queue.refusal(&recipient).await {
                Ok(None) => {}
                Ok(Some(code)) if code == ENDPOINT_DISABLED => return AttemptOutcome::Disabled,
                Ok(Some(code)) if delivery.may_have_been_sent => return AttemptOutcome::Unknowable { code },
                Ok(Some(code)) => return AttemptOutcome::Unwanted { code },
                Err(error) => {
                    tracing::warn!(delivery_id = %delivery.delivery_id, %error, "permission could not be asked for");
                    return AttemptOutcome::Retryable { code: "permission_unknown".into(), retry_after: None };
                }
            }
        }
        let attempt = AssertUnwindSafe(courier.deliver(delivery)).catch_unwind();
        match tokio::time::timeout(self.claim.lease.mul_f32(0.8), attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => AttemptOutcome::Ambiguous { code: "courier_panicked".into() },
            Err(_elapsed) => AttemptOutcome::Ambiguous { code: "claim_ran_out".into() },
        }
    }
}
