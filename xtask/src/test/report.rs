//! Headings, times and the closing table. Must not know what the steps do.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::Done;
use crate::term;

pub struct Report {
    rows: Vec<Row>,
    closing: Vec<String>,
    started: Instant,
}

struct Row {
    name: &'static str,
    state: State,
    took: Duration,
    note: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Passed,
    Skipped,
    Failed,
}

impl Default for Report {
    fn default() -> Self {
        Self { rows: Vec::new(), closing: Vec::new(), started: Instant::now() }
    }
}

impl Report {
    /// Run one step under its heading; a failure carries the fix.
    pub fn step(&mut self, name: &'static str, fix: &str, step: impl FnOnce() -> Result<Done>) -> Result<()> {
        term::heading(name);
        let started = Instant::now();
        let outcome = step();
        let took = started.elapsed();
        let (state, note) = match &outcome {
            Ok(Done::Passed(note)) => (State::Passed, note.clone()),
            Ok(Done::Skipped(why)) => (State::Skipped, why.clone()),
            Err(_) => (State::Failed, String::new()),
        };
        println!("{}", term::dim(&format!("{name}: {} in {}", state.word(), term::time(took))));
        self.rows.push(Row { name, state, took, note });
        outcome.map(|_| ()).map_err(|error| anyhow!("{name}: {error:#}\n  fix: {fix}"))
    }

    /// Lines that belong at the end, where a reader looks first.
    pub fn summary(&mut self, failures: Vec<String>, total: &str) {
        self.closing.extend(failures);
        self.closing.push(total.to_owned());
    }

    pub fn took(&self) -> Duration {
        self.started.elapsed()
    }

    pub fn print(&self) {
        term::heading("result");
        self.rows.iter().for_each(|row| println!("{row}"));
        if !self.closing.is_empty() {
            println!("\n{}", self.closing.join("\n"));
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = format!("{:<7}", self.state.word());
        let word = match self.state {
            State::Passed => term::green(&word),
            State::Skipped => term::yellow(&word),
            State::Failed => term::red(&word),
        };
        let line = format!("  {word} {:<11} {:>12}  {}", self.name, term::time(self.took), self.note);
        f.write_str(line.trim_end())
    }
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Skipped => "skipped",
            Self::Failed => "FAILED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn a_failed_step_is_the_last_and_carries_its_fix() {
        let mut report = Report::default();
        report.step("fmt", "cargo fmt", || Ok(Done::Passed(String::new()))).unwrap();
        report.step("spec", "write it", || Ok(Done::Skipped("not there".into()))).unwrap();
        let error = report.step("tests", "mend it", || bail!("3 failed")).unwrap_err();
        assert_eq!(format!("{error:#}"), "tests: 3 failed\n  fix: mend it");
        let rows: Vec<String> = report.rows.iter().map(|row| term::plain(&row.to_string())).collect();
        assert!(rows[0].starts_with("  ok      fmt") && rows[0].ends_with(" s"), "{}", rows[0]);
        assert!(rows[1].contains("skipped spec") && rows[1].ends_with("not there"), "{}", rows[1]);
        assert!(rows[2].contains("FAILED  tests"), "{}", rows[2]);
    }
}
