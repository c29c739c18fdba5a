//! Sends the plan, as Slack and Twilio would: again after a 503, never twice after a 200.

use crate::Arguments;
use crate::doors::Doors;
use crate::messages::{Message, Planned, Source};
use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Client, StatusCode};
use std::time::Duration;

/// What the server accepted.
pub struct Sent {
    /// One for each request.
    pub requests: Vec<Source>,
    /// How many of them said again what had been said.
    pub repeats: usize,
    /// The distinct event ids.
    pub event_ids: Vec<(Source, String)>,
    pub client: Client,
}

/// Sends everything and collects the receipts.
pub async fn all(arguments: &Arguments, plan: Vec<Planned>, show_progress: bool) -> Result<Sent> {
    let doors = Doors::new(arguments)?;
    let client = Client::builder().timeout(Duration::from_secs(10)).build()?;
    let bar = bar(plan.len() as u64, "sending ", show_progress);
    let requests = plan.iter().map(|planned| planned.message.source()).collect();
    let repeats = plan.iter().filter(|planned| planned.repeat).count();
    let mut event_ids: Vec<_> = stream::iter(plan)
        .map(|planned| one(&client, &doors, arguments, planned.message))
        .buffered(arguments.concurrency.max(1))
        .inspect(|_| bar.inc(1))
        .try_collect()
        .await?;
    bar.finish_and_clear();
    event_ids.sort();
    event_ids.dedup();
    Ok(Sent { requests, repeats, event_ids, client })
}

async fn one(client: &Client, doors: &Doors, arguments: &Arguments, message: Message) -> Result<(Source, String)> {
    for attempt in 0..5u32 {
        let response = doors.request(client, &message).send().await.with_context(|| {
            format!("{} does not answer; start it with `cargo run --release -- dev`", arguments.url)
        })?;
        match response.status() {
            StatusCode::OK => return Ok((message.source(), doors.receipt(&message, response).await?)),
            StatusCode::SERVICE_UNAVAILABLE => tokio::time::sleep(Duration::from_millis(200 << attempt)).await,
            StatusCode::FORBIDDEN => {
                bail!("the server knows another auth token, or itself by another URL: give --auth-token, --url")
            }
            status => bail!("the server answered {status}: {}", response.text().await.unwrap_or_default()),
        }
    }
    bail!("the server answered 503 five times")
}

/// A progress bar, or nothing where nobody looks.
pub fn bar(length: u64, what: &'static str, show: bool) -> ProgressBar {
    if !show {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {bar:40.cyan} {pos}/{len} {elapsed}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}
