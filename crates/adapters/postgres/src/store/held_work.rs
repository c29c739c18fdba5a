//! The `HeldWork` port over tables `dispatch.units`, `dispatch.dispatches` and `dispatch.decisions`.
//!
//! It must not plan, nor know how people ask.

use async_trait::async_trait;
use diesel_async::AsyncConnection;
use dispatch_mission::ids::{ClassificationId, OperationId, UnitId};
use dispatch_routing::held_work::{
    Confirmation, Dismissal, Dismissed, Dispatched, HeldCursor, HeldFilter, HeldPage, HeldUnit, HeldWork,
    HeldWorkError, RoutedUnit,
};

use super::units::held::{self, Halt, decide, read};
use crate::connect::{Pool, PooledConnection};

/// What waits for people.
#[derive(Clone, Debug)]
pub struct PgHeldWork {
    pool: Pool,
}

impl PgHeldWork {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn connection(&self) -> Result<PooledConnection, Halt> {
        Ok(self.pool.get().await?)
    }
}

#[async_trait]
impl HeldWork for PgHeldWork {
    async fn list(
        &self,
        filter: &HeldFilter,
        after: Option<&HeldCursor>,
        limit: u32,
    ) -> Result<HeldPage, HeldWorkError> {
        let page = read::list(&mut *self.connection().await?, filter, after, limit).await;
        Ok(page.map_err(Halt::from)?)
    }

    async fn find(&self, unit: UnitId) -> Result<Option<HeldUnit>, HeldWorkError> {
        Ok(read::find(&mut *self.connection().await?, unit).await.map_err(Halt::from)?)
    }

    async fn of_classification(&self, id: ClassificationId) -> Result<HeldUnit, HeldWorkError> {
        Ok(read::of_classification(&mut *self.connection().await?, id).await?)
    }

    async fn confirmed(&self, operation: OperationId) -> Result<Option<Dispatched>, HeldWorkError> {
        Ok(held::of_operation(&mut *self.connection().await?, operation).await.map_err(Halt::from)?)
    }

    async fn confirm(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError> {
        let mut connection = self.connection().await?;
        Ok(connection.transaction(async |connection| decide::confirm(connection, confirmation).await).await?)
    }

    async fn routed(&self, id: ClassificationId) -> Result<RoutedUnit, HeldWorkError> {
        Ok(read::routed(&mut *self.connection().await?, id).await?)
    }

    async fn add(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError> {
        let mut connection = self.connection().await?;
        Ok(connection.transaction(async |connection| decide::add(connection, confirmation).await).await?)
    }

    async fn dismiss(&self, dismissal: &Dismissal) -> Result<Dismissed, HeldWorkError> {
        let mut connection = self.connection().await?;
        Ok(connection.transaction(async |connection| decide::dismiss(connection, dismissal).await).await?)
    }
}
