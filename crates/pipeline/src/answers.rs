//! Answers to questions about held work: kept before they are acknowledged, then carried out once, by the same use cases as
//! any other decision. Must not know how people answer.

use crate::failpoint;
use crate::route::{Route, RouteError};
use dispatch_routing::answer_queue::{
    AnswerQueue, AnswerSettlement, Appended, ClaimedAnswer, End, NewAnswer, Says, Standing,
};
use dispatch_routing::held_work::{Decider, HeldWorkError};
use dispatch_routing::policy::Choice;
use dispatch_routing::question::{Remark, slack_principal};
use dispatch_routing::queue::{ClaimRule, QueueError, Settled};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;

/// How long an answer waits after a failed attempt, times the number of attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// The use case behind `/intake/slack/interactions`.
pub struct Answers {
    queue: Arc<dyn AnswerQueue>,
}

impl Answers {
    /// Over this queue.
    #[must_use]
    pub fn new(queue: Arc<dyn AnswerQueue>) -> Self {
        Self { queue }
    }

    /// Keeps `answer`, then says so.
    ///
    /// # Errors
    /// [`QueueError`]: nothing may be acknowledged.
    pub async fn receive(&self, answer: &NewAnswer) -> Result<Appended, QueueError> {
        self.queue.append(answer).await
    }
}

/// Carries out what was answered.
pub struct Clerk {
    queue: Arc<dyn AnswerQueue>,
    route: Route,
    claim: ClaimRule,
}

/// What an answer came to: its code, what its giver is told, and what the question ends with.
type Upshot = (&'static str, Option<Remark>, Option<End>);

impl Clerk {
    /// Over these parts.
    #[must_use]
    pub fn new(queue: Arc<dyn AnswerQueue>, route: Route, claim: ClaimRule) -> Self {
        Self { queue, route, claim }
    }

    /// Carries out what was answered until nothing is left. Answers how many were claimed.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`]: claims run out and the work comes back.
    pub async fn turn(&self, stop: &CancellationToken) -> Result<usize, QueueError> {
        let mut moved = 0;
        while !stop.is_cancelled() {
            let Some(answer) = self.queue.claim(self.claim).await? else { break };
            moved += 1;
            failpoint::pass("answer.claimed", || answer.unit_id.to_string());
            let settled = match self.carry_out(&answer).await {
                Ok((outcome, tell, ends)) => {
                    failpoint::pass("answer.decided", || answer.unit_id.to_string());
                    tracing::info!(answer_id = %answer.answer_id, unit_id = %answer.unit_id, outcome, "answer carried out");
                    let (answer_id, token) = (answer.answer_id, answer.token);
                    self.queue.settle(&AnswerSettlement { answer_id, token, outcome, tell, ends }).await?
                }
                Err(error) => {
                    tracing::warn!(answer_id = %answer.answer_id, %error, "answer could not be carried out yet");
                    self.queue.give_back(answer.answer_id, answer.token, PAUSE * answer.attempts).await?
                }
            };
            if settled == Settled::Lost {
                tracing::warn!(answer_id = %answer.answer_id, "the claim ran out before the answer was settled");
            }
        }
        Ok(moved)
    }

    /// Does what was answered; a repeat under the same id finds it done.
    ///
    /// # Errors
    /// What may go better another time.
    async fn carry_out(&self, answer: &ClaimedAnswer) -> Result<Upshot, RouteError> {
        if !may_decide(answer) {
            return Ok(told(
                "stranger",
                "Only people of the brokerage, or whoever wrote the message, can decide this.",
            ));
        }
        let principal = slack_principal(&answer.workspace, &answer.person);
        let by = Decider { principal: principal.clone(), operation: Some(answer.answer_id), note: None };
        let choice = match &answer.says {
            Says::Confirm => Choice::default(),
            Says::Choose { meaning } => Choice { meaning: Some(meaning.meaning()), ..Choice::default() },
            Says::Realtor { .. } if answer.realtor.is_none() => {
                return Ok(told(
                    "realtor_unknown",
                    "I know no realtor with that Slack account. Please choose another.",
                ));
            }
            Says::Realtor { .. } => Choice { realtor: answer.realtor.clone(), ..Choice::default() },
            Says::Ignore => {
                let seen = Some(answer.classification_id);
                let dismissed = self.route.dismiss(answer.unit_id, seen, by).await.map_err(RouteError::from);
                return self.upshot(answer, &principal, dismissed.map(|_| "dismissed")).await;
            }
        };
        let confirmed = self.route.confirm(answer.classification_id, &choice, &by).await;
        self.upshot(answer, &principal, confirmed.map(|_| "confirmed")).await
    }

    async fn upshot(
        &self,
        answer: &ClaimedAnswer,
        principal: &str,
        done: Result<&'static str, RouteError>,
    ) -> Result<Upshot, RouteError> {
        let error = match done {
            // The question itself says so.
            Ok(outcome) => return Ok((outcome, None, None)),
            Err(error) => error,
        };
        match &error {
            RouteError::Held(HeldWorkError::NotHeld { .. } | HeldWorkError::Superseded { .. }) => {
                let standing = self.queue.standing(answer.unit_id).await.map_err(unavailable)?;
                Ok(too_late(standing, principal, &answer.asked_in))
            }
            RouteError::Held(HeldWorkError::Unavailable(_)) => Err(error),
            RouteError::Held(HeldWorkError::Unknown) => Ok(told("gone", "I don't find that message any more.")),
            RouteError::Held(HeldWorkError::RealtorUnknown) => {
                Ok(told("realtor_unknown", "That realtor is not there any more. Please choose another."))
            }
            RouteError::Held(HeldWorkError::Rejected(_)) | RouteError::Unplannable(_) => {
                tracing::error!(answer_id = %answer.answer_id, %error, "answer was refused");
                Ok(told("refused", "That could not be done. Please look into it in Dispatch."))
            }
        }
    }
}

/// People of the brokerage, and whoever wrote it; in the workspace where it was asked, for an id says nothing elsewhere.
fn may_decide(answer: &ClaimedAnswer) -> bool {
    answer.workspace == answer.asked_in && (answer.is_known || answer.person == answer.author)
}

/// What somebody hears who wanted to decide what is not to be decided any more. Who clicks twice hears nothing.
fn too_late(standing: Standing, principal: &str, workspace: &str) -> Upshot {
    let Standing { state, decided } = standing;
    match (state.as_deref(), decided) {
        (Some("routed" | "dismissed"), Some((by, yes))) => {
            let text = if yes { "{person} has confirmed this already." } else { "{person} has ignored this already." };
            let tell = (by != principal).then(|| Remark::by(text, &by, workspace));
            ("decided_before", tell, Some(End::Decided(by, yes)))
        }
        (Some("pending"), _) => told("changed", "The message was changed, and I'm looking at it again."),
        (Some("held"), _) => {
            told("changed", "The message was changed since you were asked. Please look at the question again.")
        }
        (Some("expired"), _) => {
            ("lapsed", Some(Remark::plain("Nobody answered in time, so nothing was done.")), Some(End::Lapsed))
        }
        _ => ("changed", Some(Remark::plain("This needs no answer any more.")), Some(End::Changed)),
    }
}

fn told(outcome: &'static str, text: &str) -> Upshot {
    (outcome, Some(Remark::plain(text)), None)
}

fn unavailable(error: QueueError) -> RouteError {
    RouteError::Held(HeldWorkError::Unavailable(Box::new(error)))
}
