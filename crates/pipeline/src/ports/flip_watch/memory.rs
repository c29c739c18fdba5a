//! A `FlipWatch` in memory, for tests. It has one clock: `pass` turns it.

use super::{Answered, Due, FlipWatch, ShadowDifference, WatchEnd, WatchState, Watched};
use crate::helm::Traffic;
use crate::ports::StoreUnavailable;
use crate::ports::flag::ApiVersion;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long one judge has a flip for himself, and how long a change may take until everybody has heard of it.
const CLAIM: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Rows {
    now: Duration,
    traffic: BTreeMap<Answered, Traffic>,
    differences: BTreeMap<(&'static str, String), u64>,
    guards: BTreeMap<String, Guarded>,
}

struct Guarded {
    watched: Watched,
    armed: Duration,
    until: Duration,
    claimed: Option<Duration>,
    end: Option<WatchEnd>,
}

/// Traffic and watched flips in memory.
#[derive(Default)]
pub struct MemoryFlips(Mutex<Rows>);

impl MemoryFlips {
    /// Lets time pass.
    pub fn pass(&self, by: Duration) {
        self.rows().now += by;
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sum<'a>(all: impl Iterator<Item = &'a Traffic>) -> Traffic {
    all.fold(Traffic::default(), |sum, one| sum.and(*one))
}

#[async_trait]
impl FlipWatch for MemoryFlips {
    async fn add(&self, tallies: &BTreeMap<Answered, Traffic>) -> Result<(), StoreUnavailable> {
        let mut rows = self.rows();
        for (key, traffic) in tallies {
            let sum = rows.traffic.entry(key.clone()).or_default();
            *sum = sum.and(*traffic);
        }
        Ok(())
    }

    async fn arm(&self, watched: &Watched, lasts: Duration) -> Result<(), StoreUnavailable> {
        let mut rows = self.rows();
        let (armed, until) = (rows.now, rows.now + lasts);
        let guarded = Guarded { watched: watched.clone(), armed, until, claimed: None, end: None };
        rows.guards.entry(watched.mark.clone()).or_insert(guarded);
        Ok(())
    }

    async fn claim(&self, current: &str) -> Result<Option<Due>, StoreUnavailable> {
        let mut rows = self.rows();
        let now = rows.now;
        for (mark, guarded) in &mut rows.guards {
            if mark != current && guarded.end.is_none() && now - guarded.armed > CLAIM {
                guarded.end = Some(WatchEnd::Overtaken);
            }
        }
        let of = |new: bool| sum(rows.traffic.iter().filter(|(key, _)| (key.mark == current) == new).map(|(_, t)| t));
        let (before, since) = (of(false), of(true));
        let Some(guarded) = rows.guards.get_mut(current).filter(|guarded| guarded.end.is_none()) else {
            return Ok(None);
        };
        if guarded.claimed.is_some_and(|until| until > now) {
            return Ok(None);
        }
        guarded.claimed = Some(now + CLAIM);
        Ok(Some(Due { watched: guarded.watched.clone(), before, since, is_over: guarded.until <= now }))
    }

    async fn end(&self, mark: &str, end: &WatchEnd) -> Result<(), StoreUnavailable> {
        if let Some(guarded) = self.rows().guards.get_mut(mark) {
            guarded.end.get_or_insert_with(|| end.clone());
        }
        Ok(())
    }

    async fn state(&self, mark: &str) -> Result<Option<WatchState>, StoreUnavailable> {
        let rows = self.rows();
        Ok(rows.guards.get(mark).map(|guarded| WatchState {
            left: guarded.end.is_none().then(|| guarded.until.saturating_sub(rows.now)),
            end: guarded.end.clone(),
        }))
    }

    async fn recent(&self) -> Result<Vec<(String, ApiVersion, Traffic)>, StoreUnavailable> {
        let rows = self.rows();
        let known = |(key, traffic): (&Answered, &Traffic)| {
            Some((key.route.to_owned(), ApiVersion::parse(key.contract)?, *traffic))
        };
        Ok(rows.traffic.iter().filter_map(known).collect())
    }

    async fn differences(&self) -> Result<Vec<(String, String, u64)>, StoreUnavailable> {
        let rows = self.rows();
        let mut all: Vec<_> =
            rows.differences.iter().map(|((r, field), n)| ((*r).to_owned(), field.clone(), *n)).collect();
        all.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.cmp(b)));
        Ok(all)
    }

    async fn differs(&self, differences: &[ShadowDifference]) -> Result<(), StoreUnavailable> {
        let mut rows = self.rows();
        for one in differences {
            for field in &one.fields {
                *rows.differences.entry((one.route, field.clone())).or_default() += 1;
            }
        }
        Ok(())
    }

    async fn purge(&self) -> Result<u32, StoreUnavailable> {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_watch_in_memory_keeps_the_contract() {
        let flips = MemoryFlips::default();
        crate::testing::flip_watch_contract(&flips, async |by| flips.pass(by)).await;
    }
}
