//! The `WorkerRegistry` port: who is working, so that health can tell.

use super::StoreUnavailable;
use async_trait::async_trait;

/// Keeps one row per live worker.
#[async_trait]
pub trait WorkerRegistry: Send + Sync {
    /// Notes that `worker` is alive now. Also removes rows of workers that have been silent for an hour.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn beat(&self, worker: &str) -> Result<(), StoreUnavailable>;

    /// Removes `worker` at an orderly end.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn leave(&self, worker: &str) -> Result<(), StoreUnavailable>;
}
