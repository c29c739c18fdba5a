//! What every `DeliveryQueue` owes its callers.

use super::{AGES, Queues, agent_task, claim_for, message, said};
use crate::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use crate::delivery_queue::{DeliverySettlement, NextStep};
use crate::destination::DestinationKind;
use crate::plan::Content;
use crate::queue::{ClaimToken, Settled};
use dispatch_mission::signal::{Consent, Disposition, Recipient};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// What every [`DeliveryQueue`](crate::delivery_queue::DeliveryQueue) owes its callers.
///
/// # Panics
/// When the queue breaks the contract.
pub async fn delivery_queue_contract(queues: Queues<'_>) {
    settles_only_for_the_holder(queues).await;
    remembers_what_may_have_been_sent(queues).await;
    ends_what_is_used_up(queues).await;
    ends_alone_what_ends_its_worker(queues).await;
    keeps_the_order_of_a_plan(queues).await;
    stores_before_it_tells(queues).await;
    forgets_no_permission(queues).await;
    assert_eq!(queues.deliveries.release_held(10).await.expect("released"), 0, "nothing is held");
    assert!(claim(queues, AGES).await.is_empty(), "nothing is left due");
}

pub(super) async fn claim(queues: Queues<'_>, lease: Duration) -> Vec<ClaimedDelivery> {
    queues.deliveries.claim(DestinationKind::Slack, claim_for(lease)).await.expect("claimed")
}

