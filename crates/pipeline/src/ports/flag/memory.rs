//! A `FlagStore` and a `FlagLedger` in memory, for tests.

use super::{Flag, FlagChange, FlagError, FlagLedger, FlagStore, Replica, Steering};
use crate::ports::StoreUnavailable;
use async_trait::async_trait;
use std::collections::BTreeMap;
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
    stirs: Notify,
    is_down: Mutex<bool>,
}

impl MemoryFlag {
    /// From now on it does not answer, or answers again.
    pub fn set_down(&self, is_down: bool) {
        *held(&self.is_down) = is_down;
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

    async fn write(&self, steering: Steering) -> Result<Flag, FlagError> {
        self.up()?;
        let mut flag = held(&self.flag);
        let count = flag.as_ref().map_or(0, |flag| flag.mark.parse::<u32>().unwrap_or(0));
        let new = Flag { steering, mark: (count + 1).to_string() };
        *flag = Some(new.clone());
        drop(flag);
        self.stirs.notify_one();
        Ok(new)
    }

    async fn seed(&self, steering: Steering) -> Result<Flag, FlagError> {
        let before = self.read().await?;
        match before {
            Some(flag) => Ok(flag),
            None => self.write(steering).await,
        }
    }

    async fn stirred(&self) {
        self.stirs.notified().await;
    }
}

/// A ledger in memory; nobody in it grows silent.
#[derive(Default)]
pub struct MemoryFlagLedger {
    changes: Mutex<Vec<FlagChange>>,
    replicas: Mutex<BTreeMap<String, (String, OffsetDateTime)>>,
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

    async fn history(&self, limit: u32) -> Result<Vec<FlagChange>, StoreUnavailable> {
        Ok(held(&self.changes).iter().rev().take(limit as usize).cloned().collect())
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
