//! What a table is, whatever it and its columns are called: the same before and after every stage, or something was lost.
//! It must not know the stages.
//!
//! PostgreSQL keeps keys, checks, predicates and policies by column number, never by name, so the catalogue's own rows are
//! compared. Left out: names that the rename changes, storage parameters and statistics, and Dispatch's own trigger.

use super::{Relation, Snapshot};
use crate::spec::{Spec, Table};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The schema of Dispatch's own functions. Its server puts a trigger on the tables when it finds the new names.
const OURS: &str = "dispatch";

/// The fingerprint of all tables of the rename.
pub(crate) fn fingerprint(snapshot: &Snapshot, spec: &Spec) -> String {
    let facts: Vec<Value> = spec.tables.iter().map(|table| facts(snapshot, table)).collect();
    let text = serde_json::to_vec(&facts).unwrap_or_default();
    hex::encode(&Sha256::digest(text)[..16])
}

fn facts(snapshot: &Snapshot, table: &Table) -> Value {
    let names = [&table.from, &table.to];
    let found = names.iter().filter_map(|name| snapshot.relation(name)).find(|relation| !relation.is_view());
    let Some(relation) = found else { return Value::Null };
    json!({
        "oid": relation.oid, "kind": relation.kind, "owner": relation.owner,
        "row_security": [relation.row_security, relation.force_row_security],
        "replica_identity": relation.replica_identity,
        "comment": relation.comment,
        "grants": relation.grants,
        "columns": columns(relation, table),
        "constraints": relation.constraints.iter().map(|each| &each.facts).collect::<Vec<_>>(),
        "indexes": relation.indexes.iter().map(|each| &each.facts).collect::<Vec<_>>(),
        "policies": relation.policies.iter().map(|each| &each.facts).collect::<Vec<_>>(),
        "triggers": relation.triggers.iter().filter(|each| each.function.schema != OURS)
            .map(|each| json!([each.name, each.facts])).collect::<Vec<_>>(),
        "rules": relation.rules,
        "publications": relation.publications.iter().map(|each| json!([each.name, each.facts])).collect::<Vec<_>>(),
        "sequences": relation.sequences,
    })
}

/// Columns under the names they will have, for what is renamed; a column that is renamed otherwise is a difference.
fn columns(relation: &Relation, table: &Table) -> Vec<Value> {
    let columns = relation.columns.iter();
    let kept = columns.filter(|column| !table.add.iter().any(|added| added.name == column.name));
    kept.map(|column| {
        let renamed = table.columns.iter().find(|each| each.from == column.name || each.or.contains(&column.name));
        let name = renamed.map_or(&column.name, |each| &each.to);
        json!([column.number, name, column.kind, column.comment, column.facts, column.grants])
    })
    .collect()
}
