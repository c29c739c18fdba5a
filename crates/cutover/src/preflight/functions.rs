//! Functions that break when a column gets another name: of triggers, and of the table's row type. And what else mentions
//! the names.

use super::tables::base;
use super::{block, warn};
use crate::catalogue::Relation;
use crate::engine::{Engine, Survey};
use crate::position::renames;
use crate::quote::{literal, qualified};
use crate::report::{Finding, Stop};
use crate::spec::Table;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

#[derive(Deserialize)]
struct Asked {
    triggers: Vec<TriggerFunction>,
    row_types: Vec<RowFunction>,
    columns: Vec<String>,
    mentions: Vec<Mention>,
}

#[derive(Deserialize)]
struct TriggerFunction {
    trigger: String,
    function: String,
    source: String,
}

#[derive(Deserialize)]
struct RowFunction {
    function: String,
    returns: bool,
    source: String,
}

#[derive(Deserialize)]
struct Mention {
    function: String,
    source: String,
}

/// Looks at the functions of every table that still has its old name.
pub(super) async fn check(engine: &Engine<'_>, survey: &Survey) -> Result<Vec<Finding>, Stop> {
    let mut found = Vec::new();
    for (table, place) in engine.tables().iter().zip(&survey.places) {
        let Some(base) = base(survey, table, place).filter(|base| base.name == table.from) else { continue };
        let sql = include_str!("functions.sql")
            .replace("{oid}", &base.oid.to_string())
            .replace("{name}", &literal(&table.from.to_lowercase()));
        let asked: Asked = engine.session.json("asking about functions", &sql).await?;
        found.extend(judged(table, base, &asked));
    }
    Ok(found)
}

fn judged(table: &Table, base: &Relation, asked: &Asked) -> Vec<Finding> {
    let columns: Vec<Column> = renames(base, table).into_iter().map(|(from, _)| Column::new(from)).collect();
    let handled = |function: &String| table.hooks.iter().any(|hook| hook.functions.contains(function));
    let mut found = Vec::new();
    let name = &base.name;
    for each in asked.triggers.iter().filter(|each| !handled(&each.function)) {
        let hook = format!(
            "Read the row by to_jsonb(NEW), or replace {} in a hook of the spec (on_switch, on_rollback)",
            each.function
        );
        if let Some(Column { name: column, .. }) = columns.iter().find(|column| column.is_field_in(&each.source)) {
            let reason = format!(
                "trigger {} calls {}, which uses NEW.{column} or OLD.{column}: every write would fail",
                each.trigger, each.function
            );
            found.push(block("trigger_function", name, reason, hook));
        } else if let Some(Column { name: column, .. }) = columns.iter().find(|column| column.is_in(&each.source)) {
            let reason = format!("trigger {} calls {}, which mentions {column}", each.trigger, each.function);
            found.push(warn("trigger_mentions", name, reason, "Make sure that it works by both names; else a hook"));
        }
    }
    for each in asked.row_types.iter().filter(|each| !handled(&each.function)) {
        let used = columns.iter().find(|column| column.is_in(&each.source));
        if each.returns && !columns.is_empty() {
            let reason =
                format!("{} returns its row type: its columns would change their names at the switch", each.function);
            let cure = format!("Re-declare it as RETURNS TABLE (…), or replace {} in a hook", each.function);
            found.push(block("row_type_function", name, reason, cure));
        } else if let Some(Column { name: column, .. }) = used {
            let reason = format!("{} takes its row type and uses {column}", each.function);
            found.push(block("row_type_function", name, reason, "Replace it in a hook of the spec"));
        } else {
            let reason =
                format!("{} takes its row type, which after the switch is that of the new name", each.function);
            found.push(warn("row_type_argument", name, reason, "Callers by the old name must cast"));
        }
    }
    for column in &asked.columns {
        found.push(warn(
            "row_type_column",
            name,
            format!("{column} is of its row type"),
            "Field names there change too",
        ));
    }
    let named = word(&table.from);
    let mentioned = asked.mentions.iter().filter(|each| named.as_ref().is_some_and(|it| it.is_match(&each.source)));
    let mentioned: Vec<&str> = mentioned.map(|each| &*each.function).collect();
    if !mentioned.is_empty() {
        let reason = format!("functions mention it: {}", mentioned.join(", "));
        found.push(warn(
            "functions_mention",
            name,
            reason,
            "They work until `contract`; move them to the new name before",
        ));
    }
    let views: Vec<&str> = views(base, table).collect();
    if !views.is_empty() {
        let reason = format!("views read it: {}", views.join(", "));
        found.push(warn("views_mention", name, reason, "They go on working, whatever the table is called"));
    }
    found
}

/// Views over the table that are not the engine's own.
fn views<'a>(base: &'a Relation, table: &'a Table) -> impl Iterator<Item = &'a str> {
    let quoted = qualified(&base.schema, &table.to).replace('"', "");
    base.dependants.iter().map(String::as_str).filter(move |view| view.replace('"', "") != quoted)
}

/// A column that is renamed, and how it is found in the source of a function.
struct Column {
    name: String,
    field: Option<Regex>,
    word: Option<Regex>,
}

impl Column {
    fn new(name: String) -> Self {
        Self { field: record_field(&name), word: word(&name), name }
    }

    fn is_field_in(&self, source: &str) -> bool {
        self.field.as_ref().is_some_and(|it| it.is_match(source))
    }

    fn is_in(&self, source: &str) -> bool {
        self.word.as_ref().is_some_and(|it| it.is_match(source))
    }
}

/// `NEW.column` or `OLD."column"`.
fn record_field(column: &str) -> Option<Regex> {
    pattern(&format!(r#"\b(new|old)\s*\.\s*"?{}"?(\W|$)"#, regex::escape(column)))
}

fn word(name: &str) -> Option<Regex> {
    pattern(&format!(r"(^|\W){}(\W|$)", regex::escape(name)))
}

fn pattern(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).case_insensitive(true).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_record_are_found() {
        let status = record_field("status").unwrap();
        for source in ["IF NEW.status = 'x'", "new . \"status\"", "OLD.Status;"] {
            assert!(status.is_match(source), "{source}");
        }
        for source in ["NEW.status_at", "renew.status", "to_jsonb(NEW) ->> 'status'"] {
            assert!(!status.is_match(source), "{source}");
        }
    }
}
