//! The read side: missions as the client lists them.

use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::Mission;
use dispatch_mission::mission_store::{
    MissionCursor, MissionFilter, MissionOrder, MissionPage, MissionStore, MissionStoreError,
};
use dispatch_mission::people::Sight;
use std::sync::Arc;

/// Most missions on one page.
pub const MAX_PAGE: u32 = 200;

/// The use cases behind `/missions`.
pub struct Missions {
    store: Arc<dyn MissionStore>,
}

impl Missions {
    /// Over this store.
    #[must_use]
    pub fn new(store: Arc<dyn MissionStore>) -> Self {
        Self { store }
    }

    /// One page of what `sight` sees, at most [`MAX_PAGE`] long.
    ///
    /// # Errors
    /// [`MissionStoreError`].
    pub async fn list(
        &self,
        sight: Sight,
        filter: &MissionFilter,
        order: MissionOrder,
        after: Option<&MissionCursor>,
        limit: u32,
    ) -> Result<MissionPage, MissionStoreError> {
        self.store.list(sight, filter, order, after, limit.clamp(1, MAX_PAGE)).await
    }

    /// One mission, deleted or not; `None` also when `sight` does not see it.
    ///
    /// # Errors
    /// [`MissionStoreError`].
    pub async fn find(&self, sight: Sight, id: &MissionId) -> Result<Option<Mission>, MissionStoreError> {
        self.store.find(sight, id).await
    }
}
