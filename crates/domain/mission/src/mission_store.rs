//! The read side of missions: the `MissionStore` port, its filter and its cursor.

use crate::ids::{ListingId, MissionId, RealtorId, StaffId};
use crate::mission::{Mission, MissionKind, MissionType};
use crate::people::Sight;
use crate::status::MissionStatus;
use async_trait::async_trait;
use thiserror::Error;
use time::OffsetDateTime;

/// Which missions to list. Empty lists and `None` do not filter.
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)] // one field, one filter
pub struct MissionFilter {
    pub kind: Option<MissionKind>,
    pub statuses: Vec<MissionStatus>,
    /// `None` inside the list asks for missions without a type.
    pub types: Vec<Option<MissionType>>,
    pub realtor_id: Option<RealtorId>,
    pub listing_id: Option<ListingId>,
    pub assigned_to: Option<StaffId>,
    pub deleted: Deleted,
}

/// Whether soft-deleted rows are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Deleted {
    /// Leave them out.
    #[default]
    Exclude,
    /// Show them too.
    Include,
    /// Show nothing else.
    Only,
}

/// The sort of a list; the mission id breaks ties, so that a cursor is exact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MissionOrder {
    /// Newest first: `-created_at`.
    #[default]
    Newest,
    /// Most recently changed first: `-updated_at`.
    Updated,
}

/// Where the page before ended: the sort key and the id of its last row.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct MissionCursor {
    pub at: OffsetDateTime,
    pub mission_id: MissionId,
}

/// One page, and where the next one starts.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct MissionPage {
    pub items: Vec<Mission>,
    pub next: Option<MissionCursor>,
}

/// Reads missions from the brokerage's tables joined with what Dispatch knows about them.
#[async_trait]
pub trait MissionStore: Send + Sync {
    /// One page of the missions that `sight` sees, in `order`, strictly after `after`, `limit` rows at most. A group that
    /// is not known is seen only by those who see everything; no group counts as BOTH.
    ///
    /// # Errors
    /// `CutoverExpandDue` while the database has no `dispatch_activities` yet; `Unavailable` when it does not answer.
    async fn list(
        &self,
        sight: Sight,
        filter: &MissionFilter,
        order: MissionOrder,
        after: Option<&MissionCursor>,
        limit: u32,
    ) -> Result<MissionPage, MissionStoreError>;

    /// One mission by its id, deleted or not; `None` when there is no such row in either table, or `sight` does not see it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    async fn find(&self, sight: Sight, id: &MissionId) -> Result<Option<Mission>, MissionStoreError>;
}

/// What a mission store may answer instead.
#[derive(Debug, Error)]
pub enum MissionStoreError {
    /// The brokerage's tables still have their old names; `expand` of the cut-over is due.
    #[error("the brokerage's tables have not been expanded to Dispatch's names yet")]
    CutoverExpandDue,
    /// The database did not answer, or not in time. Retry later.
    #[error("the mission store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl MissionStoreError {
    /// Whether the same call may succeed later without a person's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
