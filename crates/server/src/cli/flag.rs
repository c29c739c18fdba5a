//! `dispatch flag`: which contract the unprefixed legacy paths speak, set for all replicas at once, with a way back.

mod set;
mod words;

use super::state::DEFAULT_FOLDER;
use super::stdout::say;
use crate::compose;
use crate::config::{Config, Role, process_env};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use dispatch_pipeline::helm::Traffic;
use dispatch_pipeline::ports::flag::{FlagLedger, FlagStore, Replica};
use dispatch_pipeline::ports::flip_watch::FlipWatch;
use dispatch_postgres::connect::{self, Pool};
use dispatch_postgres::store::{PgFlag, PgFlagLedger, PgFlipWatch};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use words::{changed, lines, replica, steering, told, words};

#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "The flag steers /classify, /chat, /status, /webhooks/* and /api/slack_webhook, and nothing else: both contracts are\n\
        always there under /operations and under the new paths. A change is served by every replica within a second.\n\n\
        Examples:\n  \
        dispatch flag get\n  \
        dispatch flag set dispatch --reason \"cut-over\" --guard 10m\n  \
        dispatch flag set dispatch --percent 10\n  \
        dispatch flag set operations --reason \"going back\"\n  \
        dispatch flag watch"
)]
pub struct Arguments {
    /// Where `dispatch dev` keeps its database
    #[arg(long, global = true, value_name = "FOLDER", default_value = DEFAULT_FOLDER)]
    data_dir: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show the flag, and which replica serves by it
    Get,
    /// Set the flag, wait until every live replica serves by it, and show when each did
    Set(set::SetArguments),
    /// Show every change as it happens, until Ctrl-C
    Watch,
    /// Show who set it, when and why
    History {
        /// How many changes
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
}

/// What may have gone wrong with tables that a migration brings.
const CURE: &str = "the flag cannot be reached; does the database answer, and has `dispatch migrate` run?";

struct Desk {
    store: Arc<dyn FlagStore>,
    ledger: PgFlagLedger,
    flips: PgFlipWatch,
    json: bool,
}

/// Shows or sets.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let url = super::key::database(&arguments.data_dir).await?;
    let pool: Pool = connect::pool(&url, 2)?;
    let desk = Desk {
        store: match compose::elsewhere(&Config::from_env(&process_env, Role::Inspect)?)? {
            Some(store) => store,
            None => Arc::new(PgFlag::listening(pool.clone())),
        },
        ledger: PgFlagLedger::new(pool.clone()),
        flips: PgFlipWatch::new(pool.clone()),
        json: arguments.json,
    };
    let outcome = match arguments.action {
        Action::Get => desk.get().await,
        Action::Set(wish) => desk.set(wish).await,
        Action::Watch => desk.watch().await,
        Action::History { limit } => desk.history(limit).await,
    };
    pool.close();
    outcome
}

impl Desk {
    async fn get(&self) -> Result<ExitCode> {
        let flag = self.store.read().await.context(CURE)?;
        let replicas: Vec<Replica> =
            self.ledger.replicas().await.context(CURE)?.into_iter().filter(Replica::is_live).collect();
        let Some(flag) = flag else {
            say(if self.json { "{}" } else { "Nobody has set the flag; the first replica to start seeds it." })?;
            return Ok(ExitCode::SUCCESS);
        };
        let watched = self.flips.state(&flag.mark).await.context(CURE)?.and_then(|state| state.left);
        if self.json {
            let mut shown = steering(flag.steering);
            shown["replicas"] = replicas.iter().map(|one| replica(one, &flag.mark)).collect();
            if let Some(left) = watched {
                shown["guard_seconds_left"] = json!(left.as_secs());
            }
            say(&shown.to_string())?;
        } else {
            say(&words(flag.steering))?;
            if let Some(left) = watched {
                say(&format!("guarded for another {} s", left.as_secs()))?;
            }
            lines(&replicas, &flag.mark)?;
            self.lately().await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What legacy paths answered in the last hour, and where the new contract would have answered otherwise.
    async fn lately(&self) -> Result<()> {
        for (route, contract, traffic) in self.flips.recent().await.context(CURE)? {
            let Traffic { answered, failed, slow } = traffic;
            say(&format!(
                "  {route} by {}: {answered} in the last hour, {failed} failed, {slow} slow",
                contract.as_str()
            ))?;
        }
        for (route, field, times) in self.flips.differences().await.context(CURE)? {
            say(&format!("  {route}: {field} would have differed {times} times"))?;
        }
        Ok(())
    }

    async fn watch(&self) -> Result<ExitCode> {
        let mut last = None;
        loop {
            let now = self.store.read().await.context(CURE)?;
            if now != last {
                if let Some(flag) = &now {
                    say(&if self.json { steering(flag.steering).to_string() } else { words(flag.steering) })?;
                }
                last = now;
            }
            let word = async {
                tokio::select! {
                    () = self.store.stirred() => {}
                    () = tokio::time::sleep(Duration::from_secs(1)) => {}
                }
            };
            tokio::select! {
                () = word => {}
                _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            }
        }
    }

    async fn history(&self, limit: u32) -> Result<ExitCode> {
        let changes = self.ledger.history(limit.clamp(1, 1000)).await.context(CURE)?;
        for change in &changes {
            say(&if self.json { changed(change).to_string() } else { told(change) })?;
        }
        if changes.is_empty() && !self.json {
            say("Nobody has set the flag yet.")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
