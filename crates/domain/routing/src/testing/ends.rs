//! What every `DispatchStatuses` and every `DeadLetters` owe their callers.

use super::{AGES, Queues, claim_for, message};
use crate::dead_letters::{Dead, DeadFilter, DeadKind, DeadLetters, FaultClass};
use crate::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use crate::delivery_queue::{DeliverySettlement, NextStep};
use crate::destination::DestinationKind;
use crate::dispatch_status::DispatchStatuses;
use crate::queue::Settled;
use dispatch_mission::ids::{DeliveryId, UnitId};
use std::time::Duration;

/// What every [`DispatchStatuses`] and [`DeadLetters`] owe their callers.
///
/// # Panics
/// When one breaks the contract.
pub async fn ends_contract(queues: Queues<'_>, statuses: &dyn DispatchStatuses, dead: &dyn DeadLetters) {
    tells_each_attempt(queues, statuses).await;
    shows_what_is_dead_in_order(queues, dead).await;
}

/// Claims the one message that is due.
///
/// # Panics
/// When a port breaks its contract.
pub async fn one_message(queues: Queues<'_>) -> ClaimedDelivery {
    let mut claimed = queues.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.expect("claimed");
    assert_eq!(claimed.len(), 1, "one message is due");
    claimed.remove(0)
}

/// Settles a claimed delivery with this outcome and what follows from it.
///
/// # Panics
/// When a port breaks its contract.
pub async fn ends(queues: Queues<'_>, delivery: &ClaimedDelivery, outcome: AttemptOutcome, next: NextStep) {
    let settlement = DeliverySettlement {
        delivery_id: delivery.delivery_id,
        token: delivery.token,
        outcome,
        took: Duration::from_millis(40),
        next,
    };
    assert_eq!(queues.deliveries.settle(vec![settlement]).await.expect("settled"), [Settled::Stood]);
}

async fn refused(queues: Queues<'_>, channel: &str, code: &str) -> ClaimedDelivery {
    queues.routed(channel, vec![message(channel, None)]).await;
    let delivery = one_message(queues).await;
    let outcome = AttemptOutcome::Permanent { code: code.into() };
    ends(queues, &delivery, outcome, NextStep::End(DeliveryState::Failed)).await;
    delivery
}

async fn tells_each_attempt(queues: Queues<'_>, statuses: &dyn DispatchStatuses) {
    let unit = queues.routed("s1", vec![message("s1", None), message("s2", Some(0))]).await;
    let first = one_message(queues).await;
    let status = statuses.find(first.dispatch_id.0).await.expect("answered").expect("a dispatch");
    assert_eq!((status.dispatch_id, status.unit_id, status.replay_of), (first.dispatch_id, unit.unit_id, None));
    assert_eq!(status.rule, "stray");
    let [one, two] = status.deliveries.as_slice() else { panic!("{status:?}") };
    assert!(one.in_hand && one.next_attempt_at.is_none() && one.attempts.is_empty(), "{one:?}");
    assert!(!two.in_hand && two.next_attempt_at.is_none() && two.after == Some(one.delivery_id), "{two:?}");

    let busy = AttemptOutcome::Retryable { code: "http_503".into(), retry_after: None };
    ends(queues, &first, busy, NextStep::Again(Duration::ZERO)).await;
    let second = one_message(queues).await;
    ends(
        queues,
        &second,
        AttemptOutcome::Delivered { reference: Some("9.1".into()) },
        NextStep::End(DeliveryState::Delivered),
    )
    .await;
    let status = statuses.find(first.delivery_id.0).await.expect("answered").expect("a delivery");
    assert_eq!((status.dispatch_id, status.deliveries.len()), (first.dispatch_id, 1), "that delivery alone");
    let one = &status.deliveries[0];
    assert_eq!((one.state, one.settled_at.is_some()), (DeliveryState::Delivered, true));
    let told: Vec<_> = one.attempts.iter().map(|one| (one.number, one.outcome.as_str(), one.code.as_deref())).collect();
    assert_eq!(told, [(1, "retryable", Some("http_503")), (2, "delivered", None)]);
    assert_eq!(one.attempts[0].took, Some(Duration::from_millis(40)));
    assert_eq!(one.attempts[0].next_at, Some(one.attempts[0].at), "it was to follow at once");
    assert_eq!(statuses.find(DeliveryId::mint().0).await.expect("answered"), None);
    assert_eq!(statuses.find(unit.unit_id.0).await.expect("answered"), None, "a unit is neither");
    let last = one_message(queues).await;
    ends(queues, &last, AttemptOutcome::Delivered { reference: None }, NextStep::End(DeliveryState::Delivered)).await;
}

