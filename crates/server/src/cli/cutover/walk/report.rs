//! The report of a cut-over: who, when, each step with its figures, and what was answered. Fit for an incident file: only
//! ever added to, and never with a secret. It must not know how a step is done.

use super::files::{kept, known, paths};
use super::markdown;
use crate::http::timestamp::Timestamp;
use dispatch_cutover::{Stop, host};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// What a step or sitting ended with that nobody ended.
const INTERRUPTED: &str = "interrupted";
const UNDER_WAY: &str = "under way";

/// What a report is about, and who adds to it.
pub struct Subject<'a> {
    pub spec: &'a str,
    /// Host, port and name; no user, no password.
    pub database: &'a str,
    /// `run` or `rollback`.
    pub command: &'static str,
    pub who: &'a str,
}

/// Everything about one cut-over, over all its sittings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    pub spec: String,
    /// Host, port and name; no user, no password.
    pub database: String,
    /// `under way`, `done`, `rolled back`, or why it stopped.
    pub outcome: String,
    #[serde(default)]
    pub answers: Answers,
    #[serde(default)]
    pub sittings: Vec<Sitting>,
    #[serde(default)]
    pub checklist: Vec<Item>,
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// What no machine knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Answers {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_proof: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Answer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitoring_url: Option<Answer>,
}

/// An answer, and who gave it when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub text: String,
    pub by: String,
    pub at: String,
}

/// One start of the command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sitting {
    /// `run` or `rollback`.
    #[serde(default = "run")]
    pub command: String,
    pub who: String,
    pub machine: String,
    pub version: String,
    pub began: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// One thing that was looked at before anything was changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item {
    pub sitting: usize,
    pub name: String,
    /// `ok`, `warn` or `block`.
    pub state: String,
    pub detail: String,
}

/// One step of one sitting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    pub sitting: usize,
    pub step: String,
    pub began: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub figures: Map<String, Value>,
}

/// Reports from before rollbacks were in them.
fn run() -> String {
    "run".to_owned()
}

/// UTC, with milliseconds.
pub fn now() -> String {
    Timestamp(OffsetDateTime::now_utc()).to_string()
}

/// The report and where it is kept; nowhere in a dry run.
pub struct Journal {
    pub report: Report,
    /// What the report said of the outcome before this sitting.
    before: String,
    files: Option<(PathBuf, PathBuf)>,
    /// Whether this sitting has written anything.
    is_kept: Cell<bool>,
    secrets: Vec<String>,
}

impl Journal {
    /// Takes up the report that is there, or begins one; then a new sitting. Nothing is written yet. `secrets` never
    /// reach a file.
    pub fn open(wanted: Option<&Path>, subject: &Subject<'_>, secrets: Vec<String>) -> Result<Self, Stop> {
        let (spec, database) = (subject.spec, subject.database);
        let files = wanted.map(|path| paths(path, spec));
        let known = files.as_ref().map(|(json, _)| known(json)).transpose()?.flatten();
        let mut report = known.unwrap_or_default();
        if !report.spec.is_empty() && (report.spec != spec || report.database != database) {
            let of = format!("{} of {}", report.spec, report.database);
            return Err(Stop::Usage(format!(
                "there is the report of another cut-over ({of}); name another with --report"
            )));
        }
        (report.spec, report.database) = (spec.to_owned(), database.to_owned());
        if subject.command == "run" && matches!(&*report.outcome, "done" | "rolled back") {
            // What was answered, was answered for that time.
            report.answers = Answers::default();
        }
        let before = std::mem::replace(&mut report.outcome, UNDER_WAY.to_owned());
        for step in report.steps.iter_mut().filter(|step| step.outcome.is_none()) {
            step.outcome = Some(INTERRUPTED.to_owned());
        }
        for sitting in report.sittings.iter_mut().filter(|sitting| sitting.ended.is_none()) {
            sitting.summary = Some(INTERRUPTED.to_owned());
        }
        let (command, who, machine) = (subject.command.to_owned(), subject.who.to_owned(), host());
        let (version, began) = (env!("CARGO_PKG_VERSION").to_owned(), now());
        let (ended, exit, summary) = (None, None, None);
        report.sittings.push(Sitting { command, who, machine, version, began, ended, exit, summary });
        Ok(Self { report, before, files, is_kept: Cell::new(false), secrets })
    }

    /// What the report said of the outcome before this sitting, if that sitting was ended.
    pub fn before(&self) -> Option<&str> {
        Some(&*self.before).filter(|outcome| !matches!(*outcome, "" | UNDER_WAY))
    }

    /// Where the report for people is.
    pub fn place(&self) -> Option<&Path> {
        self.files.as_ref().map(|(_, markdown)| markdown.as_path())
    }

    /// Whether this sitting has written anything.
    pub fn is_kept(&self) -> bool {
        self.is_kept.get()
    }

    /// Which sitting this is, from 1.
    pub fn sitting(&self) -> usize {
        self.report.sittings.len()
    }

