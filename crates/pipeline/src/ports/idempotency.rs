//! The `IdempotencyStore` port: one record for each key that a caller sent, so that a repeat is answered and not done
//! again. Must not know HTTP beyond the words of a stored answer.
//!
//! A record belongs to one scoped key and one fingerprint for its whole life. Its operation id is minted with it and never
//! changes: whoever goes on with an operation carries the id that the first holder carried, and use cases make each
//! effect once per operation id.

#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryIdempotency;

use super::StoreUnavailable;
use async_trait::async_trait;
use dispatch_mission::ids::OperationId;
use std::time::Duration;

/// How long an answer is kept, and with it the meaning of a key.
pub const KEPT_FOR: Duration = Duration::from_hours(72);
/// The largest body that is kept. What answers more is released instead: a repeat is done again under the same operation
/// id, so it finds the effect and answers anew.
pub const LARGEST_KEPT: usize = 1024 * 1024;

/// Which record is meant: a digest of principal, method, route and key. The key itself is not kept.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ScopeKey(pub String);

/// A digest of what was asked. A repeat asks the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub String);

/// What a claim came to.
#[derive(Clone, PartialEq, Debug)]
pub enum Claim {
    /// The key is new, and the caller's to work on until the lease ends.
    Claimed(OperationId),
    /// Somebody began and did not finish: his lease ended. The caller goes on under the same operation id.
    Resumed(OperationId),
    /// It is done; this was the answer.
    Finished(StoredAnswer),
    /// Somebody is at it; his lease ends after this time.
    Running(Duration),
    /// The key was sent before with something else.
    Mismatch,
}

/// The answer to a finished operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoredAnswer {
    /// All of it.
    Whole {
        /// The HTTP status.
        status: u16,
        /// Names in lower case, in their order.
        headers: Vec<(String, String)>,
        /// The bytes, [`LARGEST_KEPT`] at most.
        body: Vec<u8>,
    },
    /// It was a stream: a repeat follows that stream.
    Stream(String),
}

/// Keeps the records. Each method is one commit.
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Claims the record of `scope` for `lease`, by the store's own clock. Of any number of callers in the same moment
    /// one holds it. A record older than [`KEPT_FOR`] is as good as none: its key begins anew, with a new operation id.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing may be done unprotected.
    async fn claim(
        &self,
        scope: &ScopeKey,
        fingerprint: &Fingerprint,
        lease: Duration,
    ) -> Result<Claim, StoreUnavailable>;

    /// Keeps the answer. False when there is nothing to finish: another holder of the same operation did it first, or the
    /// record is gone.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: the lease ends by itself, and a repeat is resumed.
    async fn finish(
        &self,
        scope: &ScopeKey,
        operation: OperationId,
        answer: &StoredAnswer,
    ) -> Result<bool, StoreUnavailable>;

    /// Ends the lease without an answer, for answers that must not be kept (408, 429, 5xx). The record stays: what was asked may
    /// have happened all the same, so a repeat is resumed under the same operation id.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: the lease ends by itself.
    async fn release(&self, scope: &ScopeKey, operation: OperationId) -> Result<(), StoreUnavailable>;

    /// Opens a finished record again whose answer was this stream and is of no use any more: the next claim resumes the
    /// operation. Nothing happens where the record says something else by now.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn reopen(&self, scope: &ScopeKey, stream: &str) -> Result<(), StoreUnavailable>;

    /// Removes records older than [`KEPT_FOR`], `limit` at most. Answers how many.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable>;
}
