//! What is kept for a time only goes when the time is over. Must not know how it is kept.

use crate::ports::agents::AgentLog;
use crate::ports::idempotency::IdempotencyStore;
use std::sync::Arc;

/// Records that are removed in one go, so that a heartbeat stays short; the rest is for the next one.
const AT_ONCE: u32 = 500;

/// Everything that is kept for a time only.
#[allow(missing_docs)] // one field, one port
pub struct Upkeep {
    pub keys: Arc<dyn IdempotencyStore>,
    pub agents: Arc<dyn AgentLog>,
}

impl Upkeep {
    /// Removes what is too old.
    pub(super) async fn purge(&self) {
        for (what, result) in
            [("idempotency keys", self.keys.purge(AT_ONCE).await), ("agents' minutes", self.agents.purge().await)]
        {
            match result {
                Ok(0) => {}
                Ok(rows) => tracing::info!(what, rows, "removed, for its time is over"),
                Err(error) => tracing::warn!(what, %error, "could not be removed yet"),
            }
        }
    }
}
