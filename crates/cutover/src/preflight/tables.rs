//! What the tables themselves say, and what must be asked about them.

use super::{block, warn};
use crate::catalogue::{Grant, Relation};
use crate::engine::{Engine, Survey};
use crate::generate::INVOKER_VIEWS;
use crate::position::{Place, Position, renames};
use crate::quote::{ident, literal, qualified};
use crate::report::{Finding, Level, Stop};
use crate::spec::Table;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The table behind a place, whichever of its names it has.
pub(super) fn base<'a>(survey: &'a Survey, table: &Table, place: &Place) -> Option<&'a Relation> {
    match place {
        Place::At(Position::Legacy | Position::Expanded) => survey.snapshot.relation(&table.from),
        Place::At(_) => survey.snapshot.relation(&table.to),
        Place::Taken { .. } => survey.snapshot.relation(&table.from).filter(|relation| relation.is_table()),
        _ => None,
    }
}

/// What the snapshot alone tells.
pub(super) fn check(survey: &Survey, table: &Table, place: &Place) -> Vec<Finding> {
    let Some(base) = base(survey, table, place) else { return Vec::new() };
    let mut found = Vec::new();
    let name = &base.name;
    if base.name == table.from {
        found.extend(taken_columns(base, table));
    }
    if base.row_security && survey.snapshot.server.version < INVOKER_VIEWS {
        found.push(block(
            "row_security_before_15",
            name,
            "row level security is on, and views of this PostgreSQL would by-pass it",
            "Upgrade to PostgreSQL 15 or newer",
        ));
    }
    if !base.rules.is_empty() {
        let rules = base.rules.join(", ");
        found.push(block("rules", name, format!("it has rules ({rules})"), "Replace them by triggers"));
    }
    if base.force_row_security {
        let reason = "row level security is forced on its owner, so that `verify` sees only what the owner may see";
        found.push(warn("forced_row_security", name, reason, "Run `verify` as a role with BYPASSRLS"));
    }
    if base.key.is_empty() {
        let reason = "it has no key, so that `verify` compares it in one long statement";
        found.push(warn("no_key", name, reason, "Add a primary key"));
    }
    for constraint in base.constraints.iter().filter(|each| !each.valid) {
        let reason = format!("constraint {} is not validated", constraint.name);
        found.push(warn("not_validated", name, reason, "It stays so; VALIDATE it when it suits"));
    }
    found.extend(part_readers(base, table));
    found.extend(fills(base, table));
    found.extend(published(base));
    found
}

fn taken_columns(base: &Relation, table: &Table) -> Vec<Finding> {
    let renamed = renames(base, table);
    let taken = renamed.iter().filter(|(_, to)| base.column(to).is_some());
    taken
        .map(|(from, to)| {
            let reason = format!("it has a column {to} already, and {from} is to become that");
            block("column_taken", &base.name, reason, format!("Rename or drop {to}, or take {from} out of the spec"))
        })
        .collect()
}

/// Roles that may read some columns and not the table: a view asks for all of its columns, whichever are read.
fn part_readers(base: &Relation, table: &Table) -> Option<Finding> {
    let reads = |grant: &&Grant| grant.privilege == "SELECT";
    let whole: BTreeSet<&Option<String>> = base.grants.iter().filter(reads).map(|grant| &grant.to).collect();
    let of_columns = base.columns.iter().flat_map(|column| &column.grants).filter(reads).map(|grant| &grant.to);
    let part: BTreeSet<&Option<String>> =
        of_columns.filter(|to| !whole.contains(to) && !whole.contains(&None)).collect();
    if part.is_empty() {
        return None;
    }
    let named = |role: &Option<String>| role.as_deref().map_or_else(|| "PUBLIC".to_owned(), ident);
    let roles = part.into_iter().map(named).collect::<Vec<_>>().join(", ");
    let (old, new, now) = (&table.from, &table.to, qualified(&base.schema, &base.name));
    let reason = format!(
        "{roles} may read some of its columns only, and a view asks for all of them: they can read by {old} alone before \
         `switch`, and by {new} alone after it"
    );
    let cure = format!(
        "GRANT SELECT ON {now} TO {roles} (policies still choose the rows), or let them change their name with `switch`"
    );
    Some(warn("column_readers", &base.name, reason, cure))
}

/// Triggers that run for each row that a backfill fills.
fn fills(base: &Relation, table: &Table) -> Vec<Finding> {
    let triggers: Vec<&str> = base.triggers.iter().filter(|each| each.on_update).map(|each| &*each.name).collect();
    let unaccepted = table.add.iter().filter(|added| !added.accept_triggers && !triggers.is_empty());
    unaccepted
        .map(|added| {
            let reason = format!("filling {} runs {} for each row", added.name, triggers.join(", "));
            block(
                "backfill_triggers",
                &base.name,
                reason,
                "Say accept_triggers in the spec, or replace the trigger by a hook",
            )
        })
        .collect()
}

fn published(base: &Relation) -> Vec<Finding> {
    let names: Vec<&str> = base.publications.iter().map(|each| &*each.name).collect();
    let realtime = names.iter().any(|name| name.starts_with("supabase_realtime"));
    if !realtime {
        return Vec::new();
    }
    vec![warn(
        "realtime",
        &base.name,
        "it is published to Realtime: after the switch events carry its new name and new column names, and new \
         subscriptions to the old name hear nothing",
        "Let clients that listen drain first; `switch` refuses while it can see one, unless --accept-realtime-rename",
    )]
}

#[derive(Deserialize)]
struct Asked {
    owner: bool,
    grantors: Vec<String>,
    vacuum: Option<String>,
    shadows: Vec<String>,
    checks: Vec<Check>,
    foreign_slots: Vec<String>,
    published: bool,
    wider: Vec<String>,
}

