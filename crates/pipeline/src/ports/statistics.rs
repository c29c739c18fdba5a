//! The `Statistics` port: what the store believes about its own rows, by which it chooses how to look for them.

use super::StoreUnavailable;
use async_trait::async_trait;

/// Keeps that belief close to the truth.
#[async_trait]
pub trait Statistics: Send + Sync {
    /// Looks anew at what has changed much since it was last looked at. Cheap where nothing has; two at once do it once.
    /// Answers how many tables were looked at.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn refresh(&self) -> Result<u32, StoreUnavailable>;
}
