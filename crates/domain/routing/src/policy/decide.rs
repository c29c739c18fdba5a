//! The decision itself: which rule speaks, and what its word comes to. It must not know what is written in a delivery.

use super::condition::{Circumstances, Facts};
use super::deliveries::reply;
use super::file::Policy;
use super::rule::{Action, Rule, To};
use crate::destination::{Destination, StorageTable};
use crate::plan::{Content, Decision, Hold, Judgement, PlannedDelivery, Quota, Verdict};
use crate::storage::{Rewording, StorageItem};
use crate::unit::{ClaimedUnit, Revision};
use dispatch_classification::classification::{Classification, Meaning};
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::zone::Zone;

impl Policy {
    /// Decides what is done about `unit`, which means `meaning`. Wall times become instants in `zone`.
    #[must_use]
    pub fn decide(&self, unit: &ClaimedUnit, meaning: &Classification, zone: &Zone) -> Decision {
        let decision = self.in_view_of_before(unit, meaning, self.by_rule(unit, meaning, zone));
        let decision = self.announced(unit, meaning, zone, decision);
        self.asking(unit, meaning, decision)
    }

    /// What a decision comes to where the unit has led to something before.
    pub(super) fn in_view_of_before(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        decision: Decision,
    ) -> Decision {
        match &unit.revision {
            Some(revision) if revision.taken => self.leave_to_its_holder(unit),
            Some(revision) if !revision.made.is_empty() => self.revise(unit, meaning, revision, decision),
            _ => decision,
        }
    }

    /// Somebody is at work on it: what they took up is not changed under their hands, and the author is told.
    fn leave_to_its_holder(&self, unit: &ClaimedUnit) -> Decision {
        let quota = Quota { key: format!("taken:{}", unit.conversation.key()), every: self.question_interval() };
        Decision {
            routing: RoutingDecision { auto_dispatch: true, reason: "Somebody took it up; nothing was changed".into() },
            rule: "revision_taken".into(),
            verdict: Verdict::Dispatch(
                reply(unit, self.receipt.taken.clone(), None, Some(quota)).into_iter().collect(),
            ),
            question: None,
        }
    }

    /// What is done about a unit that has led to something before: rows change instead of being added.
    fn revise(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        revision: &Revision,
        mut decision: Decision,
    ) -> Decision {
        let each = |item: &StorageItem, tables: &mut dyn Iterator<Item = StorageTable>| -> Vec<_> {
            tables.map(|table| self.storage(table, unit, meaning, item.clone())).collect()
        };
        let mut made = revision.made.iter().copied();
        let mut plan = match decision.verdict {
            Verdict::Nothing => each(&StorageItem::Withdraw, &mut made),
            Verdict::Hold(_) => {
                decision.rule = "revision_unsure".into();
                decision.routing.reason.push_str("; only the words were changed");
                each(&StorageItem::Reword(Rewording { text: unit.notes() }), &mut made)
            }
            Verdict::Dispatch(mut plan) => {
                // Its author had a receipt, unless the answer to a question has completed it just now.
                plan.retain(|one| {
                    !matches!(one.content, Content::Message { .. }) || revision.waiting || one.quota.is_some()
                });
                let kept: Vec<_> = plan.iter().filter_map(|one| table_of(&one.destination)).collect();
                plan.extend(each(&StorageItem::Withdraw, &mut made.filter(|table| !kept.contains(table))));
                plan
            }
        };
        made_because(&mut plan, &decision.routing);
        Decision { verdict: Verdict::Dispatch(plan), ..decision }
    }

    /// What the policy makes of a meaning under these circumstances: whether Dispatch acts by itself, and by which rule.
    #[must_use]
    pub fn judge(&self, meaning: &Classification, circumstances: &Circumstances<'_>) -> Judgement {
        let facts = Facts::new(meaning, *circumstances);
        self.word_of(self.rules.first(&facts, self.threshold), &facts)
    }

    /// What a rule says about what it was found for.
    fn word_of(&self, rule: &Rule, facts: &Facts<'_>) -> Judgement {
        let (auto_dispatch, reason, hold) = match &rule.action {
            Action::Nothing => (true, "Nothing to do".to_owned(), None),
            Action::Send { threshold, .. } => {
                let threshold = threshold.unwrap_or(self.threshold);
                if facts.confidence < threshold {
                    let hold = Hold { reason: "below_threshold".into(), expires_after: None };
                    let routing = RoutingDecision { auto_dispatch: false, reason: below(threshold) };
                    return Judgement { routing, rule: rule.name.clone(), hold: Some(hold) };
                }
                (true, format!("Above {threshold} threshold"), None)
            }
            Action::Hold { reason: code, expires_after, .. } => {
                let reason = rule.below(self.threshold).map_or_else(|| "Held for a person".to_owned(), below);
                (false, reason, Some(Hold { reason: code.clone(), expires_after: *expires_after }))
            }
        };
        let reason = rule.because.clone().unwrap_or(reason);
        Judgement { routing: RoutingDecision { auto_dispatch, reason }, rule: rule.name.clone(), hold }
    }

    fn by_rule(&self, unit: &ClaimedUnit, meaning: &Classification, zone: &Zone) -> Decision {
        let facts = Facts::new(meaning, Circumstances::of_unit(unit, zone));
        let found = self.rules.first(&facts, self.threshold);
        let Judgement { routing, rule, hold } = self.word_of(found, &facts);
        let verdict = match (hold, &found.action) {
            (Some(hold), _) => Verdict::Hold(hold),
            (None, Action::Send { to, .. }) => {
                let mut plan = self.plan(unit, meaning, zone, to);
                made_because(&mut plan, &routing);
                Verdict::Dispatch(plan)
            }
            (None, _) => Verdict::Nothing,
        };
        Decision { routing, rule, verdict, question: None }
    }

    /// What a person's word leads to, however unsure the classification: where the rule that holds the unit says it goes then,
    /// or where the first rule sends it that would have, had it been sure. Nothing for what a rule does nothing about.
    pub(super) fn plan_on_word(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
    ) -> Option<Vec<PlannedDelivery>> {
        let facts = Facts::new(meaning, Circumstances::of_unit(unit, zone));
        let sure = Facts { confidence: 1.0, ..facts };
        let later = self.rules.iter().filter(|rule| rule.matches(&sure, self.threshold));
        let speaks = [self.rules.first(&facts, self.threshold)].into_iter().chain(later);
        let mut decides =
            speaks.skip_while(|rule| matches!(&rule.action, Action::Hold { then, .. } if then.is_empty()));
        let to = match (decides.next(), meaning.meaning) {
            (Some(rule), _) => rule.destinations(),
            (None, Meaning::Ignore) => &[],
            (None, Meaning::InfoRequest) => &[To::TaskOrchestrator, To::Question][..],
            (None, Meaning::Group(_) | Meaning::Stray(_)) => &[To::TaskOrchestrator, To::Receipt],
        };
        (!to.is_empty()).then(|| self.plan(unit, meaning, zone, to))
    }
}

/// Says with all rows of a plan why they are made.
pub(super) fn made_because(plan: &mut [PlannedDelivery], routing: &RoutingDecision) {
    for one in plan {
        if let Content::Storage(work) = &mut one.content {
            work.routing_decision.clone_from(routing);
        }
    }
}

fn below(threshold: f32) -> String {
    format!("Below {threshold} threshold")
}

fn table_of(destination: &Destination) -> Option<StorageTable> {
    match destination {
        Destination::Storage(storage) => Some(storage.table),
        _ => None,
    }
}
