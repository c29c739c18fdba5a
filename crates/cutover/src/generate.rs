//! From a snapshot to the changes that take a table one step on or back. Pure: no database, no clock. It must not know
//! locks, retries or records.

use crate::catalogue::{Grant, Relation, Snapshot, matches};
use crate::names;
use crate::ops::{Op, View};
use crate::position::{MARK, Position, new_names, old_names_by, renames};
use crate::spec::{Spec, Table};
use serde::{Deserialize, Serialize};

/// PostgreSQL 15: views that ask with the rights of whoever reads them.
pub(crate) const INVOKER_VIEWS: i32 = 150_000;

/// One step of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Move {
    Expand,
    Switch,
    Contract,
    /// From contracted to switched.
    Restore,
    /// From switched to expanded.
    SwitchBack,
    /// From expanded to legacy.
    Withdraw,
    /// The new names' view once more, for it is not as it should be.
    RefreshNew,
    /// The old names' view once more.
    RefreshOld,
}

impl Move {
    pub(crate) fn from(self) -> Position {
        match self {
            Self::Expand => Position::Legacy,
            Self::Switch | Self::Withdraw | Self::RefreshNew => Position::Expanded,
            Self::Contract | Self::SwitchBack | Self::RefreshOld => Position::Switched,
            Self::Restore => Position::Contracted,
        }
    }

    pub(crate) fn to(self) -> Position {
        match self {
            Self::Withdraw => Position::Legacy,
            Self::Expand | Self::SwitchBack | Self::RefreshNew => Position::Expanded,
            Self::Switch | Self::Restore | Self::RefreshOld => Position::Switched,
            Self::Contract => Position::Contracted,
        }
    }

    /// The next step from one position towards another.
    pub(crate) fn towards(from: Position, to: Position) -> Option<Self> {
        match (from, to) {
            (from, to) if from == to => None,
            (Position::Legacy, _) => Some(Self::Expand),
            (Position::Expanded, Position::Legacy) => Some(Self::Withdraw),
            (Position::Expanded, _) => Some(Self::Switch),
            (Position::Switched, Position::Contracted) => Some(Self::Contract),
            (Position::Switched, _) => Some(Self::SwitchBack),
            (Position::Contracted, _) => Some(Self::Restore),
        }
    }
}

/// What is on record about a table, where the catalogue alone cannot say it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Memory {
    /// Columns: old name and new.
    #[serde(default)]
    pub(crate) columns: Vec<(String, String)>,
    /// What `contract` renamed.
    #[serde(default)]
    pub(crate) renamed: Vec<names::Renamed>,
}

/// The changes of one step. The table must stand where the step begins.
pub(crate) fn ops(snapshot: &Snapshot, spec: &Spec, table: &Table, step: Move, memory: &Memory) -> Vec<Op> {
    let name = if step.from() <= Position::Expanded { &table.from } else { &table.to };
    let Some(base) = snapshot.relation(name) else { return Vec::new() };
    let drop_view = |name: &String| Op::DropView { schema: spec.schema.clone(), name: name.clone() };
    match step {
        Move::Expand => {
            let mut ops = added(base, spec, table);
            let base = with_added(base, table);
            ops.push(create(snapshot, &base, table, &table.to, new_names(&base, table)));
            ops
        }
        Move::Withdraw => vec![drop_view(&table.to)],
        Move::Switch => {
            let mut ops = vec![drop_view(&table.to)];
            ops.extend(rename(base, spec, renames(base, table), &table.to));
            ops.extend(table.hooks.iter().map(|hook| Op::Hook { sql: hook.on_switch.clone() }));
            let renamed = renamed(base, &table.to, &new_names(base, table));
            ops.push(create(snapshot, &renamed, table, &table.from, column_names(base)));
            ops
        }
        Move::SwitchBack => {
            let old = old_names_by(base, table, Some(memory.columns.as_slice()));
            let back = base.columns.iter().zip(&old).filter(|(column, old)| column.name != **old);
            let back = back.map(|(column, old)| (column.name.clone(), old.clone())).collect();
            let mut ops = vec![drop_view(&table.from)];
            ops.extend(rename(base, spec, back, &table.from));
            ops.extend(table.hooks.iter().map(|hook| Op::Hook { sql: hook.on_rollback.clone() }));
            let renamed = renamed(base, &table.from, &old);
            ops.push(create(snapshot, &renamed, table, &table.to, column_names(base)));
            ops
        }
        Move::Contract => {
            let mut ops = vec![drop_view(&table.from)];
            ops.extend(names::renames(snapshot, base, table).iter().map(|each| each.op(spec, table)));
            ops
        }
        Move::Restore => {
            let there = memory.renamed.iter().filter(|each| each.is_there(base));
            let mut ops: Vec<Op> = there.map(|each| each.reversed().op(spec, table)).collect();
            ops.push(create(
                snapshot,
                base,
                table,
                &table.from,
                old_names_by(base, table, Some(memory.columns.as_slice())),
            ));
            ops
        }
        Move::RefreshNew | Move::RefreshOld => {
            let view = expected_view(snapshot, table, step.from(), memory);
            view.map(|view| vec![drop_view(&view.name), Op::CreateView(Box::new(view))]).unwrap_or_default()
        }
    }
}

/// What a step leaves to be remembered.
pub(crate) fn remembered(snapshot: &Snapshot, table: &Table, step: Move, memory: &Memory) -> Memory {
    let mut memory = memory.clone();
    match step {
        Move::Expand | Move::Switch => {
            if let Some(base) = snapshot.relation(&table.from) {
                memory.columns = renames(base, table);
            }
        }
        Move::Contract => {
            if let Some(base) = snapshot.relation(&table.to) {
                memory.renamed = names::renames(snapshot, base, table);
            }
        }
        Move::Restore => memory.renamed.clear(),
        Move::SwitchBack | Move::Withdraw | Move::RefreshNew | Move::RefreshOld => {}
    }
    memory
}

