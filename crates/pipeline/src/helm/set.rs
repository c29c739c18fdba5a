//! Setting the flag: written, recorded, and then waited for until every live replica serves by it. Must not know who asks.

use super::{Helm, SetError};
use crate::ports::flag::{Flag, FlagLedger, FlagStore, Replica, Steering};
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
}

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
        let done = set(self.store.as_ref(), self.ledger.as_ref(), wish).await;
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
pub async fn set(store: &dyn FlagStore, ledger: &dyn FlagLedger, wish: &Setting) -> Result<Acknowledged, SetError> {
    let begun = Instant::now();
    let flag = begin(store, ledger, wish).await?;
    follow(store, ledger, flag, begun, wish.wait).await
}

/// The first half: it is set and recorded, and nobody is waited for. What must not be lost when its caller is killed while he
/// waits goes between the halves.
///
/// # Errors
/// [`SetError`].
pub async fn begin(store: &dyn FlagStore, ledger: &dyn FlagLedger, wish: &Setting) -> Result<Flag, SetError> {
    let flag = store.write(wish.steering).await?;
    ledger.record(&flag, &wish.by, wish.reason.as_deref()).await.map_err(SetError::Ledger)?;
    Ok(flag)
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
    let history = ledger.history(20).await.map_err(SetError::Ledger)?;
    let at = history.iter().find(|change| change.flag.mark == flag.mark).map(|change| change.at);
    let live = replicas.into_iter().filter(Replica::is_live).collect();
    Ok((live, at.unwrap_or_else(OffsetDateTime::now_utc)))
}
