//! What every `HeldWork` owes its callers.

use super::{AGES, Queues, message, settlement};
use crate::delivery::DeliveryState;
use crate::held_work::{Confirmation, Decider, Dismissal, HeldCursor, HeldFilter, HeldWork, HeldWorkError};
use crate::plan::{Decision, Hold, Verdict};
use crate::queue::Settled;
use crate::unit_queue::UnitSettlement;
use dispatch_mission::ids::{ClassificationId, DispatchId, OperationId, UnitId};
use dispatch_mission::mission::RoutingDecision;

/// What every [`HeldWork`] owes its callers.
///
/// # Panics
/// When it breaks the contract.
pub async fn held_work_contract(queues: Queues<'_>, work: &dyn HeldWork) {
    shows_what_waits_in_order(queues, work).await;
    knows_a_unit_by_what_it_means(queues, work).await;
    takes_one_decision(queues, work).await;
    does_a_thing_once_per_operation(queues, work).await;
}

/// A unit in a channel of its own that is held for this reason.
///
/// # Panics
/// When a port breaks its contract.
pub async fn held(queues: Queues<'_>, channel: &str, reason: &str) -> UnitSettlement {
    let unit = queues.claimed(channel, AGES).await;
    let hold = Hold { reason: reason.to_owned(), expires_after: None };
    let mut settlement = settlement(&unit, Verdict::Hold(hold));
    settlement.decision.rule = "below_threshold".to_owned();
    let settled = queues.units.settle(vec![settlement.clone()]).await.expect("settled");
    assert_eq!(settled, [Settled::Stood]);
    settlement
}

fn ann(operation: Option<OperationId>) -> Decider {
    Decider { principal: "user:ann".into(), operation, note: Some("Asked her".into()) }
}

fn yes(of: &UnitSettlement, operation: Option<OperationId>) -> Confirmation {
    Confirmation {
        unit_id: of.unit_id,
        classification_id: of.classification_id,
        dispatch_id: DispatchId::mint(),
        restated: None,
        decision: Decision {
            routing: RoutingDecision { auto_dispatch: false, reason: "Confirmed by user:ann".into() },
            rule: "confirmed".into(),
            verdict: Verdict::Dispatch(vec![message("yes", None), message("then", Some(0))]),
            question: None,
        },
        by: ann(operation),
    }
}

fn no(unit_id: UnitId, operation: Option<OperationId>) -> Dismissal {
    Dismissal { unit_id, seen: None, by: ann(operation) }
}

async fn shows_what_waits_in_order(queues: Queues<'_>, work: &dyn HeldWork) {
    let all = HeldFilter::default();
    assert!(work.list(&all, None, 10).await.expect("a page").items.is_empty(), "nothing is held yet");
    let mut settled = Vec::new();
    for (channel, reason) in [("h1", "below_threshold"), ("h2", "attachment_only"), ("h3", "below_threshold")] {
        settled.push(held(queues, channel, reason).await);
    }
    let first = work.list(&all, None, 2).await.expect("a page");
    let ids = |units: &[UnitSettlement]| units.iter().map(|one| one.unit_id).collect::<Vec<_>>();
    let shown: Vec<_> = first.items.iter().map(|one| one.unit.unit_id).collect();
    assert_eq!(shown, ids(&settled[..2]), "the oldest first");
    let second = work.list(&all, first.next.as_ref(), 2).await.expect("a page");
    assert_eq!((second.items.len(), second.next), (1, None), "the last page says so");
    let one = &second.items[0];
    assert_eq!((&one.classified, one.classification_id), (&settled[2].classified, settled[2].classification_id));
    assert_eq!(one.reason, "below_threshold");
    assert_eq!(one.decided.as_ref().map(|(_, rule)| rule.as_str()), Some("below_threshold"));
    assert_eq!((one.unit.members.len(), one.unit.author.as_str()), (1, "U1"));
    let filter = HeldFilter { reasons: vec!["attachment_only".into()] };
    let some = work.list(&filter, None, 10).await.expect("a page").items;
    assert_eq!(some.iter().map(|one| one.unit.unit_id).collect::<Vec<_>>(), ids(&settled[1..2]));
    let behind = HeldCursor { since: one.since, unit_id: one.unit.unit_id };
    assert!(work.list(&all, Some(&behind), 10).await.expect("a page").items.is_empty());
    for unit in settled {
        let found = work.find(unit.unit_id).await.expect("answered").expect("held");
        assert_eq!(found.classification_id, unit.classification_id);
        work.dismiss(&no(unit.unit_id, None)).await.expect("dismissed");
        assert_eq!(work.find(unit.unit_id).await.expect("answered"), None, "nobody waits for it any more");
    }
}

