//! The helm: which contract the unprefixed legacy paths speak, in this process now, and how that is changed everywhere. Must
//! not know paths, nor where the flag is kept.
//!
//! A replica learns of a change by a word of the store and, where that is lost, by its own poll; while the store does not
//! answer the last known value holds. What it serves by it writes into the ledger, so that whoever set the flag can wait for all.

mod guard;
mod set;
#[cfg(test)]
mod tests;
mod watch;
pub mod wish;

pub use guard::{Guard, GuardVerdict, Traffic};
pub use set::{Acknowledged, Guarding, Setting, begin, follow, set};
pub use watch::Watch;

use crate::observe::{Check, CheckStatus};
use crate::ports::StoreUnavailable;
use crate::ports::flag::{
    ApiVersion, ChangeCursor, Flag, FlagChange, FlagError, FlagLedger, FlagStore, Replica, Steering,
};
use crate::ports::flip_watch::{FlipWatch, WatchState};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch as watch_channel};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the store is asked when it says nothing by itself; also how often this replica says that it is there.
pub const POLL: Duration = Duration::from_millis(500);
/// How often what is too old is removed.
const PURGE: Duration = Duration::from_secs(600);
/// How long an answer of the store is waited for: the last known value holds meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a helm steers with.
#[allow(missing_docs)] // one field, one port
pub struct HelmParts {
    pub store: Arc<dyn FlagStore>,
    pub ledger: Arc<dyn FlagLedger>,
    pub flips: Arc<dyn FlipWatch>,
    /// Unique among all processes.
    pub replica: String,
}

/// The flag in this process.
pub struct Helm {
    store: Arc<dyn FlagStore>,
    ledger: Arc<dyn FlagLedger>,
    watch: Watch,
    replica: String,
    /// What legacy paths begin with, where those who run this say so.
    seed: Option<ApiVersion>,
    known: watch_channel::Sender<Known>,
    /// One look at a time: an answer that was read earlier must never be believed later.
    looking: Mutex<()>,
    home: Handle,
}

/// What this process serves by, and since when it knows.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Known {
    flag: Flag,
    /// When the store last confirmed it; never, where it stands for a store that did not answer yet.
    confirmed: Option<Instant>,
}

/// What is known of the flag, for health.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bearing {
    /// What this process serves by.
    pub flag: Flag,
    /// Which store it is from.
    pub store: &'static str,
    /// How long ago the store confirmed it; none where it never answered.
    pub confirmed_ago: Option<Duration>,
}

impl Bearing {
    /// Whether the store has been silent for so long that a change may have been missed.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.confirmed_ago.is_none_or(|ago| ago > PATIENCE + POLL)
    }

    /// The same for health: a flag that is not known for sure still steers.
    #[must_use]
    pub fn check(&self) -> Check {
        let (status, detail) = if self.is_stale() {
            let version = self.flag.steering.version.as_str();
            (CheckStatus::Warn, Some(format!("the flag's store ({}) does not answer; {version} holds", self.store)))
        } else {
            (CheckStatus::Pass, None)
        };
        Check { name: "flag", status, detail }
    }
}

/// The mark of a flag that no store has confirmed: what the configuration says.
const UNCONFIRMED: &str = "unconfirmed";

impl Helm {
    /// Takes the helm, at home on the runtime that this is called on: seeds the flag where nobody has set it, with `seed`, or the
    /// new contract where it says nothing; with the old one on what began as Operations Center. Until the store has answered, or
    /// while nobody knows which of those it is, `seed` holds, or the old contract, which every legacy client speaks.
    pub async fn take(parts: HelmParts, seed: Option<ApiVersion>) -> Arc<Self> {
        let HelmParts { store, ledger, flips, replica } = parts;
        let steering = Steering::all_to(seed.unwrap_or(ApiVersion::Operations));
        let known = Known { flag: Flag { steering, mark: UNCONFIRMED.to_owned() }, confirmed: None };
        let helm = Self {
            store,
            ledger,
            watch: Watch::new(flips),
            replica,
            seed,
            known: watch_channel::Sender::new(known),
            looking: Mutex::new(()),
            home: Handle::current(),
        };
        if !helm.ask().await {
            let version = steering.version.as_str();
            tracing::warn!(version, "the flag's store does not answer; until it does, this version holds");
        }
        Arc::new(helm)
    }

