//! What the replicas say of a flip that they guard, and whether anybody is there to say it. It must not know tables, nor what
//! follows from a verdict.

use super::flag::FlagDesk;
use dispatch_pipeline::ports::flag::{FlagLedger, Replica};
use dispatch_pipeline::ports::flip_watch::{FlipWatch, WatchEnd};
use std::time::Duration;
use tokio::time::Instant;

/// How long the replicas may take to judge a watch that is over: they look every few seconds.
const VERDICT: Duration = Duration::from_secs(20);
/// Nobody has been alive for so long that nobody will judge a watch that is over.
const NOBODY: Duration = Duration::from_secs(5);
/// The same while it lasts: a replica may be started again meanwhile.
const FORSAKEN: Duration = Duration::from_secs(15);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The replicas' last word about a flip.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was wrong in all its time, by these figures: they may be too few to tell.
    Passed(String),
    /// It was taken back, for this reason.
    WentBack(String),
    /// Nobody has judged it, for this reason. It is no leave to go on.
    Unknown(String),
}

impl From<WatchEnd> for Verdict {
    fn from(end: WatchEnd) -> Self {
        match end {
            WatchEnd::Passed(figures) => Self::Passed(figures),
            WatchEnd::FlippedBack(why) => Self::WentBack(why),
            WatchEnd::Overtaken => Self::Unknown("somebody has set the flag meanwhile, so its guard ended".to_owned()),
            WatchEnd::Unjudged(why) => Self::Unknown(why),
        }
    }
}

impl FlagDesk {
    /// Returns only when there is no going on with the watch: the guard has ended without having passed.
    pub async fn disturbed(&self, mark: &str) -> Verdict {
        loop {
            if let Ok(Some(state)) = self.flips.state(mark).await
                && let Some(end) = state.end.filter(|end| !matches!(end, WatchEnd::Passed(_)))
            {
                return end.into();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Returns only when no replica has been alive for long: nobody guards anything, and nobody answers.
    pub async fn forsaken(&self) -> String {
        let mut alive = Instant::now();
        loop {
            // Where the database does not answer, nobody can tell; the tables' watch says so.
            if self.is_served().await.unwrap_or(true) {
                alive = Instant::now();
            } else if alive.elapsed() >= FORSAKEN {
                return nobody(FORSAKEN);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The guard's last word, waited for as long as its time lasts and somebody is there to give it.
    pub async fn verdict(&self, mark: &str) -> Verdict {
        let mut alive = Instant::now();
        let mut over = None;
        loop {
            match self.flips.state(mark).await {
                Ok(None) => return Verdict::Unknown("nobody was told to guard it".to_owned()),
                Ok(Some(state)) => match state.end {
                    Some(end) => return end.into(),
                    None if state.left.is_some_and(|left| !left.is_zero()) => {}
                    None => over = over.or(Some(Instant::now())),
                },
                Err(_) => over = over.or(Some(Instant::now())),
            }
            if self.is_served().await.unwrap_or(false) {
                alive = Instant::now();
            }
            let patience = if over.is_some() { NOBODY } else { FORSAKEN };
            if alive.elapsed() >= patience {
                return Verdict::Unknown(nobody(patience));
            }
            if over.is_some_and(|since| since.elapsed() >= VERDICT) {
                return Verdict::Unknown(format!("the replicas did not judge it within {} s", VERDICT.as_secs()));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether any replica lives; nothing where that cannot be told.
    async fn is_served(&self) -> Option<bool> {
        let replicas = self.ledger.replicas().await.ok()?;
        Some(replicas.iter().any(Replica::is_live))
    }
}

fn nobody(patience: Duration) -> String {
    format!("no replica was seen alive for {} s, so nobody guards the flip", patience.as_secs())
}
