//! What every `DeliveryQueue` owes to destinations that do not wait for each other.

use super::delivery_queue::{attempt, settle};
use super::{AGES, Queues, claim_for, message};
use crate::breaker::BreakerRule;
use crate::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use crate::delivery_queue::{Bounds, DeliveryQueue, NextStep};
use crate::destination::{Destination, DestinationKind, NotificationDestination, SlackPlace};
use crate::limits::{Limits, Rate};
use crate::plan::{Content, PlannedDelivery};
use crate::question::Remark;
use crate::queue::ClaimRule;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// One more replica's queue on the same database, within limits.
pub type Within<'a> = &'a (dyn Fn(Limits) -> Box<dyn DeliveryQueue> + Sync);

/// What every [`DeliveryQueue`] owes to destinations that do not wait for each other. `queues` are without rates.
///
/// # Panics
/// When the queue breaks the contract.
pub async fn lanes_contract(queues: Queues<'_>, within: Within<'_>) {
    takes_turns_and_keeps_to_places(queues).await;
    shares_a_rate_among_replicas(queues, within).await;
    pauses_what_asked_and_nobody_else(queues).await;
    leaves_alone_who_fails(queues, within).await;
    asks_with_one_delivery(queues, within).await;
    asks_again_when_the_asking_worker_died(queues, within).await;
    ends_what_is_past_its_deadline(queues).await;
    keeps_the_order_of_a_conversation(queues, within).await;
}

/// A message to a channel of a workspace: a lane.
#[must_use]
pub fn message_to(workspace: &str, channel: &str) -> PlannedDelivery {
    let thread =
        SlackPlace { workspace: workspace.into(), channel_id: channel.into(), thread_ts: Some("1.000001".into()) };
    PlannedDelivery {
        destination: Destination::Notification(NotificationDestination::Slack(thread)),
        ..message(channel, None)
    }
}

/// Limits with this breaker and no rates.
#[must_use]
pub fn breaking(failures: u32, open_seconds: u64) -> Limits {
    Limits { breaker: BreakerRule { failures, open_seconds, longest_seconds: open_seconds }, ..Limits::unlimited() }
}

/// These many in each lane.
async fn waiting(queues: Queues<'_>, channel: &str, lanes: &[(&str, &str, usize)]) {
    let plan = lanes.iter().flat_map(|(workspace, channel, many)| vec![message_to(workspace, channel); *many]);
    queues.routed(channel, plan.collect()).await;
}

async fn claim(queue: &dyn DeliveryQueue, rule: ClaimRule, bounds: &Bounds) -> Vec<ClaimedDelivery> {
    queue.claim_within(DestinationKind::Slack, rule, bounds).await.expect("claimed")
}

async fn claim_all(queue: &dyn DeliveryQueue) -> Vec<ClaimedDelivery> {
    claim(queue, claim_for(AGES), &Bounds::default()).await
}

/// How many there are of each lane.
fn lanes(claimed: &[ClaimedDelivery]) -> BTreeMap<String, usize> {
    let mut lanes = BTreeMap::new();
    for delivery in claimed {
        let lane = delivery.destination.lane();
        *lanes.entry(format!("{} {}", lane.destination, lane.channel_text())).or_default() += 1;
    }
    lanes
}

fn named<const N: usize>(lanes: [(&str, usize); N]) -> BTreeMap<String, usize> {
    lanes.into_iter().map(|(lane, many)| (lane.to_owned(), many)).collect()
}

async fn deliver(queues: Queues<'_>, claimed: &[ClaimedDelivery]) {
    for delivery in claimed {
        let done = AttemptOutcome::Delivered { reference: None };
        settle(queues, attempt(delivery, done, NextStep::End(DeliveryState::Delivered))).await;
    }
}

/// Their attempts come to nothing, by the rules of `queue`.
async fn fail(queue: &dyn DeliveryQueue, claimed: &[ClaimedDelivery]) {
    for delivery in claimed {
        let refused = AttemptOutcome::Retryable { code: "http_503".into(), retry_after: None };
        let settlement = attempt(delivery, refused, NextStep::Again(AGES));
        assert_eq!(queue.settle(vec![settlement]).await.expect("settled"), [crate::queue::Settled::Stood]);
    }
}

