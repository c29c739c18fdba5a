//! Follows every accepted message by its story until it is settled, and counts what became of them.

use crate::Arguments;
use crate::messages::Source;
use crate::send::{Sent, bar};
use anyhow::{Context as _, Result};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use futures_util::{StreamExt as _, stream};
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// How long the last message may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What became of the messages, by source and together.
#[derive(Serialize, Default)]
pub struct Tally {
    pub slack: Column,
    pub sms: Column,
    pub all: Column,
    pub seconds: f64,
}

/// What is counted.
#[derive(Serialize, Default)]
pub struct Column {
    pub sent: usize,
    pub received: usize,
    pub duplicates: usize,
    pub bursts: usize,
    pub by_type: BTreeMap<String, usize>,
    pub missions: usize,
    /// Sent, or where there is no token recorded, by this channel.
    pub receipts: usize,
    pub held: usize,
    pub dead_letters: usize,
    pub lost: usize,
}

/// Asks for the stories of all accepted messages until none is under way any more.
pub async fn until_settled(arguments: &Arguments, sent: &Sent, show_progress: bool) -> Result<Tally> {
    let begun = Instant::now();
    let bar = bar(sent.event_ids.len() as u64, "settling", show_progress);
    let mut open = sent.event_ids.clone();
    let mut stories = Vec::new();
    while !open.is_empty() && begun.elapsed() < PATIENCE {
        let answers: Vec<((Source, String), Result<Value>)> = stream::iter(open)
            .map(|(source, id)| async move {
                let story = story(arguments, sent, &id).await;
                ((source, id), story)
            })
            .buffer_unordered(arguments.concurrency.max(1))
            .collect()
            .await;
        open = Vec::new();
        for ((source, id), story) in answers {
            let story = story.with_context(|| format!("asking for the story of {id}"))?;
            match story["state"].as_str() {
                Some("queued" | "pending" | "routed") | None => open.push((source, id)),
                Some(_) => stories.push((source, story)),
            }
        }
        bar.set_position(stories.len() as u64);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bar.finish_and_clear();
    Ok(tally(sent, &stories, &open, begun.elapsed()))
}

async fn story(arguments: &Arguments, sent: &Sent, id: &str) -> Result<Value> {
    let mut request = sent.client.get(format!("{}/observe/logs/{id}", arguments.url));
    if let Ok(token) = std::env::var("DISPATCH_TOKEN") {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await?;
    if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        // Too much at once: it is asked for again with those that are still under way.
        return Ok(Value::Null);
    }
    Ok(answer.error_for_status()?.json().await?)
}

fn tally(sent: &Sent, stories: &[(Source, Value)], lost: &[(Source, String)], took: Duration) -> Tally {
    let mut tally = Tally { seconds: took.as_secs_f64(), ..Tally::default() };
    sent.requests.iter().for_each(|source| tally.count(*source, |column| column.sent += 1));
    sent.event_ids.iter().for_each(|(source, _)| tally.count(*source, |column| column.received += 1));
    lost.iter().for_each(|(source, _)| tally.count(*source, |column| column.lost += 1));
    for column in [&mut tally.slack, &mut tally.sms, &mut tally.all] {
        column.duplicates = column.sent - column.received;
    }
    let mut units = HashSet::new();
    for (source, story) in stories {
        let unit = story["unit_id"].as_str();
        if unit.is_none_or(|unit| units.insert(unit)) {
            tally.count(*source, |column| column.add(story, unit.is_some()));
            for channel in [Source::Slack, Source::Sms] {
                let receipts = receipts(story, channel);
                tally.count(channel, |column| column.receipts += receipts);
            }
        }
    }
    tally
}

/// How many deliveries by this channel ended well.
fn receipts(story: &Value, channel: Source) -> usize {
    let entries = || story["entries"].as_array().into_iter().flatten();
    let kind = channel.name();
    let planned: HashSet<_> = entries()
        .filter(|entry| entry["event"] == "delivery.planned" && entry["detail"]["kind"] == kind)
        .filter_map(|entry| entry["subject"].as_str())
        .collect();
    let delivered =
        |entry: &&Value| entry["detail"]["state"] == "delivered" || entry["detail"]["outcome"] == "delivered";
    let arrived: HashSet<_> = entries()
        .filter(|entry| entry["event"] == "delivery.attempted")
        .filter(delivered)
        .filter_map(|entry| entry["subject"].as_str())
        .collect();
    planned.intersection(&arrived).count()
}

fn message_type(story: &Value) -> String {
    let classified = story["entries"].as_array().into_iter().flatten().find(|e| e["event"] == "unit.classified");
    classified.and_then(|entry| entry["detail"]["message_type"].as_str()).unwrap_or("(not classified)").to_owned()
}

impl Column {
    fn add(&mut self, story: &Value, is_unit: bool) {
        if !is_unit {
            *self.by_type.entry("(ignored at intake)".into()).or_default() += 1;
            return;
        }
        self.bursts += 1;
        self.missions += story["mission_ids"].as_array().map_or(0, Vec::len);
        match story["state"].as_str() {
            Some("held") => self.held += 1,
            Some("dead") => self.dead_letters += 1,
            _ => {}
        }
        *self.by_type.entry(message_type(story)).or_default() += 1;
    }
}

impl Tally {
    /// In the column of its source, and in the one of all.
    fn count(&mut self, source: Source, change: impl Fn(&mut Column)) {
        change(match source {
            Source::Slack => &mut self.slack,
            Source::Sms => &mut self.sms,
        });
        change(&mut self.all);
    }

    /// The table for people.
    #[allow(clippy::print_stdout)] // the table is what the command is for
    pub fn print(&self) {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header(["what", "Slack", "SMS", "all"]);
        let mut row = |what: &str, count: &dyn Fn(&Column) -> usize| {
            let counts = [&self.slack, &self.sms, &self.all].map(|column| count(column).to_string());
            table.add_row([what.to_owned()].into_iter().chain(counts));
        };
        row("requests sent", &|column| column.sent);
        row("messages received", &|column| column.received);
        row("duplicates recognised", &|column| column.duplicates);
        row("bursts", &|column| column.bursts);
        for kind in self.all.by_type.keys() {
            row(&format!("  {kind}"), &|column| column.by_type.get(kind).copied().unwrap_or_default());
        }
        row("missions", &|column| column.missions);
        row("receipts sent or recorded", &|column| column.receipts);
        row("held for a person", &|column| column.held);
        row("dead letters", &|column| column.dead_letters);
        row("lost", &|column| column.lost);
        println!("{table}\nsettled in {:.1} s", self.seconds);
    }
}
