//! One finding of the doctor, and all of them as a table. Must not look at anything.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

/// How a look went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Well.
    Ok,
    /// Works without it; something is switched off.
    Off,
    /// A person should look.
    Warn,
    /// Does not work.
    Fail,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it went.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl Check {
    fn new(verdict: Verdict, name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), verdict, found: found.into(), cure: None }
    }

    /// Well.
    pub fn ok(name: &str, found: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, name, found)
    }

    /// Missing, and what that switches off.
    pub fn off(name: &str, found: impl Into<String>) -> Self {
        Self::new(Verdict::Off, name, found)
    }

    /// A person should look.
    pub fn warn(name: &str, found: impl Into<String>) -> Self {
        Self::new(Verdict::Warn, name, found)
    }

    /// Does not work.
    pub fn fail(name: &str, found: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, name, found)
    }

    /// What to do about it.
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }
}

/// All findings, one row each.
pub fn table(checks: &[Check]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "what", "found", "what to do"]);
    for check in checks {
        let mark = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Off => "off",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        table.add_row([mark, &check.name, &check.found, check.cure.as_deref().unwrap_or_default()]);
    }
    table
}
