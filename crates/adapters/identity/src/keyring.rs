//! API keys that are sent: known by their prefix, proved by their digest. Must not know where they are kept.
//!
//! All keys are read together, once for everybody and only so often: a stranger who tries prefixes costs a look into
//! memory each, and cannot keep the store busy or push out what others need.

use crate::key::{same, taken_apart};
use crate::remembered::Remembered;
use async_trait::async_trait;
use dispatch_mission::clock::Clock;
use dispatch_pipeline::ports::api_keys::{ApiKey, ApiKeyId, ApiKeys};
use dispatch_pipeline::ports::identity::{KeyError, KeyHolder, KeyVerifier};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A revocation counts after this time, in every process.
const REMEMBERED: Duration = Duration::from_secs(5);
/// A key that was just made counts after this time.
const UNKNOWN: Duration = Duration::from_secs(1);
/// How often it is noted that a key is used.
const NOTED: Duration = Duration::from_secs(60);

/// The keys by their prefix, as they were read last.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<HashMap<String, ApiKey>>,
    read_at: Option<Instant>,
    /// How often somebody read them, or failed to.
    tries: u64,
}

impl Known {
    /// What is known of a prefix; nothing when it has to be read again.
    fn answer(&self, prefix: &str) -> Option<Option<ApiKey>> {
        let age = self.read_at?.elapsed();
        let key = self.keys.get(prefix);
        let holds = if key.is_some() { REMEMBERED } else { UNKNOWN };
        (age < holds).then(|| key.cloned())
    }
}

/// Checks API keys.
pub struct Keyring {
    keys: Arc<dyn ApiKeys>,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    /// Whoever has it reads the keys; the others wait for what he finds.
    turn: tokio::sync::Mutex<()>,
    noted: Remembered<ApiKeyId, ()>,
}

impl Keyring {
    /// Over `keys`; `clock` says when one has expired.
    #[must_use]
    pub fn new(keys: Arc<dyn ApiKeys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            clock,
            known: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            noted: Remembered::new(NOTED),
        }
    }

    async fn find(&self, prefix: &str) -> Result<Option<ApiKey>, KeyError> {
        let seen = self.known().clone();
        if let Some(answer) = seen.answer(prefix) {
            return Ok(answer);
        }
        let _turn = self.turn.lock().await;
        let now = self.known().clone();
        if now.tries == seen.tries {
            return Ok(self.read().await?.get(prefix).cloned());
        }
        // Somebody tried meanwhile, and what came of it is the answer for all who waited.
        if now.read_at == seen.read_at {
            return Err(KeyError::Unavailable("the keys could not be read a moment ago".into()));
        }
        Ok(now.keys.get(prefix).cloned())
    }

    async fn read(&self) -> Result<Arc<HashMap<String, ApiKey>>, KeyError> {
        let read = self.keys.list().await;
        let mut known = self.known();
        known.tries += 1;
        let keys = read.map_err(|error| KeyError::Unavailable(error.into()))?;
        known.keys = Arc::new(keys.into_iter().map(|key| (key.prefix.clone(), key)).collect());
        known.read_at = Some(Instant::now());
        Ok(Arc::clone(&known.keys))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        tokio::time::advance(UNKNOWN).await;
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
        assert_eq!(ring.keys.times_read(), 1);
        let noted = async || ring.keys.list().await.expect("answers")[0].last_used_at;
        while noted().await.is_none() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_tries_prefixes_costs_a_reading_a_second_and_locks_nobody_out() {
        let ring = Ring::new();
        let (_, text) = ring.add(None).await;
        for _ in 0..500 {
            let tried = mint().expect("random");
            assert!(matches!(ring.ring.verify(tried.text.expose_secret()).await, Err(KeyError::Unknown)));
        }
        ring.ring.verify(&text).await.expect("counts");
        assert_eq!(ring.keys.times_read(), 1);
        let (_, fresh) = ring.add(None).await;
        tokio::time::advance(UNKNOWN).await;
        ring.ring.verify(&fresh).await.expect("counts a second after it was made");
        assert_eq!(ring.keys.times_read(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_for_a_store_that_is_down_wait_once() {
        let ring = Ring::new();
        let (_, text) = ring.add(None).await;
        ring.keys.go_down(true);
        let ask = || ring.ring.verify(&text);
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        assert!([one, two, three].iter().all(|answer| matches!(answer, Err(KeyError::Unavailable(_)))));
        assert_eq!(ring.keys.times_read(), 1);
        ring.keys.go_down(false);
        ring.ring.verify(&text).await.expect("asked again at once");
    }
}
