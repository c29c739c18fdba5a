//! What the engine tells, for a terminal, for a log, or as JSON: one object per line. It must not know what a stage does.

use super::{say, status};
use crate::http::timestamp::Timestamp;
use anyhow::Result;
use dispatch_cutover::{Done, Event, Level, Options, Reporter, Stop};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use time::OffsetDateTime;

const BAR: usize = 30;

/// Shows events as they come.
pub struct Shown {
    json: bool,
    terminal: bool,
    /// A progress bar is on the line.
    bar: AtomicBool,
    /// Warnings that were shown: stages find the same ones again.
    warned: Mutex<BTreeSet<String>>,
    stage: Mutex<Option<&'static str>>,
}

impl Shown {
    pub fn new(json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && !json;
        Self { json, terminal, bar: AtomicBool::new(false), warned: Mutex::default(), stage: Mutex::new(None) }
    }

    /// What is begun: a stage, or the walk through all of them.
    pub fn begin(&self, word: &'static str, options: &Options) {
        self.is_in(word);
        if self.json {
            self.line(&json!({ "event": "started", "spec": options.spec.name, "dry_run": options.dry_run }));
        }
    }

    /// From here on lines are this one's.
    pub fn is_in(&self, word: &'static str) {
        if let Ok(mut known) = self.stage.lock() {
            *known = Some(word);
        }
    }

    /// Something that is no event of the engine: a line of JSON, or the sentence.
    pub fn happened(&self, event: &Value, sentence: &str) {
        if self.json {
            self.line(event);
            return;
        }
        self.clear();
        let _reader_went_away = say(sentence);
    }

    /// How it ended: the last line.
    pub fn end(&self, outcome: &Result<Done, Stop>) -> Result<()> {
        self.clear();
        if self.json {
            let last = match outcome {
                Ok(done) => json!({ "event": "done", "exit": 0, "changed": done.changed, "summary": done.summary,
                    "detail": done.detail }),
                Err(stop) => json!({ "event": "stopped", "exit": stop.exit_code(), "changed": Value::Null,
                    "summary": stop.to_string(), "detail": stop.detail() }),
            };
            self.line(&last);
            return Ok(());
        }
        match outcome {
            Ok(done) => say(&done.summary),
            Err(stop) => {
                told(&format!("error: {stop}"));
                Ok(())
            }
        }
    }

    /// One JSON object, without what is not known.
    fn line(&self, event: &Value) {
        let stage = self.stage.lock().ok().and_then(|stage| *stage);
        let mut line = json!({ "at": Timestamp(OffsetDateTime::now_utc()) });
        if let (Some(line), Some(event)) = (line.as_object_mut(), event.as_object()) {
            if let Some(stage) = stage {
                line.insert("stage".to_owned(), json!(stage));
            }
            line.extend(event.clone());
        }
        let _reader_went_away = say(&absent(line).to_string());
    }

    fn clear(&self) {
        if self.bar.swap(false, Ordering::Relaxed) {
            let mut out = std::io::stderr().lock();
            let _only_looks = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }

    fn progress(&self, table: &str, done: u64, total: u64, eta_s: Option<f64>) {
        if !self.terminal {
            return;
        }
        let part = usize::try_from(done.saturating_mul(BAR as u64) / total.max(1)).unwrap_or(BAR).min(BAR);
        let eta = eta_s.map_or_else(String::new, |eta| format!(", {eta:.0} s to go"));
        let bar = format!("{}{}", "█".repeat(part), "░".repeat(BAR - part));
        let mut out = std::io::stderr().lock();
        let _only_looks =
            write!(out, "\r\x1b[K{bar} {table}: {done} of about {total} rows{eta}").and_then(|()| out.flush());
        self.bar.store(true, Ordering::Relaxed);
    }
}

impl Reporter for Shown {
    fn tell(&self, event: &Event) {
        if let Event::Finding(finding) = event
            && finding.level == Level::Warn
            && self.warned.lock().is_ok_and(|mut warned| !warned.insert(finding.to_string()))
        {
            return;
        }
        if self.json {
            self.line(&serde_json::to_value(event).unwrap_or_default());
            return;
        }
        if let Event::Progress { table, done, total, eta_s } = event {
            self.progress(table, *done, *total, *eta_s);
            return;
        }
        self.clear();
        let _reader_went_away = say(&sentence(event));
    }
}

/// Values are absent, never null.
fn absent(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name, absent(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(absent).collect()),
        other => other,
    }
}

fn sentence(event: &Event) -> String {
    match event {
        Event::Finding(finding) => {
            let level = if finding.level == Level::Block { "BLOCK" } else { "warn " };
            format!("{level} {finding}")
        }
        Event::Statement { stage, table, sql, lock, expected_ms } if lock.is_empty() => {
            let _only_in_plans = (stage, table, expected_ms);
            format!("{sql};")
        }
        Event::Statement { stage, table, sql, lock, expected_ms } => {
            format!("-- {}, {table}: {lock}, about {expected_ms} ms\n{sql};", stage.as_str())
        }
        Event::Waiting { table, attempt, blockers } => {
            let blockers: Vec<String> = blockers.iter().map(ToString::to_string).collect();
            format!("{table}: attempt {attempt} gave way to {}", blockers.join("; "))
        }
        Event::Moved { table, from, to, attempts, took_ms } => {
            format!("{table}: {} → {}, {took_ms:.1} ms, attempt {attempts}", from.as_str(), to.as_str())
        }
        Event::Sample { good: true, left_s, .. } => format!("all is well, {left_s} s to go"),
        Event::Sample { problems, .. } => format!("NOT WELL: {}", problems.join("; ")),
        Event::Note { text } => text.clone(),
        Event::Status(status) => status::shown(status),
        Event::Progress { .. } => String::new(),
    }
}

#[allow(clippy::print_stderr)] // an error that ends the program is for whoever started it
fn told(text: &str) {
    eprintln!("{text}");
}
