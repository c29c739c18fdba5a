//! `dispatch doctor`: what is configured, what is missing and what that switches off, and how the database is.

mod check;
mod database;
mod flag;
mod front;
mod identity;
mod programs;
mod settings;

use super::state::DEFAULT_FOLDER;
use super::stdout::say;
use crate::config::{Config, Role, process_env};
use anyhow::Result;
use check::{Check, Verdict};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
#[command(after_help = "Looks at DATABASE_URL, or without it at the database of a `dispatch dev` that runs here.\n\
    Ends with 1 when something fails; what is only missing is a warning.\n\n\
    Examples:\n  \
    dispatch doctor\n  \
    dispatch doctor --json | jq '.[] | select(.verdict != \"ok\")'")]
pub struct Arguments {
    /// Where `dispatch dev` keeps database and webhook secret
    #[arg(long, value_name = "FOLDER", default_value = DEFAULT_FOLDER)]
    data_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks at everything and shows it.
pub async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut checks = Vec::new();
    match Config::from_env(&process_env, Role::Inspect) {
        Ok(config) => {
            checks.extend(settings::look(&config, &arguments.data_dir));
            checks.extend(programs::look(&config));
            checks.extend(identity::look(&config).await);
            checks.extend(front::look(&config));
            checks.extend(flag::look(&config).await);
            checks.extend(database::look(config.database.url, &arguments.data_dir).await);
        }
        Err(error) => {
            checks.extend(
                error.0.iter().map(|problem| Check::fail(&problem.variable, &problem.wrong).cure(&problem.cure)),
            );
            checks.extend(database::look(None, &arguments.data_dir).await);
        }
    }
    if arguments.json {
        say(&serde_json::to_string_pretty(&checks)?)?;
    } else {
        say(&check::table(&checks).to_string())?;
    }
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
