//! Properties of the SQL that is made, over tables that nobody has seen: what a step does, its reverse undoes.

use crate::catalogue::{Column, Constraint, Grant, Index, Policy, Relation, Server, Snapshot, fingerprint};
use crate::generate::{Memory, Move, drift, expected_view, ops};
use crate::model::{apply, moved};
use crate::ops::Op;
use crate::plan;
use crate::position::{Place, Position, place};
use crate::spec::{Spec, Table};
use proptest::prelude::*;
use serde_json::json;

const POSITIONS: [Position; 4] = [Position::Legacy, Position::Expanded, Position::Switched, Position::Contracted];

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{1,12}",
        "[A-Z][a-z ]{0,8}",
        Just("naïve \"quoted\"".to_owned()),
        Just("stadt_straße".to_owned()),
        Just("select".to_owned()),
        Just("idx_listing_tasks_status".to_owned()),
        Just("activities_task_category_check".to_owned()),
        Just("x'; DROP TABLE activities; --".to_owned()),
    ]
}

fn grant() -> impl Strategy<Value = Grant> {
    let role = prop_oneof![Just(None), Just(Some("anon".to_owned())), Just(Some("Ops \"x\"".to_owned()))];
    (role, prop_oneof![Just("SELECT"), Just("UPDATE")], any::<bool>()).prop_map(|(to, privilege, grantable)| Grant {
        to,
        privilege: privilege.to_owned(),
        grantable,
    })
}

fn column(number: i16, name: String, grants: Vec<Grant>) -> Column {
    let facts = json!({ "not_null": number == 1 });
    Column { number, name, kind: "text".to_owned(), comment: None, default: None, facts, grants }
}

/// A table with some of the renamed columns, and others of any name.
fn relation(name_of: &'static str) -> impl Strategy<Value = Relation> {
    let some = proptest::sample::subsequence(vec!["task_id", "task_category", "status", "task_status"], 1..=3);
    let parts = (some, prop::collection::hash_set(name(), 0..4), prop::collection::vec(grant(), 0..3));
    let names = (prop::collection::hash_set(name(), 0..4), prop::collection::hash_set(name(), 0..3));
    (parts, names, prop::collection::vec(grant(), 0..4), any::<bool>()).prop_map(move |parts| build(name_of, parts))
}