/// The view that should stand beside a table which is expanded or switched.
pub(crate) fn expected_view(snapshot: &Snapshot, table: &Table, at: Position, memory: &Memory) -> Option<View> {
    let (base, view) = match at {
        Position::Expanded => (&table.from, &table.to),
        Position::Switched => (&table.to, &table.from),
        Position::Legacy | Position::Contracted => return None,
    };
    let base = snapshot.relation(base)?;
    let aliases = match at {
        Position::Expanded => new_names(base, table),
        _ => old_names_by(base, table, Some(memory.columns.as_slice())),
    };
    Some(view_of(snapshot, base, table, view, aliases))
}

/// What of a view is not as it should be, in words.
pub(crate) fn drift(snapshot: &Snapshot, expected: &View) -> Vec<String> {
    let (Some(view), Some(base)) = (snapshot.relation(&expected.name), snapshot.relation(&expected.base)) else {
        return vec![format!("{} is not there", expected.name)];
    };
    let aliases: Vec<String> = expected.columns.iter().map(|(_, alias)| alias.clone()).collect();
    let mut found = Vec::new();
    let mut check = |same: bool, what: &str| {
        if !same {
            found.push(format!("{} has {what}", expected.name));
        }
    };
    check(view.definition.as_deref().is_some_and(|text| matches(text, base, &aliases)), "another definition");
    check(view.options.iter().any(|option| option == "security_invoker=true") == expected.invoker, "other options");
    check(view.owner == base.owner, "another owner");
    check(sorted(&view.grants) == sorted(&expected.grants), "other privileges");
    let mut granted: Vec<(String, Grant)> = Vec::new();
    for column in &view.columns {
        granted.extend(column.grants.iter().map(|grant| (column.name.clone(), grant.clone())));
    }
    let mut wanted = expected.column_grants.clone();
    granted.sort();
    wanted.sort();
    check(granted == wanted, "other privileges on columns");
    found
}

fn sorted(grants: &[Grant]) -> Vec<Grant> {
    let mut grants = grants.to_vec();
    grants.sort();
    grants.dedup();
    grants
}

fn added(base: &Relation, spec: &Spec, table: &Table) -> Vec<Op> {
    let missing = table.add.iter().filter(|added| base.column(&added.name).is_none());
    missing
        .map(|added| Op::AddColumn {
            schema: spec.schema.clone(),
            table: base.name.clone(),
            name: added.name.clone(),
            kind: added.kind.clone(),
        })
        .collect()
}

/// The table as it is once it has the columns that the spec adds.
pub(crate) fn with_added(base: &Relation, table: &Table) -> Relation {
    let mut base = base.clone();
    for added in &table.add {
        if base.column(&added.name).is_none() {
            let number = base.columns.iter().map(|column| column.number).max().unwrap_or(0) + 1;
            base.columns.push(crate::catalogue::Column {
                number,
                name: added.name.clone(),
                kind: added.kind.clone(),
                comment: None,
                default: None,
                facts: serde_json::Value::Null,
                grants: Vec::new(),
            });
        }
    }
    base
}

fn rename(base: &Relation, spec: &Spec, columns: Vec<(String, String)>, to: &str) -> Vec<Op> {
    let (schema, table) = (&spec.schema, &base.name);
    let column = |(from, to)| Op::RenameColumn { schema: schema.clone(), table: table.clone(), from, to };
    let mut ops: Vec<Op> = columns.into_iter().map(column).collect();
    ops.push(Op::RenameTable { schema: schema.clone(), from: table.clone(), to: to.to_owned() });
    ops
}

fn renamed(base: &Relation, name: &str, columns: &[String]) -> Relation {
    let mut base = base.clone();
    name.clone_into(&mut base.name);
    for (column, name) in base.columns.iter_mut().zip(columns) {
        column.name.clone_from(name);
    }
    base
}

fn column_names(base: &Relation) -> Vec<String> {
    base.columns.iter().map(|column| column.name.clone()).collect()
}

fn create(snapshot: &Snapshot, base: &Relation, table: &Table, name: &str, aliases: Vec<String>) -> Op {
    Op::CreateView(Box::new(view_of(snapshot, base, table, name, aliases)))
}

fn view_of(snapshot: &Snapshot, base: &Relation, table: &Table, name: &str, aliases: Vec<String>) -> View {
    let server = &snapshot.server;
    // PUBLIC and the owner always, for what they have by default is not on any list.
    let mut revoke_from = vec![None, Some(base.owner.clone())];
    for role in &server.default_grantees {
        if !revoke_from.contains(role) {
            revoke_from.push(role.clone());
        }
    }
    let column_grants = base
        .columns
        .iter()
        .zip(&aliases)
        .flat_map(|(column, alias)| column.grants.iter().map(|grant| (alias.clone(), grant.clone())));
    let which = if name == table.to { "new" } else { "old" };
    View {
        schema: base.schema.clone(),
        name: name.to_owned(),
        base: base.name.clone(),
        column_grants: column_grants.collect(),
        columns: base.columns.iter().map(|column| column.name.clone()).zip(aliases).collect(),
        invoker: server.version >= INVOKER_VIEWS,
        owner: base.owner.clone(),
        revoke_from,
        grants: sorted(&base.grants),
        comment: format!("{MARK} {} under its {which} name. Made and removed by `dispatch cutover`.", base.name),
    }
}
