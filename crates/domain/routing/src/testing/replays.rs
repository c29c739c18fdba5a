//! What every `Replays` and every `ReplayBatches` owe their callers.

use super::ends::{ends, one_message};
use super::{AGES, Queues, agent_task, held, message, settlement};
use crate::dead_letters::DeadFilter;
use crate::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use crate::delivery_queue::NextStep;
use crate::held_work::Decider;
use crate::plan::Verdict;
use crate::queue::Settled;
use crate::replay::{ReplayAction, ReplayError, ReplayOrder, ReplayOutcome, Replayable, Replays, Stage, Subject};
use crate::replay_batches::{BatchChoice, BatchState, NewBatch, ReplayBatches};
use dispatch_mission::ids::{ClassificationId, DispatchId, OperationId, ReplayId};
use uuid::Uuid;

/// What every [`Replays`] and [`ReplayBatches`] owe their callers. `pass` lets a second pass for the store's clock.
///
/// # Panics
/// When one breaks the contract.
pub async fn replays_contract(
    queues: Queues<'_>,
    replays: &dyn Replays,
    batches: &dyn ReplayBatches,
    pass: impl AsyncFn(),
) {
    finds_what_an_id_stands_for(queues, replays).await;
    redrives_what_failed_and_skips_what_arrived(queues, replays).await;
    does_a_thing_once_per_operation(queues, replays).await;
    plans_only_what_is_not_there(queues, replays).await;
    understands_anew_with_a_revision(queues, replays).await;
    refuses_what_is_in_hand_or_waits(queues, replays).await;
    keeps_batches(queues, replays, batches, pass).await;
}

fn ann(operation: Option<OperationId>) -> Decider {
    Decider { principal: "user:ann".into(), operation, note: Some("The channel is back".into()) }
}

fn order(found: &Replayable, named: Uuid, action: ReplayAction) -> ReplayOrder {
    ReplayOrder {
        replay_id: ReplayId::mint(),
        named,
        subject: found.subject,
        speaks_of: found.speaks_of,
        unit_id: found.unit.unit_id,
        action,
        force: false,
        by: ann(None),
        batch: None,
    }
}

fn redrive() -> ReplayAction {
    ReplayAction::Redrive { dispatch_id: DispatchId::mint() }
}

async fn found(replays: &dyn Replays, id: Uuid) -> Replayable {
    replays.find(id).await.expect("answered").expect("it stands for something")
}

async fn refuses(queues: Queues<'_>, delivery: &ClaimedDelivery) {
    let outcome = AttemptOutcome::Permanent { code: "channel_not_found".into() };
    ends(queues, delivery, outcome, NextStep::End(DeliveryState::Failed)).await;
}

async fn arrives(queues: Queues<'_>, delivery: &ClaimedDelivery) {
    let outcome = AttemptOutcome::Delivered { reference: None };
    ends(queues, delivery, outcome, NextStep::End(DeliveryState::Delivered)).await;
}

/// A unit in a channel of its own with two messages, one after the other, of which the first was refused for good.
async fn failed(queues: Queues<'_>, channel: &str) -> ClaimedDelivery {
    queues.routed(channel, vec![message(channel, None), message(&format!("{channel}-2"), Some(0))]).await;
    let delivery = one_message(queues).await;
    refuses(queues, &delivery).await;
    delivery
}

async fn finds_what_an_id_stands_for(queues: Queues<'_>, replays: &dyn Replays) {
    let delivery = failed(queues, "r1").await;
    let unit = found(replays, delivery.unit_id.0).await;
    assert_eq!((unit.subject, unit.footing.state.as_str()), (Subject::Unit, "routed"));
    assert_eq!(unit.deliveries.len(), 2);
    let in_force = unit.footing.in_force.expect("understood");
    for (id, subject) in [
        (unit.unit.members[0].signal_id.0, Subject::Unit),
        (in_force.0, Subject::Classification(in_force)),
        (delivery.dispatch_id.0, Subject::Dispatch(delivery.dispatch_id)),
        (delivery.delivery_id.0, Subject::Delivery(delivery.delivery_id)),
    ] {
        let named = found(replays, id).await;
        assert_eq!((named.subject, named.unit.unit_id), (subject, delivery.unit_id));
    }
    assert!(replays.find(Uuid::nil()).await.expect("answered").is_none());
    replays.carry_out(&order(&unit, delivery.unit_id.0, redrive())).await.expect("done");
    arrives(queues, &one_message(queues).await).await;
    arrives(queues, &one_message(queues).await).await;
}

