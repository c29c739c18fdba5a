//! The `FlipWatch` port: how legacy paths are answered, added up over all replicas, and the flips that are watched by it. Must
//! not judge.

#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryFlips;

use super::StoreUnavailable;
use super::flag::{ApiVersion, Steering};
use crate::helm::Traffic;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;

/// What requests are counted by: `/classify`, and the contract and flag that answered them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // said above
pub struct Answered {
    pub route: &'static str,
    pub contract: &'static str,
    pub mark: String,
}

/// The mark of what no flag steers: it is counted, and no measure of a flip.
pub const UNSTEERED: &str = "";

/// A flip that is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The change.
    pub mark: String,
    /// What to go back to.
    pub back: Steering,
    /// The contract that it introduces: what this one answers is judged, and nothing else.
    pub contract: ApiVersion,
    /// The contract that it takes authors from: what that one answered before is what it is judged against.
    pub against: ApiVersion,
}

impl Watched {
    /// The change with this mark, from `back` to `to`. The contract whose share of authors grows is the one that it introduces;
    /// where none does, whoever has the larger share is judged against himself.
    #[must_use]
    pub fn new(mark: &str, back: Steering, to: Steering) -> Self {
        let grows = ApiVersion::ALL.into_iter().find(|version| to.share_of(*version) > back.share_of(*version));
        let largest = ApiVersion::ALL.into_iter().max_by_key(|version| to.share_of(*version)).unwrap_or(to.version);
        let contract = grows.unwrap_or(largest);
        let against = if grows.is_some() { contract.other() } else { contract };
        Self { mark: mark.to_owned(), back, contract, against }
    }
}

/// A flip that one replica is about to judge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// Which.
    pub watched: Watched,
    /// What the other contract answered in the hour before the flip; fixed when it was armed.
    pub before: Traffic,
    /// What the contract that was introduced has answered by this flag.
    pub since: Traffic,
    /// Whether its time is over.
    pub is_over: bool,
}

/// What came of a watched flip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchEnd {
    /// Nothing was wrong in all its time, as far as these figures tell.
    Passed(String),
    /// It went back, for this reason.
    FlippedBack(String),
    /// Somebody set the flag meanwhile, or it never was in force; there is nothing to go back from.
    Overtaken,
    /// Its time is over, and nobody was there to judge.
    Unjudged(String),
}

/// Where a watched flip stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchState {
    /// How long it is watched yet; nothing once it has ended.
    pub left: Option<Duration>,
    /// What came of it, once it has.
    pub end: Option<WatchEnd>,
}

/// A difference between what the old contract answered and what the new one would have.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct ShadowDifference {
    pub route: &'static str,
    pub trace_id: String,
    /// What differs, by name; never what it says.
    pub fields: Vec<String>,
}

/// How often one path of the old contract was answered lately by one contract.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lately {
    /// The path as it was called: `/classify`, `/operations/classify`.
    pub route: String,
    /// Which contract answered.
    pub contract: ApiVersion,
    /// In the last hour.
    pub hour: Traffic,
    /// In the last seven days.
    pub week: Traffic,
    /// The minute of the last one.
    pub last: OffsetDateTime,
}

/// Requests that the old contract answered and the new one was asked about too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)] // said above
pub struct Compared {
    pub compared: u64,
    /// How many of them the new one would have answered otherwise.
    pub differed: u64,
}

impl Compared {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { compared: self.compared + other.compared, differed: self.differed + other.differed }
    }
}

/// Counts answers of legacy paths, and keeps flips that are watched. Each method is one atomic unit of work.
#[async_trait]
pub trait FlipWatch: Send + Sync {
    /// Adds what this replica answered since the last time.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was added.
    async fn add(&self, tallies: &BTreeMap<Answered, Traffic>) -> Result<(), StoreUnavailable>;

    /// From now on this flip is watched, for so long; its flag may come into force within a minute. What it is judged against is
    /// fixed here, without flips that a guard has taken back.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn arm(&self, watched: &Watched, lasts: Duration) -> Result<(), StoreUnavailable>;

    /// A watched flip for the caller to judge: no other replica gets it for some seconds. `current` is the mark in force, as far
    /// as the caller has heard; a flip that was overtaken by another change is ended here, unless it is so young that the caller
    /// may only not have heard of it. A claim ends with the time of the watch, so that its last word is not waited for.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn claim(&self, current: &str) -> Result<Option<Due>, StoreUnavailable>;

    /// Ends the watch over a flip.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn end(&self, mark: &str, end: &WatchEnd) -> Result<(), StoreUnavailable>;

    /// Where the watch over a flip stands; `None` where it never was watched.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn state(&self, mark: &str) -> Result<Option<WatchState>, StoreUnavailable>;

    /// Answers of paths of the old contract in the last seven days, by route and contract.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn recent(&self) -> Result<Vec<Lately>, StoreUnavailable>;

    /// Adds how many requests this replica has compared, by route.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was added.
    async fn compared(&self, tallies: &BTreeMap<&'static str, Compared>) -> Result<(), StoreUnavailable>;

    /// How many requests were compared in the last hour, by route.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn comparisons(&self) -> Result<Vec<(String, Compared)>, StoreUnavailable>;

    /// Differences of the last hour, how often each: `(route, field, times)`, the most frequent first.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn differences(&self) -> Result<Vec<(String, String, u64)>, StoreUnavailable>;

    /// Records differences.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn differs(&self, differences: &[ShadowDifference]) -> Result<(), StoreUnavailable>;

    /// Removes what is older than a week. Answers how many rows.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn purge(&self) -> Result<u32, StoreUnavailable>;
}
