//! The watch over legacy paths: what they answered is counted here and added up by the store; a watched flip that makes things
//! worse is taken back. Must not know paths.

use super::guard::{Guard, GuardVerdict, SLOW, Traffic};
use crate::ports::flag::{Change, FlagLedger, FlagStore};
use crate::ports::flip_watch::{Answered, Compared, Due, FlipWatch, ShadowDifference, WatchEnd};
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
    compared: Mutex<BTreeMap<&'static str, Compared>>,
    differences: Mutex<Vec<ShadowDifference>>,
}

impl Watch {
    /// Over this port.
    #[must_use]
    pub fn new(flips: Arc<dyn FlipWatch>) -> Self {
        let (tallies, compared, differences) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { flips, guard: Guard::default(), tallies, compared, differences }
    }

    /// A legacy path has answered: `failed` with 5xx, after this long.
    pub fn count(&self, key: Answered, failed: bool, took: Duration) {
        let one = Traffic { answered: 1, failed: u64::from(failed), slow: u64::from(took > SLOW) };
        let mut tallies = held(&self.tallies);
        let sum = tallies.entry(key).or_default();
        *sum = sum.and(one);
    }

    /// The new contract was asked about what the old one has answered; what differs, by name, or nothing.
    pub fn compared(&self, difference: ShadowDifference) {
        let differs = !difference.fields.is_empty();
        let one = Compared { compared: 1, differed: u64::from(differs) };
        let mut compared = held(&self.compared);
        let sum = compared.entry(difference.route).or_default();
        *sum = sum.and(one);
        drop(compared);
        if !differs {
            return;
        }
        let mut differences = held(&self.differences);
        if differences.len() < MOST_DIFFERENCES {
            differences.push(difference);
        }
    }

    /// The port, for whoever arms a guard.
    #[must_use]
    pub fn flips(&self) -> &dyn FlipWatch {
        self.flips.as_ref()
    }

    /// The same for whoever takes it elsewhere.
    pub(super) fn port(&self) -> Arc<dyn FlipWatch> {
        Arc::clone(&self.flips)
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
        self.flush_shadow().await;
    }

    async fn flush_shadow(&self) {
        let compared = std::mem::take(&mut *held(&self.compared));
        if !compared.is_empty()
            && let Err(error) = self.flips.compared(&compared).await
        {
            tracing::debug!(%error, "what was compared is written down later");
            let mut kept = held(&self.compared);
            for (route, tally) in compared {
                let sum = kept.entry(route).or_default();
                *sum = sum.and(tally);
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
        let end = match self.guard.judge(due.watched.contract, due.before, due.since) {
            GuardVerdict::GoBack(reason) => match self.take_back(store, ledger, due, &reason).await {
                true => WatchEnd::FlippedBack(reason),
                false => return,
            },
            GuardVerdict::Stay(figures) if due.is_over => WatchEnd::Passed(figures),
            GuardVerdict::Stay(_) => return,
        };
        if let Err(error) = self.flips.end(&due.watched.mark, &end).await {
            tracing::warn!(%error, "the end of a watch was not written down");
        }
    }

    /// Answers whether it was: what somebody has set meanwhile is not ours to take back.
    async fn take_back(&self, store: &dyn FlagStore, ledger: &dyn FlagLedger, due: &Due, reason: &str) -> bool {
        let flag = store.mint(due.watched.back);
        let change = Change { flag, by: GUARD.to_owned(), reason: Some(reason.to_owned()) };
        match store.write(&change, Some(&due.watched.mark)).await {
            Ok(true) => tracing::error!(reason, "a watched flip is taken back"),
            Ok(false) => return false,
            Err(error) => {
                tracing::error!(%error, reason, "a watched flip could not be taken back yet");
                return false;
            }
        }
        if let Err(error) = ledger.record(&change.flag, GUARD, Some(reason)).await {
            tracing::warn!(%error, "that a flip was taken back is not in the history");
        }
        true
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
