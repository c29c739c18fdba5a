//! What is wrong with a policy file, and where. Must not know what a policy means.

use std::fmt;
use std::ops::Range;
use thiserror::Error;

/// One mistake in a policy file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The character of that line, counted from 1.
    pub column: usize,
    /// What is wrong, and the cure.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)
    }
}

/// Everything that is wrong with a policy file, from the top down. Never empty.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub struct PolicyError(pub Vec<Problem>);

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Collects mistakes, so that all of them are told at once.
pub(super) struct Problems<'t> {
    text: &'t str,
    found: Vec<(usize, Problem)>,
}

impl<'t> Problems<'t> {
    pub fn in_text(text: &'t str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub fn add(&mut self, at: Range<usize>, what: impl Into<String>) {
        let (line, column) = self.place(at.start);
        self.found.push((at.start, Problem { line, column, what: what.into() }));
    }

    /// As the TOML reader says it.
    pub fn add_error(&mut self, error: &toml::de::Error, where_else: Range<usize>, place: Option<&str>) {
        let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
        let what = format!("{place}{}", error.message().replace('\n', "; "));
        self.add(error.span().unwrap_or(where_else), what);
    }

    pub fn line(&self, at: usize) -> usize {
        self.place(at).0
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The `value`, unless anything was wrong.
    pub fn unless_any<T>(mut self, value: Option<T>) -> Result<T, PolicyError> {
        if let (true, Some(value)) = (self.found.is_empty(), value) {
            return Ok(value);
        }
        self.found.sort_by_key(|(at, _)| *at);
        Err(PolicyError(self.found.into_iter().map(|(_, problem)| problem).collect()))
    }
}
