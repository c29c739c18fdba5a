//! Reason and route: a claimed unit is classified outside any transaction, decided by the policy, and settled with its
//! dispatch in one commit. Must not know which classifier it asks or how the queue keeps its rows.

use crate::failpoint;
use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Silence};
use dispatch_mission::ids::{ClassificationId, DispatchId};
use dispatch_mission::zone::Zone;
use dispatch_routing::policy::Policy;
use dispatch_routing::queue::{ClaimRule, QueueError, Settled};
use dispatch_routing::unit::{BurstRule, ClaimedUnit};
use dispatch_routing::unit_queue::{UnitQueue, UnitSettlement};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Bursts closed in one transaction.
const BURSTS_PER_TURN: u32 = 200;
/// Pauses between tries to settle; together far less than a lease.
const SETTLE_PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// Units classified at the same time; a local classifier never waits, a remote one mostly does.
const CONCURRENT_CLASSIFICATIONS: usize = 8;

/// The use case between intake and delivery.
pub struct Reason {
    queue: Arc<dyn UnitQueue>,
    classifier: Arc<dyn Classifier>,
    policy: Policy,
    zone: Zone,
    burst: BurstRule,
    claim: ClaimRule,
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
    ) -> Self {
        Self { queue, classifier, policy, zone, burst, claim }
    }

    /// Applies amendments, closes due bursts, then understands and routes the units that are due. Answers how many rows moved, so that
    /// the caller knows whether to come back at once. After `stop`, what is under way is finished and the rest handed back.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]: claims run out and the work comes back.
    pub async fn turn(&self, stop: &CancellationToken) -> Result<usize, QueueError> {
        // First, so that a burst is closed with what its messages say now.
        let amended = self.queue.amend(BURSTS_PER_TURN).await?;
        let closed = self.queue.close_bursts(self.burst, BURSTS_PER_TURN).await?;
        let units = self.queue.claim(self.claim).await?;
        let moved = units.len() + (amended + closed) as usize;
        if !units.is_empty() {
            failpoint::pass("unit.claimed", || texts(&units));
        }

        let settlements: Vec<UnitSettlement> = stream::iter(units)
            .map(|unit| self.understand(unit, stop))
            .buffer_unordered(CONCURRENT_CLASSIFICATIONS)
            .filter_map(std::future::ready)
            .collect()
            .await;
        self.settle(settlements).await?;
        Ok(moved)
    }

    /// Ends held units whose time has run out.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`].
    pub async fn expire_held(&self) -> Result<u32, QueueError> {
        self.queue.expire_held(BURSTS_PER_TURN).await
    }

    /// Classifies and decides; a unit that cannot be classified is given back and answers `None`.
    async fn understand(&self, unit: ClaimedUnit, stop: &CancellationToken) -> Option<UnitSettlement> {
        if stop.is_cancelled() {
            self.hand_back(&unit).await;
            return None;
        }
        match self.classify(&unit).await {
            Ok(classified) => {
                failpoint::pass("unit.classified", || unit.text());
                let decision = self.policy.decide(&unit, &classified.classification, &self.zone);
                Some(UnitSettlement {
                    unit_id: unit.unit_id,
                    token: unit.token,
                    classification_id: ClassificationId::mint(),
                    classified,
                    dispatch_id: DispatchId::mint(),
                    decision,
                })
            }
            Err(error) => {
                tracing::warn!(unit_id = %unit.unit_id, error = %error, "unit was not classified");
                let delay = error.is_retryable().then(|| self.pause_after(unit.attempts)).flatten();
                self.give_back(&unit, delay, "classification_failed").await;
                None
            }
        }
    }

    /// Asks the classifier, renewing the claim while it thinks. A classifier that panics is one that failed.
    async fn classify(&self, unit: &ClaimedUnit) -> Result<Classified, ClassifierError> {
        let utterances = unit.utterances();
        let mut thinking =
            std::pin::pin!(AssertUnwindSafe(self.classifier.classify(&utterances, &Silence)).catch_unwind());
        let third = self.claim.lease / 3;
        loop {
            match tokio::time::timeout(third, &mut thinking).await {
                Ok(Ok(answer)) => return answer,
                Ok(Err(_panic)) => return Err(ClassifierError::unusable("panicked", "the classifier panicked")),
                Err(_elapsed) => match self.queue.renew(unit.unit_id, unit.token, self.claim.lease).await {
                    Ok(Settled::Stood) => {}
                    Ok(Settled::Lost) => return Err(ClassifierError::unavailable("claim_lost", "the claim was lost")),
                    Err(error) => tracing::warn!(unit_id = %unit.unit_id, %error, "claim was not renewed"),
                },
            }
        }
    }

    /// Settles the batch; when the database refuses it, one by one, so that a poisoned unit fails alone.
    async fn settle(&self, settlements: Vec<UnitSettlement>) -> Result<(), QueueError> {
        if settlements.is_empty() {
            return Ok(());
        }
        match self.settle_while_claimed(&settlements).await {
            Ok(results) => note_lost(&settlements, &results),
            Err(QueueError::Rejected(_)) => {
                for settlement in settlements {
                    self.settle_alone(settlement).await?;
                }
            }
            Err(unavailable) => return Err(unavailable),
        }
        failpoint::pass("unit.settled", String::new);
        Ok(())
    }

    /// Tries a passing fault again at once: the answers are paid for, and their claims still hold.
    async fn settle_while_claimed(&self, settlements: &[UnitSettlement]) -> Result<Vec<Settled>, QueueError> {
        for pause in SETTLE_PAUSES {
            match self.queue.settle(settlements.to_vec()).await {
                Err(QueueError::Unavailable(error)) => {
                    tracing::warn!(%error, units = settlements.len(), "settlement is tried again");
                    tokio::time::sleep(pause).await;
                }
                other => return other,
            }
        }
        self.queue.settle(settlements.to_vec()).await
    }

    async fn settle_alone(&self, settlement: UnitSettlement) -> Result<(), QueueError> {
        let (unit, token) = (settlement.unit_id, settlement.token);
        match self.queue.settle(vec![settlement]).await {
            Ok(_) => Ok(()),
            Err(QueueError::Rejected(error)) => {
                tracing::error!(unit_id = %unit, %error, "unit was refused and is a dead letter");
                self.queue.give_back(unit, token, None, "settlement_rejected").await.map(drop)
            }
            Err(unavailable) => Err(unavailable),
        }
    }

    async fn give_back(&self, unit: &ClaimedUnit, delay: Option<Duration>, reason: &str) {
        if let Err(error) = self.queue.give_back(unit.unit_id, unit.token, delay, reason).await {
            tracing::warn!(unit_id = %unit.unit_id, %error, "unit was not given back; its lease will run out");
        }
    }

    async fn hand_back(&self, unit: &ClaimedUnit) {
        if let Err(error) = self.queue.hand_back(unit.unit_id, unit.token).await {
            tracing::warn!(unit_id = %unit.unit_id, %error, "unit was not handed back; its lease will run out");
        }
    }

    /// 2, 4, 8 … 60 seconds, then nothing more: a dead letter.
    fn pause_after(&self, attempts: u32) -> Option<Duration> {
        (attempts < self.claim.max_attempts).then(|| Duration::from_secs(2u64.saturating_pow(attempts).min(60)))
    }
}

fn note_lost(settlements: &[UnitSettlement], results: &[Settled]) {
    for (settlement, result) in settlements.iter().zip(results) {
        if *result == Settled::Lost {
            tracing::info!(unit_id = %settlement.unit_id, "claim was lost; somebody else settles the unit");
        }
    }
}

fn texts(units: &[ClaimedUnit]) -> String {
    units.iter().map(ClaimedUnit::text).collect::<Vec<_>>().join("\n")
}
