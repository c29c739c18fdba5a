//! What was done is done once more, one by one or many at a rate; or only rehearsed. Must not know how it is kept.

mod batches;
#[cfg(test)]
mod tests;

pub use batches::Batches;

use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Silence};
use dispatch_mission::ids::{DeliveryId, DispatchId, ReplayId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::zone::Zone;
use dispatch_routing::held_work::{Decider, DispatchedDelivery};
use dispatch_routing::plan::{Decision, PlannedDelivery, Verdict};
use dispatch_routing::policy::Policy;
use dispatch_routing::replay::{
    ReplayAction, ReplayError, ReplayOrder, Replayable, Replayed, Replays, Skipped, Stage, redrive, sift,
};
use std::sync::Arc;
use thiserror::Error;
use uuid::Uuid;

/// The use case behind `/route/replay`.
pub struct Replay {
    replays: Arc<dyn Replays>,
    classifier: Arc<dyn Classifier>,
    policy: Policy,
    zone: Zone,
}

/// What somebody wants to happen once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// From where on; the natural stage of the id where nobody says.
    pub from: Option<Stage>,
    /// Whether also what succeeded.
    pub force: bool,
}

/// What a replay would come to.
#[derive(Clone, PartialEq, Debug)]
pub struct Rehearsal {
    /// The unit.
    pub unit_id: UnitId,
    /// From where on.
    pub stage: Stage,
    /// Whether also what had succeeded.
    pub force: bool,
    /// What it was understood to mean.
    pub was: Option<Classified>,
    /// What it is understood to mean now, where it is understood anew.
    pub now: Option<Classified>,
    /// What the policy of today decides, and by which rule.
    pub decided: Option<(RoutingDecision, String)>,
    /// Why it would wait for a person.
    pub held_for: Option<String>,
    /// What would be dispatched in addition to what there is.
    pub planned: Vec<PlannedDelivery>,
    /// What would be due again.
    pub due: Vec<DispatchedDelivery>,
    /// What would be left alone.
    pub skipped: Vec<Skipped>,
}

/// Why nothing was done, or nothing can be shown.
#[derive(Debug, Error)]
pub enum ReplayFailure {
    /// It was not taken.
    #[error(transparent)]
    Refused(#[from] ReplayError),
    /// A rehearsal has to understand the messages, and could not.
    #[error(transparent)]
    NotUnderstood(#[from] ClassifierError),
}

impl Replay {
    /// Over these parts; the classifier is only asked by rehearsals.
    #[must_use]
    pub fn new(replays: Arc<dyn Replays>, classifier: Arc<dyn Classifier>, policy: Policy, zone: Zone) -> Self {
        Self { replays, classifier, policy, zone }
    }

    /// Replays what `named` stands for. Once per operation, and once per batch.
    ///
    /// # Errors
    /// [`ReplayError`]: then nothing was written.
    pub async fn replay(
        &self,
        named: Uuid,
        wish: Wish,
        by: &Decider,
        batch: Option<ReplayId>,
    ) -> Result<Replayed, ReplayError> {
        // Whoever resumes a request finds what was done; only then does it matter whether it still can be.
        if let Some(operation) = by.operation
            && let Some(before) = self.replays.of_operation(operation).await?
        {
            return Ok(before);
        }
        let found = self.replays.find(named).await?.ok_or(ReplayError::Unknown)?;
        let stage = wish.from.unwrap_or_else(|| found.natural_stage());
        let action = match stage {
            Stage::Classify => ReplayAction::Understand,
            Stage::Route => {
                found.footing.allows(stage, found.speaks_of)?;
                let (Some(in_force), Some(decision)) = (found.footing.in_force, self.planned_anew(&found)) else {
                    return Err(ReplayError::NotUnderstood);
                };
                ReplayAction::Plan { classification_id: in_force, dispatch_id: DispatchId::mint(), decision }
            }
            Stage::Deliver => ReplayAction::Redrive { dispatch_id: DispatchId::mint() },
        };
        let order = ReplayOrder {
            replay_id: ReplayId::mint(),
            named,
            subject: found.subject,
            speaks_of: found.speaks_of,
            unit_id: found.unit.unit_id,
            action,
            force: wish.force,
            by: by.clone(),
            batch,
        };
        self.replays.carry_out(&order).await
    }

    /// What a replay would come to; nothing is changed. Where the messages would be understood anew they are, by a mind that
    /// may understand them in yet another way next time.
    ///
    /// # Errors
    /// [`ReplayFailure`].
    pub async fn rehearse(&self, named: Uuid, wish: Wish) -> Result<Rehearsal, ReplayFailure> {
        let found = self.replays.find(named).await?.ok_or(ReplayError::Unknown)?;
        let stage = wish.from.unwrap_or_else(|| found.natural_stage());
        found.footing.allows(stage, found.speaks_of)?;
        let nonce = wish.force.then(ReplayId::mint);
        let mut rehearsal = Rehearsal {
            unit_id: found.unit.unit_id,
            stage,
            force: wish.force,
            was: found.classified.clone(),
            now: None,
            decided: None,
            held_for: None,
            planned: Vec::new(),
            due: Vec::new(),
            skipped: Vec::new(),
        };
        match stage {
            Stage::Classify => {
                let now = self.classifier.classify(&found.unit.utterances(), &Silence).await?;
                let decision = self.policy.decide_anew(&found.unit, &now.classification, &self.zone, nonce);
                rehearsal.now = Some(now);
                rehearsal.show(decision, &found);
            }
            Stage::Route => {
                let decision = self.planned_anew(&found).ok_or(ReplayError::NotUnderstood)?;
                rehearsal.show(decision, &found);
            }
            Stage::Deliver => rehearsal.show_deliveries(&found, nonce),
        }
        Ok(rehearsal)
    }

    fn planned_anew(&self, found: &Replayable) -> Option<Decision> {
        let meaning = &found.classified.as_ref()?.classification;
        Some(self.policy.plan_anew(&found.unit, meaning, &self.zone))
    }
}

impl Rehearsal {
    fn show(&mut self, decision: Decision, found: &Replayable) {
        self.decided = Some((decision.routing, decision.rule));
        match decision.verdict {
            Verdict::Dispatch(plan) if self.force => self.planned = plan,
            Verdict::Dispatch(plan) => {
                let sifted = sift(plan, &found.deliveries);
                (self.planned, self.skipped) = (sifted.plan, sifted.skipped);
            }
            Verdict::Hold(hold) if self.stage == Stage::Classify || found.footing.may_wait() => {
                self.held_for = Some(hold.reason);
            }
            Verdict::Hold(_) | Verdict::Nothing => {}
        }
    }

    fn show_deliveries(&mut self, found: &Replayable, nonce: Option<ReplayId>) {
        let in_force = found.footing.in_force;
        let redriven = redrive(&found.deliveries, |one| found.subject.covers(one, in_force), nonce);
        let is_due = |id: &DeliveryId| redriven.due.contains(id) || redriven.waiting.contains(id);
        let due = found.deliveries.iter().filter(|one| is_due(&one.delivery_id));
        self.due = due
            .map(|one| DispatchedDelivery {
                delivery_id: one.delivery_id,
                destination: one.destination.clone(),
                state: one.state,
                reason: one.reason.clone(),
            })
            .collect();
        (self.planned, self.skipped) = (redriven.once_more, redriven.skipped);
    }
}
