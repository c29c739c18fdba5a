//! Deliver: claim, send through the courier that serves the destination, settle. Each delivery stands on its own feet:
//! it is settled when its own attempt ends, however long its neighbours take, and a destination that hangs takes no places
//! that others need.

mod permission;
mod places;
mod turn;

use crate::agents::Meter;
use crate::failpoint;
use crate::reason::ORCHESTRATOR;
use dispatch_mission::signal::Recipient;
use dispatch_routing::backoff::{Retries, RetrySchedule};
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use dispatch_routing::delivery_queue::{Bounds, DeliveryQueue, DeliverySettlement, NextStep};
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::queue::{ClaimRule, QueueError, Settled};
use futures_util::FutureExt as _;
use permission::Permission;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use turn::Turn;

/// Storage deliveries claimed at once. Few, for they are applied one after another while their claims age; most never
/// come this way, since they are applied when their unit is settled.
const STORED_PER_CLAIM: u32 = 8;

/// The use case between a routed unit and its effects.
pub struct Deliver {
    queue: Arc<dyn DeliveryQueue>,
    retries: Retries,
    claim: ClaimRule,
    meter: Arc<Meter>,
}

impl Deliver {
    /// Over this queue; `claim.max_attempts` is replaced by the cap of each kind's own schedule.
    #[must_use]
    pub fn new(queue: Arc<dyn DeliveryQueue>, retries: Retries, claim: ClaimRule, meter: Arc<Meter>) -> Self {
        Self { queue, retries, claim, meter }
    }

    /// Sends due deliveries that `courier` serves until none is left, a bounded number at a time; a place that becomes
    /// free is taken at once, so that a slow answer holds up nobody else. After `stop` nothing more is claimed. Answers
    /// how many were sent.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]: claims run out and the work comes back.
    pub async fn send_turn(&self, courier: &dyn Courier, stop: &CancellationToken) -> Result<usize, QueueError> {
        Turn::new(self, courier, stop).run().await
    }

    /// Claims what there are places for, and asks whose of it may be sent.
    async fn claim(
        &self,
        kind: DestinationKind,
        rule: ClaimRule,
        bounds: Bounds,
    ) -> Result<Vec<(ClaimedDelivery, Permission)>, QueueError> {
        let claimed = self.queue.claim_within(kind, rule, &bounds).await?;
        let recipients: Vec<Recipient> = claimed.iter().filter_map(|one| one.destination.recipient()).collect();
        let refusals = if recipients.is_empty() { Ok(HashMap::new()) } else { self.queue.refusals(&recipients).await };
        if let Err(error) = &refusals {
            tracing::warn!(%error, "permission could not be asked for");
        }
        let permissions: Vec<Permission> =
            claimed.iter().map(|one| Permission::of(one, refusals.as_ref().ok())).collect();
        Ok(claimed.into_iter().zip(permissions).collect())
    }

    async fn settle(&self, ended: Vec<DeliverySettlement>) -> Result<(), QueueError> {
        if ended.is_empty() {
            return Ok(());
        }
        match self.queue.settle(ended.clone()).await {
            Ok(settled) => report_lost(&ended, &settled),
            // One of them is at fault: the others are not kept from being settled by it.
            Err(QueueError::Rejected(_)) if ended.len() > 1 => {
                for one in ended {
                    match self.queue.settle(vec![one.clone()]).await {
                        Ok(settled) => report_lost(&[one], &settled),
                        Err(error @ QueueError::Unavailable(_)) => return Err(error),
                        Err(error) => {
                            tracing::error!(delivery_id = %one.delivery_id, %error, "an attempt could not be settled");
                        }
                    }
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Claims due storage deliveries and applies their effects. Answers how many.
    ///
    /// # Errors
    /// The first [`QueueError`], after all that were claimed have been tried.
    pub async fn store_turn(&self) -> Result<usize, QueueError> {
        let max_attempts = self.retries.of(DestinationKind::Storage).max_attempts();
        let rule = ClaimRule { limit: self.claim.limit.min(STORED_PER_CLAIM), max_attempts, ..self.claim };
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

    async fn attempt(
        &self,
        courier: &dyn Courier,
        schedule: &RetrySchedule,
        delivery: ClaimedDelivery,
        permission: Permission,
    ) -> DeliverySettlement {
        failpoint::pass("delivery.claimed", || delivery.delivery_id.to_string());
        let begun = Instant::now();
        let instead = permission.instead_of(&delivery);
        let asked = instead.is_none();
        let outcome = match instead {
            Some(outcome) => outcome,
            None => self.outcome(courier, &delivery).await,
        };
        failpoint::pass("delivery.sent", || format!("{} {}", courier.serves().as_str(), delivery.delivery_id));
        let next = match (schedule.after_with_jitter(delivery.attempts, &outcome), schedule.deadline()) {
            // It ends when its time is over, not when it would have been tried again.
            (NextStep::Again(pause), Some(deadline)) => {
                NextStep::Again(pause.min(deadline.saturating_sub(delivery.age)))
            }
            (next, _) => next,
        };
        tracing::info!(
            delivery_id = %delivery.delivery_id,
            attempt = delivery.attempts,
            outcome = outcome.class(),
            code = outcome.code(),
            asked,
            "delivery attempted"
        );
        let took = begun.elapsed();
        DeliverySettlement { delivery_id: delivery.delivery_id, token: delivery.token, outcome, took, next }
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

fn report_lost(ended: &[DeliverySettlement], settled: &[Settled]) {
    for (one, _) in ended.iter().zip(settled).filter(|(_, settled)| **settled == Settled::Lost) {
        tracing::warn!(delivery_id = %one.delivery_id, "the claim ran out before the attempt ended");
    }
}

#[cfg(test)]
mod tests;
