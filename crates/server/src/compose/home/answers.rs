//! Answers are kept at home: who hangs up after clicking has answered all the same.

use super::AtHome;
use async_trait::async_trait;
use dispatch_mission::ids::{OperationId, UnitId};
use dispatch_routing::answer_queue::{AnswerQueue, AnswerSettlement, Appended, ClaimedAnswer, NewAnswer, Standing};
use dispatch_routing::queue::{ClaimRule, ClaimToken, QueueError, Settled};
use std::time::Duration;

/// Slack shows a warning after 3 s; an honest 503 in time is better than no answer. A click that is kept all the same is
/// known when it is made again, or finds it decided.
const BUDGET: Duration = Duration::from_millis(2500);

#[async_trait]
impl AnswerQueue for AtHome<dyn AnswerQueue> {
    async fn append(&self, answer: &NewAnswer) -> Result<Appended, QueueError> {
        let answer = answer.clone();
        let append = self.run(move |queue| async move { queue.append(&answer).await });
        match tokio::time::timeout(BUDGET, append).await {
            Ok(answer) => answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into()))),
            Err(late) => Err(QueueError::Unavailable(late.into())),
        }
    }

    async fn claim(&self, rule: ClaimRule) -> Result<Option<ClaimedAnswer>, QueueError> {
        let answer = self.run(move |queue| async move { queue.claim(rule).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }

    async fn standing(&self, unit: UnitId) -> Result<Standing, QueueError> {
        let answer = self.run(move |queue| async move { queue.standing(unit).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }

    async fn settle(&self, settlement: &AnswerSettlement) -> Result<Settled, QueueError> {
        let settlement = settlement.clone();
        let answer = self.run(move |queue| async move { queue.settle(&settlement).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }

    async fn give_back(&self, answer: OperationId, token: ClaimToken, delay: Duration) -> Result<Settled, QueueError> {
        let given = self.run(move |queue| async move { queue.give_back(answer, token, delay).await }).await;
        given.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }
}