/// A CHECK over one column that has a default.
#[derive(Deserialize)]
struct Check {
    name: String,
    column: String,
    expression: String,
    default: String,
    kind: String,
}

/// What only the database can tell.
pub(super) async fn asked(engine: &Engine<'_>, survey: &Survey) -> Result<Vec<Finding>, Stop> {
    let mut found = Vec::new();
    for (table, place) in engine.tables().iter().zip(&survey.places) {
        let Some(base) = base(survey, table, place) else { continue };
        let sql = include_str!("tables.sql")
            .replace("{oid}", &base.oid.to_string())
            .replace("{names}", &format!("{}, {}", literal(&table.from), literal(&table.to)))
            .replace("{schema}", &literal(&base.schema))
            .replace("{path}", &path(&engine.session.search_path));
        let asked: Asked = engine.session.json("asking about a table", &sql).await?;
        found.extend(answers(&asked, base));
        for check in &asked.checks {
            if violated(engine, check).await {
                let reason = format!("the default of {} is refused by {}", check.column, check.name);
                found.push(warn("default_refused", &base.name, reason, "It stays as it is; rows must give a value"));
            }
        }
    }
    Ok(found)
}

fn path(search_path: &[String]) -> String {
    let names: Vec<String> = search_path.iter().map(|schema| literal(schema)).collect();
    if names.is_empty() { "ARRAY[]::text[]".to_owned() } else { format!("ARRAY[{}]", names.join(", ")) }
}

fn answers(asked: &Asked, base: &Relation) -> Vec<Finding> {
    let mut found = Vec::new();
    let name = &base.name;
    if !asked.owner {
        let (reason, cure) =
            (format!("you are not {}, who owns it", base.owner), "Connect as its owner, or as a member of that role");
        found.push(block("not_owner", name, reason, cure));
    }
    if !asked.grantors.is_empty() {
        let reason = format!("{} granted privileges that views will show as the owner's", asked.grantors.join(", "));
        found.push(warn("other_grantors", name, reason, "Nothing is lost; only the grantor differs"));
    }
    match asked.vacuum.as_deref() {
        Some("wraparound") => found.push(block(
            "wraparound_vacuum",
            name,
            "an autovacuum to prevent wraparound is running, which gives way to nobody",
            "Wait until it is through",
        )),
        Some("hidden") => found.push(warn(
            "vacuum",
            name,
            "an autovacuum is running; whether it is one to prevent wraparound may not be seen",
            "If `switch` does not get its locks, wait until it is through",
        )),
        _ => {}
    }
    for shadow in &asked.shadows {
        let cure = "Rename it, or take its schema out of the search_path of clients";
        found.push(block("shadowed", name, format!("{shadow} comes earlier in the search_path"), cure));
    }
    if !asked.foreign_slots.is_empty() {
        let slots = asked.foreign_slots.join(", ");
        let cure = "Logical subscribers match tables by name: end the subscription first, and begin it anew afterwards";
        if asked.published {
            let reason = format!("it is published, and replication slots that are not Realtime's exist ({slots})");
            found.push(block("foreign_subscriber", name, reason, cure));
        } else {
            found.push(warn("logical_slots", name, format!("logical replication slots exist ({slots})"), cure));
        }
    }
    if !asked.wider.is_empty() {
        let reason =
            format!("default privileges would give {} more on a view than on the table", asked.wider.join(", "));
        found.push(warn("wide_defaults", name, reason, "Views get exactly the table's privileges; nothing to do"));
    }
    found
}

/// Whether a default breaks its check. Evaluated where nothing can be written; what cannot be evaluated is no finding.
async fn violated(engine: &Engine<'_>, check: &Check) -> bool {
    let sql = format!(
        "SELECT to_json(coalesce(({}), true)) FROM (SELECT ({})::{} AS {}) AS row",
        check.expression,
        check.default,
        check.kind,
        crate::quote::ident(&check.column)
    );
    let begun =
        engine.session.execute("beginning to look", "BEGIN READ ONLY; SET LOCAL statement_timeout = '200ms'").await;
    let answer = match begun {
        Ok(()) => engine.session.json::<bool>("trying a default", &sql).await,
        Err(error) => Err(error),
    };
    let _whatever_came_of_it = engine.session.rollback().await;
    matches!(answer, Ok(false))
}

/// Clients that listen to the old name through Realtime, as far as they can be seen: they would hear nothing more.
pub(crate) async fn listeners(engine: &Engine<'_>, survey: &Survey) -> Result<Vec<Finding>, Stop> {
    let there = "SELECT to_json(to_regclass('realtime.subscription') IS NOT NULL
        AND has_table_privilege(to_regclass('realtime.subscription'), 'SELECT'))";
    if engine.options.accept_realtime_rename
        || !matches!(engine.session.json("looking for Realtime", there).await, Ok(true))
    {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for (table, place) in engine.tables().iter().zip(&survey.places) {
        let Some(base) = base(survey, table, place).filter(|base| base.name == table.from) else { continue };
        let sql = format!("SELECT to_json(count(*)) FROM realtime.subscription WHERE entity::oid = {}::oid", base.oid);
        // Its shape is Supabase's own affair: what cannot be read is not known.
        let listening: i64 = engine.session.json("counting listeners", &sql).await.unwrap_or(0);
        if listening > 0 {
            let reason =
                format!("{listening} clients listen to it through Realtime and would hear nothing after the switch");
            let cure = "Wait until they have gone, or say --accept-realtime-rename";
            found.push(Finding { level: Level::Block, ..warn("realtime_listeners", &base.name, reason, cure) });
        }
    }
    Ok(found)
}
