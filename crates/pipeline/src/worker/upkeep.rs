//! What is kept for a time only goes when the time is over. Must not know how it is kept.

use crate::ports::agents::AgentLog;
use crate::ports::idempotency::IdempotencyStore;
use crate::ports::streams::StreamStore;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked for.
const PAUSE: Duration = Duration::from_secs(3);
/// Records that are removed in one go, so that nobody waits long for their rows; the rest is for the next one.
const AT_ONCE: u32 = 500;
/// The same of the events of streams.
const EVENTS_AT_ONCE: u32 = 5000;

/// Everything that is kept for a time only.
#[allow(missing_docs)] // one field, one port
pub struct Upkeep {
    pub keys: Arc<dyn IdempotencyStore>,
    pub agents: Arc<dyn AgentLog>,
    pub streams: Arc<dyn StreamStore>,
}

impl Upkeep {
    /// Removes what is too old, until told to stop.
    pub(super) async fn run(&self, stop: &CancellationToken) {
        loop {
            self.purge().await;
            if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
    }

    async fn purge(&self) {
        for (what, result) in [
            ("idempotency keys", self.keys.purge(AT_ONCE).await),
            ("agents' minutes", self.agents.purge().await),
            ("streams", self.streams.purge(EVENTS_AT_ONCE).await),
        ] {
            match result {
                Ok(0) => {}
                Ok(rows) => tracing::info!(what, rows, "removed, for its time is over"),
                Err(error) => tracing::warn!(what, %error, "could not be removed yet"),
            }
        }
    }
}
