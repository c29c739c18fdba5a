//! Hears a stage, passes everything on, and keeps the figures and the end for the report. It must not know which stage it is.

use super::super::shown::Shown;
use dispatch_cutover::{Done, Event, Level, Reporter, Stop};
use serde_json::{Map, Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a stage told, added up.
#[derive(Default)]
struct Sum {
    moved: Vec<Value>,
    warnings: Vec<String>,
    notes: Vec<String>,
    gave_way: u32,
    good: u32,
    bad: Vec<String>,
}

/// Listens to one stage.
pub struct Recorder<'a> {
    shown: &'a Shown,
    sum: Mutex<Sum>,
}

impl<'a> Recorder<'a> {
    pub fn new(shown: &'a Shown) -> Self {
        Self { shown, sum: Mutex::default() }
    }

    fn sum(&self) -> MutexGuard<'_, Sum> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The figures, without those that are none.
    pub fn figures(&self) -> Map<String, Value> {
        let sum = self.sum();
        let all = [
            ("moved", json!(sum.moved)),
            ("gave_way", json!(sum.gave_way)),
            ("warnings", json!(sum.warnings)),
            ("notes", json!(sum.notes)),
            ("good_looks", json!(sum.good)),
            ("bad_looks", json!(sum.bad)),
        ];
        let none = |value: &Value| value == &json!([]) || value == &json!(0);
        all.into_iter().filter(|(_, value)| !none(value)).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Reporter for Recorder<'_> {
    fn tell(&self, event: &Event) {
        self.shown.tell(event);
        let mut sum = self.sum();
        match event {
            Event::Moved { table, from, to, attempts, took_ms } => {
                let took_ms = (took_ms * 10.0).round() / 10.0;
                sum.moved
                    .push(json!({ "table": table, "from": from, "to": to, "attempts": attempts, "took_ms": took_ms }));
            }
            Event::Finding(finding) if finding.level == Level::Warn => sum.warnings.push(finding.to_string()),
            Event::Waiting { .. } => sum.gave_way += 1,
            Event::Sample { good: true, .. } => sum.good += 1,
            Event::Sample { problems, .. } => sum.bad.push(problems.join("; ")),
            Event::Note { text } => sum.notes.push(text.clone()),
            _ => {}
        }
    }
}

/// How a step ended: a word, a sentence, and the figures with those that only the end knows.
pub fn ended(
    outcome: &Result<Done, Stop>,
    mut figures: Map<String, Value>,
) -> (&'static str, String, Map<String, Value>) {
    let (word, summary, detail) = match outcome {
        Ok(done) if done.changed => ("done", done.summary.clone(), done.detail.clone()),
        Ok(done) => ("nothing changed", done.summary.clone(), done.detail.clone()),
        Err(stop @ Stop::RolledBack(_)) => ("rolled back", stop.to_string(), stop.detail()),
        Err(stop) => ("stopped", stop.to_string(), stop.detail()),
    };
    if let Value::Object(detail) = detail {
        figures.extend(detail);
    }
    (word, summary, figures)
}
