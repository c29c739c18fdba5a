//! What `contract` renames beside the view: constraints, indexes and policies that carry old words in their names. It
//! must not know when.

use crate::catalogue::{Relation, Snapshot};
use crate::ops::Op;
use crate::spec::{LONGEST_NAME, Spec, Table};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Constraint,
    Index,
    Policy,
}

/// One name that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Renamed {
    pub(crate) kind: Kind,
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Renamed {
    pub(crate) fn reversed(&self) -> Self {
        Self { kind: self.kind, from: self.to.clone(), to: self.from.clone() }
    }

    /// Whether the table has it under its newer name.
    pub(crate) fn is_there(&self, base: &Relation) -> bool {
        match self.kind {
            Kind::Constraint => base.constraints.iter().any(|each| each.name == self.to),
            Kind::Index => base.indexes.iter().any(|each| each.name == self.to),
            Kind::Policy => base.policies.iter().any(|each| each.name == self.to),
        }
    }

    /// The change, of a table that has its new name.
    pub(crate) fn op(&self, spec: &Spec, table: &Table) -> Op {
        let (schema, of) = (spec.schema.clone(), table.to.clone());
        let (from, to) = (self.from.clone(), self.to.clone());
        match self.kind {
            Kind::Constraint => Op::RenameConstraint { schema, table: of, from, to },
            Kind::Index => Op::RenameIndex { schema, from, to },
            Kind::Policy => Op::RenamePolicy { schema, table: of, from, to },
        }
    }
}

/// Every name of the table that carries an old word and can have a new one. A name that is taken or too long stays.
pub(crate) fn renames(snapshot: &Snapshot, base: &Relation, table: &Table) -> Vec<Renamed> {
    let mut taken = snapshot.server.schema_names.clone();
    taken.extend(base.constraints.iter().map(|each| each.name.clone()));
    let mut found = Vec::new();
    let constraints = base.constraints.iter().map(|each| (Kind::Constraint, &each.name, &each.columns));
    let indexes = base.indexes.iter().filter(|each| !each.of_constraint);
    let indexes = indexes.map(|each| (Kind::Index, &each.name, &each.columns));
    for (kind, from, columns) in constraints.chain(indexes) {
        let to = renewed(from, base, table, columns);
        if to != *from && to.len() <= LONGEST_NAME && !taken.contains(&to) {
            taken.push(to.clone());
            found.push(Renamed { kind, from: from.clone(), to });
        }
    }
    let mut policies: Vec<&String> = base.policies.iter().map(|each| &each.name).collect();
    for policy in &table.policies {
        if policies.contains(&&policy.from) && !policies.contains(&&policy.to) {
            policies.push(&policy.to);
            found.push(Renamed { kind: Kind::Policy, from: policy.from.clone(), to: policy.to.clone() });
        }
    }
    found
}

/// The name with the new words of the table and of those columns that it is about.
fn renewed(name: &str, base: &Relation, table: &Table, columns: &[i16]) -> String {
    let mut renewed = name.to_owned();
    if replaced(name, &table.to).is_none() {
        let mut words = std::iter::once(&table.from).chain(&table.aliases);
        if let Some((before, after)) = words.find_map(|word| replaced(name, word)) {
            renewed = format!("{before}{}{after}", table.to);
        }
    }
    for column in &table.columns {
        let about = base.columns.iter().any(|each| each.name == column.to && columns.contains(&each.number));
        let mut words = std::iter::once(&column.from).chain(&column.or);
        // The new word may hold the old one (mission_status, status).
        if about
            && replaced(&renewed, &column.to).is_none()
            && let Some((before, after)) = words.find_map(|word| replaced(&renewed, word))
        {
            renewed = format!("{before}{}{after}", column.to);
        }
    }
    renewed
}

/// What stands before and after the last place where `word` is a whole word; words are parted by `_`.
fn replaced<'a>(name: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let whole = |(at, _): &(usize, &str)| {
        let (before, after) = (&name[..*at], &name[at + word.len()..]);
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    };
    let (at, _) = name.match_indices(word).filter(whole).last()?;
    Some((&name[..at], &name[at + word.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_only() {
        assert_eq!(replaced("idx_activities_status", "activities"), Some(("idx_", "_status")));
        assert_eq!(replaced("idx_reactivities_status", "activities"), None);
        assert_eq!(replaced("x_status_status", "status"), Some(("x_status_", "")));
    }
}