    pub fn begin(&mut self, step: &str) -> Result<(), Stop> {
        let (sitting, step, began) = (self.sitting(), step.to_owned(), now());
        let (ended, outcome, summary, figures) = (None, None, None, Map::new());
        self.report.steps.push(Step { sitting, step, began, ended, outcome, summary, figures });
        self.write()
    }

    pub fn end(&mut self, outcome: &str, summary: &str, figures: Map<String, Value>) -> Result<(), Stop> {
        if let Some(step) = self.report.steps.last_mut() {
            step.ended = Some(now());
            step.outcome = Some(outcome.to_owned());
            step.summary = Some(summary.to_owned());
            step.figures = figures;
        }
        self.write()
    }

    /// The sitting is over, and so is what was under way in it.
    pub fn close(&mut self, outcome: &str, exit: u8, summary: &str) -> Result<(), Stop> {
        for step in self.report.steps.iter_mut().filter(|step| step.outcome.is_none()) {
            (step.ended, step.outcome) = (Some(now()), Some(INTERRUPTED.to_owned()));
        }
        outcome.clone_into(&mut self.report.outcome);
        if let Some(sitting) = self.report.sittings.last_mut() {
            sitting.ended = Some(now());
            sitting.exit = Some(exit);
            sitting.summary = Some(summary.to_owned());
        }
        self.write()
    }

    /// Both files, each whole or as it was before.
    pub fn write(&self) -> Result<(), Stop> {
        let Some((json, markdown)) = &self.files else { return Ok(()) };
        self.is_kept.set(true);
        let text = serde_json::to_string_pretty(&self.report).unwrap_or_default();
        for (path, text) in [(json, text), (markdown, markdown::written(&self.report))] {
            let kept = kept(path, &self.without_secrets(text));
            kept.map_err(|error| {
                let path = path.display();
                Stop::Usage(format!("cannot keep the report in {path} ({error}); name another place with --report"))
            })?;
        }
        Ok(())
    }

    fn without_secrets(&self, text: String) -> String {
        let known = self.secrets.iter().filter(|secret| secret.len() > 2);
        known.fold(text, |text, secret| text.replace(secret.as_str(), "…"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(stem: &Path) -> Journal {
        sitting(stem, "run", "db:5432/app").expect("a journal")
    }

    fn sitting(stem: &Path, command: &'static str, database: &str) -> Result<Journal, Stop> {
        let subject = Subject { spec: "missions", database, command, who: "cli:ann" };
        Journal::open(Some(stem), &subject, vec!["hunter2".to_owned()])
    }

    #[test]
    fn a_report_is_taken_up_again_and_never_tells_a_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let stem = folder.path().join("deep/report.md");
        let mut first = open(&stem);
        let answer = Answer { text: "snap-1 hunter2 | a\nb".to_owned(), by: "cli:ann".to_owned(), at: now() };
        first.report.answers.backup_proof = Some(answer);
        first.begin("expand").expect("written");
        drop(first); // Killed here.
        let mut second = open(&stem);
        assert_eq!((second.sitting(), second.report.steps[0].outcome.as_deref()), (2, Some(INTERRUPTED)));
        assert!(second.report.answers.backup_proof.is_some());
        second.close("done", 0, "contracted").expect("written");
        for name in ["report.json", "report.md"] {
            let text = std::fs::read_to_string(folder.path().join("deep").join(name)).expect("a file");
            assert!(!text.contains("hunter2") && text.contains("snap-1"), "{text}");
        }
        let back = sitting(&stem, "rollback", "db:5432/app").expect("a journal");
        back.write().expect("written");
        assert_eq!((back.before(), back.report.answers.backup_proof.is_some()), (Some("done"), true));
        let mut back = sitting(&stem, "rollback", "db:5432/app").expect("a journal");
        assert_eq!(back.before(), None, "the one before was killed");
        back.close("rolled back", 0, "rolled back").expect("written");
        assert!(open(&stem).report.answers.backup_proof.is_none(), "the next time asks again");
    }

    #[test]
    fn what_was_under_way_ends_with_its_sitting_and_what_never_began_leaves_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let stem = folder.path().join("report");
        let mut journal = open(&stem);
        assert!(!journal.is_kept() && !folder.path().join("report.json").exists());
        journal.begin("watch").expect("written");
        journal.close("stopped: interrupted", 1, "interrupted").expect("written");
        let step = &open(&stem).report.steps[0];
        assert_eq!((step.outcome.as_deref(), step.ended.as_ref().map(String::len)), (Some(INTERRUPTED), Some(24)));
    }

    #[test]
    fn the_report_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let stem = folder.path().join("report");
        open(&stem).write().expect("written");
        let other = sitting(&stem, "run", "db:5432/other");
        assert_eq!(other.err().map(|stop| stop.exit_code()), Some(2));
        std::fs::write(folder.path().join("x.json"), "no report").expect("written");
        let other = sitting(&folder.path().join("x"), "rollback", "db");
        assert_eq!(other.err().map(|stop| stop.exit_code()), Some(2));
    }
}
