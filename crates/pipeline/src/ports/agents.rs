//! The `AgentLog` port: how often each agent was used, how long it took and how it ended, added up by the minute and shared
//! by all replicas. Must not know what an agent does.

#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryAgentLog;

use super::StoreUnavailable;
use async_trait::async_trait;
use dispatch_classification::classifier::Usage;
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;

/// How far back the figures of an agent reach, and how long they are kept.
pub const FIGURES_OF: Duration = Duration::from_hours(24);

/// What one agent did; sums.
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)]
pub struct Tally {
    /// Calls that were begun and ended, whatever came of them.
    pub calls: u64,
    /// Those that ended without an answer, by code.
    pub failures: BTreeMap<String, u64>,
    /// Of all calls together.
    pub busy: Duration,
    pub usage: Usage,
    pub last_used_at: Option<OffsetDateTime>,
}

/// Keeps the tallies.
#[async_trait]
pub trait AgentLog: Send + Sync {
    /// Adds what each named agent did since the last time. Minutes are by the store's clock.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was added.
    async fn add(&self, tallies: &BTreeMap<String, Tally>) -> Result<(), StoreUnavailable>;

    /// The sums of the last [`FIGURES_OF`], by agent. An agent that did nothing then shows only when it was used last,
    /// as long as that is known.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn read(&self) -> Result<BTreeMap<String, Tally>, StoreUnavailable>;

    /// Removes what is older than [`FIGURES_OF`], but for each agent's last use. Answers how many rows.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn purge(&self) -> Result<u32, StoreUnavailable>;
}
