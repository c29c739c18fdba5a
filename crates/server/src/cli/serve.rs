//! `dispatch serve`, `dispatch worker`: one process of a deployment.

use super::configured;
use crate::compose::{self, Pools, Thinking, Untokened};
use crate::config::Role;
use anyhow::{Context, Result};
use clap::Args;
use std::process::ExitCode;

#[derive(Args)]
#[command(after_help = "Needs DATABASE_URL, and SUPABASE_JWT_SECRET or JWKS_URL: without them it does not start.\n\
    SIGTERM or Ctrl-C: no new requests, those in hand are answered, work in hand is finished.\n\n\
    Examples:\n  \
    dispatch serve                    HTTP and worker in one process\n  \
    dispatch serve --no-worker        HTTP only; run `dispatch worker` elsewhere")]
pub struct Arguments {
    /// Serve HTTP only
    #[arg(long)]
    no_worker: bool,
}

/// Serves until told to stop.
pub async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let config = configured(Role::Serve)?;
    let url = config.database.url.as_ref().context("DATABASE_URL is not set")?;
    let listener = compose::listen(config.http.address)?;
    let pools = Pools::open(url, config.database.connections).await?;
    let thinking = Thinking::new(&config)?;
    let worker = if arguments.no_worker {
        None
    } else {
        Some(compose::worker(&config, &pools.work, Untokened::Failed, &thinking)?)
    };
    let watched = compose::helm(&config, &pools).await?;
    let surface = compose::surface(&config, &pools, compose::access(&config, &pools)?, &thinking, &watched);
    let address = listener.local_addr().context("the port was lost")?;
    tracing::info!(url = format!("http://{address}"), database = %url, worker = worker.is_some(), "listening");
    let metering = thinking.metering(&pools.work);
    let outcome = compose::until_told(Some((listener, surface)), worker).await;
    watched.end().await;
    metering.end().await;
    pools.close();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Works until told to stop.
pub async fn work() -> Result<ExitCode> {
    let config = configured(Role::Database)?;
    let url = config.database.url.as_ref().context("DATABASE_URL is not set")?;
    let pool = compose::database(url, config.database.connections).await?;
    tracing::info!(database = %url, "working");
    let thinking = Thinking::new(&config)?;
    let worker = compose::worker(&config, &pool, Untokened::Failed, &thinking)?;
    let metering = thinking.metering(&pool);
    let outcome = compose::until_told(None, Some(worker)).await;
    metering.end().await;
    pool.close();
    outcome.map(|()| ExitCode::SUCCESS)
}
