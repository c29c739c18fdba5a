//! What is kept for a time only goes when the time is over, and the store's view of its rows follows the work. Must not know
//! how it is kept.

use crate::ports::StoreUnavailable;
use crate::ports::agents::AgentLog;
use crate::ports::idempotency::IdempotencyStore;
use crate::ports::retention::Rows;
use crate::ports::statistics::Statistics;
use crate::ports::streams::StreamStore;
use crate::retain::Retain;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked for.
const PAUSE: Duration = Duration::from_secs(3);
/// Records that are removed in one go, so that nobody waits long for their rows; the rest is for the next one.
const AT_ONCE: u32 = 500;
/// The same of the events of streams.
const EVENTS_AT_ONCE: u32 = 5000;
/// Between two batches of what is finished and too old: there is time, and others work.
const BREATH: Duration = Duration::from_millis(100);
/// Between two looks whether there is any such thing to do.
const REST: Duration = Duration::from_secs(60);

/// Between two looks at how far the rows have moved from what the store believes of them: a rush begins within seconds.
const GLANCE: Duration = Duration::from_secs(1);

/// Everything that is kept for a time only, and the store's view of the rest.
#[allow(missing_docs)] // one field, one port
pub struct Upkeep {
    pub keys: Arc<dyn IdempotencyStore>,
    pub agents: Arc<dyn AgentLog>,
    pub streams: Arc<dyn StreamStore>,
    pub statistics: Arc<dyn Statistics>,
    pub retain: Retain,
}

impl Upkeep {
    /// Removes what is too old and looks at what has changed, until told to stop.
    pub(super) async fn run(&self, stop: &CancellationToken) {
        tokio::join!(self.purge_on(stop), self.retain_on(stop), self.glance_on(stop));
    }

    async fn purge_on(&self, stop: &CancellationToken) {
        loop {
            self.purge().await;
            if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
    }

    async fn glance_on(&self, stop: &CancellationToken) {
        loop {
            match self.statistics.refresh().await {
                Ok(0) => {}
                Ok(tables) => tracing::debug!(tables, "looked at anew, for much has changed"),
                // Each second: a store that is away is told of by the lanes.
                Err(error) => tracing::debug!(%error, "the store's statistics could not be refreshed yet"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(GLANCE)).await.is_none() {
                return;
            }
        }
    }

    async fn retain_on(&self, stop: &CancellationToken) {
        loop {
            let pause = if self.retain.turn().await { BREATH } else { REST };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Removes everything whose time is over. Answers how many there were, by name.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: what was removed until then is gone.
    pub async fn purge_all(&self) -> Result<Rows, StoreUnavailable> {
        let mut removed = Rows::default();
        loop {
            let rows = [
                ("idempotency_keys", self.keys.purge(AT_ONCE).await?),
                ("agent_minutes", self.agents.purge().await?),
                ("streams", self.streams.purge(EVENTS_AT_ONCE).await?),
            ];
            let rows = Rows(rows.into_iter().map(|(what, rows)| (what.to_owned(), u64::from(rows))).collect());
            if rows.total() == 0 {
                return Ok(removed);
            }
            removed.add(&rows);
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
