//! Sends the plan, as Slack would: again after a 503, never twice after a 200.

use crate::Arguments;
use crate::messages::Planned;
use anyhow::{Context as _, Result, bail};
use dispatch_tests::harness::event::signed_at;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use time::OffsetDateTime;

/// What the server accepted.
pub struct Sent {
    pub requests: usize,
    pub duplicates: usize,
    /// The distinct event ids.
    pub event_ids: Vec<String>,
    pub client: Client,
}

/// Sends everything and collects the receipts.
pub async fn all(arguments: &Arguments, plan: Vec<Planned>, show_progress: bool) -> Result<Sent> {
    let secret = secret(arguments)?;
    let client = Client::builder().timeout(Duration::from_secs(10)).build()?;
    let bar = bar(plan.len() as u64, "sending ", show_progress);
    let requests = plan.len();
    let duplicates = plan.iter().filter(|planned| planned.repeat).count();
    let mut event_ids: Vec<String> = stream::iter(plan)
        .map(|planned| one(&client, arguments, &secret, planned))
        .buffered(arguments.concurrency.max(1))
        .inspect(|_| bar.inc(1))
        .try_collect()
        .await?;
    bar.finish_and_clear();
    event_ids.sort();
    event_ids.dedup();
    Ok(Sent { requests, duplicates, event_ids, client })
}

async fn one(client: &Client, arguments: &Arguments, secret: &str, planned: Planned) -> Result<String> {
    let body = planned.message.body().to_string().into_bytes();
    for attempt in 0..5u32 {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let mut request = signed_at(client, &arguments.url, body.clone(), secret, now);
        if let Some((number, reason)) = &planned.message.retry {
            request = request.header("x-slack-retry-num", *number).header("x-slack-retry-reason", reason);
        }
        let response = request.send().await.with_context(|| {
            format!("{} does not answer; start it with `cargo run --release -- dev`", arguments.url)
        })?;
        match response.status() {
            StatusCode::OK => {
                let body: Value = response.json().await?;
                return Ok(body["event_id"].as_str().context("a receipt without event_id")?.to_owned());
            }
            StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(Duration::from_millis(200 << attempt)).await,
            status => bail!("the server answered {status}: {}", response.text().await.unwrap_or_default()),
        }
    }
    bail!("the server answered 503 five times")
}

fn secret(arguments: &Arguments) -> Result<String> {
    if let Some(secret) = &arguments.secret {
        return Ok(secret.split(',').next().unwrap_or_default().trim().to_owned());
    }
    let file = Path::new(".dispatch/slack_signing_secret");
    std::fs::read_to_string(file)
        .map(|secret| secret.trim().to_owned())
        .with_context(|| format!("no --secret and no {}; is `dispatch dev` running here?", file.display()))
}

/// A progress bar, or nothing where nobody looks.
pub fn bar(length: u64, what: &'static str, show: bool) -> ProgressBar {
    if !show {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {bar:40.cyan} {pos}/{len} {elapsed}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}
