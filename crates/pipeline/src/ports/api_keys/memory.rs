//! `ApiKeys` in memory, for tests. It keeps the contract of the real one.

use super::{ApiKey, ApiKeyId, ApiKeys, NewApiKey};
use crate::ports::StoreUnavailable;
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use time::{Duration, OffsetDateTime};

/// Keys in memory, the oldest first, and how often they were read.
#[derive(Default)]
pub struct MemoryApiKeys {
    keys: Mutex<Vec<ApiKey>>,
    reads: AtomicUsize,
    down: AtomicBool,
}

impl MemoryApiKeys {
    /// How often all of them were asked for.
    pub fn times_read(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    /// From now on it lists them no more, or does so again.
    pub fn go_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    fn keys(&self) -> MutexGuard<'_, Vec<ApiKey>> {
        self.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[async_trait]
impl ApiKeys for MemoryApiKeys {
    async fn create(&self, key: &NewApiKey) -> Result<ApiKey, StoreUnavailable> {
        let mut keys = self.keys();
        if keys.iter().any(|known| known.prefix == key.prefix || known.key_id == key.key_id) {
            return Err(StoreUnavailable("there already".into()));
        }
        let NewApiKey { key_id, prefix, digest, name, scopes, created_by, expires_at } = key.clone();
        let created_at = OffsetDateTime::now_utc();
        let (last_used_at, revoked_at) = (None, None);
        keys.push(ApiKey {
            key_id,
            prefix,
            digest,
            name,
            scopes,
            created_by,
            created_at,
            expires_at,
            last_used_at,
            revoked_at,
        });
        keys.last().cloned().ok_or_else(|| StoreUnavailable("just added".into()))
    }

    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        // As a store does that is asked over a network: others come meanwhile.
        tokio::task::yield_now().await;
        if self.down.load(Ordering::Relaxed) {
            return Err(StoreUnavailable("down".into()));
        }
        Ok(self.keys().iter().rev().cloned().collect())
    }

    async fn find(&self, prefix: &str) -> Result<Option<ApiKey>, StoreUnavailable> {
        Ok(self.keys().iter().find(|key| key.prefix == prefix).cloned())
    }

    async fn revoke(&self, key_id: ApiKeyId) -> Result<Option<ApiKey>, StoreUnavailable> {
        let mut keys = self.keys();
        let key = keys.iter_mut().find(|key| key.key_id == key_id);
        Ok(key.map(|key| {
            key.revoked_at.get_or_insert_with(OffsetDateTime::now_utc);
            key.clone()
        }))
    }

    async fn used(&self, key_id: ApiKeyId) -> Result<(), StoreUnavailable> {
        let now = OffsetDateTime::now_utc();
        if let Some(key) = self.keys().iter_mut().find(|key| key.key_id == key_id)
            && key.last_used_at.is_none_or(|at| now - at >= Duration::MINUTE)
        {
            key.last_used_at = Some(now);
        }
        Ok(())
    }
}
