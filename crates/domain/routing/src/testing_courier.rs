//! The contract suite of the `Courier` port, and a courier in memory that passes it.

use crate::courier::Courier;
use crate::delivery::{AttemptOutcome, ClaimedDelivery};
use crate::destination::{Destination, DestinationKind, NotificationDestination, SlackPlace};
use crate::event::EventWork;
use crate::plan::Content;
use crate::queue::ClaimToken;
use crate::testing::{claimed_unit, stray};
use async_trait::async_trait;
use dispatch_mission::ids::{DeliveryId, DispatchId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::zone::Zone;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// How a destination behaves until told otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behaviour {
    /// Takes what comes and says so.
    Accept,
    /// Takes nothing now and asks to wait for [`WAIT`].
    RefuseForNow,
    /// Takes nothing, ever.
    RefuseForGood,
    /// Takes what comes, then never answers.
    TakeAndHang,
    /// Takes nothing and never answers.
    Hang,
    /// Cannot be connected to.
    Unreachable,
    /// Would take what comes, and never lets anybody look.
    HideForGood,
    /// Would take what comes, but lets nobody look now.
    HideForNow,
}

/// The wait that [`Behaviour::RefuseForNow`] asks for.
pub const WAIT: Duration = Duration::from_secs(7);

/// A courier with a destination that does as it is told.
#[async_trait]
pub trait CourierHarness: Send + Sync {
    /// The courier; asked for again after each [`behave`](Self::behave).
    fn courier(&self) -> &dyn Courier;
    /// Where it delivers.
    fn destination(&self) -> Destination;
    /// Whether the courier can tell a delivery's own message from another with the same text. Where it cannot, a
    /// message that is found leaves the question open.
    fn recognises_its_own(&self) -> bool {
        true
    }
    /// Whether the destination itself knows a repeat by its delivery id. Then nothing is looked for: a repeat goes out, and
    /// what stands there is counted as the destination counts.
    fn knows_repeats(&self) -> bool {
        false
    }
    /// From now on the destination does this.
    async fn behave(&self, behaviour: Behaviour);
    /// What stands at the destination: whose message, and the destination's name for it.
    async fn standing(&self) -> Vec<(DeliveryId, Option<String>)>;
}

/// A first attempt to bring `text` to `destination`: as a message to people, as an event to programs.
#[must_use]
pub fn message_for(destination: Destination, text: &str) -> ClaimedDelivery {
    let content = match destination.kind() {
        DestinationKind::Webhook | DestinationKind::Agent => Content::Event(Box::new(event_of(text))),
        _ => Content::Message { text: text.into() },
    };
    ClaimedDelivery {
        delivery_id: DeliveryId::mint(),
        dispatch_id: DispatchId::mint(),
        unit_id: UnitId::mint(),
        token: ClaimToken(Uuid::now_v7()),
        attempts: 1,
        age: Duration::ZERO,
        destination,
        content,
        may_have_been_sent: false,
    }
}

/// What is told of somebody who said `text`.
#[must_use]
pub fn event_of(text: &str) -> EventWork {
    let mut event = EventWork::about(&claimed_unit(text), &stray().classification, &Zone::toronto());
    event.decide(&RoutingDecision { auto_dispatch: true, reason: "Above 0.7 threshold".into() }, "stray");
    event
}

/// What every [`Courier`] owes its callers.
///
/// # Panics
/// When the courier breaks the contract.
pub async fn courier_contract(harness: &dyn CourierHarness) {
    assert_eq!(harness.courier().serves(), harness.destination().kind());
    delivers_and_names_it(harness).await;
    for (behaviour, retry_after) in [(Behaviour::RefuseForNow, Some(WAIT)), (Behaviour::Unreachable, None)] {
        a_refusal_for_now_leaves_nothing(harness, behaviour, retry_after).await;
    }
    a_refusal_for_good_leaves_nothing(harness).await;
    silence_is_ambiguous_and_the_repeat_doubles_nothing(harness).await;
    if harness.knows_repeats() {
        a_repeat_goes_out_again(harness).await;
    } else {
        what_cannot_be_seen_is_not_sent_again(harness).await;
    }
}

