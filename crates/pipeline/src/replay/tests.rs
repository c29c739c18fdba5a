//! What is asked of the port, and what a rehearsal shows. The races are the store's, and tested there.

use super::*;
use async_trait::async_trait;
use dispatch_classification::classification::{Confidence, Utterance};
use dispatch_classification::classifier::Listener;
use dispatch_mission::ids::{ClassificationId, OperationId};
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::replay::{Existing, Footing, ReplayOutcome, Subject};
use dispatch_routing::testing::{claimed_unit, message, stray};
use std::sync::Mutex;

/// Knows one routed unit whose only delivery failed, and keeps the orders that it gets.
struct One {
    found: Replayable,
    orders: Mutex<Vec<ReplayOrder>>,
}

#[async_trait]
impl Replays for One {
    async fn find(&self, id: Uuid) -> Result<Option<Replayable>, ReplayError> {
        Ok((id == self.found.unit.unit_id.0).then(|| self.found.clone()))
    }

    async fn of_operation(&self, _: OperationId) -> Result<Option<Replayed>, ReplayError> {
        Ok(None)
    }

    async fn carry_out(&self, order: &ReplayOrder) -> Result<Replayed, ReplayError> {
        self.orders.lock().expect("no holder panics").push(order.clone());
        Ok(Replayed {
            replay_id: order.replay_id,
            unit_id: order.unit_id,
            stage: order.action.stage(),
            force: order.force,
            outcome: ReplayOutcome::Nothing,
            dispatch_id: None,
            deliveries: Vec::new(),
            skipped: Vec::new(),
        })
    }
}

/// Understands everything in the same way.
struct Sure;

#[async_trait]
impl Classifier for Sure {
    fn name(&self) -> &str {
        "sure"
    }

    fn width(&self) -> usize {
        1
    }

    async fn classify(&self, _: &[Utterance], _: &dyn Listener) -> Result<Classified, ClassifierError> {
        Ok(stray())
    }
}

fn knowing(state: &str, subject: Subject) -> (Arc<One>, Replay, Uuid) {
    knowing_that(state, subject, stray())
}

fn knowing_that(state: &str, subject: Subject, classified: Classified) -> (Arc<One>, Replay, Uuid) {
    let in_force = ClassificationId::mint();
    let receipt = message("C1", None);
    let failed = Existing {
        delivery_id: DeliveryId::mint(),
        dispatch_id: DispatchId::mint(),
        classification_id: in_force,
        destination: receipt.destination,
        content: receipt.content,
        state: DeliveryState::Failed,
        reason: Some("channel_not_found".into()),
        after: None,
    };
    let found = Replayable {
        subject,
        speaks_of: None,
        unit: claimed_unit("Please book the photographer"),
        footing: Footing { state: state.into(), in_hand: false, in_force: Some(in_force) },
        classified: Some(classified),
        deliveries: vec![failed],
    };
    let id = found.unit.unit_id.0;
    let one = Arc::new(One { found, orders: Mutex::new(Vec::new()) });
    (one.clone(), Replay::new(one, Arc::new(Sure), Policy::default(), Zone::toronto()), id)
}

fn ann() -> Decider {
    Decider { principal: "user:ann".into(), operation: None, note: None }
}

#[tokio::test]
async fn where_nobody_says_a_replay_begins_where_its_id_stands() {
    for (subject, stage) in [
        (Subject::Unit, Stage::Classify),
        (Subject::Classification(ClassificationId::mint()), Stage::Route),
        (Subject::Dispatch(DispatchId::mint()), Stage::Deliver),
    ] {
        let (one, replay, id) = knowing("routed", subject);
        replay.replay(id, Wish::default(), &ann(), None).await.expect("carried out");
        let orders = one.orders.lock().expect("no holder panics");
        assert_eq!((orders[0].action.stage(), orders[0].named), (stage, id));
    }
}

#[tokio::test]
async fn a_rehearsal_orders_nothing() {
    let (one, replay, id) = knowing("routed", Subject::Unit);
    let due = replay.rehearse(id, Wish { from: Some(Stage::Deliver), force: false }).await.expect("shown");
    assert_eq!((due.due.len(), due.planned.len()), (1, 0), "{due:?}");
    let planned = replay.rehearse(id, Wish { from: Some(Stage::Route), force: false }).await.expect("shown");
    assert_eq!((planned.now.is_none(), planned.planned.len()), (true, 2), "{planned:?}");
    let anew = replay.rehearse(id, Wish { from: Some(Stage::Classify), force: false }).await.expect("shown");
    assert!(anew.was == anew.now && anew.was.is_some(), "{anew:?}");
    assert!(one.orders.lock().expect("no holder panics").is_empty());
    let nobody = replay.rehearse(Uuid::nil(), Wish::default()).await;
    assert!(matches!(nobody, Err(ReplayFailure::Refused(ReplayError::Unknown))), "{nobody:?}");
}

/// As the real one does: what was done is not taken back to be asked about.
#[tokio::test]
async fn a_rehearsal_holds_nothing_that_was_routed() {
    let mut unsure = stray();
    unsure.classification.confidence = Confidence::clamped(0.1);
    let wish = Wish { from: Some(Stage::Route), force: false };
    for (state, held_for) in [("routed", None), ("dead", Some("below_threshold"))] {
        let (_, replay, id) = knowing_that(state, Subject::Unit, unsure.clone());
        let shown = replay.rehearse(id, wish).await.expect("shown");
        assert_eq!((shown.held_for.as_deref(), shown.planned.len()), (held_for, 0), "{state}");
    }
}

#[tokio::test]
async fn what_waits_for_a_person_is_not_replayed() {
    let (_, replay, id) = knowing("held", Subject::Unit);
    for from in Stage::ALL {
        let refused = replay.rehearse(id, Wish { from: Some(from), force: false }).await;
        assert!(matches!(refused, Err(ReplayFailure::Refused(ReplayError::Held))), "{refused:?}");
    }
}
