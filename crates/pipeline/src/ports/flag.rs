//! The flag `api_version`: which contract the unprefixed legacy paths speak. Two ports: `FlagStore` holds the value, wherever
//! those who run this keep it; `FlagLedger` remembers who changed it and which replica serves what. Must not know paths.

#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(any(test, feature = "testing"))]
pub use memory::{MemoryFlag, MemoryFlagLedger};

use super::StoreUnavailable;
use async_trait::async_trait;
use std::time::Duration;
use time::OffsetDateTime;

/// A contract that legacy paths can speak.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ApiVersion {
    /// The old system's, under `/operations`.
    Operations,
    /// The new one.
    Dispatch,
}

impl ApiVersion {
    /// Both, the old one first.
    pub const ALL: [Self; 2] = [Self::Operations, Self::Dispatch];

    /// The spelling of API, column, command line and Edge Config alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Dispatch => "dispatch",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// `api_base`: the prefix under which it is always spoken, whatever the flag says.
    #[must_use]
    pub fn base(self) -> &'static str {
        match self {
            Self::Operations => "/operations",
            Self::Dispatch => "/dispatch",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Operations => Self::Dispatch,
            Self::Dispatch => Self::Operations,
        }
    }
}

/// What legacy paths do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Steering {
    /// What `percent` of the authors are answered by; the others by the other one.
    pub version: ApiVersion,
    /// 1 to 100. Which authors those are does not change while the figure stands.
    pub percent: u8,
    /// Whether the old contract answers while the new one runs beside it without effects, and differences are recorded.
    pub shadow: bool,
}

impl Steering {
    /// Everybody to `version`.
    #[must_use]
    pub fn all_to(version: ApiVersion) -> Self {
        Self { version, percent: 100, shadow: false }
    }

    /// How many of a hundred authors `version` answers.
    #[must_use]
    pub fn share_of(self, version: ApiVersion) -> u8 {
        // Whatever a shadow says of versions, the old contract answers.
        let answers = if self.shadow { ApiVersion::Operations } else { self.version };
        let percent = if self.shadow { 100 } else { self.percent.min(100) };
        if answers == version { percent } else { 100 - percent }
    }
}

/// The flag as a store holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flag {
    /// What it says.
    pub steering: Steering,
    /// Which change made it so: another mark, another change. Compared, never parsed.
    pub mark: String,
}

/// A change that is about to be made: a flag of [`FlagStore::mint`], and what stands in the history about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The flag that it makes.
    pub flag: Flag,
    /// Who: one text per principal.
    pub by: String,
    /// Why, if they said.
    pub reason: Option<String>,
}

/// Holds the flag. Every replica reads it; whoever sets it knows by the ledger who has.
#[async_trait]
pub trait FlagStore: Send + Sync {
    /// What people call this store: `postgres`, `edge_config`.
    fn name(&self) -> &'static str;

    /// The flag now; `None` where nobody has set it yet.
    ///
    /// # Errors
    /// `Unavailable`: the last known value holds. `Unreadable` when what is there is no flag.
    async fn read(&self) -> Result<Option<Flag>, FlagError>;

    /// A flag with a mark that no other has: it is known before it is in force, so that what is to be there by then can be.
    fn mint(&self, steering: Steering) -> Flag;

    /// Puts a minted flag in force. With `instead_of` only while the flag with that mark is: `false`, and nothing has changed,
    /// where another one is. A store that shares the ledger's database records the change in the same commit.
    ///
    /// # Errors
    /// `Unavailable`: it may be in force all the same. `Refused` when the store does not take it from us.
    async fn write(&self, change: &Change, instead_of: Option<&str>) -> Result<bool, FlagError>;

    /// Sets it where nobody has yet, and answers what holds: of several first ones, one wins.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    async fn seed(&self, steering: Steering) -> Result<Flag, FlagError>;

    /// Returns when the flag may have changed. May return for nothing, and may miss a change: whoever waits polls too.
    async fn stirred(&self);
}

/// Why a flag was not read or set.
#[derive(Debug, thiserror::Error)]
pub enum FlagError {
    /// The store did not answer. The same call may succeed later.
    #[error("the flag's store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What the store holds is no flag.
    #[error("the flag's store holds {0:?}, which is neither \"operations\" nor \"dispatch\"")]
    Unreadable(String),
    /// The store does not take it: the reason is for whoever set it.
    #[error("the flag's store refuses it: {0}")]
    Refused(String),
}

impl FlagError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<StoreUnavailable> for FlagError {
    fn from(StoreUnavailable(source): StoreUnavailable) -> Self {
        Self::Unavailable(source)
    }
}

/// One change of the flag, for the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlagChange {
    /// The flag that it made.
    pub flag: Flag,
    /// Who: one text per principal.
    pub by: String,
    /// Why, if they said.
    pub reason: Option<String>,
    /// When it was recorded, by the ledger's clock.
    pub at: OffsetDateTime,
}

/// Where a page of the history ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // of its last change
pub struct ChangeCursor {
    pub at: OffsetDateTime,
    pub mark: String,
}

/// A process that serves HTTP, and the flag that it serves by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replica {
    /// Unique among all.
    pub name: String,
    /// The mark of the flag.
    pub mark: String,
    /// Since when it serves by it.
    pub since: OffsetDateTime,
    /// How long ago it was heard of.
    pub silent_for: Duration,
}

/// Who is not heard of for this long counts as gone.
pub const REPLICA_SILENCE: Duration = Duration::from_secs(5);

impl Replica {
    /// Whether it is still there, as far as anybody knows.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.silent_for < REPLICA_SILENCE
    }
}

/// Remembers changes of the flag, and who serves by which.
#[async_trait]
pub trait FlagLedger: Send + Sync {
    /// Records a change; the same mark twice is one.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn record(&self, flag: &Flag, by: &str, reason: Option<&str>) -> Result<(), StoreUnavailable>;

    /// The newest changes, newest first, or the newest ones after where a page ended.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn history(&self, limit: u32, after: Option<&ChangeCursor>) -> Result<Vec<FlagChange>, StoreUnavailable>;

    /// Whether what is kept here began as Operations Center: whoever calls it knows the old contract.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn began_elsewhere(&self) -> Result<bool, StoreUnavailable>;

    /// Notes that `replica` is alive and serves by the flag with this mark. Also removes replicas that were silent for an hour.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn serves(&self, replica: &str, mark: &str) -> Result<(), StoreUnavailable>;

    /// Removes `replica` at an orderly end.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn leaves(&self, replica: &str) -> Result<(), StoreUnavailable>;

    /// Every replica that was heard of within the hour, by name.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn replicas(&self) -> Result<Vec<Replica>, StoreUnavailable>;
}
