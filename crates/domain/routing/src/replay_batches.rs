//! The `ReplayBatches` port: many replays at a bounded rate. What is in a batch is chosen when it is asked for.
//!
//! It must not replay anything itself.

use crate::dead_letters::DeadFilter;
use crate::held_work::Decider;
use crate::queue::QueueError;
use crate::replay::Stage;
use async_trait::async_trait;
use dispatch_mission::ids::ReplayId;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Keeps batches. Each method is one atomic unit of work; any number of replicas may call any of them at any time.
#[async_trait]
pub trait ReplayBatches: Send + Sync {
    /// Chooses what is in a batch and keeps it. A second one under the same operation is the first one.
    ///
    /// # Errors
    /// `Unavailable`, `Rejected`.
    async fn begin(&self, batch: &NewBatch) -> Result<Batch, QueueError>;

    /// What [`begin`](Self::begin) would choose now. Nothing is kept.
    ///
    /// # Errors
    /// `Unavailable`, `Rejected`.
    async fn preview(&self, batch: &NewBatch) -> Result<Preview, QueueError>;

    /// How far a batch is.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn find(&self, id: ReplayId) -> Result<Option<Batch>, QueueError>;

    /// Ends a batch; what is not replayed yet stays as it is. One that has ended stays as it ended.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn cancel(&self, id: ReplayId) -> Result<Option<Batch>, QueueError>;

    /// Takes the next ones of a batch that is due: no more than its rate allows for a second, and all replicas together no more
    /// often than once a second. What was taken and not settled is taken again. A batch with nothing left is ended.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn step(&self) -> Result<Option<BatchStep>, QueueError>;

    /// Notes that one cannot be replayed, and why. Nothing happens to one that is settled.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn refuse(&self, id: ReplayId, named: Uuid, code: &str) -> Result<(), QueueError>;
}

/// A batch that somebody asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewBatch {
    /// Its id.
    pub batch_id: ReplayId,
    /// What is in it.
    pub choice: BatchChoice,
    /// The most that may be in it.
    pub limit: u32,
    /// From where on; the natural stage of each where nobody says.
    pub stage: Option<Stage>,
    /// Whether also what succeeded is done once more.
    pub force: bool,
    /// The rate.
    pub per_second: u32,
    /// Who says so, and why.
    pub by: Decider,
}

/// What is in a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchChoice {
    /// These: events, units, classifications, dispatches or deliveries.
    These(Vec<Uuid>),
    /// Dead letters, what ended first first.
    Dead {
        /// Which.
        filter: DeadFilter,
        /// Only those that ended in one of these ways: `dead` (a unit), `exhausted`, `failed`, `unknown`; in any when empty.
        states: Vec<String>,
        /// Only what ended then or later.
        since: Option<OffsetDateTime>,
        /// Only what ended before then.
        until: Option<OffsetDateTime>,
    },
    /// Deliveries that succeeded, in the order in which they were planned; what is asked or said about a question is not among
    /// them. From an earlier stage than `deliver` on: their units.
    Succeeded {
        /// Only those of these kinds; of any when empty.
        kinds: Vec<String>,
        /// Only those to these channels, tables or configured names; to any when empty.
        destinations: Vec<String>,
        /// Only what was planned then or later.
        since: OffsetDateTime,
        /// Only what was planned before then; whatever there is where nobody says.
        until: Option<OffsetDateTime>,
    },
}

/// What a batch would be about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Preview {
    /// How many, by kind: `unit`, `storage`, `slack`, …; `other` for what is named by another id.
    pub kinds: BTreeMap<String, u32>,
    /// Whether more is to be had than it may hold.
    pub more: bool,
    /// The first of them.
    pub first: Vec<Uuid>,
}

/// A batch as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Its id.
    pub batch_id: ReplayId,
    /// Whether it goes on.
    pub state: BatchState,
    /// From where on.
    pub stage: Option<Stage>,
    /// Whether also what succeeded is done once more.
    pub force: bool,
    /// The rate.
    pub per_second: u32,
    /// Whether more was to be had than it may hold.
    pub more: bool,
    /// How far it is.
    pub progress: BatchProgress,
    /// When somebody asked for it.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
}

/// How many of a batch are where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BatchProgress {
    /// In all.
    pub total: u32,
    /// Not replayed yet.
    pub pending: u32,
    /// Replayed.
    pub done: u32,
    /// Left alone, for they had succeeded or were under way.
    pub skipped: u32,
    /// Not to be replayed.
    pub refused: u32,
}

/// Whether a batch goes on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BatchState {
    /// It does.
    Running,
    /// Everything in it is settled.
    Done,
    /// Somebody ended it.
    Cancelled,
}

impl BatchState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Cancelled];

    /// The spelling of API and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// The next ones of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchStep {
    /// The batch.
    pub batch_id: ReplayId,
    /// What is replayed now.
    pub named: Vec<Uuid>,
    /// From where on.
    pub stage: Option<Stage>,
    /// Whether also what succeeded is done once more.
    pub force: bool,
    /// Who said so, and why; without an operation, for the batch stands for it.
    pub by: Decider,
}
