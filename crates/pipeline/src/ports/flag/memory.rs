//! A `FlagStore` and a `FlagLedger` in memory, for tests.

use super::{Change, ChangeCursor, Flag, FlagChange, FlagError, FlagLedger, FlagStore, Replica, Steering};
use crate::ports::StoreUnavailable;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Notify;

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A flag in memory. Marks are counted.
#[derive(Default)]
pub struct MemoryFlag {
    flag: Mutex<Option<Flag>>,
    marks: AtomicU32,
    stirs: Notify,
    is_down: Mutex<bool>,
}

impl MemoryFlag {
    /// From now on it does not answer, or answers again.
    pub fn set_down(&self, is_down: bool) {
        *held(&self.is_down) = is_down;
    }

    /// Sets it without anybody's name.
    ///
    /// # Errors
    /// `Unavailable` while it is down.
    pub async fn put(&self, steering: Steering) -> Result<Flag, FlagError> {
        let flag = self.mint(steering);
        let change = Change { flag: flag.clone(), by: "test".into(), reason: None };
        self.write(&change, None).await?;
        Ok(flag)
    }

    fn up(&self) -> Result<(), FlagError> {
        if *held(&self.is_down) { Err(FlagError::Unavailable("down".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl FlagStore for MemoryFlag {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn read(&self) -> Result<Option<Flag>, FlagError> {
        self.up()?;
        Ok(held(&self.flag).clone())
    }

    fn mint(&self, steering: Steering) -> Flag {
        Flag { steering, mark: (self.marks.fetch_add(1, Ordering::Relaxed) + 1).to_string() }
    }

    async fn write(&self, change: &Change, instead_of: Option<&str>) -> Result<bool, FlagError> {
        self.up()?;
        let mut flag = held(&self.flag);
        if instead_of.is_some_and(|mark| flag.as_ref().is_none_or(|flag| flag.mark != mark)) {
            return Ok(false);
        }
        *flag = Some(change.flag.clone());
        drop(flag);
        self.stirs.notify_one();
        Ok(true)
    }

    async fn seed(&self, steering: Steering) -> Result<Flag, FlagError> {
        let before = self.read().await?;
        match before {
            Some(flag) => Ok(flag),
            None => self.put(steering).await,
        }
    }

    async fn stirred(&self) {
        self.stirs.notified().await;
    }
}

/// A ledger in memory; nobody in it grows silent.
pub struct MemoryFlagLedger {
    began: Mutex<Option<bool>>,
    changes: Mutex<Vec<FlagChange>>,
    replicas: Mutex<BTreeMap<String, (String, OffsetDateTime)>>,
}

impl Default for MemoryFlagLedger {
    fn default() -> Self {
        Self { began: Some(false).into(), changes: Mutex::default(), replicas: Mutex::default() }
    }
}

impl MemoryFlagLedger {
    /// From now on it began as Operations Center or did not; `None` where it cannot say.
    pub fn set_began(&self, began: Option<bool>) {
        *held(&self.began) = began;
    }
}

#[async_trait]
impl FlagLedger for MemoryFlagLedger {
    async fn record(&self, flag: &Flag, by: &str, reason: Option<&str>) -> Result<(), StoreUnavailable> {
        let mut changes = held(&self.changes);
        if changes.iter().all(|change| change.flag.mark != flag.mark) {
            let (by, reason) = (by.to_owned(), reason.map(str::to_owned));
            changes.push(FlagChange { flag: flag.clone(), by, reason, at: OffsetDateTime::now_utc() });
        }
        Ok(())
    }

    async fn history(&self, limit: u32, after: Option<&ChangeCursor>) -> Result<Vec<FlagChange>, StoreUnavailable> {
        let changes = held(&self.changes);
        let place = after.and_then(|after| changes.iter().position(|change| change.flag.mark == after.mark));
        Ok(changes[..place.unwrap_or(changes.len())].iter().rev().take(limit as usize).cloned().collect())
    }

    async fn began_elsewhere(&self) -> Result<bool, StoreUnavailable> {
        (*held(&self.began)).ok_or_else(|| StoreUnavailable("down".into()))
    }

    async fn serves(&self, replica: &str, mark: &str) -> Result<(), StoreUnavailable> {
        let mut replicas = held(&self.replicas);
        match replicas.get(replica) {
            Some((known, _)) if known == mark => {}
            _ => drop(replicas.insert(replica.to_owned(), (mark.to_owned(), OffsetDateTime::now_utc()))),
        }
        Ok(())
    }

    async fn leaves(&self, replica: &str) -> Result<(), StoreUnavailable> {
        held(&self.replicas).remove(replica);
        Ok(())
    }

    async fn replicas(&self) -> Result<Vec<Replica>, StoreUnavailable> {
        let replica = |(name, (mark, since)): (&String, &(String, OffsetDateTime))| Replica {
            name: name.clone(),
            mark: mark.clone(),
            since: *since,
            silent_for: Duration::ZERO,
        };
        Ok(held(&self.replicas).iter().map(replica).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{flag_ledger_contract, flag_store_contract};

    #[tokio::test]
    async fn the_flag_in_memory_keeps_the_contract() {
        flag_store_contract(&MemoryFlag::default()).await;
    }

    #[tokio::test]
    async fn the_ledger_in_memory_keeps_the_contract() {
        flag_ledger_contract(&MemoryFlagLedger::default()).await;
    }
}
