//! Intake: a verified signal becomes durable. Nothing else happens in the request.

use dispatch_mission::signal::NewSignal;
use dispatch_mission::signal_log::{Receipt, SignalLog, SignalLogError};
use std::sync::Arc;

/// The use case behind every `/intake/*`.
pub struct Intake {
    log: Arc<dyn SignalLog>,
}

impl Intake {
    /// Over this log.
    #[must_use]
    pub fn new(log: Arc<dyn SignalLog>) -> Self {
        Self { log }
    }

    /// Returns when nothing is left to commit, for a process that is about to end: somebody may have hung up before.
    pub async fn drained(&self) {
        self.log.drained().await;
    }

    /// Commits `signal`, then answers. A message that is known already gets the first one's receipt.
    ///
    /// # Errors
    /// [`SignalLogError`]: nothing may be acknowledged.
    pub async fn receive(&self, signal: NewSignal) -> Result<Receipt, SignalLogError> {
        let mut receipts = self.log.append_all(vec![signal]).await?;
        receipts.pop().ok_or_else(|| SignalLogError::Unavailable("the log answered without a receipt".into()))
    }
}