async fn redrives_what_failed_and_skips_what_arrived(queues: Queues<'_>, replays: &dyn Replays) {
    let delivery = failed(queues, "r2").await;
    let named = delivery.dispatch_id.0;
    let unit = found(replays, named).await;
    let done = replays.carry_out(&order(&unit, named, redrive())).await.expect("done");
    assert_eq!((done.outcome, done.deliveries.len(), done.dispatch_id), (ReplayOutcome::Dispatched, 2, None));
    assert!(done.deliveries.iter().all(|one| one.state == DeliveryState::Pending), "{done:?}");
    let again = one_message(queues).await;
    assert_eq!((again.delivery_id, again.attempts), (delivery.delivery_id, 1), "a fresh budget");
    arrives(queues, &again).await;
    arrives(queues, &one_message(queues).await).await;
    let nothing = replays.carry_out(&order(&unit, named, redrive())).await.expect("done");
    assert_eq!((nothing.outcome, nothing.skipped.len()), (ReplayOutcome::Nothing, 2), "{nothing:?}");
    assert!(nothing.skipped.iter().all(|one| one.state == DeliveryState::Delivered), "{nothing:?}");
}

async fn does_a_thing_once_per_operation(queues: Queues<'_>, replays: &dyn Replays) {
    let delivery = failed(queues, "r3").await;
    let named = delivery.delivery_id.0;
    let unit = found(replays, named).await;
    replays.carry_out(&order(&unit, named, redrive())).await.expect("done");
    arrives(queues, &one_message(queues).await).await;
    arrives(queues, &one_message(queues).await).await;
    let operation = OperationId::mint();
    assert_eq!(replays.of_operation(operation).await.expect("answered"), None);
    let forced = ReplayOrder { force: true, by: ann(Some(operation)), ..order(&unit, named, redrive()) };
    let once = replays.carry_out(&forced).await.expect("done");
    let made = once.dispatch_id.expect("a dispatch of its own");
    let twice = ReplayOrder { replay_id: ReplayId::mint(), action: redrive(), ..forced };
    assert_eq!(replays.carry_out(&twice).await.expect("as before"), once);
    assert_eq!(replays.of_operation(operation).await.expect("answered"), Some(once));
    let more = one_message(queues).await;
    assert_eq!((more.dispatch_id, more.destination.clone()), (made, delivery.destination));
    arrives(queues, &more).await;
}

async fn plans_only_what_is_not_there(queues: Queues<'_>, replays: &dyn Replays) {
    let delivery = failed(queues, "r4").await;
    let named = delivery.unit_id.0;
    let unit = found(replays, named).await;
    let classification_id = unit.footing.in_force.expect("understood");
    let verdict = Verdict::Dispatch(vec![message("r4", None), message("elsewhere", Some(0))]);
    let decision = settlement(&unit.unit, verdict).decision;
    let plan = |classification_id| ReplayAction::Plan {
        classification_id,
        dispatch_id: DispatchId::mint(),
        decision: decision.clone(),
    };
    let stale = replays.carry_out(&order(&unit, named, plan(ClassificationId::mint()))).await;
    assert!(matches!(stale, Err(ReplayError::Superseded { .. })), "{stale:?}");
    let done = replays.carry_out(&order(&unit, named, plan(classification_id))).await.expect("done");
    assert_eq!((done.outcome, done.deliveries.len(), done.skipped.len()), (ReplayOutcome::Dispatched, 2, 0));
    let pending = replays.carry_out(&order(&unit, named, plan(classification_id))).await.expect("done");
    assert_eq!((pending.outcome, pending.skipped.len()), (ReplayOutcome::Nothing, 2), "it is on its way");
    arrives(queues, &one_message(queues).await).await;
    arrives(queues, &one_message(queues).await).await;
    let replaced = found(replays, named).await;
    let first = replaced.deliveries.iter().find(|one| one.delivery_id == delivery.delivery_id).expect("it stays");
    assert_eq!((first.state, first.reason.as_deref()), (DeliveryState::Cancelled, Some("replayed")));
}

async fn understands_anew_with_a_revision(queues: Queues<'_>, replays: &dyn Replays) {
    let unit = queues.claimed("r5", AGES).await;
    let buried = queues.units.give_back(unit.unit_id, unit.token, None, "refused").await.expect("answered");
    assert_eq!(buried, Settled::Stood);
    let named = unit.unit_id.0;
    let dead = found(replays, named).await;
    assert!(matches!(dead.footing.allows(Stage::Route, None), Err(ReplayError::NotUnderstood)));
    let understand = order(&dead, named, ReplayAction::Understand);
    let done = replays.carry_out(&understand).await.expect("done");
    assert_eq!(done.outcome, ReplayOutcome::UnderstoodAnew);
    let twice = replays.carry_out(&order(&dead, named, ReplayAction::Understand)).await;
    assert!(matches!(twice, Err(ReplayError::Pending)), "{twice:?}");
    let again = queues.units.claim(super::claim_for(AGES)).await.expect("claimed").remove(0);
    assert_eq!((again.unit_id, again.attempts), (unit.unit_id, 1));
    assert_eq!(again.replay.map(|replay| (replay.replay_id, replay.force)), Some((understand.replay_id, false)));
    let plan = Verdict::Dispatch(vec![agent_task(), message("r5", Some(0))]);
    assert_eq!(queues.units.settle(vec![settlement(&again, plan)]).await.expect("settled"), [Settled::Stood]);
    for delivery in
        queues.deliveries.claim(message("r5", None).destination.kind(), super::claim_for(AGES)).await.expect("claimed")
    {
        arrives(queues, &delivery).await;
    }
}

