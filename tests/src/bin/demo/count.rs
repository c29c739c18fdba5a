//! Follows every accepted message by its story until it is settled, and counts what became of them.

use crate::Arguments;
use crate::send::{Sent, bar};
use anyhow::{Context as _, Result};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// How long the last message may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of the messages.
#[derive(Serialize, Default)]
pub struct Tally {
    pub sent: usize,
    pub received: usize,
    pub duplicates: usize,
    pub bursts: usize,
    pub by_type: BTreeMap<String, usize>,
    pub missions: usize,
    pub held: usize,
    pub dead_letters: usize,
    pub lost: usize,
    pub seconds: f64,
}

/// Asks for the stories of all accepted messages until none is under way any more.
pub async fn until_settled(arguments: &Arguments, sent: &Sent, show_progress: bool) -> Result<Tally> {
    let begun = Instant::now();
    let bar = bar(sent.event_ids.len() as u64, "settling", show_progress);
    let mut open: Vec<String> = sent.event_ids.clone();
    let mut stories = Vec::new();
    while !open.is_empty() && begun.elapsed() < PATIENCE {
        let answers: Vec<(String, Result<Value>)> = stream::iter(open)
            .map(|id| async move {
                let story = story(arguments, sent, &id).await;
                (id, story)
            })
            .buffer_unordered(arguments.concurrency.max(1))
            .collect()
            .await;
        open = Vec::new();
        for (id, story) in answers {
            let story = story.with_context(|| format!("asking for the story of {id}"))?;
            match story["state"].as_str() {
                Some("queued" | "pending" | "routed") | None => open.push(id),
                Some(_) => stories.push(story),
            }
        }
        bar.set_position(stories.len() as u64);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bar.finish_and_clear();
    Ok(tally(sent, &stories, open.len(), begun.elapsed()))
}

async fn story(arguments: &Arguments, sent: &Sent, id: &str) -> Result<Value> {
    let mut request = sent.client.get(format!("{}/observe/logs/{id}", arguments.url));
    if let Ok(token) = std::env::var("DISPATCH_TOKEN") {
        request = request.bearer_auth(token);
    }
    Ok(request.send().await?.error_for_status()?.json().await?)
}

fn tally(sent: &Sent, stories: &[Value], lost: usize, took: Duration) -> Tally {
    let mut tally = Tally {
        sent: sent.requests,
        received: sent.event_ids.len(),
        duplicates: sent.duplicates,
        lost,
        seconds: took.as_secs_f64(),
        ..Tally::default()
    };
    let mut units = HashSet::new();
    for story in stories {
        let Some(unit) = story["unit_id"].as_str() else {
            *tally.by_type.entry("(ignored at intake)".into()).or_default() += 1;
            continue;
        };
        if !units.insert(unit) {
            continue;
        }
        tally.bursts += 1;
        tally.missions += story["mission_ids"].as_array().map_or(0, Vec::len);
        match story["state"].as_str() {
            Some("held") => tally.held += 1,
            Some("dead") => tally.dead_letters += 1,
            _ => {}
        }
        *tally.by_type.entry(message_type(story)).or_default() += 1;
    }
    tally
}

fn message_type(story: &Value) -> String {
    let classified = story["entries"].as_array().into_iter().flatten().find(|e| e["event"] == "unit.classified");
    classified.and_then(|entry| entry["detail"]["message_type"].as_str()).unwrap_or("(not classified)").to_owned()
}

impl Tally {
    /// The table for people.
    #[allow(clippy::print_stdout)] // the table is what the command is for
    pub fn print(&self) {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(["what", "count"]);
        let mut row = |what: &str, count: usize| {
            table.add_row([what.to_owned(), count.to_string()]);
        };
        row("requests sent", self.sent);
        row("messages received", self.received);
        row("duplicates recognised", self.duplicates);
        row("bursts", self.bursts);
        for (kind, count) in &self.by_type {
            row(&format!("  {kind}"), *count);
        }
        row("missions", self.missions);
        row("held for a person", self.held);
        row("dead letters", self.dead_letters);
        row("lost", self.lost);
        println!("{table}\nsettled in {:.1} s", self.seconds);
    }
}