    /// What legacy paths begin with where nobody has set the flag; `None` while that is not known.
    async fn first(&self) -> Option<Steering> {
        match tokio::time::timeout(PATIENCE, self.ledger.began_elsewhere()).await {
            // Old clients of an old database go on with what they know: the flag is for people to set.
            Ok(Ok(true)) => Some(Steering::all_to(ApiVersion::Operations)),
            Ok(Ok(false)) => Some(Steering::all_to(self.seed.unwrap_or(ApiVersion::Dispatch))),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    /// What this process serves by now.
    #[must_use]
    pub fn steering(&self) -> Steering {
        self.known.borrow().flag.steering
    }

    /// Which contract answers `author` now. Without a name an author is nobody in particular: the larger share's.
    #[must_use]
    pub fn contract(&self, author: Option<&str>) -> ApiVersion {
        contract(self.steering(), author)
    }

    /// The flag by which requests that begin now are answered.
    #[must_use]
    pub fn flag(&self) -> Flag {
        self.known.borrow().flag.clone()
    }

    /// The watch over what legacy paths answer.
    #[must_use]
    pub fn over(&self) -> &Watch {
        &self.watch
    }

    /// The name by which the ledger knows this process.
    #[must_use]
    pub fn replica(&self) -> &str {
        &self.replica
    }

    /// What is known, for health.
    #[must_use]
    pub fn bearing(&self) -> Bearing {
        let known = self.known.borrow();
        let confirmed_ago = known.confirmed.map(|at| at.elapsed());
        Bearing { flag: known.flag.clone(), store: self.store.name(), confirmed_ago }
    }

    /// Keeps watch until told to stop, and signs off.
    pub async fn watch(&self, stop: &CancellationToken) {
        let mut purged = None;
        while !stop.is_cancelled() {
            if purged.is_none_or(|at: Instant| at.elapsed() > PURGE) {
                self.watch.purge().await;
                purged = Some(Instant::now());
            }
            let is_sure = self.look().await;
            self.watch.flush().await;
            // Whoever does not know what is in force judges nothing by it.
            if is_sure {
                self.watch.judge(self.store.as_ref(), self.ledger.as_ref(), &self.flag().mark).await;
            }
            let word = async {
                tokio::select! {
                    () = self.store.stirred() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            };
            stop.run_until_cancelled(word).await;
        }
        self.watch.flush().await;
        if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, self.ledger.leaves(&self.replica)).await {
            tracing::debug!(%error, "this replica could not sign off");
        }
    }

    /// The newest changes, newest first, or the newest ones after where a page ended.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    pub async fn history(&self, limit: u32, after: Option<ChangeCursor>) -> Result<Vec<FlagChange>, StoreUnavailable> {
        let ledger = Arc::clone(&self.ledger);
        self.home
            .spawn(async move { ledger.history(limit, after.as_ref()).await })
            .await
            .unwrap_or_else(|ended| cut_off(&ended))
    }

    /// How the watch over a change stands; `None` where it is not watched.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    pub async fn guard_of(&self, mark: &str) -> Result<Option<WatchState>, StoreUnavailable> {
        let (flips, mark) = (self.watch.port(), mark.to_owned());
        self.home.spawn(async move { flips.state(&mark).await }).await.unwrap_or_else(|ended| cut_off(&ended))
    }

    /// Every replica that was heard of within the hour.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    pub async fn replicas(&self) -> Result<Vec<Replica>, StoreUnavailable> {
        let ledger = Arc::clone(&self.ledger);
        self.home.spawn(async move { ledger.replicas().await }).await.unwrap_or_else(|ended| cut_off(&ended))
    }

    /// One look at the store, and a word to the ledger. What one does not answer, the other is asked all the same. Answers
    /// whether the store said what is in force.
    async fn look(&self) -> bool {
        let _alone = self.looking.lock().await;
        let is_sure = self.ask().await;
        let mark = self.known.borrow().flag.mark.clone();
        match tokio::time::timeout(PATIENCE, self.ledger.serves(&self.replica, &mark)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the ledger was not told"),
            Err(_) => tracing::debug!("the ledger does not answer"),
        }
        is_sure
    }

    async fn ask(&self) -> bool {
        match tokio::time::timeout(PATIENCE, self.store.read()).await {
            Ok(Ok(Some(flag))) => {
                self.learn(flag);
                return true;
            }
            Ok(Ok(None)) => {
                // Somebody took it away: what we serve by is written down again. Or nobody has set it yet.
                let is_ours = self.known.borrow().confirmed.is_some();
                let steering = if is_ours { Some(self.steering()) } else { self.first().await };
                if let Some(steering) = steering
                    && let Ok(flag) = self.store.seed(steering).await
                {
                    self.learn(flag);
                    return true;
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, "the flag was not read; the last known value holds"),
            Err(_) => tracing::debug!("the flag's store does not answer; the last known value holds"),
        }
        false
    }

    /// From this moment requests that begin are answered by `flag`.
    fn learn(&self, flag: Flag) {
        self.known.send_if_modified(|known| {
            let is_new = known.flag != flag;
            if is_new {
                let Steering { version, percent, shadow } = flag.steering;
                tracing::info!(version = version.as_str(), percent, shadow, "legacy paths are served by this flag now");
            }
            *known = Known { flag, confirmed: Some(Instant::now()) };
            is_new
        });
    }
}

fn cut_off<T>(ended: &tokio::task::JoinError) -> Result<T, StoreUnavailable> {
    let why = if ended.is_panic() { "the call panicked" } else { "the process is stopping" };
    Err(StoreUnavailable(why.into()))
}

/// Which contract answers `author` under `steering`: always the same while the figure stands, and who was steered by a smaller
/// share still is by a larger one.
#[must_use]
pub fn contract(steering: Steering, author: Option<&str>) -> ApiVersion {
    let is_in = match author {
        _ if steering.percent >= 100 => true,
        Some(author) => place(author) < u32::from(steering.percent),
        None => steering.percent >= 50,
    };
    if is_in { steering.version } else { steering.version.other() }
}

/// An author's place among a hundred: FNV-1a, the same in every process and release.
fn place(author: &str) -> u32 {
    let hash = author
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The low bits of the last byte are too plain: fold the high half in.
    u32::try_from((hash ^ (hash >> 32)) % 100).unwrap_or(0)
}

/// Why the flag was not set.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] FlagError),
    /// It is set, but the ledger did not answer: nobody can tell who serves by it.
    #[error("the flag is set, but the ledger did not answer")]
    Ledger(#[source] StoreUnavailable),
    /// Somebody else sets it at the same time, again and again.
    #[error("the flag is being set by somebody else")]
    Contended,
    /// The process stops; whether it is set will be seen.
    #[error("setting the flag was cut off")]
    CutOff,
}