async fn knows_a_unit_by_what_it_means(queues: Queues<'_>, work: &dyn HeldWork) {
    let unit = held(queues, "known", "below_threshold").await;
    let found = work.of_classification(unit.classification_id).await.expect("held");
    assert_eq!(found.unit.unit_id, unit.unit_id);
    let stranger = work.of_classification(ClassificationId::mint()).await;
    assert!(matches!(stranger, Err(HeldWorkError::Unknown)), "{stranger:?}");
    let mut stale = yes(&unit, None);
    stale.classification_id = ClassificationId::mint();
    let refused = work.confirm(&stale).await;
    assert!(
        matches!(refused, Err(HeldWorkError::Superseded { by: Some(by) }) if by == unit.classification_id),
        "{refused:?}"
    );
    assert!(work.find(unit.unit_id).await.expect("answered").is_some(), "nothing was written");
    work.dismiss(&no(unit.unit_id, None)).await.expect("dismissed");
    let late = work.of_classification(unit.classification_id).await;
    assert!(
        matches!(&late, Err(HeldWorkError::NotHeld { state, dispatch_id: None }) if state == "dismissed"),
        "{late:?}"
    );
    let nobody = work.dismiss(&no(UnitId::mint(), None)).await;
    assert!(matches!(nobody, Err(HeldWorkError::Unknown)), "{nobody:?}");
}

async fn takes_one_decision(queues: Queues<'_>, work: &dyn HeldWork) {
    let unit = held(queues, "once", "below_threshold").await;
    let confirmation = yes(&unit, None);
    let made = work.confirm(&confirmation).await.expect("confirmed");
    assert_eq!((made.dispatch_id, made.unit_id), (confirmation.dispatch_id, unit.unit_id));
    assert_eq!(made.deliveries.len(), 2);
    assert!(made.deliveries.iter().all(|one| one.state == DeliveryState::Pending && one.reason.is_none()));
    let is_routed = |error: &HeldWorkError| {
        matches!(error, HeldWorkError::NotHeld { state, dispatch_id }
            if state == "routed" && *dispatch_id == Some(made.dispatch_id))
    };
    let again = work.confirm(&yes(&unit, None)).await.expect_err("decided");
    let dismissed = work.dismiss(&no(unit.unit_id, None)).await.expect_err("decided");
    assert!(is_routed(&again) && is_routed(&dismissed), "{again:?} {dismissed:?}");
}

async fn does_a_thing_once_per_operation(queues: Queues<'_>, work: &dyn HeldWork) {
    let (unit, operation) = (held(queues, "op", "below_threshold").await, OperationId::mint());
    assert_eq!(work.confirmed(operation).await.expect("answered"), None);
    let made = work.confirm(&yes(&unit, Some(operation))).await.expect("confirmed");
    assert_eq!(work.confirm(&yes(&unit, Some(operation))).await.expect("as before"), made);
    assert_eq!(work.confirmed(operation).await.expect("answered"), Some(made));
    let (unit, operation) = (held(queues, "op-no", "below_threshold").await, OperationId::mint());
    let ended = work.dismiss(&no(unit.unit_id, Some(operation))).await.expect("dismissed");
    assert_eq!(work.dismiss(&no(unit.unit_id, Some(operation))).await.expect("as before"), ended);
    assert_eq!(work.confirmed(operation).await.expect("answered"), None, "a no is no dispatch");
}
