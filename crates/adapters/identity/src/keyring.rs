//! API keys that are sent: looked up by their prefix, proved by their digest. Must not know where they are kept.

use crate::key::{same, taken_apart};
use crate::remembered::Remembered;
use async_trait::async_trait;
use dispatch_mission::clock::Clock;
use dispatch_pipeline::ports::api_keys::{ApiKey, ApiKeyId, ApiKeys};
use dispatch_pipeline::ports::identity::{KeyError, KeyHolder, KeyVerifier};
use std::sync::Arc;
use std::time::Duration;

/// A revocation counts after this time, in every process.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How often it is noted that a key is used.
const NOTED: Duration = Duration::from_secs(60);

/// Checks API keys.
pub struct Keyring {
    keys: Arc<dyn ApiKeys>,
    clock: Arc<dyn Clock>,
    known: Remembered<String, Option<ApiKey>>,
    noted: Remembered<ApiKeyId, ()>,
}

impl Keyring {
    /// Over `keys`; `clock` says when one has expired.
    #[must_use]
    pub fn new(keys: Arc<dyn ApiKeys>, clock: Arc<dyn Clock>) -> Self {
        Self { keys, clock, known: Remembered::new(REMEMBERED), noted: Remembered::new(NOTED) }
    }

    async fn find(&self, prefix: &str) -> Result<Option<ApiKey>, KeyError> {
        let prefix = prefix.to_owned();
        if let Some(known) = self.known.get(&prefix) {
            return Ok(known);
        }
        let found = self.keys.find(&prefix).await.map_err(|error| KeyError::Unavailable(error.into()))?;
        self.known.put(prefix, found.clone());
        Ok(found)
    }

    /// Notes its use, where nobody waits for it.
    fn note(&self, key_id: ApiKeyId) {
        if self.noted.get(&key_id).is_some() {
            return;
        }
        self.noted.put(key_id, ());
        let keys = Arc::clone(&self.keys);
        tokio::spawn(async move {
            if let Err(error) = keys.used(key_id).await {
                tracing::debug!(%key_id, %error, "the use of a key could not be noted");
            }
        });
    }
}

#[async_trait]
impl KeyVerifier for Keyring {
    async fn verify(&self, key: &str) -> Result<KeyHolder, KeyError> {
        let (prefix, digest) = taken_apart(key).ok_or(KeyError::Unknown)?;
        let kept = self.find(prefix).await?.filter(|kept| same(&kept.digest, &digest)).ok_or(KeyError::Unknown)?;
        if kept.revoked_at.is_some() {
            return Err(KeyError::Revoked);
        }
        if kept.expires_at.is_some_and(|at| self.clock.now() >= at) {
            return Err(KeyError::Expired);
        }
        self.note(kept.key_id);
        Ok(KeyHolder { key_id: kept.key_id, scopes: kept.scopes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{MintedKey, mint};
    use dispatch_mission::clock::FixedClock;
    use dispatch_pipeline::ports::api_keys::{MemoryApiKeys, NewApiKey};
    use dispatch_pipeline::ports::identity::{Scope, Scopes};
    use secrecy::ExposeSecret;
    use time::macros::datetime;
    use time::{Duration as Span, OffsetDateTime};

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    struct Ring {
        keys: Arc<MemoryApiKeys>,
        ring: Keyring,
    }

    impl Ring {
        fn new() -> Self {
            let keys = Arc::new(MemoryApiKeys::default());
            Self { ring: Keyring::new(keys.clone(), Arc::new(FixedClock(NOW))), keys }
        }

        async fn add(&self, expires_at: Option<OffsetDateTime>) -> (ApiKeyId, String) {
            let MintedKey { text, prefix, digest } = mint().expect("random");
            let key_id = ApiKeyId::mint();
            let scopes = Scopes::from_iter([Scope::Missions]);
            let (name, created_by) = ("a program".to_owned(), "sam".to_owned());
            let new = NewApiKey { key_id, prefix, digest, name, scopes, created_by, expires_at };
            self.keys.create(&new).await.expect("kept");
            (key_id, text.expose_secret().to_owned())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_counts_until_it_expires() {
        let ring = Ring::new();
        let (key_id, text) = ring.add(Some(NOW + Span::SECOND)).await;
        let holder = ring.ring.verify(&text).await.expect("counts");
        assert_eq!(holder, KeyHolder { key_id, scopes: Scopes::from_iter([Scope::Missions]) });
        let (_, over) = ring.add(Some(NOW)).await;
        assert!(matches!(ring.ring.verify(&over).await, Err(KeyError::Expired)));
        let wrong = format!("{}{}", &text[..text.len() - 1], if text.ends_with('0') { '1' } else { '0' });
        for unknown in [wrong.as_str(), "dsp_nobody", "", mint().expect("random").text.expose_secret()] {
            assert!(matches!(ring.ring.verify(unknown).await, Err(KeyError::Unknown)), "{unknown}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_revocation_counts_after_five_seconds() {
        let ring = Ring::new();
        let (key_id, text) = ring.add(None).await;
        ring.ring.verify(&text).await.expect("counts");
        ring.keys.revoke(key_id).await.expect("revoked");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(matches!(ring.ring.verify(&text).await, Err(KeyError::Revoked)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_requests_are_one_look_up_and_one_note() {
        let ring = Ring::new();
        let (_, text) = ring.add(None).await;
        for _ in 0..1000 {
            ring.ring.verify(&text).await.expect("counts");
        }
        assert_eq!(ring.keys.looked_up().len(), 1);
        let noted = async || ring.keys.list().await.expect("answers")[0].last_used_at;
        while noted().await.is_none() {
            tokio::task::yield_now().await;
        }
    }
}
