//! `dispatch cutover`: the words of the command line for the engine. It needs a database and no other setting. It must not
//! know what a stage does.

mod door;
mod duration;
mod shown;
mod status;
mod walk;

use super::stdout::say;
use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use dispatch_cutover::{Done, Options, Position, Spec, Stage, Stop};
use dispatch_postgres::connect::DatabaseUrl;
use door::Door;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Args)]
#[command(
    arg_required_else_help = true,
    after_help = "`run` walks all of it, with the flag, and keeps a report. By hand, in order: plan, preflight, expand, backfill,\n\
        verify, switch, and after 30 minutes contract. Each may be repeated, and killed at any moment and run again.\n\
        `rollback` goes one stage back, with everything written since.\n\n\
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
    /// Walk the whole cut-over: checklist, expand, verify, switch, flag, watch, hold, contract, and a report of it
    Run(Box<walk::WalkArguments>),
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
        /// The report that it is added to; the one that `run` keeps, unless said
        #[arg(long, value_name = "PATH")]
        report: Option<PathBuf>,
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
    /// What holds for every stage.
    fn options(&self) -> Result<Options, Stop> {
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
        Ok(options)
    }

    fn door(&self) -> Result<Door, Stop> {
        let url = self.database_url.as_deref().filter(|url| !url.trim().is_empty());
        let url = url.ok_or_else(|| Stop::Usage("set DATABASE_URL, or give --database-url".to_owned()))?;
        let url: DatabaseUrl = url.parse().map_err(|error| Stop::Usage(format!("{error}")))?;
        Ok(Door::new(url))
    }
}

impl StageArguments {
    /// Which stage, and what is said about it alone; none where all are walked.
    fn stage(&self, options: &mut Options) -> Option<Stage> {
        Some(match self {
            Self::Run(_) => return None,
            Self::Plan => Stage::Plan,
            Self::Preflight => Stage::Preflight,
            Self::Expand { plan } => {
                options.plan.clone_from(plan);
                Stage::Expand
            }
            Self::Backfill => Stage::Backfill,
            Self::Verify => Stage::Verify,
            Self::Switch { watch, watch_every, no_auto_rollback, accept_realtime_rename, verify_max_age } => {
                options.watch = *watch;
                options.watch_every = *watch_every;
                options.auto_rollback = !no_auto_rollback;
                options.accept_realtime_rename = *accept_realtime_rename;
                options.verify_max_age = *verify_max_age;
                Stage::Switch
            }
            Self::Status => Stage::Status,
            Self::Rollback { to, .. } => {
                options.rollback_to = to.map(|to| match to {
                    To::Switched => Position::Switched,
                    To::Expanded => Position::Expanded,
                    To::Legacy => Position::Legacy,
                });
                Stage::Rollback
            }
            Self::Contract { hold } => {
                options.hold = *hold;
                Stage::Contract
            }
        })
    }
}

/// Runs the stage; the exit code is the engine's.
pub async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let shown = shown::Shown::new(arguments.json);
    let outcome = carried_out(arguments, &shown).await;
    shown.end(&outcome)?;
    Ok(outcome.map_or_else(|stop| ExitCode::from(stop.exit_code()), |_| ExitCode::SUCCESS))
}

async fn carried_out(arguments: &Arguments, shown: &shown::Shown) -> Result<Done, Stop> {
    let mut options = arguments.options()?;
    if let StageArguments::Run(words) = &arguments.stage {
        shown.begin("run", &options);
        return Box::pin(walk::run(words, &arguments.door()?, options, shown)).await;
    }
    let Some(stage) = arguments.stage.stage(&mut options) else {
        return Err(Stop::Usage("there is no such stage".to_owned()));
    };
    shown.begin(stage.as_str(), &options);
    let door = arguments.door()?;
    if let StageArguments::Rollback { report, .. } = &arguments.stage {
        return Box::pin(walk::rollback(report.as_deref(), &door, &options, shown)).await;
    }
    if stage == Stage::Contract && !options.confirmed && !options.dry_run && !arguments.json {
        options.confirmed = confirmed().map_err(|error| Stop::Failed(format!("{error:#}")))?;
    }
    door.stage(stage, &options, shown).await
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
