//! A `FlipWatch` in memory, for tests. It has one clock: `pass` turns it.

use super::{Answered, Due, FlipWatch, ShadowDifference, WatchEnd, WatchState, Watched};
use crate::helm::Traffic;
use crate::ports::StoreUnavailable;
use crate::ports::flag::ApiVersion;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long one judge has a flip for himself.
const CLAIM: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Rows {
    now: Duration,
    traffic: BTreeMap<Answered, Traffic>,
    differences: BTreeMap<(&'static str, String), u64>,
    guards: BTreeMap<String, (Watched, Duration, Option<Duration>, Option<WatchEnd>)>,
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
        let until = rows.now + lasts;
        rows.guards.entry(watched.mark.clone()).or_insert((watched.clone(), until, None, None));
        Ok(())
    }

    async fn claim(&self, current: &str) -> Result<Option<Due>, StoreUnavailable> {
        let mut rows = self.rows();
        let now = rows.now;
        for (mark, (_, _, _, end)) in &mut rows.guards {
            if mark != current && end.is_none() {
                *end = Some(WatchEnd::Overtaken);
            }
        }
        let of = |new: bool| sum(rows.traffic.iter().filter(|(key, _)| (key.mark == current) == new).map(|(_, t)| t));
        let (before, since) = (of(false), of(true));
        let Some((watched, until, claimed, None)) = rows.guards.get_mut(current) else { return Ok(None) };
        if claimed.is_some_and(|until| until > now) {
            return Ok(None);
        }
        *claimed = Some(now + CLAIM);
        Ok(Some(Due { watched: watched.clone(), before, since, is_over: *until <= now }))
    }

    async fn end(&self, mark: &str, end: &WatchEnd) -> Result<(), StoreUnavailable> {
        if let Some((_, _, _, known @ None)) = self.rows().guards.get_mut(mark) {
            *known = Some(end.clone());
        }
        Ok(())
    }

    async fn state(&self, mark: &str) -> Result<Option<WatchState>, StoreUnavailable> {
        let rows = self.rows();
        Ok(rows.guards.get(mark).map(|(_, until, _, end)| WatchState {
            left: end.is_none().then(|| until.saturating_sub(rows.now)),
            end: end.clone(),
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