/// One attempt, checked for what holds of every outcome.
async fn attempt(harness: &dyn CourierHarness, behaviour: Behaviour, delivery: &ClaimedDelivery) -> AttemptOutcome {
    harness.behave(behaviour).await;
    let outcome = harness.courier().deliver(delivery).await;
    if let Some(code) = outcome.code() {
        let stable =
            !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        assert!(stable, "{code:?} is no code");
    }
    outcome
}

async fn standing(harness: &dyn CourierHarness, delivery: &ClaimedDelivery) -> Vec<Option<String>> {
    let all = harness.standing().await;
    all.into_iter().filter(|(id, _)| *id == delivery.delivery_id).map(|(_, reference)| reference).collect()
}

async fn delivers_and_names_it(harness: &dyn CourierHarness) {
    let [one, two] = ["one", "two"].map(|text| message_for(harness.destination(), text));
    for delivery in [&one, &two] {
        let AttemptOutcome::Delivered { reference } = attempt(harness, Behaviour::Accept, delivery).await else {
            panic!("an accepted message is delivered");
        };
        assert_eq!(standing(harness, delivery).await, [reference], "it stands once, under the name that was given");
    }
}

async fn a_refusal_for_now_leaves_nothing(
    harness: &dyn CourierHarness,
    behaviour: Behaviour,
    retry_after: Option<Duration>,
) {
    let delivery = message_for(harness.destination(), "later");
    match attempt(harness, behaviour, &delivery).await {
        AttemptOutcome::Retryable { retry_after: told, .. } => assert_eq!(told, retry_after, "{behaviour:?}"),
        other => panic!("{behaviour:?} may mend itself, but came to {other:?}"),
    }
    assert!(standing(harness, &delivery).await.is_empty());
    assert_eq!(attempt(harness, Behaviour::Accept, &delivery).await.class(), "delivered");
}

async fn a_refusal_for_good_leaves_nothing(harness: &dyn CourierHarness) {
    let delivery = message_for(harness.destination(), "never");
    assert_eq!(attempt(harness, Behaviour::RefuseForGood, &delivery).await.class(), "permanent");
    assert!(standing(harness, &delivery).await.is_empty());
}

async fn silence_is_ambiguous_and_the_repeat_doubles_nothing(harness: &dyn CourierHarness) {
    for (behaviour, taken) in [(Behaviour::TakeAndHang, 1), (Behaviour::Hang, 0)] {
        let mut delivery = message_for(harness.destination(), &format!("did it arrive? ({behaviour:?})"));
        assert_eq!(attempt(harness, behaviour, &delivery).await.class(), "ambiguous", "{behaviour:?}");
        assert_eq!(standing(harness, &delivery).await.len(), taken);
        delivery.may_have_been_sent = true;
        for repeat in 0..2 {
            let standing_before = standing(harness, &delivery).await.len();
            let outcome = attempt(harness, Behaviour::Accept, &delivery).await;
            let stands = standing(harness, &delivery).await;
            assert_eq!(stands.len(), 1, "after {behaviour:?} it stands once");
            match outcome {
                AttemptOutcome::Delivered { reference } => assert_eq!(stands, [reference]),
                AttemptOutcome::Unknowable { .. } if standing_before == 1 && !harness.recognises_its_own() => {}
                other => panic!("after {behaviour:?}, repeat {repeat} came to {other:?}"),
            }
        }
    }
}

async fn a_repeat_goes_out_again(harness: &dyn CourierHarness) {
    let mut delivery = message_for(harness.destination(), "did it arrive?");
    delivery.may_have_been_sent = true;
    for (behaviour, class) in [
        (Behaviour::RefuseForNow, "retryable"),
        (Behaviour::Unreachable, "retryable"),
        (Behaviour::TakeAndHang, "ambiguous"),
        (Behaviour::Accept, "delivered"),
        (Behaviour::Accept, "delivered"),
    ] {
        assert_eq!(attempt(harness, behaviour, &delivery).await.class(), class, "{behaviour:?}");
    }
    assert_eq!(standing(harness, &delivery).await.len(), 1, "whoever knows a repeat acts once");
}

