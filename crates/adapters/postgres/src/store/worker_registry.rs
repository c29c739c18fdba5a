//! The `WorkerRegistry` port over table `dispatch.workers`. It must not judge who is late.

use async_trait::async_trait;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::worker_registry::WorkerRegistry;

use super::error::StoreError;
use super::sql::{Bound, Sql, sql};
use crate::connect::Pool;

/// Who is working.
#[derive(Clone, Debug)]
pub struct PgWorkerRegistry {
    pool: Pool,
}

const BEAT: &str = "
WITH silent AS (DELETE FROM dispatch.workers WHERE beat_at < now() - interval '1 hour' AND worker <> $1)
INSERT INTO dispatch.workers (worker) VALUES ($1) ON CONFLICT (worker) DO UPDATE SET beat_at = now()";

impl PgWorkerRegistry {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn run(&self, statement: Bound<Sql, &str, Text>) -> Result<(), StoreError> {
        let mut connection = self.pool.get().await?;
        statement.execute(&mut *connection).await?;
        Ok(())
    }
}

#[async_trait]
impl WorkerRegistry for PgWorkerRegistry {
    async fn beat(&self, worker: &str) -> Result<(), StoreUnavailable> {
        Ok(self.run(sql(BEAT).bind::<Text, _>(worker)).await?)
    }

    async fn leave(&self, worker: &str) -> Result<(), StoreUnavailable> {
        Ok(self.run(sql("DELETE FROM dispatch.workers WHERE worker = $1").bind::<Text, _>(worker)).await?)
    }
}
