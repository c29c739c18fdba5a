//! What of a plan is there already. Pure: it must not know where the deliveries are kept.

use super::{Existing, Skipped};
use crate::delivery::DeliveryState;
use crate::plan::{Content, PlannedDelivery};
use dispatch_mission::ids::DeliveryId;
use std::collections::HashMap;

/// By index in a plan: the delivery of an earlier dispatch that must have arrived first.
pub type Waits = HashMap<usize, DeliveryId>;

/// A plan without what is there already.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sifted {
    /// What is left, in its order.
    pub plan: Vec<PlannedDelivery>,
    /// Those of it that wait for what is under way already.
    pub waits: Waits,
    /// What is there, or on its way.
    pub skipped: Vec<Skipped>,
    /// Dead deliveries in whose place something is planned: nobody needs to look at them any more.
    pub replaced: Vec<DeliveryId>,
}

/// Takes from `plan` what one of the deliveries `before`, in the order of their plans, stands for: the same thing to the same
/// destination that is delivered, under way or held, or of which nobody knows whether it arrived.
#[must_use]
pub fn sift(plan: Vec<PlannedDelivery>, before: &[Existing]) -> Sifted {
    let mut sifted = Sifted::default();
    // Where each delivery of the plan went: to a place in the rest of it, or to one that there is.
    let mut places: Vec<Result<usize, &Existing>> = Vec::with_capacity(plan.len());
    for mut planned in plan {
        let same: Vec<&Existing> = before.iter().filter(|one| is_same(one, &planned)).collect();
        if let Some(standing) = standing(&same, before, &planned) {
            sifted.skipped.push(Skipped::of(standing));
            places.push(Err(standing));
            continue;
        }
        let place = sifted.plan.len();
        match planned.after.take().map(|index| places.get(index)) {
            Some(Some(Ok(before))) => planned.after = Some(*before),
            Some(Some(Err(one))) if one.state != DeliveryState::Delivered => {
                sifted.waits.insert(place, one.delivery_id);
            }
            _ => {}
        }
        let dead = |state| matches!(state, DeliveryState::Exhausted | DeliveryState::Failed);
        sifted.replaced.extend(same.iter().filter(|one| dead(one.state)).map(|one| one.delivery_id));
        places.push(Ok(place));
        sifted.plan.push(planned);
    }
    sifted
}

/// The delivery that stands for `planned`, if one does.
fn standing<'a>(same: &[&'a Existing], before: &[Existing], planned: &PlannedDelivery) -> Option<&'a Existing> {
    let in_state = |state: DeliveryState| same.iter().rev().find(move |one| one.state == state).copied();
    // A row that was changed or taken back since is not what it was.
    let last = before.iter().rev().find(|one| {
        one.destination == planned.destination
            && one.state == DeliveryState::Delivered
            && matches!((&one.content, &planned.content), (Content::Storage(before), Content::Storage(now))
                if before.answer == now.answer)
    });
    let is_last = |one: &&Existing| last.is_none_or(|last| last.delivery_id == one.delivery_id);
    in_state(DeliveryState::Delivered)
        .filter(is_last)
        .or_else(|| in_state(DeliveryState::Pending))
        .or_else(|| in_state(DeliveryState::Held))
        .or_else(|| in_state(DeliveryState::Unknown))
}

/// Whether it is the same thing to the same destination. Rows are the same when they say the same, however sure somebody was.
fn is_same(one: &Existing, planned: &PlannedDelivery) -> bool {
    one.destination == planned.destination
        && match (&one.content, &planned.content) {
            (Content::Storage(before), Content::Storage(now)) => before.item == now.item && before.answer == now.answer,
            // Whoever was told what was said and what it means has been told, whoever decided it.
            (Content::Event(before), Content::Event(now)) => {
                before.data.message == now.data.message
                    && before.data.classification == now.data.classification
                    && before.data.answer == now.data.answer
            }
            (before, now) => before == now,
        }
}
