//! The whole rename as statements, with their locks and the time they should take. Pure. It must not know where tables
//! stand at this moment: a plan is made from the beginning, so that it is the same at every stage.

use crate::catalogue::Snapshot;
use crate::generate::{Memory, Move, ops};
use crate::model::moved;
use crate::ops::Op;
use crate::position::Position;
use crate::report::Stage;
use crate::spec::{Spec, Table};
use sha2::{Digest, Sha256};

/// A statement of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) stage: Stage,
    pub(crate) table: String,
    pub(crate) sql: String,
    pub(crate) lock: String,
    pub(crate) expected_ms: f64,
}

/// The stages that change something, in order, and the step each is for a table.
const STAGES: [(Stage, Move, Position); 4] = [
    (Stage::Expand, Move::Expand, Position::Legacy),
    (Stage::Switch, Move::Switch, Position::Expanded),
    (Stage::Rollback, Move::SwitchBack, Position::Switched),
    (Stage::Contract, Move::Contract, Position::Switched),
];

/// Every statement of the rename, from a snapshot in which every table has its old name.
pub(crate) fn plan(beginning: &Snapshot, spec: &Spec) -> Vec<Planned> {
    let mut planned = Vec::new();
    for (stage, step, from) in STAGES {
        for table in spec.tables.iter().filter(|table| beginning.relation(&table.from).is_some()) {
            let (snapshot, memory) = at(beginning, spec, table, from);
            let statements = ops(&snapshot, spec, table, step, &memory);
            planned.extend(statements.iter().flat_map(|op| one(op, stage, table)));
        }
    }
    planned
}

/// What the plan is, in one word. Expected times do not count.
pub(crate) fn hash(beginning: &Snapshot, spec: &Spec) -> String {
    let mut digest = Sha256::new();
    digest.update(spec.digest());
    for planned in plan(beginning, spec) {
        digest.update(planned.stage.as_str());
        digest.update(planned.sql);
        digest.update([0]);
    }
    hex::encode(&digest.finalize()[..16])
}

fn at(beginning: &Snapshot, spec: &Spec, table: &Table, position: Position) -> (Snapshot, Memory) {
    moved(beginning, spec, table, Position::Legacy, position, &Memory::default())
}

fn one(op: &Op, stage: Stage, table: &Table) -> Vec<Planned> {
    let (lock, expected_ms) = cost(op, stage, table);
    let statement = |sql| Planned { stage, table: table.from.clone(), sql, lock: lock.clone(), expected_ms };
    op.statements().into_iter().map(statement).collect()
}

/// The strongest lock and the time that was measured for such a statement. All of a switch share one wait for locks.
fn cost(op: &Op, stage: Stage, table: &Table) -> (String, f64) {
    let both = format!("ACCESS EXCLUSIVE on {} and {} (within the budget)", table.from, table.to);
    match op {
        Op::CreateView(_) if stage == Stage::Expand => (format!("ACCESS SHARE on {}", table.from), 1.0),
        Op::CreateView(_) => (both, 0.3),
        Op::DropView { .. } => (both, 0.4),
        Op::RenameColumn { .. } | Op::RenameTable { .. } | Op::RenameConstraint { .. } | Op::RenamePolicy { .. } => {
            (both, 0.3)
        }
        Op::RenameIndex { from, .. } => (format!("SHARE UPDATE EXCLUSIVE on {from}"), 0.3),
        Op::AddColumn { .. } => (format!("ACCESS EXCLUSIVE on {} (within the budget)", table.from), 1.0),
        Op::Hook { .. } => ("as the spec's SQL says".to_owned(), 1.0),
    }
}
