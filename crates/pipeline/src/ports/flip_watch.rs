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

/// What requests are counted by: `/classify`, and the contract and flag that answered them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // said above
pub struct Answered {
    pub route: &'static str,
    pub contract: &'static str,
    pub mark: String,
}

/// A flip that is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// The change.
    pub mark: String,
    /// What to go back to.
    pub back: Steering,
}

/// A flip that one replica is about to judge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// Which.
    pub watched: Watched,
    /// Legacy paths in the hour before the flip.
    pub before: Traffic,
    /// Legacy paths that were answered by the new flag.
    pub since: Traffic,
    /// Whether its time is over.
    pub is_over: bool,
}

/// What came of a watched flip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchEnd {
    /// Nothing was wrong in all its time.
    Passed,
    /// It went back, for this reason.
    FlippedBack(String),
    /// Somebody set the flag meanwhile; there is nothing to go back from.
    Overtaken,
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

/// Counts answers of legacy paths, and keeps flips that are watched. Each method is one atomic unit of work.
#[async_trait]
pub trait FlipWatch: Send + Sync {
    /// Adds what this replica answered since the last time.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was added.
    async fn add(&self, tallies: &BTreeMap<Answered, Traffic>) -> Result<(), StoreUnavailable>;

    /// From now on this flip is watched, for so long.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn arm(&self, watched: &Watched, lasts: Duration) -> Result<(), StoreUnavailable>;

    /// A watched flip for the caller to judge: no other replica gets it for some seconds. `current` is the mark in force, as far
    /// as the caller has heard; a flip that was overtaken by another change is ended here, unless its watch is so young that
    /// the caller may only not have heard of it.
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

    /// Answers of legacy paths in the last hour, by route and contract, as `(route, contract, traffic)`.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn recent(&self) -> Result<Vec<(String, ApiVersion, Traffic)>, StoreUnavailable>;

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
