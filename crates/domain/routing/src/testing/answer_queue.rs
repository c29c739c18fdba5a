//! What every `AnswerQueue` owes its callers.

use super::{AGES, Queues, claim_for, settlement};
use crate::answer_queue::{AnswerQueue, AnswerSettlement, Appended, ClaimedAnswer, End, NewAnswer, Says};
use crate::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use crate::delivery_queue::{DeliverySettlement, NextStep};
use crate::destination::DestinationKind;
use crate::held_work::{Decider, Dismissal, HeldWork};
use crate::plan::{Content, Hold, Verdict};
use crate::question::{Alternative, Asks, Question, Remark};
use crate::queue::{ClaimToken, Settled};
use crate::unit_queue::UnitSettlement;
use dispatch_mission::ids::{DeliveryId, OperationId};
use std::time::Duration;
use uuid::Uuid;

/// The whole suite.
///
/// # Panics
/// When the port breaks its contract.
pub async fn answer_queue_contract(queues: Queues<'_>, work: &dyn HeldWork, answers: &dyn AnswerQueue) {
    let (settled, question) = asked(queues, "q1").await;
    keeps_each_once_and_only_what_was_asked(answers, question).await;
    hands_out_one_at_a_time_and_settles_for_its_holder(queues, answers, &settled, question).await;
    tells_how_it_stands(work, answers, &settled).await;
    ends_what_is_never_settled(answers, question).await;
}

/// A held unit whose question was sent, and the delivery that asked.
async fn asked(queues: Queues<'_>, channel: &str) -> (UnitSettlement, DeliveryId) {
    let unit = queues.claimed(channel, AGES).await;
    let mut settled = settlement(&unit, Verdict::Hold(Hold { reason: "below_threshold".into(), expires_after: None }));
    let asks = Asks::Meaning { confirm: true, choices: vec![Alternative::SaleListing] };
    let question = Question { text: "Is it a task?".into(), asks, replaces: None };
    let mut planned = super::message(channel, None);
    planned.content = Content::Question(Box::new(question));
    settled.decision.question = Some(Box::new(planned));
    assert_eq!(queues.units.settle(vec![settled.clone()]).await.expect("settled"), [Settled::Stood]);
    let claimed = sent(queues).await;
    assert!(matches!(claimed.content, Content::Question(_)), "the question is due at once");
    (settled, claimed.delivery_id)
}

/// The only message that is due, sent under the name `1.9`.
async fn sent(queues: Queues<'_>) -> ClaimedDelivery {
    let mut claimed = queues.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.expect("claimed");
    assert_eq!(claimed.len(), 1, "one message is due");
    let one = claimed.remove(0);
    let settlement = DeliverySettlement {
        delivery_id: one.delivery_id,
        token: one.token,
        outcome: AttemptOutcome::Delivered { reference: Some("1.9".into()) },
        took: Duration::ZERO,
        next: NextStep::End(DeliveryState::Delivered),
    };
    assert_eq!(queues.deliveries.settle(vec![settlement]).await.expect("settled"), [Settled::Stood]);
    one
}

fn answer(question: DeliveryId, key: &str) -> NewAnswer {
    NewAnswer {
        answer_id: OperationId::mint(),
        key: key.to_owned(),
        question,
        workspace: "T1".into(),
        person: "U2".into(),
        says: Says::Choose { meaning: Alternative::SaleListing },
        trace_id: String::new(),
    }
}

async fn keeps_each_once_and_only_what_was_asked(answers: &dyn AnswerQueue, question: DeliveryId) {
    let append = async |of, key| answers.append(&answer(of, key)).await.expect("answered");
    assert_eq!(append(DeliveryId::mint(), "a").await, Appended::NoSuchQuestion);
    assert_eq!(append(question, "a").await, Appended::Queued);
    assert_eq!(append(question, "a").await, Appended::Duplicate);
}

async fn claimed(answers: &dyn AnswerQueue, lease: Duration) -> Option<ClaimedAnswer> {
    answers.claim(claim_for(lease)).await.expect("claimed")
}

async fn hands_out_one_at_a_time_and_settles_for_its_holder(
    queues: Queues<'_>,
    answers: &dyn AnswerQueue,
    settled: &UnitSettlement,
    question: DeliveryId,
) {
    let first = claimed(answers, AGES).await.expect("one is due");
    assert_eq!((first.unit_id, first.classification_id), (settled.unit_id, settled.classification_id));
    assert_eq!((first.asked_in.as_str(), first.person.as_str(), first.attempts), ("T1", "U2", 1));
    assert_eq!(first.says, Says::Choose { meaning: Alternative::SaleListing });
    assert_eq!((first.is_known, &first.realtor), (false, &None), "nobody of that name is known");
    assert!(claimed(answers, AGES).await.is_none(), "it is in somebody's hands");
    let given = answers.give_back(first.answer_id, first.token, Duration::ZERO).await.expect("given back");
    assert_eq!(given, Settled::Stood);
    let again = claimed(answers, AGES).await.expect("due again");
    assert_eq!((again.answer_id, again.attempts), (first.answer_id, 2));
    let settlement = |token| AnswerSettlement {
        answer_id: first.answer_id,
        token,
        outcome: "stranger",
        tell: Some(Remark::plain("Only people of the brokerage")),
        ends: Some(End::Lapsed),
    };
    for stale in [first.token, ClaimToken(Uuid::nil())] {
        assert_eq!(answers.settle(&settlement(stale)).await.expect("answered"), Settled::Lost);
    }
    assert_eq!(answers.settle(&settlement(again.token)).await.expect("settled"), Settled::Stood);
    assert_eq!(answers.settle(&settlement(again.token)).await.expect("answered"), Settled::Lost, "once");
    assert!(claimed(answers, AGES).await.is_none());
    assert_eq!(answers.append(&answer(question, "a")).await.expect("answered"), Appended::Duplicate, "for ever");
    let told = queues.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.expect("claimed");
    let whispers = told.iter().filter(|one| matches!(&one.content, Content::Whisper { to, .. } if to == "U2")).count();
    let closings =
        told.iter().filter(|one| matches!(&one.content, Content::Closing { message_ref, .. } if message_ref == "1.9"));
    assert_eq!((told.len(), whispers, closings.count()), (2, 1, 1), "{told:?}");
}

async fn tells_how_it_stands(work: &dyn HeldWork, answers: &dyn AnswerQueue, settled: &UnitSettlement) {
    let standing = answers.standing(settled.unit_id).await.expect("answered");
    assert_eq!((standing.state.as_deref(), standing.decided), (Some("held"), None));
    let by = Decider { principal: "slack:T1/U3".into(), operation: None, note: None };
    work.dismiss(&Dismissal { unit_id: settled.unit_id, seen: None, by }).await.expect("dismissed");
    let standing = answers.standing(settled.unit_id).await.expect("answered");
    let expected = (Some("dismissed"), Some(("slack:T1/U3".to_owned(), false)));
    assert_eq!((standing.state.as_deref(), standing.decided), expected);
}

async fn ends_what_is_never_settled(answers: &dyn AnswerQueue, question: DeliveryId) {
    assert_eq!(answers.append(&answer(question, "b")).await.expect("answered"), Appended::Queued);
    for attempt in 1..=2 {
        assert_eq!(claimed(answers, Duration::ZERO).await.map(|one| one.attempts), Some(attempt));
    }
    assert!(claimed(answers, Duration::ZERO).await.is_none(), "its attempts are used up");
}
