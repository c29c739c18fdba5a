//! A `FlipWatch` in memory, for tests. It has one clock: `pass` turns it.

use super::{Answered, Compared, Due, FlipWatch, Lately, ShadowDifference, UNSTEERED, WatchEnd, WatchState, Watched};
use crate::helm::Traffic;
use crate::ports::StoreUnavailable;
use crate::ports::flag::ApiVersion;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;

/// How long one judge has a flip for himself, and how long a change may take until everybody has heard of it.
const CLAIM: Duration = Duration::from_secs(5);
/// How long a flip may be armed before it is in force.
const COMING: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Rows {
    now: Duration,
    traffic: BTreeMap<Answered, Traffic>,
    differences: BTreeMap<(&'static str, String), u64>,
    compared: BTreeMap<&'static str, Compared>,
    guards: BTreeMap<String, Guarded>,
}

struct Guarded {
    watched: Watched,
    before: Traffic,
    armed: Duration,
    in_force: Option<Duration>,
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
        let is_taken_back = |mark: &str| {
            rows.guards.get(mark).is_some_and(|guarded| matches!(guarded.end, Some(WatchEnd::FlippedBack(_))))
        };
        let counts = |key: &Answered| {
            ![watched.mark.as_str(), UNSTEERED].contains(&key.mark.as_str())
                && key.contract == watched.against.as_str()
                && !is_taken_back(&key.mark)
        };
        let before = sum(rows.traffic.iter().filter(|(key, _)| counts(key)).map(|(_, traffic)| traffic));
        let guarded =
            Guarded { watched: watched.clone(), before, armed, in_force: None, until, claimed: None, end: None };
        rows.guards.entry(watched.mark.clone()).or_insert(guarded);
        Ok(())
    }

    async fn claim(&self, current: &str) -> Result<Option<Due>, StoreUnavailable> {
        let mut rows = self.rows();
        let now = rows.now;
        for (mark, guarded) in &mut rows.guards {
            let is_young = guarded.in_force.map_or(guarded.armed + COMING, |since| since + CLAIM) >= now;
            if mark != current && guarded.end.is_none() && !is_young {
                guarded.end = Some(WatchEnd::Overtaken);
            }
        }
        let Rows { guards, traffic, .. } = &mut *rows;
        let Some(guarded) = guards.get_mut(current).filter(|guarded| guarded.end.is_none()) else {
            return Ok(None);
        };
        if guarded.claimed.is_some_and(|until| until > now) {
            return Ok(None);
        }
        let is_over = guarded.until <= now;
        guarded.in_force.get_or_insert(now);
        guarded.claimed = Some(if is_over { now + CLAIM } else { guarded.until.min(now + CLAIM) });
        let counts = |key: &Answered| key.mark == current && key.contract == guarded.watched.contract.as_str();
        let since = sum(traffic.iter().filter(|(key, _)| counts(key)).map(|(_, traffic)| traffic));
        Ok(Some(Due { watched: guarded.watched.clone(), before: guarded.before, since, is_over }))
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

    /// All of it is of this hour.
    async fn recent(&self) -> Result<Vec<Lately>, StoreUnavailable> {
        let (rows, mut sums) = (self.rows(), BTreeMap::new());
        for (key, traffic) in &rows.traffic {
            let of = sums.entry((key.route, key.contract)).or_insert_with(Traffic::default);
            *of = of.and(*traffic);
        }
        let last = OffsetDateTime::UNIX_EPOCH + rows.now;
        let lately = |((route, contract), sum): ((&'static str, &'static str), Traffic)| {
            let contract = ApiVersion::parse(contract)?;
            Some(Lately { route: route.to_owned(), contract, hour: sum, week: sum, last })
        };
        Ok(sums.into_iter().filter_map(lately).collect())
    }

    async fn compared(&self, tallies: &BTreeMap<&'static str, Compared>) -> Result<(), StoreUnavailable> {
        let mut rows = self.rows();
        for (route, compared) in tallies {
            let sum = rows.compared.entry(*route).or_default();
            *sum = sum.and(*compared);
        }
        Ok(())
    }

    async fn comparisons(&self) -> Result<Vec<(String, Compared)>, StoreUnavailable> {
        Ok(self.rows().compared.iter().map(|(route, compared)| ((*route).to_owned(), *compared)).collect())
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
