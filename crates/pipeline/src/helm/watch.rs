//! The watch over legacy paths: what they answered is counted here and added up by the store; a watched flip that makes things
//! worse is taken back. Must not know paths.

use super::guard::{Guard, GuardVerdict, SLOW, Traffic};
use crate::ports::flag::{FlagLedger, FlagStore};
use crate::ports::flip_watch::{Answered, Due, FlipWatch, ShadowDifference, WatchEnd};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Differences that are kept until they are written down; more tell nothing new.
const MOST_DIFFERENCES: usize = 1000;
/// Who takes a flip back, in the history.
const GUARD: &str = "guard";

/// The watch of one process.
pub struct Watch {
    flips: Arc<dyn FlipWatch>,
    guard: Guard,
    tallies: Mutex<BTreeMap<Answered, Traffic>>,
    differences: Mutex<Vec<ShadowDifference>>,
}

impl Watch {
    /// Over this port.
    #[must_use]
    pub fn new(flips: Arc<dyn FlipWatch>) -> Self {
        Self { flips, guard: Guard::default(), tallies: Mutex::default(), differences: Mutex::default() }
    }

    /// A legacy path has answered: `failed` with 5xx, after this long.
    pub fn count(&self, key: Answered, failed: bool, took: Duration) {
        let one = Traffic { answered: 1, failed: u64::from(failed), slow: u64::from(took > SLOW) };
        let mut tallies = held(&self.tallies);
        let sum = tallies.entry(key).or_default();
        *sum = sum.and(one);
    }

    /// The new contract would have answered otherwise.
    pub fn differs(&self, difference: ShadowDifference) {
        let mut differences = held(&self.differences);
        if differences.len() < MOST_DIFFERENCES {
            differences.push(difference);
        }
    }

    /// The port, for whoever arms a guard or shows one.
    #[must_use]
    pub fn flips(&self) -> &dyn FlipWatch {
        self.flips.as_ref()
    }

    /// Judges a watched flip where it is this replica's turn. `mark` is in force: the store said so just now.
    pub(super) async fn judge(&self, store: &dyn FlagStore, ledger: &dyn FlagLedger, mark: &str) {
        match self.flips.claim(mark).await {
            Ok(Some(due)) => self.judge_one(store, ledger, &due).await,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "watched flips were not looked at"),
        }
    }

    pub(super) async fn purge(&self) {
        if let Err(error) = self.flips.purge().await {
            tracing::debug!(%error, "old traffic of legacy paths could not be removed yet");
        }
    }

    /// Writes down what was counted.
    pub(super) async fn flush(&self) {
        let tallies = std::mem::take(&mut *held(&self.tallies));
        if !tallies.is_empty()
            && let Err(error) = self.flips.add(&tallies).await
        {
            tracing::debug!(%error, "what legacy paths answered is written down later");
            let mut kept = held(&self.tallies);
            for (key, traffic) in tallies {
                let sum = kept.entry(key).or_default();
                *sum = sum.and(traffic);
            }
        }
        let differences = std::mem::take(&mut *held(&self.differences));
        if !differences.is_empty()
            && let Err(error) = self.flips.differs(&differences).await
        {
            tracing::debug!(%error, "differences were not written down");
        }
    }

    /// Killed between going back and saying so: the next judge finds the flip overtaken, and the flag is where it should be.
    async fn judge_one(&self, store: &dyn FlagStore, ledger: &dyn FlagLedger, due: &Due) {
        let end = match self.guard.judge(due.before, due.since) {
            // What somebody has set meanwhile is not ours to take back.
            GuardVerdict::GoBack(_) if !is_in_force(store, &due.watched.mark).await => return,
            GuardVerdict::GoBack(reason) => {
                tracing::error!(reason, "a watched flip is taken back");
                match store.write(due.watched.back).await {
                    Ok(flag) => {
                        if let Err(error) = ledger.record(&flag, GUARD, Some(&reason)).await {
                            tracing::warn!(%error, "that a flip was taken back is not in the history");
                        }
                        WatchEnd::FlippedBack(reason)
                    }
                    Err(error) => return tracing::error!(%error, "a watched flip could not be taken back yet"),
                }
            }
            GuardVerdict::Stay if due.is_over => WatchEnd::Passed,
            GuardVerdict::Stay => return,
        };
        if let Err(error) = self.flips.end(&due.watched.mark, &end).await {
            tracing::warn!(%error, "the end of a watch was not written down");
        }
    }
}

async fn is_in_force(store: &dyn FlagStore, mark: &str) -> bool {
    matches!(store.read().await, Ok(Some(flag)) if flag.mark == mark)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
