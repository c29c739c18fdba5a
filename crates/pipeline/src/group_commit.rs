//! Group commit: concurrent callers of a [`SignalLog`] share its commits. A decorator of the port.
//!
//! There is no timer: while one batch commits the next one fills, so a lone signal is not delayed and batches grow with the
//! load. What waits is bounded; beyond that, and beyond the time in which a provider wants an answer, the load is shed.
//! Everything runs on the process' own runtime: a caller that goes away cancels nothing, and a database connection is
//! driven by a runtime that lives as long as it is used. It must not know where signals come from, or any SQL.

mod commit;
mod queue;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use dispatch_mission::signal::NewSignal;
use dispatch_mission::signal_log::{Receipt, SignalLog, SignalLogError};
use queue::{Queue, Waiting};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// How much may be under way, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most batches that commit at the same time.
    pub lanes: usize,
    /// A further lane opens for so many signals at once; fewer wait for the lane before.
    pub worthwhile: usize,
    /// Or when nothing went into a batch for so long.
    pub stuck: Duration,
    /// Signals in one batch.
    pub batch: usize,
    /// Bytes in one batch; a signal that is larger goes alone.
    pub batch_bytes: usize,
    /// Signals that wait for a batch.
    pub waiting: usize,
    /// Bytes that wait for a batch.
    pub waiting_bytes: usize,
    /// Every caller has an answer by then. What waits that long is taken back, and was never stored; a commit that takes
    /// longer goes on, and its sender, told to come again, finds that it is known.
    pub answer: Duration,
}

impl Default for Limits {
    /// A statement costs about as much as six of its rows (docs/BENCHMARKS.md), so that batches are worth filling; the
    /// second lane uses the time in which the first waits for the disk, and goes on when that is stuck. A sender gets its
    /// 503 within a second, whether the database is slow or gone. Of five thousand signals a second, the least that is
    /// expected here, as many may wait as can still be answered in time.
    fn default() -> Self {
        Self {
            lanes: 2,
            worthwhile: 32,
            stuck: Duration::from_millis(20),
            batch: 256,
            batch_bytes: 4 << 20,
            waiting: 4096,
            waiting_bytes: 16 << 20,
            answer: Duration::from_millis(900),
        }
    }
}

/// Shares the commits of the log below it.
pub struct GroupCommit {
    shared: Arc<Shared>,
}

struct Shared {
    log: Arc<dyn SignalLog>,
    limits: Limits,
    home: Handle,
    queue: Mutex<Queue>,
    /// Told when nothing waits and nothing commits.
    idle: Notify,
}

/// Why nobody knows what became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
enum CutOff {
    // Says nothing of what the panic said, for that may quote what was worked on.
    #[error("the commit panicked")]
    Panicked,
    #[error("the process is stopping")]
    Stopped,
    #[error("the log answered with {receipts} receipts for {signals} signals")]
    Miscounted { receipts: usize, signals: usize },
}

type Answer = Result<Vec<Receipt>, SignalLogError>;

impl GroupCommit {
    /// Over `log`; the runtime that this is called on is home.
    pub fn new(log: Arc<dyn SignalLog>, limits: Limits) -> Arc<Self> {
        let (home, queue, idle) = (Handle::current(), Mutex::new(Queue::default()), Notify::new());
        Arc::new(Self { shared: Arc::new(Shared { log, limits, home, queue, idle }) })
    }
}

#[async_trait]
impl SignalLog for GroupCommit {
    async fn append_all(&self, batch: Vec<NewSignal>) -> Answer {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, mut answered) = oneshot::channel();
        let (shared, limits) = (&self.shared, &self.shared.limits);
        let ticket = Shared::enter(shared, batch, answer)?;
        let told = match timeout(limits.stuck, &mut answered).await {
            Ok(told) => Ok(told),
            Err(_) => {
                // Perhaps it is too few that wait behind a lane that is stuck.
                Shared::open_lane(shared, &mut shared.queue());
                timeout(limits.answer.saturating_sub(limits.stuck), answered).await
            }
        };
        match told {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(SignalLogError::Unavailable(CutOff::Stopped.into())),
            Err(_) if shared.queue().withdraw(ticket) => Err(SignalLogError::Overloaded),
            Err(late) => Err(SignalLogError::Unavailable(late.into())),
        }
    }

    /// Returns when nothing waits and nothing commits.
    async fn drained(&self) {
        loop {
            // Registered first and looked second, so that the last lane's end is not missed.
            let mut idle = std::pin::pin!(self.shared.idle.notified());
            idle.as_mut().enable();
            if self.shared.queue().is_idle() {
                break;
            }
            idle.await;
        }
        self.shared.log.drained().await;
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets signals wait for a batch.
    fn enter(
        shared: &Arc<Self>,
        signals: Vec<NewSignal>,
        answer: oneshot::Sender<Answer>,
    ) -> Result<u64, SignalLogError> {
        let mut queue = shared.queue();
        let ticket = queue.push(&shared.limits, signals, answer).ok_or(SignalLogError::Overloaded)?;
        Self::open_lane(shared, &mut queue);
        Ok(ticket)
    }

    /// Opens a lane where one is worth it.
    fn open_lane(shared: &Arc<Self>, queue: &mut Queue) {
        if queue.open_lane(&shared.limits) {
            shared.home.spawn(Arc::clone(shared).lane());
        }
    }

    /// Commits batches until nothing waits.
    async fn lane(self: Arc<Self>) {
        while let Some(batch) = self.next() {
            commit::batch(self.log.as_ref(), batch).await;
        }
    }

    /// The next batch. Where there is none the lane is closed, in the same breath: what comes in after that opens another.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue();
        let batch = queue.next(&self.limits);
        if queue.is_idle() {
            self.idle.notify_waiters();
        }
        batch
    }
}
