//! `dispatch cutover`: the words of the command line for the engine. It needs a database and no other setting. It must not
//! know what a stage does.

mod duration;
mod shown;

use super::stdout::say;
use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use dispatch_cutover::{Client, Connector, Event, Options, Position, Reporter, Spec, Stage, Stop};
use dispatch_postgres::connect::{self, DatabaseUrl};
use dispatch_postgres::migrate;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "In order: plan, preflight, expand, backfill, verify, switch, and after 30 minutes contract. Each may be repeated, and\n\
        killed at any moment and run again. `rollback` goes one stage back, with everything written since.\n\n\
        Exit codes: 0 done or already done, 1 failed, 2 usage, 3 rolled back by itself, 64 something stands in the way,\n\
        75 locks were not to be had (try again), 77 another runner, 78 holding period or old names in use.\n\n\
        The runbook is docs/CUTOVER.md."
)]
pub struct Arguments {
    /// The database; a session of its own, not one of a transaction pooler
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// What is renamed, as TOML; the rename from Operations Center to Dispatch unless said
    #[arg(long, global = true, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// One JSON object per line
    #[arg(long, global = true)]
    json: bool,
    /// Show what would be sent, and change nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// How long a table's locks are tried for
    #[arg(long, global = true, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    max_wait: Duration,
    /// The longest that anybody may wait for one attempt
    #[arg(long, global = true, value_name = "TIME", default_value = "50ms", value_parser = duration::budget)]
    lock_budget: Duration,
    /// Do not ask
    #[arg(long, short, global = true)]
    yes: bool,
    #[command(subcommand)]
    stage: StageArguments,
}

#[derive(Subcommand)]
enum StageArguments {
    /// Show every statement with its lock and its time, and the plan's hash; stores nothing
    Plan,
    /// Look for what stands in the way; changes nothing
    Preflight,
    /// Make the new names, as views: from here on both read and write
    Expand {
        /// Only if this is the plan
        #[arg(long, value_name = "HASH")]
        plan: Option<String>,
    },
    /// Fill the columns that the spec adds, in short batches
    Backfill,
    /// Compare both names row by row; `switch` wants a young one
    Verify,
    /// Give the tables their new names, under their clients
    Switch {
        /// Look on for this long, and go back when things go wrong
        #[arg(long, value_name = "TIME", value_parser = duration::parse)]
        watch: Option<Duration>,
        /// How often to look
        #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
        watch_every: Duration,
        /// Only tell when things go wrong
        #[arg(long)]
        no_auto_rollback: bool,
        /// Switch although somebody listens to an old name through Realtime
        #[arg(long)]
        accept_realtime_rename: bool,
        /// How young the last `verify` must be
        #[arg(long, value_name = "TIME", default_value = "60m", value_parser = duration::parse)]
        verify_max_age: Duration,
    },
    /// Say where everything stands; works beside a runner
    Status,
    /// Go one stage back, with everything that was written since
    Rollback {
        /// Go as far as this
        #[arg(long, value_enum)]
        to: Option<To>,
    },
    /// Remove the old names, after the holding period and when nobody uses them
    Contract {
        /// How long the old names are kept after the switch; 0s lifts the holding period
        #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration::parse)]
        hold: Duration,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum To {
    /// Tables have their new names, both names work
    Switched,
    /// Tables have their old names, both names work
    Expanded,
    /// The old names alone
    Legacy,
}

impl Arguments {
    fn options(&self) -> Result<(Stage, Options), Stop> {
        let spec = match &self.spec {
            None => Spec::embedded()?,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Stop::Usage(format!("cannot read {}: {error}", path.display())))?;
                Spec::parse(&text)?
            }
        };
        let mut options = Options::of(spec);
        options.max_wait = self.max_wait;
        options.budget = self.lock_budget;
        options.dry_run = self.dry_run;
        options.confirmed = self.yes;
        let stage = match &self.stage {
            StageArguments::Plan => Stage::Plan,
            StageArguments::Preflight => Stage::Preflight,
            StageArguments::Expand { plan } => {
                options.plan.clone_from(plan);
                Stage::Expand
            }
            StageArguments::Backfill => Stage::Backfill,
            StageArguments::Verify => Stage::Verify,
            StageArguments::Switch { watch, watch_every, no_auto_rollback, accept_realtime_rename, verify_max_age } => {
                options.watch = *watch;
                options.watch_every = *watch_every;
                options.auto_rollback = !no_auto_rollback;
                options.accept_realtime_rename = *accept_realtime_rename;
                options.verify_max_age = *verify_max_age;
                Stage::Switch
            }
            StageArguments::Status => Stage::Status,
            StageArguments::Rollback { to } => {
                options.rollback_to = to.map(|to| match to {
                    To::Switched => Position::Switched,
                    To::Expanded => Position::Expanded,
                    To::Legacy => Position::Legacy,
                });
                Stage::Rollback
            }
            StageArguments::Contract { hold } => {
                options.hold = *hold;
                Stage::Contract
            }
        };
        Ok((stage, options))
    }
}

/// Runs the stage; the exit code is the engine's.
pub async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let shown = shown::Shown::new(arguments.json);
    let outcome = match arguments.options() {
        Ok((stage, options)) => {
            shown.begin(stage, &options);
            stage_of(arguments, stage, options, &shown).await
        }
        Err(stop) => Err(stop),
    };
    shown.end(&outcome)?;
    Ok(outcome.map_or_else(|stop| ExitCode::from(stop.exit_code()), |_| ExitCode::SUCCESS))
}

async fn stage_of(
    arguments: &Arguments,
    stage: Stage,
    mut options: Options,
    shown: &shown::Shown,
) -> Result<dispatch_cutover::Done, Stop> {
    let url = arguments.database_url.as_deref().filter(|url| !url.trim().is_empty());
    let url = url.ok_or_else(|| Stop::Usage("set DATABASE_URL, or give --database-url".to_owned()))?;
    let url: DatabaseUrl = url.parse().map_err(|error| Stop::Usage(format!("{error}")))?;
    if stage == Stage::Contract && !options.confirmed && !options.dry_run && !arguments.json {
        options.confirmed = confirmed().map_err(|error| Stop::Failed(format!("{error:#}")))?;
    }
    let door = Door(url);
    let done = dispatch_cutover::run(&door, stage, &options, shown).await?;
    if stage == Stage::Expand && !options.dry_run {
        // Where Dispatch is installed, it counts changes of missions by a trigger of its own; it works by either name.
        if let Err(error) = migrate::install_mission_triggers(&door.0).await {
            let text = format!("Dispatch's version trigger is not on the tables yet; run `expand` again ({error})");
            shown.tell(&Event::Note { text });
        }
    }
    Ok(done)
}

/// Asks whoever sits at the terminal; where nobody does, nobody said yes.
fn confirmed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    say("`contract` removes the old names; clients that still use them will fail. Type yes to go on:")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(answer.trim() == "yes")
}

/// The way into the database, as every other command goes it: with TLS as the URL says.
struct Door(DatabaseUrl);

#[async_trait::async_trait]
impl Connector for Door {
    async fn connect(&self, application_name: &str) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
        Ok(connect::client(&self.0, application_name).await?)
    }
}
