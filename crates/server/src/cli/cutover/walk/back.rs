//! `dispatch cutover rollback`: the tables, the flag where a walk has flipped it, and a part of the walk's report about both.
//! Nothing about the report is ever in the way of going back. It must not know how tables or flag go back.

use super::super::door::Door;
use super::super::shown::Shown;
use super::recorder::{Recorder, ended};
use super::report::{Journal, Subject};
use super::standing::Standing;
use super::{REPORT, configuration, flag, secrets};
use dispatch_cutover::{Done, Event, Options, Remark, Reporter, Stage, Stop, Walking, host, remark, remarks};
use dispatch_pipeline::failpoint;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A remark of the run: where its report is.
const KEPT_IN: &str = "report";

/// Goes back, and writes down who did it, when, from which stage, and what came of it.
pub async fn rollback(wanted: Option<&Path>, door: &Door, options: &Options, shown: &Shown) -> Result<Done, Stop> {
    if options.dry_run {
        return go(door, options, shown).await;
    }
    // A walk that still goes on would not know of it, and the report is its own.
    let _walking = Walking::begin(door, "rollback").await?;
    let mut journal = journal(wanted, door, options, shown).await;
    // Where nothing can be looked at, the stage itself says so.
    let from = Standing::look(door, options).await.map(|standing| standing.stage).ok();
    failpoint::pass("cutover.begun", || "rollback".to_owned());
    let recorder = Recorder::new(shown);
    let outcome = go(door, options, &recorder).await;
    failpoint::pass("cutover.done", || "rollback".to_owned());
    if let Some(journal) = &mut journal {
        let mut figures: Map<String, Value> = from.map(|stage| ("from".to_owned(), json!(stage))).into_iter().collect();
        figures.extend(recorder.figures());
        noted(journal, &outcome, figures).unwrap_or_else(|stop| unkept(shown, &stop));
        if let Some(place) = journal.place() {
            let line = json!({ "event": "report", "path": place.display().to_string() });
            shown.happened(&line, &format!("report: {}", place.display()));
        }
    }
    outcome
}

/// The tables, and the flag where a walk has flipped it.
pub(super) async fn go(door: &Door, options: &Options, told: &dyn Reporter) -> Result<Done, Stop> {
    let tables = door.stage(Stage::Rollback, options, told).await;
    if matches!(tables, Err(Stop::AnotherRunner(_) | Stop::Usage(_) | Stop::Spec(_))) {
        return tables;
    }
    if remarks(door, options).await.is_ok_and(|remarks| remarks.is_empty()) {
        return tables; // Nobody walked here.
    }
    if tables.as_ref().is_ok_and(|done| done.changed) {
        // The watch that was over does not count for the next switch.
        if let Err(stop) = remark(door, options, "rolled_back", &Value::Null).await {
            told.tell(&Event::Note { text: format!("that it was rolled back is not on record: {stop}") });
        }
    }
    match (tables, flag::back(door, options, configuration).await) {
        (Ok(mut done), Ok(flag)) => {
            done.changed |= !flag.is_empty() && !options.dry_run;
            if !flag.is_empty() {
                done.summary = format!("{}; {flag}", done.summary);
            }
            Ok(done)
        }
        (Err(stop), Ok(flag)) => {
            if !flag.is_empty() {
                told.tell(&Event::Note { text: flag });
            }
            Err(stop)
        }
        (Ok(done), Err(flag)) => Err(Stop::Failed(format!("{}; {flag}", done.summary))),
        (Err(stop), Err(flag)) => {
            told.tell(&Event::Note { text: flag });
            Err(stop)
        }
    }
}

/// Keeps with the run where its report is, so that `rollback` finds it.
pub(super) async fn remember(door: &Door, options: &Options, place: &Path) -> Result<(), Stop> {
    let place = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
    if kept_in(&remarks(door, options).await?) == Some((host(), place.clone())) {
        return Ok(());
    }
    remark(door, options, KEPT_IN, &json!({ "machine": host(), "path": place.display().to_string() })).await
}

/// The machine and the path.
fn kept_in(known: &[Remark]) -> Option<(String, PathBuf)> {
    let detail = &known.iter().rev().find(|remark| remark.what == KEPT_IN)?.detail;
    Some((detail["machine"].as_str()?.to_owned(), PathBuf::from(detail["path"].as_str()?)))
}

/// The report, with this step begun in it; none where nobody has walked, or where it cannot be kept.
async fn journal(wanted: Option<&Path>, door: &Door, options: &Options, shown: &Shown) -> Option<Journal> {
    let place = match wanted {
        Some(path) => path.to_owned(),
        None => place(door, options, shown).await?,
    };
    let (database, who) = (door.url().target(), format!("cli:{}", crate::cli::key::account()));
    let subject = Subject { spec: &options.spec.name, database: &database, command: "rollback", who: &who };
    let begun = Journal::open(Some(&place), &subject, secrets(door.url().expose()))
        .and_then(|mut journal| journal.begin("rollback").map(|()| journal));
    begun.map_err(|stop| unkept(shown, &stop)).ok()
}

/// Where the run says that its report is, or where reports are unless said.
async fn place(door: &Door, options: &Options, shown: &Shown) -> Option<PathBuf> {
    let usual = PathBuf::from(REPORT);
    match kept_in(&remarks(door, options).await.unwrap_or_default()) {
        Some((machine, path)) if machine == host() && path.is_file() => Some(path),
        Some((machine, path)) => {
            let (path, usual_is) = (path.display(), usual.display());
            let text = format!(
                "`run` kept its report on {machine}, in {path}; this goes into {usual_is}, to be put beside it"
            );
            shown.tell(&Event::Note { text });
            Some(usual)
        }
        None => usual.with_extension("json").is_file().then_some(usual),
    }
}

fn noted(journal: &mut Journal, outcome: &Result<Done, Stop>, figures: Map<String, Value>) -> Result<(), Stop> {
    let (word, summary, figures) = ended(outcome, figures);
    journal.end(word, &summary, figures)?;
    let (outcome, exit) = match (outcome, journal.before()) {
        // It is as it was, and so is what is said of it.
        (Ok(done), Some(before)) if !done.changed => (before.to_owned(), 0),
        (Ok(_), _) => ("rolled back".to_owned(), 0),
        (Err(stop), _) => (format!("stopped: {stop}"), stop.exit_code()),
    };
    journal.close(&outcome, exit, &summary)
}

fn unkept(shown: &Shown, stop: &Stop) {
    shown.tell(&Event::Note { text: format!("this goes into no report: {stop}") });
}
