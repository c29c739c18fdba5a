//! The turn of sends over a scripted queue: what goes on beside what, and what is never sent.

use super::*;
use async_trait::async_trait;
use dispatch_mission::ids::{DeliveryId, DispatchId, UnitId};
use dispatch_routing::delivery_queue::StoreOutcome;
use dispatch_routing::destination::{Destination, WebhookDestination};
use dispatch_routing::plan::Content;
use dispatch_routing::queue::ClaimToken;
use std::sync::Mutex;
use std::time::Duration;
use time::OffsetDateTime;

#[derive(Default)]
struct Script {
    due: Vec<ClaimedDelivery>,
    settling_takes: Duration,
    settled: Vec<Vec<DeliverySettlement>>,
    refused: HashMap<Recipient, String>,
    permissions_fail: bool,
    permissions_asked: usize,
}

#[derive(Default)]
struct ScriptedQueue(Mutex<Script>);

impl ScriptedQueue {
    fn of(endpoints: &[&str]) -> Arc<Self> {
        let due = endpoints.iter().map(|endpoint| delivery_to(endpoint)).collect();
        Arc::new(Self(Mutex::new(Script { due, ..Script::default() })))
    }

    fn see<T>(&self, look: impl FnOnce(&mut Script) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

pub(super) fn delivery_to(endpoint: &str) -> ClaimedDelivery {
    ClaimedDelivery {
        delivery_id: DeliveryId::mint(),
        dispatch_id: DispatchId::mint(),
        unit_id: UnitId::mint(),
        token: ClaimToken(UnitId::mint().0),
        attempts: 1,
        age: Duration::ZERO,
        destination: Destination::Webhook(WebhookDestination { target: endpoint.into() }),
        content: Content::Message { text: "hello".into() },
        may_have_been_sent: false,
    }
}

#[async_trait]
impl DeliveryQueue for ScriptedQueue {
    async fn claim_within(
        &self,
        _: DestinationKind,
        rule: ClaimRule,
        bounds: &Bounds,
    ) -> Result<Vec<ClaimedDelivery>, QueueError> {
        self.see(|script| {
            let (mut claimed, mut left) = (Vec::new(), Vec::new());
            let mut under_way = bounds.under_way.clone();
            for one in script.due.drain(..) {
                let count = under_way.entry(one.destination.lane().destination).or_default();
                if claimed.len() < rule.limit as usize && bounds.each.is_none_or(|each| *count < each) {
                    *count += 1;
                    claimed.push(one);
                } else {
                    left.push(one);
                }
            }
            script.due = left;
            Ok(claimed)
        })
    }

    async fn settle(&self, settlements: Vec<DeliverySettlement>) -> Result<Vec<Settled>, QueueError> {
        tokio::time::sleep(self.see(|script| script.settling_takes)).await;
        let answer = vec![Settled::Stood; settlements.len()];
        self.see(|script| script.settled.push(settlements));
        Ok(answer)
    }

    async fn refusals(&self, recipients: &[Recipient]) -> Result<HashMap<Recipient, String>, QueueError> {
        self.see(|script| {
            script.permissions_asked += 1;
            if script.permissions_fail {
                return Err(QueueError::Unavailable("down".into()));
            }
            let refusal = |one: &Recipient| Some((one.clone(), script.refused.get(one)?.clone()));
            Ok(recipients.iter().filter_map(refusal).collect())
        })
    }

    async fn allow(&self, _: &Recipient, _: OffsetDateTime) -> Result<Option<String>, QueueError> {
        Ok(None)
    }

    async fn store(&self, _: &ClaimedDelivery) -> Result<StoreOutcome, QueueError> {
        Err(QueueError::Unavailable("stores nothing".into()))
    }

    async fn release_held(&self, _: u32) -> Result<u32, QueueError> {
        Ok(0)
    }
}

/// Takes a second for what is called `slow`, and nothing for the rest.
#[derive(Default)]
struct Carrier(Mutex<Vec<DeliveryId>>);

#[async_trait]
impl Courier for Carrier {
    fn serves(&self) -> DestinationKind {
        DestinationKind::Webhook
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        self.0.lock().unwrap().push(delivery.delivery_id);
        if delivery.destination.lane().destination.contains("slow") {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        AttemptOutcome::Delivered { reference: None }
    }
}

fn deliver(queue: &Arc<ScriptedQueue>, limit: u32) -> Deliver {
    let claim = ClaimRule { limit, lease: Duration::from_secs(30), max_attempts: 5 };
    Deliver::new(queue.clone(), Retries::default(), claim, Arc::default())
}

#[tokio::test(start_paused = true)]
async fn while_a_settlement_waits_for_the_database_the_next_are_claimed_and_sent_but_not_without_end() {
    let queue = ScriptedQueue::of(&["a"; 30]);
    queue.see(|script| script.settling_takes = Duration::from_secs(5));
    let (deliver, carrier, stop) = (deliver(&queue, 4), Carrier::default(), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        // One claim is being settled, and as much waits for the next settlement.
        assert_eq!((carrier.0.lock().unwrap().len(), queue.see(|script| script.settled.len())), (8, 0));
    };
    let (moved, ()) = tokio::join!(deliver.send_turn(&carrier, &stop), later);
    assert_eq!(moved.unwrap(), 30);
    assert_eq!(queue.see(|script| script.settled.concat().len()), 30);
}

#[tokio::test(start_paused = true)]
async fn places_that_become_free_are_filled_at_once_while_there_may_be_more() {
    let queue = ScriptedQueue::of(&["a"; 90]);
    queue.see(|script| script.settling_takes = Duration::from_secs(5));
    let (deliver, carrier, stop) = (deliver(&queue, 100), Carrier::default(), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((carrier.0.lock().unwrap().len(), queue.see(|script| script.settled.len())), (90, 0));
    };
    let (moved, ()) = tokio::join!(deliver.send_turn(&carrier, &stop), later);
    assert_eq!(moved.unwrap(), 90);
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_keeps_nobody_else_from_being_sent_and_settled() {
    let queue = ScriptedQueue::of(&["slow", "a", "b", "a"]);
    let (deliver, carrier, stop) = (deliver(&queue, 2), Carrier::default(), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert_eq!(queue.see(|script| script.settled.concat().len()), 3);
    };
    let (moved, ()) = tokio::join!(deliver.send_turn(&carrier, &stop), later);
    assert_eq!(moved.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn who_must_not_be_written_to_is_asked_once_a_claim_and_gets_nothing() {
    let queue = ScriptedQueue::of(&["open", "shut", "open"]);
    let shut = Recipient::webhook("shut");
    queue.see(|script| drop(script.refused.insert(shut, "endpoint_disabled".to_owned())));
    let (deliver, carrier, stop) = (deliver(&queue, 50), Carrier::default(), CancellationToken::new());
    deliver.send_turn(&carrier, &stop).await.unwrap();
    assert_eq!(carrier.0.lock().unwrap().len(), 2);
    let settled = queue.see(|script| script.settled.concat());
    assert_eq!(settled.iter().filter(|one| one.outcome == AttemptOutcome::Disabled).count(), 1);
    assert_eq!(queue.see(|script| script.permissions_asked), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_nobody_can_say_to_whom() {
    let queue = ScriptedQueue::of(&["a", "b"]);
    queue.see(|script| script.permissions_fail = true);
    let (deliver, carrier, stop) = (deliver(&queue, 50), Carrier::default(), CancellationToken::new());
    deliver.send_turn(&carrier, &stop).await.unwrap();
    assert!(carrier.0.lock().unwrap().is_empty());
    let settled = queue.see(|script| script.settled.concat());
    assert!(settled.iter().all(|one| one.outcome.code() == Some("permission_unknown")), "{settled:?}");
    assert!(settled.iter().all(|one| matches!(one.next, NextStep::Again(_))), "{settled:?}");
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_settles_what_is_under_way_and_claims_nothing_more() {
    let queue = ScriptedQueue::of(&["slow"; 3]);
    let (deliver, carrier, stop) = (deliver(&queue, 2), Carrier::default(), CancellationToken::new());
    // Before the next claim, for which there are places.
    let later = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        stop.cancel();
    };
    let (moved, ()) = tokio::join!(deliver.send_turn(&carrier, &stop), later);
    let (settled, due) = queue.see(|script| (script.settled.concat().len(), script.due.len()));
    assert_eq!((moved.unwrap(), settled, due), (2, 2, 1));
}
