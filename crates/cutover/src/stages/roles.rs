//! Whether each role sees the same by either name. It must not know how the names came to be.

use crate::catalogue::Relation;
use crate::ops::View;
use crate::quote::{ident, idents, literal, qualified};
use crate::session::{DbError, Session};
use std::collections::BTreeSet;

/// How many rows a role is shown, by key.
const ROWS: u32 = 200;

/// What differs, for each role that the engine may become.
pub(super) async fn compare(session: &Session, base: &Relation, view: &View) -> Result<Vec<String>, DbError> {
    let granted = base.grants.iter().chain(base.columns.iter().flat_map(|column| &column.grants));
    let named: BTreeSet<&String> =
        granted.filter_map(|grant| grant.to.as_ref()).filter(|to| **to != base.owner).collect();
    let mut problems = Vec::new();
    for role in named {
        let may = format!(
            "SELECT to_json(coalesce((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_catalog.pg_roles
                WHERE rolname = {}), false))",
            literal(role)
        );
        if session.json("asking for membership", &may).await? {
            let (by_table, by_view) = both(session, role, base, view).await?;
            if by_table != by_view {
                problems.push(format!(
                    "role {role} sees {by_table} through {} and {by_view} through {}",
                    view.base, view.name
                ));
            }
        }
    }
    Ok(problems)
}

/// What the role sees by each name, in one snapshot where it may see anything.
async fn both(session: &Session, role: &str, base: &Relation, view: &View) -> Result<(String, String), DbError> {
    let key: Vec<&str> = base.key_columns().iter().map(|column| &*column.name).collect();
    let by_table = look(&qualified(&base.schema, &view.base), view.columns.iter().map(|(from, _)| &**from), &key);
    let aliases: Vec<&str> = key.iter().map(|name| view.alias(name)).collect();
    let by_view = look(&qualified(&base.schema, &view.name), view.columns.iter().map(|(_, to)| &**to), &aliases);
    match asked(session, role, &format!("SELECT json_build_array(({by_table}), ({by_view}))")).await? {
        Ok(answer) => {
            let [one, other]: [String; 2] = serde_json::from_str(&answer).unwrap_or_default();
            Ok((one, other))
        }
        Err(_) => {
            let alone = |sql: &str| format!("SELECT json_build_array(({sql}))");
            let one = asked(session, role, &alone(&by_table)).await?.unwrap_or_else(|code| format!("error {code}"));
            let other = asked(session, role, &alone(&by_view)).await?.unwrap_or_else(|code| format!("error {code}"));
            // What took too long says nothing.
            let slow = |answer: &str| answer == "error 57014" || answer == "error 55P03";
            if slow(&one) || slow(&other) {
                return Ok((String::new(), String::new()));
            }
            Ok((one, other))
        }
    }
}

fn look<'a>(from: &str, columns: impl Iterator<Item = &'a str>, key: &[&str]) -> String {
    let order =
        if key.is_empty() { String::new() } else { format!("ORDER BY {} LIMIT {ROWS}", idents(key.iter().copied())) };
    format!(
        "SELECT count(*) || ' rows, ' || md5(coalesce(string_agg(row, '|' ORDER BY row), ''))
        FROM (SELECT ROW({})::text AS row FROM {from} {order}) AS seen",
        idents(columns)
    )
}

/// The answer, or the SQLSTATE that it was refused with.
async fn asked(session: &Session, role: &str, sql: &str) -> Result<Result<String, String>, DbError> {
    let begin = format!("BEGIN READ ONLY; SET LOCAL ROLE {}; SET LOCAL statement_timeout = '1s'", ident(role));
    let answer = async {
        session.execute("becoming a role", &begin).await?;
        session.json::<serde_json::Value>("looking as a role", sql).await
    };
    let answer = answer.await;
    session.rollback().await?;
    match answer {
        Ok(answer) => Ok(Ok(answer.to_string())),
        Err(error) if error.is_lost() => Err(error),
        Err(error) => Ok(Err(error.code().map_or("without a code", |code| code.code()).to_owned())),
    }
}
