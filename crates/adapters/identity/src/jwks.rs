//! The published keys, kept fresh by one task: every ten minutes, and when a token names a key that is not known. Must not
//! know tokens.

use crate::jwk::{KeySet, PublicKey};
use crate::jwt::Algorithm;
use async_trait::async_trait;
use dispatch_outbound::{Credentials, Outbound, SendError, Url};
use dispatch_pipeline::ports::identity::TokenError;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// Fetched anew after this time.
const FRESH: Duration = Duration::from_secs(600);
/// Never fetched more often than this, whatever tokens name and however often it fails.
const PAUSE: Duration = Duration::from_secs(10);
/// While the URL is down the last keys hold this long: long enough for a night, short enough for a stolen key.
const HELD: Duration = Duration::from_secs(24 * 3600);

/// Why the keys could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// There was no answer.
    #[error("the key set's URL did not answer")]
    Send(#[from] SendError),
    /// Another answer than 200.
    #[error("the key set's URL answered with status {0}")]
    Status(u16),
    /// An answer that is no key set.
    #[error("the key set's URL did not answer with a key set")]
    Unreadable,
}

/// Where key sets come from.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The set as it is now.
    ///
    /// # Errors
    /// [`FetchError`].
    async fn fetch(&self) -> Result<KeySet, FetchError>;
}

/// A key set at a URL.
#[derive(Clone, Debug)]
pub struct HttpKeys {
    /// The client.
    pub outbound: Outbound,
    /// `JWKS_URL`.
    pub url: Url,
}

#[async_trait]
impl KeySource for HttpKeys {
    async fn fetch(&self) -> Result<KeySet, FetchError> {
        let answer = self.outbound.get(&self.url, Credentials::None, &[("accept", "application/json")]).await?;
        if answer.status != 200 {
            return Err(FetchError::Status(answer.status));
        }
        KeySet::parse(&answer.body).ok_or(FetchError::Unreadable)
    }
}

/// What the task has found so far.
#[derive(Clone, Default)]
struct Found {
    keys: Option<(Instant, Arc<KeySet>)>,
    tried_at: Option<Instant>,
}

impl Found {
    fn choose(&self, algorithm: Algorithm, kid: Option<&str>) -> Option<Arc<PublicKey>> {
        self.held()?.choose(algorithm, kid)
    }

    fn held(&self) -> Option<&KeySet> {
        self.keys.as_ref().filter(|(at, _)| at.elapsed() < HELD).map(|(_, keys)| keys.as_ref())
    }

    /// Whether asking again could bring something else.
    fn is_old(&self) -> bool {
        self.tried_at.is_none_or(|at| at.elapsed() >= PAUSE)
    }
}

/// The published keys. The task that keeps them fresh ends with the last of them.
pub struct Jwks {
    found: watch::Receiver<Found>,
    ask: mpsc::Sender<()>,
}

impl Jwks {
    /// Begins to fetch from `source`, on the runtime that this is called on.
    #[must_use]
    pub fn new(source: impl KeySource) -> Self {
        let (publish, found) = watch::channel(Found::default());
        let (ask, asked) = mpsc::channel(1);
        tokio::spawn(keep_fresh(source, publish, asked));
        Self { found, ask }
    }

    /// The key named `kid` that is for `algorithm`. Where it is not known the set is fetched anew, once for all who wait.
    pub(crate) async fn find(&self, algorithm: Algorithm, kid: Option<&str>) -> Result<Arc<PublicKey>, TokenError> {
        let mut found = self.found.clone();
        let seen = found.borrow_and_update().clone();
        if let Some(key) = seen.choose(algorithm, kid) {
            return Ok(key);
        }
        if seen.is_old() {
            // A full channel means that somebody else has asked; both wait for the same answer.
            let _ = self.ask.try_send(());
            let _ = found.wait_for(|now| now.tried_at > seen.tried_at).await;
        }
        let now = found.borrow();
        match (now.choose(algorithm, kid), now.held()) {
            (Some(key), _) => Ok(key),
            (None, Some(_)) => Err(TokenError::UnknownKey),
            (None, None) => Err(TokenError::Unavailable("no key set has been fetched".into())),
        }
    }
}

/// Fetches now, then whenever the set is no longer fresh or somebody asks, until nobody is left to ask.
async fn keep_fresh(source: impl KeySource, publish: watch::Sender<Found>, mut asked: mpsc::Receiver<()>) {
    loop {
        let begun = Instant::now();
        let outcome = source.fetch().await;
        let wait = if outcome.is_ok() { FRESH } else { PAUSE };
        // Whoever asked meanwhile is answered by this.
        while asked.try_recv().is_ok() {}
        publish.send_modify(|found| {
            found.tried_at = Some(Instant::now());
            match outcome {
                Ok(keys) => found.keys = Some((begun, Arc::new(keys))),
                Err(error) => report(&error, found),
            }
        });
        tokio::select! {
            () = sleep(wait) => {}
            ask = asked.recv() => match ask {
                Some(()) => sleep_until(begun + PAUSE).await,
                None => return,
            },
        }
    }
}

fn report(error: &FetchError, found: &Found) {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let held_seconds = found.keys.as_ref().map(|(at, _)| at.elapsed().as_secs());
    tracing::warn!(%error, source, held_seconds, "the keys of JWKS_URL could not be fetched");
}

#[cfg(test)]
mod tests;
