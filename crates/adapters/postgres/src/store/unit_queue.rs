//! The `UnitQueue` port over tables `dispatch.signals` and `dispatch.units`.
//!
//! It must not know who classifies, nor what the policy is.

use std::time::Duration;

use async_trait::async_trait;
use dispatch_mission::ids::UnitId;
use dispatch_routing::queue::{ClaimRule, ClaimToken, QueueError, Settled};
use dispatch_routing::unit::{BurstRule, ClaimedUnit};
use dispatch_routing::unit_queue::{UnitQueue, UnitSettlement};

use super::error::StoreError;
use super::units::{amend, claim, close, release, settle};
use crate::connect::{Pool, PooledConnection};

/// The queue of units.
#[derive(Clone, Debug)]
pub struct PgUnitQueue {
    pool: Pool,
}

impl PgUnitQueue {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn connection(&self) -> Result<PooledConnection, StoreError> {
        Ok(self.pool.get().await?)
    }
}

#[async_trait]
impl UnitQueue for PgUnitQueue {
    async fn amend(&self, limit: u32) -> Result<u32, QueueError> {
        Ok(amend::amend(&mut *self.connection().await?, limit).await?)
    }

    async fn close_bursts(&self, rule: BurstRule, limit: u32) -> Result<u32, QueueError> {
        Ok(close::close_bursts(&mut *self.connection().await?, rule, limit).await?)
    }

    async fn claim_bursts(&self, burst: BurstRule, rule: ClaimRule) -> Result<Vec<ClaimedUnit>, QueueError> {
        Ok(close::claim_bursts(&mut *self.connection().await?, burst, rule).await?)
    }

    async fn claim(&self, rule: ClaimRule) -> Result<Vec<ClaimedUnit>, QueueError> {
        Ok(claim::claim(&mut *self.connection().await?, rule).await?)
    }

    async fn renew(&self, unit: UnitId, token: ClaimToken, lease: Duration) -> Result<Settled, QueueError> {
        Ok(release::renew(&mut *self.connection().await?, unit, token, lease).await?)
    }

    async fn settle(&self, settlements: Vec<UnitSettlement>) -> Result<Vec<Settled>, QueueError> {
        if settlements.is_empty() {
            return Ok(Vec::new());
        }
        Ok(settle::settle(&mut *self.connection().await?, &settlements).await?)
    }

    async fn give_back(
        &self,
        unit: UnitId,
        token: ClaimToken,
        delay: Option<Duration>,
        reason: &str,
    ) -> Result<Settled, QueueError> {
        Ok(release::give_back(&mut *self.connection().await?, unit, token, delay, reason).await?)
    }

    async fn hand_back(&self, unit: UnitId, token: ClaimToken) -> Result<Settled, QueueError> {
        Ok(release::hand_back(&mut *self.connection().await?, unit, token).await?)
    }

    async fn expire_held(&self, limit: u32) -> Result<u32, QueueError> {
        Ok(release::expire_held(&mut *self.connection().await?, limit).await?)
    }
}
