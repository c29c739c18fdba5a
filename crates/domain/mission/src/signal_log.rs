//! The durable log of signals: a signal is in it before anybody is told that it was received.

use crate::ids::SignalId;
use crate::signal::NewSignal;
use async_trait::async_trait;
use thiserror::Error;
use time::OffsetDateTime;

/// Appends signals, each one once.
#[async_trait]
pub trait SignalLog: Send + Sync {
    /// Appends all of `batch` in one commit and answers in the same order. When this returns `Ok`, every signal is
    /// durable. A signal whose event key or content key is known already, also within the batch or from a concurrent
    /// call, is not stored again: its receipt carries the first one's id and the repeat is noted in the first one's story.
    ///
    /// # Errors
    /// `Unavailable` when the log cannot be reached or does not commit in time: nothing may be acknowledged then.
    /// `Overloaded` when a bounded log has no room: nothing was stored.
    /// `Rejected` when the log refuses a signal that no retry can mend; with several signals in the batch the caller
    /// appends them one by one, so that one bad row fails alone.
    async fn append_all(&self, batch: Vec<NewSignal>) -> Result<Vec<Receipt>, SignalLogError>;

    /// Returns when nothing is left to commit of what was given to it, also by callers that went away since: for a process
    /// that is about to end. A log that works only while its caller waits has nothing left.
    async fn drained(&self) {}
}

/// What became of one appended signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The id under which the message is known: of this signal, or of the first one when it is a duplicate.
    pub signal_id: SignalId,
    /// When that one was received, by the database's clock.
    pub received_at: OffsetDateTime,
    /// Whether it was stored now or known before.
    pub outcome: Outcome,
    /// Why that signal is not acted on, if it is not.
    pub ignored: Option<String>,
}

/// Stored now or known before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Stored by this call.
    Appended,
    /// Known already; nothing was stored but the repeat itself.
    Duplicate,
}

/// What a signal log may answer instead.
#[derive(Debug, Error)]
pub enum SignalLogError {
    /// More comes in than is committed: this was not even tried. The provider must be told to come again.
    #[error("the signal log has more to do than it can")]
    Overloaded,
    /// The log did not commit. The provider must be told to come again.
    #[error("the signal log is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The log will never take this batch as it is.
    #[error("the signal log refused a signal")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SignalLogError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Rejected(_))
    }
}
