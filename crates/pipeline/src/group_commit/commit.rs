//! One batch: committed as one, or signal by signal where one of them is refused. Must not know how batches are formed.

use super::queue::Waiting;
use super::{Answer, CutOff};
use dispatch_mission::signal::NewSignal;
use dispatch_mission::signal_log::{Receipt, SignalLog, SignalLogError};
use futures_util::FutureExt as _;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Why a batch was not committed.
enum Failure {
    /// It may be the fault of one signal: each has to be tried alone.
    Somebodys(SignalLogError),
    /// It is nobody's fault.
    Nobodys(SignalLogError),
}

impl Failure {
    fn into_error(self) -> SignalLogError {
        match self {
            Self::Somebodys(error) | Self::Nobodys(error) => error,
        }
    }
}

/// Commits what these callers gave, and answers each of them.
pub(super) async fn batch(log: &dyn SignalLog, mut callers: Vec<Waiting>) {
    if callers.len() == 1 {
        if let Some(caller) = callers.pop() {
            let answer = attempt(log, caller.signals).await.map_err(Failure::into_error);
            // A caller that went away needs no answer.
            let _gone = caller.answer.send(answer);
        }
        return;
    }
    // Copies: a batch that is refused is tried again one by one.
    let all = callers.iter().flat_map(|caller| caller.signals.iter().cloned()).collect();
    match attempt(log, all).await {
        Ok(receipts) => answer_each(callers, receipts),
        Err(Failure::Somebodys(_)) => one_by_one(log, callers).await,
        Err(Failure::Nobodys(error)) => refuse_all(callers.into_iter().map(|caller| caller.answer), error),
    }
}

fn answer_each(callers: Vec<Waiting>, receipts: Vec<Receipt>) {
    let mut receipts = receipts.into_iter();
    for caller in callers {
        let own = receipts.by_ref().take(caller.signals.len()).collect();
        let _gone = caller.answer.send(Ok(own));
    }
}

/// A signal that is refused fails alone. Two in a row that fail by nobody's fault mean that the log has gone away, and
/// the rest need not wait to hear it.
async fn one_by_one(log: &dyn SignalLog, callers: Vec<Waiting>) {
    tracing::debug!(callers = callers.len(), "a batch was refused; its signals are tried one by one");
    let mut callers = callers.into_iter();
    let mut failed_before = false;
    while let Some(caller) = callers.next() {
        match attempt(log, caller.signals).await {
            Err(Failure::Nobodys(error)) if failed_before => {
                let rest = callers.map(|caller| caller.answer);
                return refuse_all(std::iter::once(caller.answer).chain(rest), error);
            }
            outcome => {
                failed_before = matches!(outcome, Err(Failure::Nobodys(_)));
                let _gone = caller.answer.send(outcome.map_err(Failure::into_error));
            }
        }
    }
}

/// All get the same error; its source is shared between them.
fn refuse_all(answers: impl Iterator<Item = oneshot::Sender<Answer>>, error: SignalLogError) {
    let cause: Option<Arc<dyn Error + Send + Sync>> = match error {
        SignalLogError::Unavailable(cause) | SignalLogError::Rejected(cause) => Some(cause.into()),
        SignalLogError::Overloaded => None,
    };
    for answer in answers {
        let error = match &cause {
            Some(cause) => SignalLogError::Unavailable(Box::new(Arc::clone(cause))),
            None => SignalLogError::Overloaded,
        };
        let _gone = answer.send(Err(error));
    }
}

/// One call of the log. A panic is an answer too.
async fn attempt(log: &dyn SignalLog, signals: Vec<NewSignal>) -> Result<Vec<Receipt>, Failure> {
    let expected = signals.len();
    let unknown = |cut_off: CutOff| SignalLogError::Unavailable(cut_off.into());
    let outcome: Result<Answer, _> = AssertUnwindSafe(log.append_all(signals)).catch_unwind().await;
    match outcome {
        Ok(Ok(receipts)) if receipts.len() == expected => Ok(receipts),
        Ok(Ok(receipts)) => {
            Err(Failure::Nobodys(unknown(CutOff::Miscounted { receipts: receipts.len(), signals: expected })))
        }
        Ok(Err(error @ SignalLogError::Rejected(_))) => Err(Failure::Somebodys(error)),
        Ok(Err(error)) => Err(Failure::Nobodys(error)),
        Err(_panic) => Err(Failure::Somebodys(unknown(CutOff::Panicked))),
    }
}