pub(super) async fn claim_one(queues: Queues<'_>, lease: Duration) -> ClaimedDelivery {
    let mut claimed = claim(queues, lease).await;
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

pub(super) fn attempt(delivery: &ClaimedDelivery, outcome: AttemptOutcome, next: NextStep) -> DeliverySettlement {
    DeliverySettlement {
        delivery_id: delivery.delivery_id,
        token: delivery.token,
        outcome,
        took: Duration::from_millis(12),
        next,
    }
}

fn arrived(delivery: &ClaimedDelivery) -> DeliverySettlement {
    let outcome = AttemptOutcome::Delivered { reference: Some("9.000001".into()) };
    attempt(delivery, outcome, NextStep::End(DeliveryState::Delivered))
}

pub(super) async fn settle(queues: Queues<'_>, settlement: DeliverySettlement) {
    assert_eq!(queues.deliveries.settle(vec![settlement]).await.expect("settled"), [Settled::Stood]);
}

async fn settles_only_for_the_holder(queues: Queues<'_>) {
    let unit = queues.routed("d holder", vec![message("d holder", None)]).await;
    let delivery = claim_one(queues, AGES).await;
    assert_eq!((delivery.unit_id, delivery.attempts, delivery.may_have_been_sent), (unit.unit_id, 1, false));
    assert!(matches!(&delivery.content, Content::Message { text } if text.starts_with('✅')));
    assert!(claim(queues, AGES).await.is_empty(), "it is in somebody's hands");
    let mut forged = arrived(&delivery);
    forged.token = ClaimToken(Uuid::now_v7());
    let both = vec![forged, arrived(&delivery)];
    assert_eq!(queues.deliveries.settle(both).await.expect("settled"), [Settled::Lost, Settled::Stood]);
    assert_eq!(queues.deliveries.settle(vec![arrived(&delivery)]).await.expect("answered"), [Settled::Lost]);
}

async fn remembers_what_may_have_been_sent(queues: Queues<'_>) {
    queues.routed("d doubt", vec![message("d doubt", None)]).await;
    let first = claim_one(queues, AGES).await;
    let refused = AttemptOutcome::Retryable { code: "http_503".into(), retry_after: None };
    settle(queues, attempt(&first, refused, NextStep::Again(Duration::ZERO))).await;
    let second = claim_one(queues, AGES).await;
    assert_eq!((second.attempts, second.may_have_been_sent), (2, false), "a refusal is no doubt");
    let vague = AttemptOutcome::Ambiguous { code: "timeout".into() };
    settle(queues, attempt(&second, vague.clone(), NextStep::End(DeliveryState::Unknown))).await;

    queues.routed("d doubt again", vec![message("d doubt again", None)]).await;
    let first = claim_one(queues, AGES).await;
    settle(queues, attempt(&first, vague.clone(), NextStep::Again(Duration::ZERO))).await;
    let second = claim_one(queues, AGES).await;
    assert!(second.may_have_been_sent, "a time-out is");
    settle(queues, arrived(&second)).await;

    queues.routed("d dead worker", vec![message("d dead worker", None)]).await;
    let first = claim_one(queues, Duration::ZERO).await;
    let second = claim_one(queues, AGES).await;
    assert_eq!((second.delivery_id, second.attempts), (first.delivery_id, 2));
    assert!(second.may_have_been_sent, "its worker may have died after sending");
    assert_eq!(queues.deliveries.settle(vec![arrived(&first)]).await.expect("answered"), [Settled::Lost]);
    settle(queues, arrived(&second)).await;
}

async fn ends_what_is_used_up(queues: Queues<'_>) {
    queues.routed("d used up", vec![message("d used up", None), message("d used up", Some(0))]).await;
    for attempts in 1..=2 {
        assert_eq!(claim_one(queues, Duration::ZERO).await.attempts, attempts);
    }
    assert!(claim(queues, AGES).await.is_empty(), "ended, and what waited for it is cancelled");
}

async fn ends_alone_what_ends_its_worker(queues: Queues<'_>) {
    queues.routed("d poison", (0..5).map(|_| message("d poison", None)).collect()).await;
    let batch = claim(queues, Duration::ZERO).await;
    assert_eq!(batch.len(), 5, "new ones together");
    let poison = batch[2].delivery_id;
    let mut settled = 0;
    loop {
        let claimed = claim(queues, Duration::ZERO).await;
        let Some(delivery) = claimed.first() else { break };
        assert_eq!((claimed.len(), delivery.attempts), (1, 2), "one whose claim ran out comes alone");
        if delivery.delivery_id != poison {
            settle(queues, arrived(delivery)).await;
            settled += 1;
        }
    }
    assert_eq!(settled, 4, "all its neighbours arrive");
}

async fn keeps_the_order_of_a_plan(queues: Queues<'_>) {
    let chain = || vec![message("d chain", None), message("d chain", Some(0)), message("d chain", Some(1))];
    queues.routed("d chain", chain()).await;
    for _ in 0..3 {
        let next = claim_one(queues, AGES).await;
        settle(queues, arrived(&next)).await;
    }
    queues.routed("d broken chain", chain()).await;
    let first = claim_one(queues, AGES).await;
    let refused = AttemptOutcome::Permanent { code: "channel_not_found".into() };
    settle(queues, attempt(&first, refused, NextStep::End(DeliveryState::Failed))).await;
    assert!(claim(queues, AGES).await.is_empty(), "all that depends on it is cancelled");
}

async fn stores_before_it_tells(queues: Queues<'_>) {
    queues.routed("d stored", vec![agent_task(), message("d stored", Some(0))]).await;
    // Stored at once, or left due: both are allowed.
    let storage = DestinationKind::Storage;
    for delivery in queues.deliveries.claim(storage, claim_for(AGES)).await.expect("claimed") {
        let stored = queues.deliveries.store(&delivery).await.expect("stored");
        assert_eq!((stored.settled, stored.state), (Settled::Stood, DeliveryState::Delivered));
        let twice = queues.deliveries.store(&delivery).await.expect("answered");
        assert_eq!(twice.settled, Settled::Lost);
    }
    let receipt = claim_one(queues, AGES).await;
    settle(queues, arrived(&receipt)).await;
}

/// The newest word about a workspace counts, in whatever order the words come.
async fn forgets_no_permission(queues: Queues<'_>) {
    const REASON: &str = "app_uninstalled";
    let workspace = Recipient::slack_workspace("T7");
    let at = |second: u64| OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + second);
    let says = async |given: bool, second: u64| {
        let mut signal = said("d permission", "", &format!("{second}.{:06}", u8::from(given)));
        signal.occurred_at = at(second);
        signal.disposition = Disposition::Ignore(REASON);
        signal.consent = Some(Consent { recipient: workspace.clone(), given, reason: REASON });
        queues.signals.append_all(vec![signal]).await.expect("appended");
    };
    let other = Recipient::slack_workspace("T8");
    let refusal = async || {
        let asked = [workspace.clone(), other.clone(), workspace.clone()];
        let mut refusals = queues.deliveries.refusals(&asked).await.expect("answered");
        let refusal = refusals.remove(&workspace);
        assert!(refusals.is_empty(), "nobody spoke about the other one");
        refusal
    };
    let allow = async |second: u64| queues.deliveries.allow(&workspace, at(second)).await.expect("answered");
    assert_eq!((refusal().await, allow(10).await), (None, None), "nobody spoke about it");
    says(false, 9).await;
    assert_eq!(refusal().await, None, "a late word from before");
    says(false, 20).await;
    assert_eq!(refusal().await.as_deref(), Some(REASON));
    says(true, 15).await;
    assert_eq!(refusal().await.as_deref(), Some(REASON), "that was before it, too");
    assert_eq!(allow(18).await.as_deref(), Some(REASON), "what the provider shows now counts, whatever the clocks say");
    says(false, 19).await;
    assert_eq!((refusal().await, allow(30).await), (None, None), "no clock goes back");
    says(false, 31).await;
    says(true, 32).await;
    assert_eq!(refusal().await, None);
}
