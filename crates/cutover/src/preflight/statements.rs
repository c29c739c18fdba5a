//! What `pg_stat_statements` has seen, where it is installed: statements that do not work through a view, and how often a
//! name was used. It must not decide what follows.

use super::warn;
use crate::engine::{Engine, Survey};
use crate::quote::{ident, literal, shown};
use crate::report::{Finding, Stop};
use crate::session::{DbError, Session};
use regex::{Regex, RegexBuilder};

/// What does not work through a view, and why.
const BROKEN: [(&str, &str); 6] = [
    (r"on\s+conflict\s+on\s+constraint", "ON CONFLICT ON CONSTRAINT needs the table's own name"),
    (r"^\s*merge\s+into", "MERGE into a view needs PostgreSQL 17"),
    (r"^\s*copy\s", "COPY needs the table's own name"),
    (r"^\s*truncate\s", "TRUNCATE needs the table's own name"),
    (r"\bctid\b", "a view has no ctid"),
    (r"^\s*(alter\s+table|create\s+(unique\s+)?index|create\s+trigger)\b", "DDL needs the table's own name"),
];

/// The view of the extension, with its schema; nothing where it is not installed or not loaded.
async fn relation(session: &Session) -> Result<Option<String>, DbError> {
    let sql = "SELECT coalesce((SELECT to_json(n.nspname) FROM pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'), 'null')";
    let schema: Option<String> = session.json("looking for pg_stat_statements", sql).await?;
    Ok(schema.map(|schema| format!("{}.pg_stat_statements", ident(&schema))))
}

/// A pattern for any of these names as a whole word.
fn any_of(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    format!("(^|[^[:alnum:]_])({})([^[:alnum:]_]|$)", names.join("|"))
}

/// How many statements on these names were counted so far; nothing where nobody counts.
pub(crate) async fn calls(session: &Session, names: &[&str]) -> Result<Option<i64>, DbError> {
    let Some(relation) = relation(session).await? else { return Ok(None) };
    let sql = format!(
        "SELECT to_json(coalesce(sum(calls), 0)::bigint) FROM {relation}
        WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
            AND query ~* {}",
        literal(&any_of(names))
    );
    // Installed and not loaded: it refuses.
    match session.json("asking pg_stat_statements", &sql).await {
        Ok(calls) => Ok(Some(calls)),
        Err(error) if error.is_lost() => Err(error),
        Err(_) => Ok(None),
    }
}

/// What statements took, added up: how many, their milliseconds, and the squares of these.
pub(crate) type Spent = (i64, f64, f64);

/// The same with what they took.
pub(crate) async fn spent(session: &Session, names: &[&str]) -> Result<Option<Spent>, DbError> {
    let Some(relation) = relation(session).await? else { return Ok(None) };
    let sql = format!(
        "SELECT json_build_array(coalesce(sum(calls), 0)::bigint, coalesce(sum(total_exec_time), 0),
            coalesce(sum(calls * (stddev_exec_time ^ 2 + mean_exec_time ^ 2)), 0)) FROM {relation}
        WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
            AND query ~* {}",
        literal(&any_of(names))
    );
    match session.json("asking pg_stat_statements", &sql).await {
        Ok(spent) => Ok(Some(spent)),
        Err(error) if error.is_lost() => Err(error),
        Err(_) => Ok(None),
    }
}

pub(super) async fn check(engine: &Engine<'_>, _survey: &Survey) -> Result<Vec<Finding>, Stop> {
    let Some(relation) = relation(&engine.session).await? else { return Ok(Vec::new()) };
    let names: Vec<&str> = engine.tables().iter().flat_map(|table| [&*table.from, &*table.to]).collect();
    let sql = format!(
        "SELECT coalesce(json_agg(query), '[]') FROM (SELECT DISTINCT query FROM {relation}
        WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
            AND userid IN (SELECT oid FROM pg_catalog.pg_roles)
            AND query ~* {} LIMIT 2000) AS seen",
        literal(&any_of(&names))
    );
    let Ok(queries) = engine.session.json::<Vec<String>>("asking pg_stat_statements", &sql).await else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (pattern, reason) in BROKEN {
        let Some(pattern) = compiled(pattern) else { continue };
        for query in queries.iter().filter(|query| pattern.is_match(query)).take(5) {
            found.push(warn("statement", &shown(query, 120), reason, "Use the name that the table has at that moment"));
        }
    }
    Ok(found)
}

fn compiled(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(pattern).case_insensitive(true).build().ok()
}
