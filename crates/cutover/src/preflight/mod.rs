//! What stands in the way, and what somebody should know. Reads only. Every finding says why, and what to do.

mod functions;
mod server;
pub(crate) mod statements;
mod tables;

use crate::engine::{Engine, Survey};
use crate::position::Place;
use crate::report::{Finding, Level, Stop};
use crate::spec::Table;

pub(crate) use tables::listeners;

/// Everything, blocks first.
pub(crate) async fn all(engine: &Engine<'_>, survey: &Survey) -> Result<Vec<Finding>, Stop> {
    let mut findings = Vec::new();
    if survey.places.iter().all(|place| *place == Place::Absent) {
        findings.push(nothing_there(engine.tables()));
    }
    for (table, place) in engine.tables().iter().zip(&survey.places) {
        findings.extend(obstacle(table, place));
        findings.extend(tables::check(survey, table, place));
    }
    findings.extend(tables::asked(engine, survey).await?);
    findings.extend(functions::check(engine, survey).await?);
    findings.extend(server::check(engine, survey).await?);
    findings.extend(statements::check(engine, survey).await?);
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Warnings and blocks.
pub(crate) fn parted(findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    findings.into_iter().partition(|finding| finding.level == Level::Warn)
}

pub(crate) fn block(code: &'static str, subject: &str, reason: impl Into<String>, cure: impl Into<String>) -> Finding {
    let (level, subject, reason, cure) = (Level::Block, subject.to_owned(), reason.into(), cure.into());
    Finding { level, code, subject, reason, cure }
}

pub(crate) fn warn(code: &'static str, subject: &str, reason: impl Into<String>, cure: impl Into<String>) -> Finding {
    Finding { level: Level::Warn, ..block(code, subject, reason, cure) }
}

/// What is wrong with a place that is none.
pub(crate) fn obstacle(table: &Table, place: &Place) -> Option<Finding> {
    match place {
        Place::Taken { name, by } => Some(block(
            "name_taken",
            name,
            format!("the name is taken by {by}"),
            format!("Rename or drop it; {} needs both its names", table.from),
        )),
        Place::Unsuitable { name, why } => Some(block(
            "unsuitable_table",
            name,
            (*why).to_owned(),
            "Only plain tables can be renamed under their clients; rename this one by hand",
        )),
        Place::Absent | Place::At(_) => None,
    }
}

pub(crate) fn nothing_there(tables: &[Table]) -> Finding {
    let names: Vec<&str> = tables.iter().map(|table| &*table.from).collect();
    block("nothing_there", &names.join(", "), "none of these tables exists", "Check DATABASE_URL and the spec's schema")
}