type Parts = (
    (Vec<&'static str>, std::collections::HashSet<String>, Vec<Grant>),
    (std::collections::HashSet<String>, std::collections::HashSet<String>),
    Vec<Grant>,
    bool,
);

fn build(name_of: &str, ((some, others, on_column), (constraints, indexes), grants, row_security): Parts) -> Relation {
    let others = others.into_iter().filter(|other| !some.contains(&&**other));
    let names: Vec<String> = some.iter().map(|each| (*each).to_owned()).chain(others).collect();
    let columns: Vec<Column> = names
        .into_iter()
        .zip(1..)
        .map(|(name, at)| column(at, name, if at == 1 { on_column.clone() } else { Vec::new() }))
        .collect();
    let all: Vec<i16> = columns.iter().map(|column| column.number).collect();
    let unique = |name: &String| format!("{name}_{name_of}").chars().take(60).collect::<String>();
    let constraint = |(name, at): (&String, i64)| Constraint {
        name: unique(name),
        kind: "c".to_owned(),
        columns: all.clone(),
        definition: String::new(),
        valid: true,
        facts: json!(at),
    };
    let index = |(name, at): (&String, i64)| Index {
        name: unique(&format!("9{name}")),
        columns: all.clone(),
        of_constraint: false,
        facts: json!(at),
    };
    let policies =
        ["Public can read listing tasks", "Other"].map(|name| Policy { name: name.to_owned(), facts: json!(1) });
    Relation {
        oid: 7,
        schema: "public".to_owned(),
        name: name_of.to_owned(),
        kind: "r".to_owned(),
        persistence: "p".to_owned(),
        owner: "owner".to_owned(),
        partition: false,
        inherits: false,
        typed: false,
        row_security,
        force_row_security: false,
        replica_identity: "d".to_owned(),
        options: Vec::new(),
        comment: None,
        definition: None,
        grants,
        columns,
        key: vec![1],
        constraints: constraints.iter().zip(0..).map(constraint).collect(),
        indexes: indexes.iter().zip(0..).map(index).collect(),
        policies: policies.to_vec(),
        triggers: Vec::new(),
        rules: Vec::new(),
        publications: Vec::new(),
        sequences: Vec::new(),
        dependants: Vec::new(),
    }
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    (relation("activities"), relation("agent_tasks")).prop_map(|(one, other)| {
        let mut schema_names = vec![one.name.clone(), other.name.clone()];
        for relation in [&one, &other] {
            schema_names.extend(relation.indexes.iter().map(|index| index.name.clone()));
        }
        let default_grantees = vec![Some("anon".to_owned()), None];
        let server = Server { version: 150_018, default_grantees, schema_names };
        Snapshot { server, relations: vec![one, other] }
    })
}

/// Without what has no meaning: the order of relations.
fn sorted(mut snapshot: Snapshot) -> Snapshot {
    snapshot.relations.sort_by(|one, other| one.name.cmp(&other.name));
    snapshot.server.schema_names.sort();
    snapshot
}

fn at(snapshot: &Snapshot, spec: &Spec, position: Position) -> (Snapshot, Vec<Memory>) {
    let mut snapshot = snapshot.clone();
    let mut memories = Vec::new();
    for table in &spec.tables {
        let (next, memory) = moved(&snapshot, spec, table, Position::Legacy, position, &Memory::default());
        snapshot = next;
        memories.push(memory);
    }
    (snapshot, memories)
}

fn back(snapshot: &Snapshot, spec: &Spec, from: Position, to: Position, memories: &[Memory]) -> Snapshot {
    let mut snapshot = snapshot.clone();
    for (table, memory) in spec.tables.iter().zip(memories) {
        snapshot = moved(&snapshot, spec, table, from, to, memory).0;
    }
    snapshot
}

/// A table whose columns would collide is one that `preflight` refuses.
fn is_sound(snapshot: &Snapshot, table: &Table) -> bool {
    let Some(base) = snapshot.relation(&table.from) else { return false };
    let names = crate::position::new_names(base, table);
    names.iter().collect::<std::collections::HashSet<_>>().len() == names.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_way_has_a_way_back(snapshot in snapshot()) {
        let spec = Spec::embedded().unwrap();
        prop_assume!(spec.tables.iter().all(|table| is_sound(&snapshot, table)));
        let before = fingerprint(&snapshot, &spec);
        for there in POSITIONS {
            let (after, memories) = at(&snapshot, &spec, there);
            prop_assert_eq!(&fingerprint(&after, &spec), &before, "{:?}", there);
            for (table, memory) in spec.tables.iter().zip(&memories) {
                prop_assert_eq!(place(&after, table, false), Place::At(there));
                if let Some(view) = expected_view(&after, table, there, memory) {
                    prop_assert_eq!(drift(&after, &view), Vec::<String>::new());
                }
            }
            for here in POSITIONS.into_iter().filter(|here| *here <= there) {
                let returned = back(&after, &spec, there, here, &memories);
                prop_assert_eq!(sorted(returned), sorted(at(&snapshot, &spec, here).0), "{:?} to {:?}", there, here);
            }
        }
    }

    #[test]
    fn the_plan_is_the_same_at_every_stage(snapshot in snapshot()) {
        let spec = Spec::embedded().unwrap();
        prop_assume!(spec.tables.iter().all(|table| is_sound(&snapshot, table)));
        let first = plan::hash(&snapshot, &spec);
        for there in POSITIONS {
            let (after, memories) = at(&snapshot, &spec, there);
            let returned = back(&after, &spec, there, Position::Legacy, &memories);
            prop_assert_eq!(&plan::hash(&returned, &spec), &first);
        }
    }

    #[test]
    fn names_are_always_quoted(snapshot in snapshot()) {
        let spec = Spec::embedded().unwrap();
        for table in &spec.tables {
            for step in [Move::Expand, Move::Switch] {
                let (there, memory) = moved(&snapshot, &spec, table, Position::Legacy, step.from(), &Memory::default());
                let ops = ops(&there, &spec, table, step, &memory);
                let _stays_a_snapshot = apply(&there, &ops);
                for sql in ops.iter().flat_map(Op::statements) {
                    let unquoted: String = sql.split('"').step_by(2).collect();
                    let unquoted: String = unquoted.split('\'').step_by(2).collect();
                    prop_assert!(!unquoted.contains("DROP TABLE") && !unquoted.contains(';') && !unquoted.contains("activities"), "{}", sql);
                }
            }
        }
    }
}