async fn shows_what_is_dead_in_order(queues: Queues<'_>, dead: &dyn DeadLetters) {
    let all = DeadFilter::default();
    assert!(dead.list(&all, None, 10).await.expect("a page").items.is_empty(), "nothing is dead yet");
    let bad = refused(queues, "gone", "channel_not_found").await;
    let ours = refused(queues, "mute", "no_token").await;
    let unit = queues.claimed("mad", AGES).await;
    let buried = queues.units.give_back(unit.unit_id, unit.token, None, "refused").await.expect("answered");
    assert_eq!(buried, Settled::Stood);
    let expected = [bad.delivery_id.0, ours.delivery_id.0, unit.unit_id.0];

    let first = dead.list(&all, None, 2).await.expect("a page");
    let second = dead.list(&all, first.next.as_ref(), 2).await.expect("a page");
    let ids: Vec<_> = first.items.iter().chain(&second.items).map(|one| one.id).collect();
    assert_eq!((ids.as_slice(), second.next), (expected.as_slice(), None), "what ended first comes first");
    let newest = DeadFilter { newest_first: true, ..DeadFilter::default() };
    let last = dead.list(&newest, None, 1).await.expect("a page");
    let before = dead.list(&newest, last.next.as_ref(), 10).await.expect("a page");
    let ids: Vec<_> = last.items.iter().chain(&before.items).rev().map(|one| one.id).collect();
    assert_eq!(ids, expected);

    let [target, token, mad] = [&first.items[0], &first.items[1], &second.items[0]];
    assert_eq!((target.class(), token.class(), mad.class()), {
        (FaultClass::Target, FaultClass::Pipeline, FaultClass::Pipeline)
    });
    assert!(
        matches!(&target.what, Dead::Delivery { dispatch_id, state: DeliveryState::Failed, .. }
        if *dispatch_id == bad.dispatch_id),
        "{target:?}"
    );
    assert_eq!((target.reason.as_str(), target.attempts, mad.kind()), ("channel_not_found", 1, DeadKind::Unit));
    assert_eq!((mad.unit_id, UnitId(mad.id), mad.reason.as_str()), (unit.unit_id, unit.unit_id, "refused"));
    let [bad, ours, unit] = expected;
    for (filter, wanted) in [
        (DeadFilter { reasons: vec!["no_token".into(), "refused".into()], ..DeadFilter::default() }, vec![ours, unit]),
        (DeadFilter { kinds: vec!["unit".into()], ..DeadFilter::default() }, vec![unit]),
        (DeadFilter { kinds: vec!["slack".into()], ..DeadFilter::default() }, vec![bad, ours]),
        (DeadFilter { destinations: vec!["gone".into()], ..DeadFilter::default() }, vec![bad]),
        (DeadFilter { class: Some(FaultClass::Target), ..DeadFilter::default() }, vec![bad]),
        (DeadFilter { class: Some(FaultClass::Pipeline), ..DeadFilter::default() }, vec![ours, unit]),
    ] {
        let page = dead.list(&filter, None, 10).await.expect("a page");
        assert_eq!(page.items.iter().map(|one| one.id).collect::<Vec<_>>(), wanted, "{filter:?}");
    }
}