async fn takes_turns_and_keeps_to_places(queues: Queues<'_>) {
    waiting(queues, "l turns", &[("turns-1", "C1", 6), ("turns-2", "C1", 1), ("turns-2", "C2", 1)]).await;
    let three = ClaimRule { limit: 3, ..claim_for(AGES) };
    let first = claim(queues.deliveries, three, &Bounds::default()).await;
    assert_eq!(lanes(&first), named([("slack/turns-1 C1", 1), ("slack/turns-2 C1", 1), ("slack/turns-2 C2", 1)]));
    let under_way =
        |many| Bounds { each: Some(3), under_way: HashMap::from([("slack/turns-1".to_owned(), many)]), deadline: None };
    assert!(claim(queues.deliveries, three, &under_way(3)).await.is_empty(), "it has its places");
    let second = claim(queues.deliveries, three, &under_way(1)).await;
    assert_eq!(second.len(), 2, "no more than there are places left");
    let rest = claim_all(queues.deliveries).await;
    assert_eq!(rest.len(), 3);
    deliver(queues, &[first, second, rest].concat()).await;
}

async fn shares_a_rate_among_replicas(queues: Queues<'_>, within: Within<'_>) {
    let rates = BTreeMap::from([("slack/rated".to_owned(), Rate::new(0.001, 2).expect("a rate"))]);
    let limits = Limits { rates, ..Limits::unlimited() };
    let (one, two) = (within(limits.clone()), within(limits));
    waiting(queues, "l rates", &[("rated", "C1", 4), ("rated", "C2", 1), ("free", "C1", 3)]).await;
    let first = claim_all(one.as_ref()).await;
    assert_eq!(lanes(&first), named([("slack/free C1", 3), ("slack/rated C1", 2), ("slack/rated C2", 1)]));
    assert!(claim_all(two.as_ref()).await.is_empty(), "what one took the other has not");
    waiting(queues, "l rates again", &[("rated", "C2", 3)]).await;
    let second = claim_all(two.as_ref()).await;
    assert_eq!(lanes(&second), named([("slack/rated C2", 1)]), "what one left the other has");
    assert!(claim_all(queues.deliveries).await.is_empty(), "nobody looks into a lane that rests");
    deliver(queues, &[first, second].concat()).await;
}

async fn pauses_what_asked_and_nobody_else(queues: Queues<'_>) {
    waiting(queues, "l pause", &[("paused", "C1", 1), ("paused", "C2", 1), ("looks", "C1", 1)]).await;
    for delivery in claim_all(queues.deliveries).await {
        let lane = delivery.destination.lane();
        let (code, asks) = match lane.destination.as_str() {
            "slack/looks" => ("lookup_rate_limited", true),
            _ => ("rate_limited", lane.channel_text() == "C1"),
        };
        let refused = AttemptOutcome::Retryable { code: code.into(), retry_after: asks.then_some(AGES) };
        let next = if asks { NextStep::Again(AGES) } else { NextStep::Again(Duration::ZERO) };
        settle(queues, attempt(&delivery, refused, next)).await;
    }
    let closing = |workspace| PlannedDelivery {
        content: Content::Closing { message_ref: "1.000002".into(), remark: Remark::plain("Confirmed") },
        ..message_to(workspace, "C1")
    };
    let others = [message_to("paused", "C1"), message_to("paused", "C3"), closing("paused"), message_to("looks", "C1")];
    queues.routed("l pause again", others.to_vec()).await;
    waiting(queues, "l pause elsewhere", &[("not-paused", "C1", 1)]).await;
    let claimed = claim_all(queues.deliveries).await;
    let whole = named([("slack/looks C1", 1), ("slack/not-paused C1", 1), ("slack/paused C1", 1)]);
    assert_eq!(lanes(&claimed), whole, "no channel of a workspace that asked, but what changes a message");
    assert_eq!(claimed.iter().filter(|one| matches!(one.content, Content::Closing { .. })).count(), 1);
    deliver(queues, &claimed).await;
}

