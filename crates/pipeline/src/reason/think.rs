//! From a claimed unit to what is to be settled. Must not know how it is settled.

use super::Reason;
use crate::failpoint;
use dispatch_classification::classifier::{Classified, ClassifierError, Silence};
use dispatch_mission::ids::{ClassificationId, DispatchId};
use dispatch_routing::queue::Settled;
use dispatch_routing::unit::ClaimedUnit;
use dispatch_routing::unit_queue::UnitSettlement;
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

impl Reason {
    /// Classifies and decides; a unit that cannot be classified is given back and answers `None`.
    pub(super) async fn understand(&self, unit: ClaimedUnit, stop: &CancellationToken) -> Option<UnitSettlement> {
        if stop.is_cancelled() {
            self.hand_back(&unit).await;
            return None;
        }
        match self.classify(&unit).await {
            Ok(classified) => {
                failpoint::pass("unit.classified", || unit.text());
                let meaning = &classified.classification;
                let decision = match unit.replay {
                    Some(replay) => self.policy.decide_anew(&unit, meaning, &self.zone, replay.nonce()),
                    None => self.policy.decide(&unit, meaning, &self.zone),
                };
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
        let thinking = AssertUnwindSafe(self.classifier.classify(&utterances, &Silence)).catch_unwind();
        let mut thinking = std::pin::pin!(thinking);
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

    async fn give_back(&self, unit: &ClaimedUnit, delay: Option<Duration>, reason: &str) {
        if let Err(error) = self.queue.give_back(unit.unit_id, unit.token, delay, reason).await {
            tracing::warn!(unit_id = %unit.unit_id, %error, "unit was not given back; its lease will run out");
        }
    }

    pub(super) async fn hand_back(&self, unit: &ClaimedUnit) {
        if let Err(error) = self.queue.hand_back(unit.unit_id, unit.token).await {
            tracing::warn!(unit_id = %unit.unit_id, %error, "unit was not handed back; its lease will run out");
        }
    }

    /// 2, 4, 8 … 60 seconds, then nothing more: a dead letter.
    fn pause_after(&self, attempts: u32) -> Option<Duration> {
        (attempts < self.claim.max_attempts).then(|| Duration::from_secs(2u64.saturating_pow(attempts).min(60)))
    }
}
