//! `dispatch flag watch`: every change as it happens, with who made it and why. A store that is away is waited for. Must not know
//! where the flag is kept.

use super::words::{changed, steering, told, words};
use super::{Desk, cure};
use crate::cli::stdout::say;
use anyhow::{Context, Result};
use dispatch_pipeline::ports::flag::{Flag, FlagChange, FlagLedger};
use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

/// How often the store is asked when it says nothing by itself.
const POLL: Duration = Duration::from_secs(1);
/// Changes among which the newest is looked for.
const NEWEST: u32 = 20;

impl Desk {
    /// Until Ctrl-C, whatever goes on then: one that comes while the store is asked ends it too.
    pub(super) async fn watch(&self) -> Result<ExitCode> {
        tokio::select! {
            ended = self.follow() => ended.map(|never| match never {}),
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    }

    async fn follow(&self) -> Result<Infallible> {
        let mut last = self.store.read().await.with_context(|| cure(self.store.name()))?;
        if let Some(flag) = &last {
            self.tell(flag).await?;
        }
        let mut is_away = false;
        loop {
            tokio::select! {
                () = self.store.stirred() => {}
                () = tokio::time::sleep(POLL) => {}
            }
            let Ok(now) = self.store.read().await else {
                if !is_away && !self.json {
                    say("the flag's store does not answer; it is asked again")?;
                }
                is_away = true;
                // What may ring without end while it is away is not believed.
                tokio::time::sleep(POLL).await;
                continue;
            };
            is_away = false;
            if let Some(flag) = now.as_ref().filter(|_| now != last) {
                self.tell(flag).await?;
            }
            last = now;
        }
    }

    /// What was set by hand elsewhere has no author here.
    async fn tell(&self, flag: &Flag) -> Result<()> {
        match self.change(flag).await {
            Some(change) => say(&if self.json { changed(&change).to_string() } else { told(&change) }),
            None => say(&if self.json { steering(flag.steering).to_string() } else { words(flag.steering) }),
        }
    }

    async fn change(&self, flag: &Flag) -> Option<FlagChange> {
        let newest = self.ledger.history(NEWEST, None).await.ok()?;
        newest.into_iter().find(|change| change.flag.mark == flag.mark)
    }
}
