//! What is done once more and what is left alone, whatever stands where.

use super::*;
use crate::plan::PlannedDelivery;
use crate::testing::{agent_task, message};
use proptest::prelude::*;

fn existing(planned: &PlannedDelivery, state: DeliveryState, after: Option<DeliveryId>) -> Existing {
    Existing {
        delivery_id: DeliveryId::mint(),
        dispatch_id: DispatchId(Uuid::nil()),
        classification_id: ClassificationId(Uuid::nil()),
        destination: planned.destination.clone(),
        content: planned.content.clone(),
        state,
        reason: (state == DeliveryState::Cancelled).then(|| "dependency_failed".into()),
        after,
    }
}

fn any_state() -> impl Strategy<Value = DeliveryState> {
    proptest::sample::select(DeliveryState::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_plan_whose_parts_all_stand_comes_to_nothing_and_every_part_is_accounted_for(
        states in proptest::collection::vec(any_state(), 0..5),
    ) {
        let plan: Vec<_> = (0..states.len()).map(|n| message(&format!("C{n}"), n.checked_sub(1))).collect();
        let before: Vec<_> = plan.iter().zip(&states).map(|(one, state)| existing(one, *state, None)).collect();
        let sifted = sift(plan.clone(), &before);
        prop_assert_eq!(sifted.plan.len() + sifted.skipped.len(), plan.len());
        for (planned, state) in plan.iter().zip(&states) {
            use DeliveryState::{Cancelled, Exhausted, Failed};
            let again = matches!(state, Cancelled | Exhausted | Failed);
            prop_assert_eq!(sifted.plan.iter().any(|one| one.destination == planned.destination), again);
        }
        prop_assert!(sifted.plan.iter().enumerate().all(|(at, one)| one.after.is_none_or(|after| after < at)));
        let done: Vec<_> = plan.iter().map(|one| existing(one, DeliveryState::Delivered, None)).collect();
        prop_assert!(sift(plan, &done).plan.is_empty());
    }

    #[test]
    fn every_wanted_delivery_is_redriven_or_skipped_once(
        states in proptest::collection::vec(any_state(), 0..6), force: bool,
    ) {
        let mut all: Vec<Existing> = Vec::new();
        for (n, state) in states.iter().enumerate() {
            let after = all.last().map(|one| one.delivery_id);
            all.push(existing(&message(&format!("C{n}"), None), *state, after));
        }
        let redriven = redrive(&all, |_| true, force.then(ReplayId::mint));
        let count = redriven.due.len() + redriven.waiting.len() + redriven.once_more.len() + redriven.skipped.len();
        prop_assert_eq!(count, all.len());
        let delivered = states.iter().filter(|state| **state == DeliveryState::Delivered).count();
        prop_assert_eq!(redriven.once_more.len(), if force { delivered } else { 0 });
    }
}

#[test]
fn what_waits_for_something_that_is_under_way_goes_on_waiting_for_it() {
    let plan = vec![agent_task(), message("C1", Some(0))];
    let before = [existing(&plan[0], DeliveryState::Pending, None)];
    let sifted = sift(plan.clone(), &before);
    assert_eq!((sifted.plan.len(), sifted.plan[0].after), (1, None));
    assert_eq!(sifted.waits.get(&0), Some(&before[0].delivery_id));
    let before = [existing(&plan[0], DeliveryState::Delivered, None)];
    assert!(sift(plan, &before).waits.is_empty(), "it has arrived");
}

#[test]
fn rows_that_were_taken_back_since_are_planned_again() {
    let task = agent_task();
    let mut taken_back = task.clone();
    let Content::Storage(work) = &mut taken_back.content else { panic!("rows") };
    work.item = crate::storage::StorageItem::Withdraw;
    let made = existing(&task, DeliveryState::Delivered, None);
    assert!(sift(vec![task.clone()], std::slice::from_ref(&made)).plan.is_empty());
    let before = [made, existing(&taken_back, DeliveryState::Delivered, None)];
    assert_eq!(sift(vec![task], &before).plan.len(), 1);
}

#[test]
fn a_receipt_follows_the_rows_that_it_waited_for() {
    let rows = existing(&agent_task(), DeliveryState::Failed, None);
    let receipt = existing(&message("C1", None), DeliveryState::Cancelled, Some(rows.delivery_id));
    let all = [rows, receipt];
    let redriven = redrive(&all, |one| one.delivery_id == all[0].delivery_id, None);
    assert_eq!((redriven.due, redriven.waiting), (vec![all[0].delivery_id], vec![all[1].delivery_id]));
    let alone = redrive(&all, |one| one.delivery_id == all[1].delivery_id, None);
    assert_eq!((alone.due.len(), alone.skipped.len()), (0, 1), "its rows are not there");
}

#[test]
fn a_copy_waits_for_its_copy_under_a_nonce() {
    let rows = existing(&agent_task(), DeliveryState::Delivered, None);
    let receipt = existing(&message("C1", None), DeliveryState::Delivered, Some(rows.delivery_id));
    let nonce = ReplayId::mint();
    let copies = redrive(&[rows, receipt], |_| true, Some(nonce)).once_more;
    assert_eq!((copies[0].after, copies[1].after), (None, Some(0)));
    assert!(matches!(&copies[0].content, Content::Storage(work) if work.nonce == Some(nonce)));
}