async fn leaves_alone_who_fails(queues: Queues<'_>, within: Within<'_>) {
    let queue = within(breaking(2, 3600));
    waiting(queues, "l open", &[("open", "C1", 2), ("open", "C2", 2), ("well", "C1", 1)]).await;
    let two_each = Bounds { each: Some(2), ..Bounds::default() };
    let claimed = claim(queue.as_ref(), claim_for(AGES), &two_each).await;
    let (well, failing): (Vec<_>, Vec<_>) =
        claimed.into_iter().partition(|delivery| delivery.destination.lane().destination == "slack/well");
    assert_eq!((well.len(), failing.len()), (1, 2));
    fail(queue.as_ref(), &failing[..1]).await;
    let third = claim(queue.as_ref(), ClaimRule { limit: 1, ..claim_for(AGES) }, &Bounds::default()).await;
    assert_eq!(third.len(), 1, "one fault is none");
    fail(queue.as_ref(), &failing[1..]).await;
    deliver(queues, &third).await;
    assert!(claim_all(queues.deliveries).await.is_empty(), "all of it is left alone, whatever was under way");
    waiting(queues, "l open again", &[("open", "C3", 1), ("well", "C1", 1)]).await;
    let others = claim_all(queues.deliveries).await;
    assert_eq!(lanes(&others), named([("slack/well C1", 1)]));
    deliver(queues, &[well, others].concat()).await;
}

async fn asks_with_one_delivery(queues: Queues<'_>, within: Within<'_>) {
    let at_once = within(breaking(1, 0));
    waiting(queues, "l half", &[("half", "C1", 3), ("half", "C2", 3)]).await;
    let first = claim(queues.deliveries, ClaimRule { limit: 1, ..claim_for(AGES) }, &Bounds::default()).await;
    fail(at_once.as_ref(), &first).await;
    for _ in 0..2 {
        let probe = claim_all(queues.deliveries).await;
        assert_eq!(probe.len(), 1, "one is let through");
        assert!(claim_all(queues.deliveries).await.is_empty(), "and no other while it is under way");
        fail(at_once.as_ref(), &probe).await;
    }
    let probe = claim_all(queues.deliveries).await;
    deliver(queues, &probe).await;
    let rest = claim_all(queues.deliveries).await;
    assert_eq!((probe.len(), rest.len()), (1, 2), "it lives: the others go on");
    deliver(queues, &rest).await;
}

async fn asks_again_when_the_asking_worker_died(queues: Queues<'_>, within: Within<'_>) {
    waiting(queues, "l dead", &[("dead", "C1", 2)]).await;
    let first = claim(queues.deliveries, ClaimRule { limit: 1, ..claim_for(AGES) }, &Bounds::default()).await;
    fail(within(breaking(1, 0)).as_ref(), &first).await;
    let lost = claim(queues.deliveries, claim_for(Duration::ZERO), &Bounds::default()).await;
    let again = claim_all(queues.deliveries).await;
    assert_eq!((lost.len(), again.len()), (1, 1));
    assert_eq!(again[0].delivery_id, lost[0].delivery_id);
    deliver(queues, &again).await;
}

async fn ends_what_is_past_its_deadline(queues: Queues<'_>) {
    waiting(queues, "l late", &[("late", "C1", 15)]).await;
    let late = Bounds { deadline: Some(Duration::ZERO), ..Bounds::default() };
    assert!(claim(queues.deliveries, claim_for(AGES), &late).await.is_empty(), "its time is over");
    assert!(claim_all(queues.deliveries).await.is_empty(), "all of them are ended");
}

async fn keeps_the_order_of_a_conversation(queues: Queues<'_>, within: Within<'_>) {
    let queue = within(Limits { in_order: vec![DestinationKind::Slack], ..Limits::unlimited() });
    waiting(queues, "l order", &[("order", "C1", 3), ("order", "C2", 1)]).await;
    let first = claim_all(queue.as_ref()).await;
    assert_eq!(lanes(&first), named([("slack/order C1", 1), ("slack/order C2", 1)]), "the first of each thread");
    assert!(claim_all(queue.as_ref()).await.is_empty(), "the others wait for it");
    for delivery in &first {
        let refused = AttemptOutcome::Retryable { code: "http_503".into(), retry_after: None };
        settle(queues, attempt(delivery, refused, NextStep::Again(Duration::ZERO))).await;
    }
    let again = claim_all(queue.as_ref()).await;
    let ids = |claimed: &[ClaimedDelivery]| claimed.iter().map(|one| one.delivery_id).collect::<BTreeSet<_>>();
    assert_eq!(ids(&again), ids(&first), "also while it is tried again");
    deliver(queues, &again).await;
}
