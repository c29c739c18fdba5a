//! What waits for a person can be seen, with what would be done about it, and decided.

use dispatch_classification::classification::{Classification, Meaning};
use dispatch_classification::classifier::{Classified, Provenance};
use dispatch_mission::ids::{ClassificationId, DispatchId, UnitId};
use dispatch_mission::zone::Zone;
use dispatch_routing::held_work::{
    Confirmation, Decider, Dismissal, Dismissed, Dispatched, HeldCursor, HeldFilter, HeldUnit, HeldWork, HeldWorkError,
    Restated,
};
use dispatch_routing::plan::{PlannedDelivery, Verdict};
use dispatch_routing::policy::{Choice, Policy, Unplannable};
use dispatch_routing::question;
use dispatch_routing::unit::ClaimedUnit;
use std::sync::Arc;
use thiserror::Error;

#[cfg(test)]
mod tests;

/// The provider of a classification that a person made.
const PERSON: &str = "person";

/// Most held units on one page.
pub const MAX_PAGE: u32 = 200;

/// The use cases behind `/route`.
pub struct Route {
    held: Arc<dyn HeldWork>,
    policy: Policy,
    zone: Zone,
}

/// A held unit, and what would be done if somebody said yes; nothing where the policy would do nothing.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // both are said above
pub struct Waiting {
    pub held: HeldUnit,
    pub plan: Vec<PlannedDelivery>,
}

/// One page of what waits.
#[derive(Clone, PartialEq, Debug)]
pub struct WaitingPage {
    /// What has waited longest first.
    pub items: Vec<Waiting>,
    /// Where the next page begins, if there is one.
    pub next: Option<HeldCursor>,
}

/// Why nothing was dispatched.
#[derive(Debug, Error)]
pub enum RouteError {
    /// Nothing can be planned.
    #[error(transparent)]
    Unplannable(#[from] Unplannable),
    /// It was not taken.
    #[error(transparent)]
    Held(#[from] HeldWorkError),
}

impl Route {
    /// Over this port, by this policy, with wall times in this zone.
    #[must_use]
    pub fn new(held: Arc<dyn HeldWork>, policy: Policy, zone: Zone) -> Self {
        Self { held, policy, zone }
    }

    /// One page of what waits for a person, at most [`MAX_PAGE`] long.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn held(
        &self,
        filter: &HeldFilter,
        after: Option<&HeldCursor>,
        limit: u32,
    ) -> Result<WaitingPage, HeldWorkError> {
        let page = self.held.list(filter, after, limit.clamp(1, MAX_PAGE)).await?;
        let items = page.items.into_iter().map(|held| self.waiting(held)).collect();
        Ok(WaitingPage { items, next: page.next })
    }

    /// One unit, while it is held.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find(&self, unit: UnitId) -> Result<Option<Waiting>, HeldWorkError> {
        Ok(self.held.find(unit).await?.map(|held| self.waiting(held)))
    }

    /// Dispatches a held unit because somebody says so: by the policy's plan, as if its classification were sure, or to the
    /// destinations of `choice`; also a routed one, to destinations that it has not gone to. Once per operation.
    ///
    /// # Errors
    /// [`RouteError`]: then nothing was written.
    pub async fn confirm(
        &self,
        classification: ClassificationId,
        choice: &Choice,
        by: &Decider,
    ) -> Result<Dispatched, RouteError> {
        // Whoever resumes a request finds what was done; only then does it matter whether it still can be.
        if let Some(operation) = by.operation
            && let Some(before) = self.held.confirmed(operation).await?
        {
            return Ok(before);
        }
        let held = match self.held.of_classification(classification).await {
            Err(HeldWorkError::NotHeld { state, .. }) if state == "routed" && choice.destinations.is_some() => {
                return self.add(classification, choice, by).await;
            }
            held => held?,
        };
        let understood = &held.classified.classification;
        let restated = choice.meaning.map(|meaning| restated(understood, meaning, &by.principal));
        let meaning = restated.as_ref().map_or(understood, |restated| &restated.classified.classification);
        let decision = self.policy.confirm(&held.unit, meaning, &self.zone, &by.principal, choice)?;
        let confirmation = Confirmation {
            unit_id: held.unit.unit_id,
            classification_id: classification,
            dispatch_id: DispatchId::mint(),
            restated,
            decision,
            by: by.clone(),
        };
        Ok(self.held.confirm(&confirmation).await?)
    }

    /// Dispatches what is not there yet of what a routed unit is to go to.
    async fn add(
        &self,
        classification_id: ClassificationId,
        choice: &Choice,
        by: &Decider,
    ) -> Result<Dispatched, RouteError> {
        let routed = self.held.routed(classification_id).await?;
        // What it has led to is not changed by going elsewhere too.
        let unit = ClaimedUnit { revision: None, ..routed.unit.clone() };
        let meaning = &routed.classified.classification;
        let decision = self.policy.confirm(&unit, meaning, &self.zone, &by.principal, choice)?;
        let confirmation = Confirmation {
            unit_id: unit.unit_id,
            classification_id,
            dispatch_id: DispatchId::mint(),
            restated: None,
            decision: decision.at_revision_of(&routed.unit),
            by: by.clone(),
        };
        Ok(self.held.add(&confirmation).await?)
    }

    /// Ends a held unit without doing anything; only as it was `seen`, where that is said. Once per operation.
    ///
    /// # Errors
    /// [`HeldWorkError`].
    pub async fn dismiss(
        &self,
        unit_id: UnitId,
        seen: Option<ClassificationId>,
        by: Decider,
    ) -> Result<Dismissed, HeldWorkError> {
        self.held.dismiss(&Dismissal { unit_id, seen, by }).await
    }

    /// With what a plain yes would lead to.
    fn waiting(&self, held: HeldUnit) -> Waiting {
        let meaning = &held.classified.classification;
        let decision = self.policy.confirm(&held.unit, meaning, &self.zone, "a person", &Choice::default());
        let plan = match decision.map(|decision| decision.verdict) {
            Ok(Verdict::Dispatch(plan)) => plan,
            Ok(Verdict::Hold(_) | Verdict::Nothing) | Err(_) => Vec::new(),
        };
        Waiting { held, plan }
    }
}

/// What a person says that it means, of which nobody is surer.
fn restated(before: &Classification, meaning: Meaning, principal: &str) -> Restated {
    let provenance = Provenance {
        provider: PERSON.to_owned(),
        model: principal.to_owned(),
        prompt_version: None,
        latency_us: 0,
        usage: None,
        fallback_reason: None,
    };
    let classification = question::restated(before, meaning);
    Restated { classification_id: ClassificationId::mint(), classified: Classified { classification, provenance } }
}