async fn what_cannot_be_seen_is_not_sent_again(harness: &dyn CourierHarness) {
    let mut delivery = message_for(harness.destination(), "is it there?");
    delivery.may_have_been_sent = true;
    for (behaviour, class) in [
        (Behaviour::HideForGood, "unknown"),
        (Behaviour::HideForNow, "retryable"),
        (Behaviour::Unreachable, "retryable"),
        (Behaviour::Hang, "retryable"),
    ] {
        assert_eq!(attempt(harness, behaviour, &delivery).await.class(), class, "{behaviour:?}");
        assert!(standing(harness, &delivery).await.is_empty(), "{behaviour:?}");
    }
    delivery.may_have_been_sent = false;
    assert_eq!(attempt(harness, Behaviour::HideForGood, &delivery).await.class(), "delivered", "there was no need to");
}

/// A courier with its destination in memory, serving Slack threads. It passes [`courier_contract`].
#[derive(Debug)]
pub struct FakeCourier(Mutex<Memory>);

#[derive(Debug)]
struct Memory {
    behaviour: Behaviour,
    standing: Vec<(DeliveryId, Option<String>)>,
}

impl Default for FakeCourier {
    fn default() -> Self {
        Self(Mutex::new(Memory { behaviour: Behaviour::Accept, standing: Vec::new() }))
    }
}

impl FakeCourier {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn take(&mut self, id: DeliveryId) -> Option<String> {
        let reference = Some(format!("fake.{}", self.standing.len()));
        self.standing.push((id, reference.clone()));
        reference
    }

    /// What looking for an earlier attempt comes to; none when there was no such attempt.
    fn look(&self, id: DeliveryId) -> Option<AttemptOutcome> {
        match self.behaviour {
            Behaviour::HideForGood => Some(AttemptOutcome::Unknowable { code: "lookup_refused".into() }),
            Behaviour::Accept => {
                let found = self.standing.iter().find(|(standing, _)| *standing == id)?;
                Some(AttemptOutcome::Delivered { reference: found.1.clone() })
            }
            _ => Some(AttemptOutcome::Retryable { code: "lookup_not_now".into(), retry_after: None }),
        }
    }
}

#[async_trait]
impl Courier for FakeCourier {
    fn serves(&self) -> DestinationKind {
        DestinationKind::Slack
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        let mut memory = self.memory();
        if delivery.may_have_been_sent
            && let Some(outcome) = memory.look(delivery.delivery_id)
        {
            return outcome;
        }
        match memory.behaviour {
            Behaviour::Accept | Behaviour::HideForGood | Behaviour::HideForNow => {
                AttemptOutcome::Delivered { reference: memory.take(delivery.delivery_id) }
            }
            Behaviour::RefuseForNow => AttemptOutcome::Retryable { code: "refused".into(), retry_after: Some(WAIT) },
            Behaviour::Unreachable => AttemptOutcome::Retryable { code: "unreachable".into(), retry_after: None },
            Behaviour::RefuseForGood => AttemptOutcome::Permanent { code: "refused".into() },
            Behaviour::TakeAndHang => {
                memory.take(delivery.delivery_id);
                AttemptOutcome::Ambiguous { code: "timeout".into() }
            }
            Behaviour::Hang => AttemptOutcome::Ambiguous { code: "timeout".into() },
        }
    }
}

#[async_trait]
impl CourierHarness for FakeCourier {
    fn courier(&self) -> &dyn Courier {
        self
    }

    fn destination(&self) -> Destination {
        Destination::Notification(NotificationDestination::Slack(SlackPlace {
            workspace: "T1".into(),
            channel_id: "C1".into(),
            thread_ts: Some("1700000000.000100".into()),
        }))
    }

    async fn behave(&self, behaviour: Behaviour) {
        self.memory().behaviour = behaviour;
    }

    async fn standing(&self) -> Vec<(DeliveryId, Option<String>)> {
        self.memory().standing.clone()
    }
}