async fn refuses_what_is_in_hand_or_waits(queues: Queues<'_>, replays: &dyn Replays) {
    let unit = queues.claimed("r6", AGES).await;
    let named = unit.unit_id.0;
    let in_hand = found(replays, named).await;
    let refused = replays.carry_out(&order(&in_hand, named, ReplayAction::Understand)).await;
    assert!(matches!(refused, Err(ReplayError::InHand)), "{refused:?}");
    queues.units.settle(vec![settlement(&unit, Verdict::Nothing)]).await.expect("settled");
    let waiting = held(queues, "r7", "below_threshold").await;
    let named = waiting.unit_id.0;
    let refused = replays.carry_out(&order(&found(replays, named).await, named, redrive())).await;
    assert!(matches!(refused, Err(ReplayError::Held)), "{refused:?}");
}

async fn keeps_batches(queues: Queues<'_>, replays: &dyn Replays, batches: &dyn ReplayBatches, pass: impl AsyncFn()) {
    let mut dead = Vec::new();
    for channel in ["b1", "b2", "b3"] {
        dead.push(failed(queues, channel).await.delivery_id.0);
    }
    let operation = OperationId::mint();
    let filter = DeadFilter { reasons: vec!["channel_not_found".into()], ..DeadFilter::default() };
    let choice = BatchChoice::Dead { filter, states: vec!["failed".into()], since: None, until: None };
    let asked = NewBatch {
        batch_id: ReplayId::mint(),
        choice,
        limit: 2,
        stage: None,
        force: false,
        per_second: 1,
        by: ann(Some(operation)),
    };
    let begun = batches.begin(&asked).await.expect("begun");
    assert_eq!((begun.progress.total, begun.progress.pending, begun.more), (2, 2, true), "the limit");
    let again = batches.begin(&NewBatch { batch_id: ReplayId::mint(), ..asked.clone() }).await.expect("as before");
    assert_eq!(again, begun);

    let step = batches.step().await.expect("answered").expect("it is due");
    assert_eq!((step.batch_id, step.named.as_slice()), (begun.batch_id, &dead[..1]), "what ended first, at its rate");
    assert_eq!(batches.step().await.expect("answered"), None, "not before a second has passed");
    let named = step.named[0];
    let unit = found(replays, named).await;
    let part = ReplayOrder { by: step.by, batch: Some(step.batch_id), ..order(&unit, named, redrive()) };
    let once = replays.carry_out(&part).await.expect("done");
    let twice = ReplayOrder { replay_id: ReplayId::mint(), ..part };
    assert_eq!(replays.carry_out(&twice).await.expect("as before"), once, "once per batch");
    let progress = batches.find(begun.batch_id).await.expect("answered").expect("known").progress;
    assert_eq!((progress.done, progress.pending), (1, 1));
    pass().await;
    let step = batches.step().await.expect("answered").expect("it is due");
    assert_eq!(step.named, dead[1..2]);
    pass().await;
    let taken = batches.step().await.expect("answered").expect("it was not settled");
    assert_eq!(taken.named, dead[1..2], "and is taken again");
    batches.refuse(begun.batch_id, dead[1], "unit_held").await.expect("noted");
    pass().await;
    assert_eq!(batches.step().await.expect("answered"), None);
    let ended = batches.find(begun.batch_id).await.expect("answered").expect("known");
    assert_eq!((ended.state, ended.progress.refused), (BatchState::Done, 1));
    assert_eq!(batches.cancel(begun.batch_id).await.expect("answered").expect("known").state, BatchState::Done);

    let these = BatchChoice::These(vec![dead[2], dead[1], dead[2]]);
    let other = NewBatch { batch_id: ReplayId::mint(), choice: these, limit: 10, by: ann(None), ..asked };
    assert_eq!(batches.begin(&other).await.expect("begun").progress.total, 2, "each once");
    let cancelled = batches.cancel(other.batch_id).await.expect("answered").expect("known");
    assert_eq!((cancelled.state, cancelled.progress.pending), (BatchState::Cancelled, 2));
    assert_eq!(batches.step().await.expect("answered"), None);
    assert_eq!(batches.find(ReplayId::mint()).await.expect("answered"), None);
    arrives(queues, &one_message(queues).await).await;
    arrives(queues, &one_message(queues).await).await;
}
