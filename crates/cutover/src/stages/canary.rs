//! A row of our own, written through both names and taken back: nobody else ever sees it. It must not know what follows.

use crate::catalogue::{Column, Relation};
use crate::engine::Survey;
use crate::generate::expected_view;
use crate::ops::View;
use crate::position::Position;
use crate::quote::{ident, literal, qualified};
use crate::session::{DbError, Session};
use crate::spec::Table;
use uuid::Uuid;

/// What does not work through one of the names.
pub(super) async fn sing(
    session: &Session,
    survey: &Survey,
    table: &Table,
    at: Position,
) -> Result<Vec<String>, DbError> {
    let Some(view) = expected_view(&survey.snapshot, table, at, &survey.memory(table)) else { return Ok(Vec::new()) };
    let Some(base) = survey.snapshot.relation(&view.base) else { return Ok(Vec::new()) };
    let Some(statements) = statements(base, &view) else { return Ok(Vec::new()) };
    let mut problems = Vec::new();
    let begin = "BEGIN; SET LOCAL lock_timeout = '50ms'; SET LOCAL statement_timeout = '500ms'";
    session.execute("the canary", begin).await?;
    for (name, sql) in statements {
        match session.execute(&format!("the canary through {name}"), &sql).await {
            Ok(()) => {}
            Err(error) if error.is_lost() => return Err(error),
            Err(error) => {
                // A copy of a row may break a rule of the table, and somebody may be in the way: that says nothing.
                if !error.is_lock_trouble() && error.code().is_none_or(|code| !code.code().starts_with("23")) {
                    problems.push(error.to_string());
                }
                break;
            }
        }
    }
    session.rollback().await?;
    Ok(problems)
}

/// Insert by one name, change and read by the other, delete by the first.
fn statements(base: &Relation, view: &View) -> Option<Vec<(String, String)>> {
    let [key] = base.key_columns()[..] else { return None };
    let canary = match &*key.kind {
        "text" | "character varying" => literal(&format!("dispatch-cutover-canary-{}", Uuid::now_v7())),
        "uuid" => literal(&Uuid::now_v7().to_string()),
        _ => return None,
    };
    let (table, other) = (qualified(&base.schema, &view.base), qualified(&base.schema, &view.name));
    let copied: Vec<&Column> = base.columns.iter().filter(|column| is_copied(column, key)).collect();
    let names = |by: &dyn Fn(&str) -> String| {
        let names = std::iter::once(key).chain(copied.iter().copied()).map(|column| by(&column.name));
        names.collect::<Vec<_>>().join(", ")
    };
    let selected: Vec<String> =
        std::iter::once(canary.clone()).chain(copied.iter().map(|column| ident(&column.name))).collect();
    let (key_there, key_here) = (ident(view.alias(&key.name)), ident(&key.name));
    let changed = copied.first().map_or(&key.name, |column| &column.name);
    let (here, there) = (ident(changed), ident(view.alias(changed)));
    Some(vec![
        (
            view.name.clone(),
            format!(
                "INSERT INTO {other} ({}) SELECT {} FROM {table} LIMIT 1",
                names(&|name| ident(view.alias(name))),
                selected.join(", ")
            ),
        ),
        (view.base.clone(), format!("UPDATE {table} SET {here} = {here} WHERE {key_here} = {canary}")),
        (view.name.clone(), format!("UPDATE {other} SET {there} = {there} WHERE {key_there} = {canary}")),
        (view.base.clone(), format!("DELETE FROM {table} WHERE {key_here} = {canary}")),
    ])
}

/// A value that the table asks for, or would otherwise make up by itself.
fn is_copied(column: &Column, key: &Column) -> bool {
    let fact = |name: &str| column.facts.get(name).and_then(|value| value.as_str()).unwrap_or_default() != "";
    let wanted =
        column.facts.get("not_null").and_then(serde_json::Value::as_bool) == Some(true) || column.default.is_some();
    wanted && column.number != key.number && !fact("identity") && !fact("generated")
}
