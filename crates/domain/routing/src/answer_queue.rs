//! The `AnswerQueue` port: what people answered to questions about held units, kept before it is acknowledged and carried
//! out once. It must not know buttons, nor what an answer leads to.

use crate::question::{Alternative, Ended, Remark};
use crate::queue::{ClaimRule, ClaimToken, QueueError, Settled};
use async_trait::async_trait;
use dispatch_mission::ids::{ClassificationId, DeliveryId, OperationId, RealtorId, UnitId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Keeps answers and hands them out. Each method is one atomic unit of work. Answers are few: they are claimed one at a time,
/// so that one which ends its worker takes no other with it.
#[async_trait]
pub trait AnswerQueue: Send + Sync {
    /// Commits `answer`, unless it is known by its key or nobody asked.
    ///
    /// # Errors
    /// `Unavailable`: nothing may be acknowledged. `Rejected`: it can never be kept.
    async fn append(&self, answer: &NewAnswer) -> Result<Appended, QueueError>;

    /// Claims the answer that has waited longest, with what is known about who gave it. The attempt is counted in the claim;
    /// one whose attempts are used up ends without effect.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn claim(&self, rule: ClaimRule) -> Result<Option<ClaimedAnswer>, QueueError>;

    /// How its unit stands now, and who decided about it last.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn standing(&self, unit: UnitId) -> Result<Standing, QueueError>;

    /// Ends an answer, and in the same commit plans what its giver is told, and closes the question if it still stands open.
    /// Writes nothing where the claim is lost.
    ///
    /// # Errors
    /// `Unavailable`, `Rejected`.
    async fn settle(&self, settlement: &AnswerSettlement) -> Result<Settled, QueueError>;

    /// Gives an answer back after a failed attempt, due again after `delay`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn give_back(&self, answer: OperationId, token: ClaimToken, delay: Duration) -> Result<Settled, QueueError>;
}

/// An answer as it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewAnswer {
    /// What is done because of it is done once under this id.
    pub answer_id: OperationId,
    /// What it is told apart by: the same whenever the same click comes in again.
    pub key: String,
    /// The delivery that asked.
    pub question: DeliveryId,
    /// Who answers: the Slack workspace that he or she belongs to,
    pub workspace: String,
    /// and the user id there.
    pub person: String,
    /// What is answered.
    pub says: Says,
    /// W3C trace id of the request.
    pub trace_id: String,
}

/// What may be answered; the stored JSON shape.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum Says {
    /// It was understood.
    Confirm,
    /// It means something else.
    Choose {
        /// What.
        meaning: Alternative,
    },
    /// Whose work it is.
    Realtor {
        /// Slack user id of the realtor.
        person: String,
    },
    /// Nothing is to be done.
    Ignore,
}

/// What became of an answer that came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Appended {
    /// It is kept, and will be carried out.
    Queued,
    /// It was kept before.
    Duplicate,
    /// No question was asked by that delivery.
    NoSuchQuestion,
}

/// An answer in the hands of one worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedAnswer {
    /// As it came in.
    pub answer_id: OperationId,
    /// Proof of the claim.
    pub token: ClaimToken,
    /// How many times it was claimed, this time included.
    pub attempts: u32,
    /// What was asked about.
    pub unit_id: UnitId,
    /// What that was understood to mean when it was asked about.
    pub classification_id: ClassificationId,
    /// The workspace that the question stands in.
    pub asked_in: String,
    /// Who wrote what is asked about.
    pub author: String,
    /// Who answers, as it came in: workspace
    pub workspace: String,
    /// and user id.
    pub person: String,
    /// What is answered.
    pub says: Says,
    /// Whether who answers is of the active staff, or an active realtor.
    pub is_known: bool,
    /// The only active realtor who has the account that the answer names.
    pub realtor: Option<RealtorId>,
}

/// How a unit stands that somebody wanted to decide about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// `pending`, `held`, `routed`, …; none where it is gone.
    pub state: Option<String>,
    /// The last decision about it, by whom, and whether it was a yes.
    pub decided: Option<(String, bool)>,
}

/// What an answer came to.
#[derive(Clone, PartialEq, Debug)]
pub struct AnswerSettlement {
    /// The answer.
    pub answer_id: OperationId,
    /// The claim.
    pub token: ClaimToken,
    /// A stable code: `confirmed`, `dismissed`, `decided_before`, `stranger`, …
    pub outcome: &'static str,
    /// What its giver is told, and nobody else.
    pub tell: Option<Remark>,
    /// What the question ends with, should it still stand open.
    pub ends: Option<End>,
}

/// An [`Ended`] that owns its words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// Decided by this principal; a yes or a no.
    Decided(String, bool),
    /// Nobody answered in time.
    Lapsed,
    /// Nothing needs to be answered any more.
    Changed,
}

impl End {
    /// Borrowed.
    #[must_use]
    pub fn ended(&self) -> Ended<'_> {
        match self {
            Self::Decided(by, true) => Ended::Confirmed(by),
            Self::Decided(by, false) => Ended::Dismissed(by),
            Self::Lapsed => Ended::Lapsed,
            Self::Changed => Ended::Changed,
        }
    }
}
