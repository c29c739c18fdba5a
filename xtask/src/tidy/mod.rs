//! Is the project shaped as docs/ARCHITECTURE.md says? Reads `cargo metadata` and files, changes nothing.
//!
//! The rules are data in `table`; the checks are small functions over a `Project` and must not read the disk themselves.

mod arrows;
mod files;
mod layout;
mod lexer;
mod migrations;
mod old_names;
mod project;
#[cfg(test)]
mod sample;
mod table;
mod vendors;
mod wording;

use std::path::Path;

use anyhow::{Result, bail};

use crate::metadata::Metadata;
use crate::term;
use project::Project;
use table::{Level, RULES};

/// One place that breaks a rule.
#[derive(Debug)]
pub struct Finding {
    /// A file, `file:line`, or a crate.
    pub place: String,
    pub message: String,
}

impl Finding {
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

/// Check every rule; print every finding with the cure of its rule; fail if one of them must not be.
pub fn run(root: &Path) -> Result<()> {
    let project = Project::load(root, &Metadata::load(root)?)?;
    let mut failures = 0;
    for rule in RULES {
        let findings = (rule.check)(&project);
        if findings.is_empty() {
            continue;
        }
        let label = match rule.level {
            Level::Fail => term::red(rule.name),
            Level::Warn => term::yellow(&format!("{} (a warning)", rule.name)),
        };
        println!("{label}");
        for finding in &findings {
            println!("  {}: {}", finding.place, finding.message);
        }
        println!("  {} {}", term::bold("cure:"), rule.cure);
        failures += if rule.level == Level::Fail { findings.len() } else { 0 };
    }
    if failures > 0 {
        bail!("tidy found {failures} places to mend; each cure stands above");
    }
    println!("tidy: {} crates, {} files, {} rules", project.crates.len(), project.files.len(), RULES.len());
    Ok(())
}
