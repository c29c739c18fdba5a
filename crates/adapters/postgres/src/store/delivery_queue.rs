//! The `DeliveryQueue` port over table `dispatch.deliveries`.
//!
//! It must not know a courier.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use dispatch_mission::signal::Recipient;
use dispatch_routing::delivery::ClaimedDelivery;
use dispatch_routing::delivery_queue::{Bounds, DeliveryQueue, DeliverySettlement, StoreOutcome};
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::limits::Limits;
use dispatch_routing::queue::{ClaimRule, QueueError, Settled};
use time::OffsetDateTime;

use super::deliveries::{claim, release, settle, store};
use super::error::StoreError;
use super::permission;
use crate::connect::{Pool, PooledConnection};

/// The queue of deliveries.
#[derive(Clone, Debug)]
pub struct PgDeliveryQueue {
    pool: Pool,
    limits: Arc<Limits>,
}

impl PgDeliveryQueue {
    /// On this pool, without rates.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool, limits: Arc::new(Limits::unlimited()) }
    }

    /// The same within these limits, which all replicas ought to share.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits: Arc::new(limits), ..self }
    }

    async fn connection(&self) -> Result<PooledConnection, StoreError> {
        Ok(self.pool.get().await?)
    }
}

#[async_trait]
impl DeliveryQueue for PgDeliveryQueue {
    async fn claim_within(
        &self,
        kind: DestinationKind,
        rule: ClaimRule,
        bounds: &Bounds,
    ) -> Result<Vec<ClaimedDelivery>, QueueError> {
        Ok(claim::claim(&mut *self.connection().await?, kind, rule, bounds, &self.limits).await?)
    }

    async fn settle(&self, settlements: Vec<DeliverySettlement>) -> Result<Vec<Settled>, QueueError> {
        if settlements.is_empty() {
            return Ok(Vec::new());
        }
        Ok(settle::settle(&mut *self.connection().await?, &settlements, &self.limits).await?)
    }

    async fn refusals(&self, recipients: &[Recipient]) -> Result<HashMap<Recipient, String>, QueueError> {
        Ok(permission::refusals(&mut *self.connection().await?, recipients).await?)
    }

    async fn allow(&self, recipient: &Recipient, since: OffsetDateTime) -> Result<Option<String>, QueueError> {
        Ok(permission::allow(&mut *self.connection().await?, recipient, since).await?)
    }

    async fn store(&self, delivery: &ClaimedDelivery) -> Result<StoreOutcome, QueueError> {
        Ok(store::store(&mut *self.connection().await?, delivery).await?)
    }

    async fn release_held(&self, limit: u32) -> Result<u32, QueueError> {
        Ok(release::release_held(&mut *self.connection().await?, limit).await?)
    }
}
