//! The `Replays` port: does once more what was done, or was to be done, about messages; what succeeded before is left alone.
//!
//! It must not know how people ask, nor understand or plan anything: a mind and the policy do.

mod anew;
mod error;
mod redrive;
mod sift;
mod subject;
#[cfg(all(test, feature = "testing"))]
mod tests;

pub use error::ReplayError;
pub use redrive::{DEPENDENCY_FAILED, Redrive, redrive};
pub use sift::{Sifted, Waits, sift};
pub use subject::{Existing, Footing, Replayable, Stage, Subject};

use crate::delivery::DeliveryState;
use crate::destination::Destination;
use crate::held_work::{Decider, DispatchedDelivery};
use crate::plan::{Content, Decision, Verdict};
use async_trait::async_trait;
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId, OperationId, ReplayId, UnitId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Finds what an id stands for, and replays it. Each method is one atomic unit of work; several replays of one unit follow
/// each other, whoever asks for them and where.
#[async_trait]
pub trait Replays: Send + Sync {
    /// What the id of an event, unit, classification, dispatch or delivery stands for; `None` when it is none of them.
    ///
    /// # Errors
    /// `NothingYet` for an event whose burst is open, or that is not acted on; `Unavailable`.
    async fn find(&self, id: Uuid) -> Result<Option<Replayable>, ReplayError>;

    /// What a replay under this operation came to, as it stands now, if there was one.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn of_operation(&self, operation: OperationId) -> Result<Option<Replayed>, ReplayError>;

    /// Does what `order` says, and notes who asked for it, when and why. What was delivered, is under way or waits for a
    /// person is skipped and named, unless the order is forced: then it is done exactly once more. A second order under the
    /// same operation, or for the same place of the same batch, answers what the first one came to.
    ///
    /// # Errors
    /// `InHand` while a worker has the unit, `Pending` while it is due, `Held` while it waits for a person; `Superseded`
    /// when the id speaks of a meaning that is not in force; `NotUnderstood` when there is no meaning to plan for;
    /// `Unknown` when it went away; `Unavailable`; `Rejected`. Then nothing was written.
    async fn carry_out(&self, order: &ReplayOrder) -> Result<Replayed, ReplayError>;
}

/// What is to be done once more.
#[derive(Clone, PartialEq, Debug)]
pub struct ReplayOrder {
    /// Id of the replay: of its record, and what tells a forced effect from the first one.
    pub replay_id: ReplayId,
    /// The id that somebody named.
    pub named: Uuid,
    /// What it stands for.
    pub subject: Subject,
    /// The classification that it speaks of.
    pub speaks_of: Option<ClassificationId>,
    /// Its unit.
    pub unit_id: UnitId,
    /// What is done.
    pub action: ReplayAction,
    /// Whether also what succeeded is done once more.
    pub force: bool,
    /// Who says so, and why.
    pub by: Decider,
    /// The batch that it is part of; together with `named` done once.
    pub batch: Option<ReplayId>,
}

/// What is done.
#[derive(Clone, PartialEq, Debug)]
pub enum ReplayAction {
    /// The unit is due again, and a worker understands it.
    Understand,
    /// What the policy of today plans is dispatched.
    Plan {
        /// What it was planned for.
        classification_id: ClassificationId,
        /// Id of the dispatch to write.
        dispatch_id: DispatchId,
        /// What is to be done.
        decision: Decision,
    },
    /// Deliveries are due again.
    Redrive {
        /// Id of the dispatch to write, where something that succeeded is done once more.
        dispatch_id: DispatchId,
    },
}

impl ReplayAction {
    /// From where on that is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Understand => Stage::Classify,
            Self::Plan { .. } => Stage::Route,
            Self::Redrive { .. } => Stage::Deliver,
        }
    }
}

/// What a replay came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// Its record.
    pub replay_id: ReplayId,
    /// The unit.
    pub unit_id: UnitId,
    /// From where on.
    pub stage: Stage,
    /// Whether also what had succeeded.
    pub force: bool,
    /// What was done.
    pub outcome: ReplayOutcome,
    /// The dispatch that was written, if there was one.
    pub dispatch_id: Option<DispatchId>,
    /// The deliveries that were written or are due again, as they stand.
    pub deliveries: Vec<DispatchedDelivery>,
    /// What was left alone, and why.
    pub skipped: Vec<Skipped>,
}

/// What a replay did.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOutcome {
    /// The unit is due, to be understood anew.
    UnderstoodAnew,
    /// There is a dispatch, or deliveries are due again.
    Dispatched,
    /// The policy of today does not act on it without a person's word: it waits for one.
    Held,
    /// Nothing: everything has succeeded, is under way, or is not wanted any more.
    Nothing,
}

impl ReplayOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::UnderstoodAnew, Self::Dispatched, Self::Held, Self::Nothing];

    /// The spelling of API and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnderstoodAnew => "understood_anew",
            Self::Dispatched => "dispatched",
            Self::Held => "held",
            Self::Nothing => "nothing",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// Something that a replay, or a further dispatch, leaves alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// The delivery that stands in its place.
    pub delivery_id: DeliveryId,
    /// Where it goes.
    pub destination: Destination,
    /// Why nothing is done: where that delivery stands.
    pub state: DeliveryState,
}

impl Skipped {
    /// This one, for it stands as it does.
    #[must_use]
    pub fn of(delivery: &Existing) -> Self {
        Self { delivery_id: delivery.delivery_id, destination: delivery.destination.clone(), state: delivery.state }
    }
}

impl Decision {
    /// The same, to be done in addition to what it led to before: its effects are other effects, and no quota stands in its way.
    #[must_use]
    pub fn once_more(mut self, nonce: ReplayId) -> Self {
        if let Verdict::Dispatch(plan) = &mut self.verdict {
            for one in plan {
                one.quota = None;
                one.content.make_once_more(nonce);
            }
        }
        self
    }
}

impl Content {
    /// Makes the effects of this other effects than those that it had before.
    pub fn make_once_more(&mut self, nonce: ReplayId) {
        if let Self::Storage(work) = self {
            work.nonce = Some(nonce);
        }
    }
}
