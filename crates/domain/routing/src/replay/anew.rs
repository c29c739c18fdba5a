//! What is decided about a unit that is replayed: the plan of whoever sees it for the first time, or only what is quiet.
//! Pure: it must not know who asked.

use crate::plan::{Content, Decision, Verdict};
use crate::policy::Policy;
use crate::storage::StorageItem;
use crate::unit::ClaimedUnit;
use dispatch_classification::classification::Classification;
use dispatch_mission::ids::ReplayId;
use dispatch_mission::zone::Zone;

impl Policy {
    /// What the policy of today plans for `unit`, whatever it has led to before. What it would change is left as it is, for
    /// whoever carries the plan out adds only what is not there yet.
    #[must_use]
    pub fn plan_anew(&self, unit: &ClaimedUnit, meaning: &Classification, zone: &Zone) -> Decision {
        let fresh = ClaimedUnit { revision: None, ..unit.clone() };
        self.decide(&fresh, meaning, zone).at_revision_of(unit)
    }

    /// What is decided about a unit that is understood anew because somebody asked for that, under this nonce where it is
    /// forced. Its author has not said anything new, and hears nothing of what is left as it is.
    #[must_use]
    pub fn decide_anew(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
        nonce: Option<ReplayId>,
    ) -> Decision {
        if let Some(nonce) = nonce {
            return self.plan_anew(unit, meaning, zone).once_more(nonce);
        }
        let mut decision = self.decide(unit, meaning, zone);
        let taken = unit.revision.as_ref().is_some_and(|revision| revision.taken);
        if let Verdict::Dispatch(plan) = &mut decision.verdict {
            // Words that did not change need no rewording; it stands alone, so that nothing waits for it.
            let rewords =
                |one: &Content| matches!(one, Content::Storage(work) if matches!(work.item, StorageItem::Reword(_)));
            if taken || plan.iter().any(|one| rewords(&one.content)) {
                plan.clear();
            }
        }
        decision
    }
}

impl Decision {
    /// The same, as of the revision that `unit` is at.
    #[must_use]
    pub fn at_revision_of(mut self, unit: &ClaimedUnit) -> Self {
        let number = unit.revision.as_ref().map_or(0, |revision| revision.number);
        if let Verdict::Dispatch(plan) = &mut self.verdict {
            for one in plan {
                if let Content::Storage(work) = &mut one.content {
                    work.revision = number;
                }
            }
        }
        self
    }
}
