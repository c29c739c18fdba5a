//! Setting the flag: guarded, written, recorded, and then waited for until every live replica serves by it. Must not know who
//! asks.

use super::{Helm, SetError};
use crate::failpoint;
use crate::ports::flag::{Change, Flag, FlagError, FlagLedger, FlagStore, Replica, Steering};
use crate::ports::flip_watch::{FlipWatch, WatchEnd, Watched};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;

/// How often the ledger is asked who serves by it.
const LOOK: Duration = Duration::from_millis(50);

/// One wish to set the flag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// To what.
    pub steering: Steering,
    /// Who: one text per principal.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// How long to wait for all replicas; they take it up whether or not anybody waits.
    pub wait: Duration,
    /// Whether the replicas watch what comes of it, and take it back.
    pub guard: Option<Guarding>,
}

/// How a change is guarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guarding {
    /// How long.
    pub lasts: Duration,
    /// What to go back to; what was in force at the change, unless the caller knows better.
    pub back: Option<Steering>,
}

/// How often a guarded change is tried again where somebody else's came between the look and the change.
const TRIES: u32 = 5;

/// The flag as it was set, and who serves by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// The flag.
    pub flag: Flag,
    /// Where it is kept.
    pub store: &'static str,
    /// When it was recorded, by the ledger's clock.
    pub at: OffsetDateTime,
    /// Live replicas, by name; each serves by this flag where its mark says so.
    pub replicas: Vec<Replica>,
    /// How long until the last of them did, as far as was waited.
    pub took: Duration,
}

impl Acknowledged {
    /// Whether every live replica serves by it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.replicas.iter().all(|replica| replica.mark == self.flag.mark)
    }
}

impl Helm {
    /// Sets the flag, and waits until every live replica serves by it, or as long as `wait` says.
    ///
    /// # Errors
    /// [`SetError`].
    pub async fn set(&self, wish: &Setting) -> Result<Acknowledged, SetError> {
        let done = set(self.store.as_ref(), self.ledger.as_ref(), self.watch.flips(), wish).await;
        self.look().await;
        done
    }

    /// The same at home: whoever calls may come from another runtime, and may leave.
    ///
    /// # Errors
    /// [`SetError`].
    pub async fn set_at_home(self: Arc<Self>, wish: Setting) -> Result<Acknowledged, SetError> {
        let home = self.home.clone();
        let set = home.spawn(async move { self.set(&wish).await }).await;
        set.unwrap_or(Err(SetError::CutOff))
    }
}

/// The same where no helm is taken, as on a command line.
///
/// # Errors
/// [`SetError`].
pub async fn set(
    store: &dyn FlagStore,
    ledger: &dyn FlagLedger,
    flips: &dyn FlipWatch,
    wish: &Setting,
) -> Result<Acknowledged, SetError> {
    let begun = Instant::now();
    let flag = begin(store, ledger, flips, wish).await?;
    follow(store, ledger, flag, begun, wish.wait).await
}

/// The first half: it is guarded, set and recorded, and nobody is waited for. The guard is there before the flag is: whoever is
/// killed between leaves a guard over what never was in force, which ends by itself, and never a flip without its guard.
///
/// # Errors
/// [`SetError`].
pub async fn begin(
    store: &dyn FlagStore,
    ledger: &dyn FlagLedger,
    flips: &dyn FlipWatch,
    wish: &Setting,
) -> Result<Flag, SetError> {
    for _ in 0..TRIES {
        let flag = store.mint(wish.steering);
        let instead_of = match wish.guard {
            Some(guard) => armed(store, flips, guard, &flag).await?,
            None => None,
        };
        failpoint::pass("flag.armed", || flag.mark.clone());
        let change = Change { flag, by: wish.by.clone(), reason: wish.reason.clone() };
        let is_set = store.write(&change, instead_of.as_deref()).await;
        if matches!(is_set, Ok(false) | Err(FlagError::Refused(_))) && wish.guard.is_some() {
            flips.end(&change.flag.mark, &WatchEnd::Overtaken).await.map_err(SetError::Ledger)?;
        }
        if is_set? {
            failpoint::pass("flag.set", || change.flag.mark.clone());
            ledger.record(&change.flag, &change.by, change.reason.as_deref()).await.map_err(SetError::Ledger)?;
            return Ok(change.flag);
        }
    }
    Err(SetError::Contended)
}

/// Arms the guard of a flag that is not in force yet. Answers which one is: only instead of that one is the way back right.
async fn armed(
    store: &dyn FlagStore,
    flips: &dyn FlipWatch,
    guard: Guarding,
    flag: &Flag,
) -> Result<Option<String>, SetError> {
    let (back, instead_of) = match guard.back {
        Some(back) => (back, None),
        None => match store.read().await? {
            Some(before) => (before.steering, Some(before.mark)),
            None => (Steering::all_to(flag.steering.version.other()), None),
        },
    };
    let watched = Watched::new(&flag.mark, back, flag.steering);
    flips.arm(&watched, guard.lasts).await.map_err(SetError::Ledger)?;
    Ok(instead_of)
}

/// The second half: waits until every live replica serves by `flag`, at most `wait` after `begun`.
///
/// # Errors
/// [`SetError::Ledger`].
pub async fn follow(
    store: &dyn FlagStore,
    ledger: &dyn FlagLedger,
    flag: Flag,
    begun: Instant,
    wait: Duration,
) -> Result<Acknowledged, SetError> {
    loop {
        let (replicas, at) = live(ledger, &flag).await?;
        let done = Acknowledged { flag: flag.clone(), store: store.name(), at, replicas, took: begun.elapsed() };
        if done.is_complete() || begun.elapsed() >= wait {
            return Ok(done);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn live(ledger: &dyn FlagLedger, flag: &Flag) -> Result<(Vec<Replica>, OffsetDateTime), SetError> {
    let replicas = ledger.replicas().await.map_err(SetError::Ledger)?;
    let history = ledger.history(20, None).await.map_err(SetError::Ledger)?;
    let at = history.iter().find(|change| change.flag.mark == flag.mark).map(|change| change.at);
    let live = replicas.into_iter().filter(Replica::is_live).collect();
    Ok((live, at.unwrap_or_else(OffsetDateTime::now_utc)))
}
