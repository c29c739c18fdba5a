//! Where a table of the rename stands, read from the catalogue: the truth, whatever a record says. It must not change
//! anything.

use crate::catalogue::{Relation, Snapshot, matches};
use crate::spec::Table;
use serde::{Deserialize, Serialize};

/// How the comment of every view of the engine begins.
pub(crate) const MARK: &str = "Dispatch cut-over:";

/// Where a table stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// The table has its old name; the new one does not exist.
    Legacy,
    /// The table has its old name; the new one is a view.
    Expanded,
    /// The table has its new name; the old one is a view.
    Switched,
    /// The table has its new name; the old one does not exist.
    Contracted,
}

impl Position {
    /// The word for it in records and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Expanded => "expanded",
            Self::Switched => "switched",
            Self::Contracted => "contracted",
        }
    }

    /// The word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Legacy, Self::Expanded, Self::Switched, Self::Contracted].into_iter().find(|each| each.as_str() == word)
    }
}

/// What stands where a table of the rename should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Neither name exists.
    Absent,
    At(Position),
    /// A name belongs to something else.
    Taken {
        name: String,
        by: &'static str,
    },
    /// The table is of a kind that cannot be renamed under its clients.
    Unsuitable {
        name: String,
        why: &'static str,
    },
}

/// Where a table stands. `known` says that the engine has made a view for it before, so that a view which was changed
/// since is still taken for its own.
pub(crate) fn place(snapshot: &Snapshot, table: &Table, known: bool) -> Place {
    let (old, new) = (snapshot.relation(&table.from), snapshot.relation(&table.to));
    let taken = |relation: &Relation| Place::Taken { name: relation.name.clone(), by: kind(relation) };
    let Some(first) = old.or(new) else { return Place::Absent };
    if let Some(why) = unsuitable(first) {
        return Place::Unsuitable { name: first.name.clone(), why };
    }
    match (old, new) {
        (Some(old), Some(new)) if old.is_table() && is_ours(new, old, &new_names(old, table), known) => {
            Place::At(Position::Expanded)
        }
        (Some(old), Some(new)) if new.is_table() && is_ours(old, new, &old_names(new, table), known) => {
            Place::At(Position::Switched)
        }
        (Some(old), Some(new)) => taken(if old.is_table() { new } else { old }),
        (Some(_), None) if first.is_table() => Place::At(Position::Legacy),
        (None, Some(_)) if first.is_table() => Place::At(Position::Contracted),
        _ => taken(first),
    }
}

fn is_ours(view: &Relation, base: &Relation, aliases: &[String], known: bool) -> bool {
    let marked = known || view.comment.as_deref().is_some_and(|comment| comment.starts_with(MARK));
    view.is_view() && (marked || view.definition.as_deref().is_some_and(|text| matches(text, base, aliases)))
}

fn unsuitable(relation: &Relation) -> Option<&'static str> {
    match (&*relation.kind, &*relation.persistence) {
        ("p", _) => Some("it is partitioned"),
        ("f", _) => Some("it is a foreign table"),
        ("r", "t") => Some("it is a temporary table"),
        ("r", _) if relation.partition || relation.inherits => Some("it inherits or is inherited from"),
        ("r", _) if relation.typed => Some("it is a table of a type"),
        _ => None,
    }
}

fn kind(relation: &Relation) -> &'static str {
    match &*relation.kind {
        "r" => "a table",
        "v" => "a view that is not the engine's",
        "m" => "a materialized view",
        "S" => "a sequence",
        "i" | "I" => "an index",
        "c" => "a type",
        "f" => "a foreign table",
        _ => "another relation",
    }
}

/// What each column of the table is called by its new names. Of several old names for one new one the first counts.
pub(crate) fn new_names(base: &Relation, table: &Table) -> Vec<String> {
    let renamed = renames(base, table);
    let name = |column: &String| renamed.iter().find(|(from, _)| from == column).map_or(column, |(_, to)| to).clone();
    base.columns.iter().map(|column| name(&column.name)).collect()
}

/// What each column of the table that has its new name was called.
pub(crate) fn old_names(base: &Relation, table: &Table) -> Vec<String> {
    old_names_by(base, table, None)
}

/// The same, where it is on record what a column with several old names was called.
pub(crate) fn old_names_by(base: &Relation, table: &Table, recorded: Option<&[(String, String)]>) -> Vec<String> {
    let name = |column: &String| -> String {
        let on_record = recorded.into_iter().flatten().find(|(_, to)| to == column).map(|(from, _)| from.clone());
        let by_spec = || table.columns.iter().find(|each| each.to == *column).map(|each| each.from.clone());
        on_record.or_else(by_spec).unwrap_or_else(|| column.clone())
    };
    base.columns.iter().map(|column| name(&column.name)).collect()
}

/// The columns of the table that are renamed, old name and new.
pub(crate) fn renames(base: &Relation, table: &Table) -> Vec<(String, String)> {
    let present = |name: &&String| base.column(name).is_some();
    let columns = table.columns.iter();
    columns
        .filter_map(|column| {
            let from = std::iter::once(&column.from).chain(&column.or).find(present)?;
            Some((from.clone(), column.to.clone()))
        })
        .collect()
}
