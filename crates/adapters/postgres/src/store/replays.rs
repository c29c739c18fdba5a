//! The `Replays` port over tables `dispatch.units`, `dispatch.deliveries` and `dispatch.replays`.
//!
//! It must not understand, plan or send anything.

use async_trait::async_trait;
use diesel_async::AsyncConnection;
use dispatch_mission::ids::OperationId;
use dispatch_routing::replay::{ReplayError, ReplayOrder, Replayable, Replayed, Replays};
use uuid::Uuid;

use super::units::replay::{self, Stop, find, order};
use crate::connect::{Pool, PooledConnection};

/// Replays.
#[derive(Clone, Debug)]
pub struct PgReplays {
    pool: Pool,
}

impl PgReplays {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn connection(&self) -> Result<PooledConnection, Stop> {
        Ok(self.pool.get().await?)
    }
}

#[async_trait]
impl Replays for PgReplays {
    async fn find(&self, id: Uuid) -> Result<Option<Replayable>, ReplayError> {
        Ok(find::find(&mut *self.connection().await?, id).await?)
    }

    async fn of_operation(&self, operation: OperationId) -> Result<Option<Replayed>, ReplayError> {
        Ok(replay::of_operation(&mut *self.connection().await?, operation).await.map_err(Stop::from)?)
    }

    async fn carry_out(&self, order: &ReplayOrder) -> Result<Replayed, ReplayError> {
        let mut connection = self.connection().await?;
        Ok(connection.transaction(async |connection| order::carry_out(connection, order).await).await?)
    }
}
