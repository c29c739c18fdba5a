//! `dispatch flag`: which contract the unprefixed legacy paths speak, set for all replicas at once, with a way back.

mod guard;
mod lately;
mod set;
mod watch;
mod words;

use super::state::DEFAULT_FOLDER;
use super::stdout::say;
use crate::compose;
use crate::config::{Config, Role, process_env};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use dispatch_pipeline::ports::flag::{FlagLedger, FlagStore, Replica};
use dispatch_pipeline::ports::flip_watch::FlipWatch;
use dispatch_postgres::connect::{self, Pool};
use dispatch_postgres::store::{PgFlag, PgFlagLedger, PgFlipWatch};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
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
        /// How many changes, 1 to 1000
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
}

/// What may have gone wrong with the store that holds the flag.
fn cure(store: &str) -> &'static str {
    if store == "postgres" {
        CURE
    } else {
        "the flag cannot be reached where EDGE_CONFIG says that it is; does Vercel answer, and is the connection string right?"
    }
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
        let flag = self.store.read().await.with_context(|| cure(self.store.name()))?;
        let replicas: Vec<Replica> =
            self.ledger.replicas().await.context(CURE)?.into_iter().filter(Replica::is_live).collect();
        let Some(flag) = flag else {
            say(if self.json { "{}" } else { "Nobody has set the flag; the first replica to start seeds it." })?;
            return Ok(ExitCode::SUCCESS);
        };
        let watched = self.flips.state(&flag.mark).await.context(CURE)?;
        if self.json {
            let mut shown = steering(flag.steering);
            shown["replicas"] = replicas.iter().map(|one| replica(one, &flag.mark)).collect();
            if let Some(state) = &watched {
                shown["guard"] = guard::shown(state);
            }
            self.lately_json(&mut shown).await?;
            say(&shown.to_string())?;
        } else {
            say(&words(flag.steering))?;
            if let Some(state) = &watched {
                say(&guard::words(state))?;
            }
            if replicas.is_empty() {
                say(guard::NOBODY)?;
            }
            lines(&replicas, &flag.mark)?;
            self.lately().await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn history(&self, limit: u32) -> Result<ExitCode> {
        let changes = self.ledger.history(limit, None).await.context(CURE)?;
        for change in &changes {
            say(&if self.json { changed(change).to_string() } else { told(change) })?;
        }
        if changes.is_empty() && !self.json {
            say("Nobody has set the flag yet.")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
