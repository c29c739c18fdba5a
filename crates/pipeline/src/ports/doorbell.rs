//! The `Doorbell` port: something may be due. It only wakes; the queues are the truth.

use async_trait::async_trait;

/// Rings when some process committed new work.
#[async_trait]
pub trait Doorbell: Send + Sync {
    /// Waits until the bell rings. Rings that nobody waited for are remembered as one. Never fails: while the
    /// connection behind it is down it simply does not ring, and rings once when it is back.
    async fn rung(&self);
}

/// A doorbell that never rings, for tests and for a worker that only polls.
#[derive(Clone, Copy, Debug, Default)]
pub struct SilentDoorbell;

#[async_trait]
impl Doorbell for SilentDoorbell {
    async fn rung(&self) {
        std::future::pending::<()>().await;
    }
}
