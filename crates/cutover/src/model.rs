//! What a change does to a snapshot: a model of PostgreSQL, as far as the engine uses it. With it the plan of a later
//! stage is known before the earlier ones have run. It must not know SQL.

use crate::catalogue::{Column, Relation, Snapshot};
use crate::generate::{Memory, Move, ops, remembered};
use crate::ops::{Op, View};
use crate::position::Position;
use crate::spec::{Spec, Table};

/// The snapshot after these changes.
pub(crate) fn apply(snapshot: &Snapshot, ops: &[Op]) -> Snapshot {
    let mut after = snapshot.clone();
    for op in ops {
        apply_one(&mut after, op);
    }
    after
}

fn apply_one(snapshot: &mut Snapshot, op: &Op) {
    match op {
        Op::DropView { name, .. } => {
            snapshot.relations.retain(|relation| relation.name != *name);
            snapshot.server.schema_names.retain(|taken| taken != name);
        }
        Op::CreateView(view) => {
            let made = made(snapshot, view);
            snapshot.server.schema_names.push(view.name.clone());
            snapshot.relations.push(made);
        }
        Op::RenameColumn { table, from, to, .. } => {
            let columns = snapshot.relation_mut(table).into_iter().flat_map(|relation| &mut relation.columns);
            for column in columns.filter(|column| column.name == *from) {
                column.name.clone_from(to);
            }
        }
        Op::RenameTable { from, to, .. } => {
            if let Some(relation) = snapshot.relation_mut(from) {
                relation.name.clone_from(to);
            }
            retake(snapshot, from, to);
        }
        Op::RenameConstraint { table, from, to, .. } => {
            if let Some(relation) = snapshot.relation_mut(table) {
                for constraint in relation.constraints.iter_mut().filter(|each| each.name == *from) {
                    constraint.name.clone_from(to);
                }
                for index in relation.indexes.iter_mut().filter(|each| each.of_constraint && each.name == *from) {
                    index.name.clone_from(to);
                }
            }
            retake(snapshot, from, to);
        }
        Op::RenameIndex { from, to, .. } => {
            let indexes = snapshot.relations.iter_mut().flat_map(|relation| &mut relation.indexes);
            for index in indexes.filter(|index| index.name == *from) {
                index.name.clone_from(to);
            }
            retake(snapshot, from, to);
        }
        Op::RenamePolicy { table, from, to, .. } => {
            let policies = snapshot.relation_mut(table).into_iter().flat_map(|relation| &mut relation.policies);
            for policy in policies.filter(|policy| policy.name == *from) {
                policy.name.clone_from(to);
            }
        }
        Op::AddColumn { table, name, kind, .. } => {
            if let Some(relation) = snapshot.relation_mut(table) {
                let number = relation.columns.iter().map(|column| column.number).max().unwrap_or(0) + 1;
                relation.columns.push(column(number, name, kind));
            }
        }
        Op::Hook { .. } => {}
    }
}

fn retake(snapshot: &mut Snapshot, from: &str, to: &str) {
    for name in snapshot.server.schema_names.iter_mut().filter(|name| name.as_str() == from) {
        to.clone_into(name);
    }
}

fn column(number: i16, name: &str, kind: &str) -> Column {
    let facts = serde_json::Value::Null;
    Column {
        number,
        name: name.to_owned(),
        kind: kind.to_owned(),
        comment: None,
        default: None,
        facts,
        grants: Vec::new(),
    }
}

/// A view as PostgreSQL would tell of it.
fn made(snapshot: &Snapshot, view: &View) -> Relation {
    let base = snapshot.relation(&view.base);
    let columns = view.columns.iter().zip(1..).map(|((from, to), number)| {
        let kind = base.and_then(|base| base.column(from)).map_or("", |column| &column.kind);
        let granted = view.column_grants.iter().filter(|(name, _)| name == to).map(|(_, grant)| grant.clone());
        Column { grants: granted.collect(), ..column(number, to, kind) }
    });
    let quoted = |name: &str| crate::quote::ident(name);
    let selected: Vec<String> = view
        .columns
        .iter()
        .map(|(from, to)| if from == to { quoted(from) } else { format!("{} AS {}", quoted(from), quoted(to)) })
        .collect();
    let from = crate::quote::qualified(&view.schema, &view.base);
    Relation {
        oid: 0,
        schema: view.schema.clone(),
        name: view.name.clone(),
        kind: "v".to_owned(),
        persistence: "p".to_owned(),
        owner: view.owner.clone(),
        partition: false,
        inherits: false,
        typed: false,
        row_security: false,
        force_row_security: false,
        replica_identity: "n".to_owned(),
        options: if view.invoker { vec!["security_invoker=true".to_owned()] } else { Vec::new() },
        comment: Some(view.comment.clone()),
        definition: Some(format!(" SELECT {}\n   FROM {from};", selected.join(",\n    "))),
        grants: view.grants.clone(),
        columns: columns.collect(),
        key: Vec::new(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        policies: Vec::new(),
        triggers: Vec::new(),
        rules: Vec::new(),
        publications: Vec::new(),
        sequences: Vec::new(),
        dependants: Vec::new(),
    }
}

/// The snapshot in which this table stands elsewhere, and what would be remembered by then.
pub(crate) fn moved(
    snapshot: &Snapshot,
    spec: &Spec,
    table: &Table,
    from: Position,
    to: Position,
    memory: &Memory,
) -> (Snapshot, Memory) {
    let (mut snapshot, mut memory, mut at) = (snapshot.clone(), memory.clone(), from);
    while let Some(step) = Move::towards(at, to) {
        let next = remembered(&snapshot, table, step, &memory);
        snapshot = apply(&snapshot, &ops(&snapshot, spec, table, step, &memory));
        (memory, at) = (next, step.to());
    }
    (snapshot, memory)
}
