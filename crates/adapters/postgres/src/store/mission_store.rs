//! The `MissionStore` port: both mission tables as one list, joined with what Dispatch knows.
//!
//! It must not change a mission.

use async_trait::async_trait;
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::Mission;
use dispatch_mission::mission_store::{
    MissionCursor, MissionFilter, MissionOrder, MissionPage, MissionStore, MissionStoreError,
};
use dispatch_mission::people::Sight;

use super::error::StoreError;
use super::missions::{query, row};
use crate::connect::{Pool, PooledConnection};

/// Missions as people see them.
#[derive(Clone, Debug)]
pub struct PgMissionStore {
    pool: Pool,
}

impl PgMissionStore {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// A connection to a database whose tables answer to Dispatch's names.
    async fn expanded(&self) -> Result<PooledConnection, MissionStoreError> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        if query::is_expanded(&mut connection).await? {
            Ok(connection)
        } else {
            Err(MissionStoreError::CutoverExpandDue)
        }
    }
}

#[async_trait]
impl MissionStore for PgMissionStore {
    async fn list(
        &self,
        sight: Sight,
        filter: &MissionFilter,
        order: MissionOrder,
        after: Option<&MissionCursor>,
        limit: u32,
    ) -> Result<MissionPage, MissionStoreError> {
        let mut connection = self.expanded().await?;
        // One more than asked for tells whether there is a next page.
        let mut rows = query::page(&mut connection, sight, filter, order, after, i64::from(limit) + 1).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(query::MissionRow::cursor);
        Ok(MissionPage { items: rows.iter().map(row::mission).collect(), next })
    }

    async fn find(&self, sight: Sight, id: &MissionId) -> Result<Option<Mission>, MissionStoreError> {
        let mut connection = self.expanded().await?;
        Ok(query::one(&mut connection, sight, id).await?.as_ref().map(row::mission))
    }
}
