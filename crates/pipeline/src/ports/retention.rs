//! The `Retention` port: what is finished and has been kept for its time is removed, a batch at a time. Must not know who
//! asks for it, nor how often.
//!
//! Nothing goes before its time: what is under way, what waits for a person, what a mission needs that is open or was
//! changed lately, and what a provider or a person may still ask to be done once more.

use super::StoreUnavailable;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::Duration;

/// A kind of thing that goes when its time is over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Matter {
    /// Units that are finished, dead ones after a time of their own, with everything that is known about them: messages,
    /// meanings, dispatches, deliveries, effects, decisions, their story.
    Work,
    /// Messages that led to nothing by themselves: a bot's, an unsupported event's, an edit of nothing known.
    Ignored,
    /// The words of messages whose unit is finished: text, payload and attachments. The rows stay.
    Bodies,
    /// Texts that somebody asked about, with their meanings.
    Requests,
    /// What providers reported about messages after taking them.
    Reports,
    /// Lines of the story that nothing stands behind any more; of missions that people made, when these are over.
    Stories,
    /// When a limited delivery was last planned.
    Quotas,
    /// What deliveries carried, where the words of their messages are gone. The rows stay.
    Contents,
    /// Replays of many that have ended. What each of them did stays with its unit.
    Batches,
    /// What a lane may still take, where it has long been all.
    Buckets,
    /// Circuit breakers that have long been closed, and those before destinations that nothing waits for.
    Breakers,
    /// How paths of the old contract were answered, by the minute.
    Traffic,
}

impl Matter {
    /// All of them, in the order in which they are removed.
    pub const ALL: [Self; 12] = [
        Self::Bodies,
        Self::Contents,
        Self::Work,
        Self::Ignored,
        Self::Requests,
        Self::Reports,
        Self::Stories,
        Self::Quotas,
        Self::Batches,
        Self::Buckets,
        Self::Breakers,
        Self::Traffic,
    ];

    /// Its name in commands, logs and the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Ignored => "ignored",
            Self::Bodies => "bodies",
            Self::Requests => "requests",
            Self::Reports => "reports",
            Self::Stories => "stories",
            Self::Quotas => "quotas",
            Self::Contents => "contents",
            Self::Batches => "batches",
            Self::Buckets => "buckets",
            Self::Breakers => "breakers",
            Self::Traffic => "traffic",
        }
    }
}

/// How long each is kept after it was finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Ages {
    /// Also of stories, quotas and batches of replays.
    pub work: Duration,
    /// Units that are dead, and those with a delivery that failed.
    pub dead: Duration,
    /// Also of what deliveries carried.
    pub bodies: Duration,
    pub ignored: Duration,
    pub requests: Duration,
    pub reports: Duration,
}

const DAY: u64 = 24 * 60 * 60;

impl Ages {
    /// No age may be less: Slack and Twilio have stopped repeating by then, keys of requests mean nothing any more, and so
    /// a repeat is still known as one.
    pub const LEAST: Duration = Duration::from_secs(7 * DAY);

    /// How long this is kept.
    #[must_use]
    pub fn of(&self, matter: Matter) -> Duration {
        match matter {
            Matter::Work | Matter::Stories | Matter::Quotas | Matter::Batches => self.work,
            Matter::Ignored => self.ignored,
            Matter::Bodies | Matter::Contents => self.bodies,
            // What they say holds for minutes, or is looked at for hours.
            Matter::Buckets | Matter::Breakers | Matter::Traffic => Self::LEAST,
            Matter::Requests => self.requests,
            Matter::Reports => self.reports,
        }
    }
}

impl Default for Ages {
    fn default() -> Self {
        let days = |days| Duration::from_secs(days * DAY);
        Self {
            work: days(180),
            dead: days(365),
            bodies: days(90),
            ignored: days(30),
            requests: days(90),
            reports: days(90),
        }
    }
}

/// How many rows, by table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rows(pub BTreeMap<String, u64>);

impl Rows {
    /// Adds these.
    pub fn add(&mut self, more: &Self) {
        for (table, rows) in &more.0 {
            *self.0.entry(table.clone()).or_default() += rows;
        }
    }

    /// Of all tables together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// How far a walk over a matter has come. Opaque.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cursor(pub String);

/// What one step of a walk came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What was removed, or would be.
    pub rows: Rows,
    /// Where the walk goes on; none when it is over.
    pub next: Option<Cursor>,
}

/// What a turn of the shared walk came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Its next walk is not due yet, or somebody else is at it.
    Rests,
    /// A batch was looked at.
    Stepped(Step),
}

/// Removes what is too old. A batch is one short commit: killed anywhere, it was removed whole or is still there, and the next
/// one goes on. Rows in somebody's hands are left for the next walk, and nobody is waited for.
#[async_trait]
pub trait Retention: Send + Sync {
    /// One batch of the walk that all replicas share, where it is due: `limit` rows are looked at, from where the last batch
    /// ended. One caller at a time works on a matter. A walk that is over is due again after `pause`.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was removed.
    async fn turn(&self, matter: Matter, ages: &Ages, limit: u32, pause: Duration) -> Result<Turn, StoreUnavailable>;

    /// One batch of a walk of the caller's own. `None` when somebody else is at this matter just now.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was removed.
    async fn step(
        &self,
        matter: Matter,
        ages: &Ages,
        from: &Cursor,
        limit: u32,
    ) -> Result<Option<Step>, StoreUnavailable>;

    /// What such a batch would remove. Removes nothing and locks nothing.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn preview(&self, matter: Matter, ages: &Ages, from: &Cursor, limit: u32) -> Result<Step, StoreUnavailable>;

    /// Rows whose time is over that other ports remove: records of idempotency keys, streams, agents' minutes.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn expired(&self) -> Result<Rows, StoreUnavailable>;
}
