//! The helm of a process that serves HTTP: which contract legacy paths speak. Must not know paths.

use super::Pools;
use crate::config::Config;
use anyhow::{Context, Result};
use dispatch_outbound::{Outbound, OutboundOptions, authority};
use dispatch_pipeline::helm::{Helm, HelmParts};
use dispatch_pipeline::ports::flag::FlagStore;
use dispatch_postgres::store::{PgFlag, PgFlagLedger, PgFlipWatch};
use dispatch_vercel::{DEFAULT_API_URL, EdgeConfig};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// The helm, and the task that keeps watch.
pub struct Watched {
    /// The flag in this process.
    pub helm: Arc<Helm>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

/// Takes the helm, and keeps watch on the runtime that this is called on.
///
/// # Errors
/// When the client for Vercel cannot be set up.
pub async fn helm(config: &Config, pools: &Pools) -> Result<Watched> {
    let parts = HelmParts {
        store: elsewhere(config)?.unwrap_or_else(|| Arc::new(PgFlag::listening(pools.work.clone()))),
        ledger: Arc::new(PgFlagLedger::new(pools.work.clone())),
        flips: Arc::new(PgFlipWatch::new(pools.work.clone())),
        replica: super::replica_name(),
    };
    let helm = Helm::take(parts, config.flag.seed).await;
    let stop = CancellationToken::new();
    let task = {
        let (helm, stop) = (Arc::clone(&helm), stop.clone());
        AbortOnDropHandle::new(tokio::spawn(async move { helm.watch(&stop).await }))
    };
    Ok(Watched { helm, stop, task })
}

/// The flag's store outside PostgreSQL, where one is configured.
///
/// # Errors
/// When the client for it cannot be set up.
pub fn elsewhere(config: &Config) -> Result<Option<Arc<dyn FlagStore>>> {
    let Some(connection) = config.flag.edge_config.clone() else { return Ok(None) };
    // The hosts are Vercel's, or were named by whoever runs this.
    let api_url = match &config.flag.vercel_api_url {
        Some(named) => named.clone(),
        None => Url::parse(DEFAULT_API_URL).context("Vercel's own URL")?,
    };
    let named = [Some(connection.url()), config.flag.vercel_api_url.as_ref()];
    let allow = named.into_iter().flatten().filter_map(authority).collect();
    let outbound = Outbound::new(&OutboundOptions { allow, ..OutboundOptions::default() })?;
    Ok(Some(Arc::new(EdgeConfig::new(outbound, connection, api_url, config.flag.vercel_token.clone()))))
}

impl Watched {
    /// Signs off, when nothing is served any more.
    pub async fn end(self) {
        self.stop.cancel();
        if self.task.await.is_err() {
            tracing::debug!("the watch over the flag ended by itself");
        }
    }
}
