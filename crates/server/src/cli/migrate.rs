//! `dispatch migrate`: brings a database to the state that this build expects, and says what it did.

use super::configured;
use super::stdout::say;
use crate::config::Role;
use anyhow::{Context, Result};
use dispatch_postgres::connect;
use dispatch_postgres::migrate::{self, Brokerage, Which};
use std::process::ExitCode;

/// Migrates and reports.
pub async fn run() -> Result<ExitCode> {
    let config = configured(Role::Database)?;
    let url = config.database.url.as_ref().context("DATABASE_URL is not set")?;
    connect::refuse_pooler(url).await?;
    let report = migrate::run(url, Which::All).await?;
    for name in &report.applied {
        say(&format!("applied {name}"))?;
    }
    if report.applied.is_empty() {
        say(&format!("{url} is up to date"))?;
    }
    say(brokerage(report.brokerage))?;
    Ok(ExitCode::SUCCESS)
}

fn brokerage(found: Brokerage) -> &'static str {
    match found {
        Brokerage::Created => "The brokerage's tables were created.",
        Brokerage::Present => "The brokerage's tables are Dispatch's own.",
        Brokerage::LegacyExpandDue => {
            "The brokerage's tables have their old names and were not touched. The cut-over is due: intake, reason and \
             observe work; missions wait, visible as held (cutover_expand_due)."
        }
        Brokerage::Foreign => {
            "The brokerage's tables belong to somebody else, under the new names; they were not touched."
        }
    }
}
