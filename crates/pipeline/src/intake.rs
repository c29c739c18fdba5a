//! Intake: a verified signal becomes durable. Nothing else happens in the request.

use crate::group_commit::GroupCommit;
use dispatch_mission::signal::NewSignal;
use dispatch_mission::signal_log::{Receipt, SignalLog, SignalLogError};
use std::sync::Arc;

/// The use case behind every `/intake/*`.
pub struct Intake {
    log: Arc<dyn SignalLog>,
    group: Option<Arc<GroupCommit>>,
}

impl Intake {
    /// Over this log.
    #[must_use]
    pub fn new(log: Arc<dyn SignalLog>) -> Self {
        Self { log, group: None }
    }

    /// Over a log whose commits are shared.
    #[must_use]
    pub fn grouped(group: Arc<GroupCommit>) -> Self {
        Self { log: Arc::clone(&group) as Arc<dyn SignalLog>, group: Some(group) }
    }

    /// Returns when nothing is left to commit, for a process that is about to end: somebody may have hung up before.
    pub async fn drained(&self) {
        if let Some(group) = &self.group {
            group.drained().await;
        }
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
