//! An `IdempotencyStore` in memory, for tests. It keeps the contract of the real one.

use super::{Claim, Fingerprint, IdempotencyStore, KEPT_FOR, ScopeKey, StoredAnswer};
use crate::ports::StoreUnavailable;
use async_trait::async_trait;
use dispatch_mission::ids::OperationId;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Records in memory. Its clock stands still until a test moves it.
#[derive(Default)]
pub struct MemoryIdempotency(Mutex<State>);

#[derive(Default)]
struct State {
    now: Duration,
    records: HashMap<ScopeKey, Record>,
}

struct Record {
    fingerprint: Fingerprint,
    operation: OperationId,
    lease_until: Duration,
    expires_at: Duration,
    answer: Option<StoredAnswer>,
}

impl MemoryIdempotency {
    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.with(|state| state.now += by);
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[async_trait]
impl IdempotencyStore for MemoryIdempotency {
    async fn claim(&self, scope: &ScopeKey, asked: &Fingerprint, lease: Duration) -> Result<Claim, StoreUnavailable> {
        Ok(self.with(|state| {
            let now = state.now;
            let live = state.records.get_mut(scope).filter(|record| record.expires_at > now);
            let Some(record) = live else {
                let (operation, fingerprint) = (OperationId::mint(), asked.clone());
                let (lease_until, expires_at) = (now + lease, now + KEPT_FOR);
                let record = Record { fingerprint, operation, lease_until, expires_at, answer: None };
                state.records.insert(scope.clone(), record);
                return Claim::Claimed(operation);
            };
            match &record.answer {
                _ if record.fingerprint != *asked => Claim::Mismatch,
                Some(answer) => Claim::Finished(answer.clone()),
                None if record.lease_until > now => Claim::Running(record.lease_until - now),
                None => {
                    record.lease_until = now + lease;
                    Claim::Resumed(record.operation)
                }
            }
        }))
    }

    async fn finish(
        &self,
        scope: &ScopeKey,
        operation: OperationId,
        answer: &StoredAnswer,
    ) -> Result<bool, StoreUnavailable> {
        Ok(self.with(|state| {
            let open = |record: &&mut Record| record.operation == operation && record.answer.is_none();
            let record = state.records.get_mut(scope).filter(open);
            record.map(|record| record.answer = Some(answer.clone())).is_some()
        }))
    }

    async fn release(&self, scope: &ScopeKey, operation: OperationId) -> Result<(), StoreUnavailable> {
        self.with(|state| {
            let now = state.now;
            if let Some(record) = state.records.get_mut(scope).filter(|record| record.operation == operation) {
                record.lease_until = now;
            }
        });
        Ok(())
    }

    async fn reopen(&self, scope: &ScopeKey, stream: &str) -> Result<(), StoreUnavailable> {
        self.with(|state| {
            let now = state.now;
            let is_it = |record: &&mut Record| record.answer == Some(StoredAnswer::Stream(stream.to_owned()));
            if let Some(record) = state.records.get_mut(scope).filter(is_it) {
                (record.answer, record.lease_until) = (None, now);
            }
        });
        Ok(())
    }

    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable> {
        Ok(self.with(|state| {
            let old = state.records.iter().filter(|(_, record)| record.expires_at <= state.now);
            let old: Vec<_> = old.map(|(scope, _)| scope.clone()).take(limit as usize).collect();
            old.iter().filter_map(|scope| state.records.remove(scope)).count() as u32
        }))
    }
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    let store = MemoryIdempotency::default();
    crate::testing::idempotency_contract(&store, async |by| store.advance(by)).await;
}
