//! What is renamed, as data: a TOML file, read and checked. It must not know any database.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// The rename from Operations Center to Dispatch.
pub const DEFAULT: &str = include_str!("default.toml");

/// PostgreSQL cuts longer names off, which must not happen unnoticed.
pub(crate) const LONGEST_NAME: usize = 63;

/// Why a spec cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the spec cannot be used: {0}")]
pub struct SpecError(String);

/// A rename: tables of one schema, their columns and policies.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What this rename is called; runs of different renames are kept apart by it.
    pub name: String,
    /// The schema of all its tables.
    #[serde(default = "public")]
    pub schema: String,
    /// What is notified in the transaction of every change.
    #[serde(default)]
    pub notify: Vec<Notify>,
    /// The tables, in the order in which they are switched.
    #[serde(rename = "table")]
    pub tables: Vec<Table>,
}

/// A channel and what is said there.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// The channel.
    pub channel: String,
    /// What is said.
    #[serde(default)]
    pub payload: String,
}

/// One table under two names.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its old name.
    pub from: String,
    /// Its new name.
    pub to: String,
    /// Words that names of its constraints and indexes carry beside the old name.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its columns that are renamed. One that is not there is skipped.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Its policies that are renamed, in `contract`. One that is not there is skipped.
    #[serde(default)]
    pub policies: Vec<Rename>,
    /// Columns that are added in `expand` and filled in `backfill`.
    #[serde(default)]
    pub add: Vec<Added>,
    /// What else must happen in the transaction of the switch.
    #[serde(default)]
    pub hooks: Vec<Hook>,
}

/// A column's old and new name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The old name.
    pub from: String,
    /// Other old names; the first that is there counts.
    #[serde(default)]
    pub or: Vec<String>,
    /// The new name.
    pub to: String,
}

/// An old and a new name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The old name.
    pub from: String,
    /// The new name.
    pub to: String,
}

/// A column that the rename brings. It may be null until it is filled.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Added {
    /// Its name, under both names of the table.
    pub name: String,
    /// Its type, as SQL.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value of a row that has none, as an SQL expression over the table's old column names.
    pub fill: String,
    /// Accept that triggers on UPDATE run for each row that is filled (they may set `updated_at`).
    #[serde(default)]
    pub accept_triggers: bool,
}

/// SQL in the transaction of the switch, such as a trigger function in terms of the new column names.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The functions (`schema.name`) that it takes care of; `preflight` no longer refuses them.
    pub functions: Vec<String>,
    /// Run in the transaction that switches this table.
    pub on_switch: String,
    /// Run in the transaction that switches it back.
    pub on_rollback: String,
}

fn public() -> String {
    "public".to_owned()
}

impl Spec {
    /// Reads and checks.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let spec: Self = toml::from_str(text).map_err(|error| SpecError(error.to_string()))?;
        spec.check().map_err(SpecError)?;
        Ok(spec)
    }

    /// The rename from Operations Center to Dispatch.
    ///
    /// # Errors
    ///
    /// Never, as its test shows.
    pub fn embedded() -> Result<Self, SpecError> {
        Self::parse(DEFAULT)
    }

    /// Changes with every change of the rename.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(serde_json::to_vec(self).unwrap_or_default()))
    }

    fn check(&self) -> Result<(), String> {
        if self.tables.is_empty() {
            return Err("it names no table".to_owned());
        }
        let mut names = HashSet::new();
        name(&self.name)?;
        name(&self.schema)?;
        for notify in &self.notify {
            name(&notify.channel)?;
        }
        for table in &self.tables {
            for one in [&table.from, &table.to] {
                name(one)?;
                if !names.insert(one) {
                    return Err(format!("table {one:?} is named twice"));
                }
            }
            table.check()?;
        }
        Ok(())
    }
}

impl Table {
    fn check(&self) -> Result<(), String> {
        let mut names = HashSet::new();
        let columns = self.columns.iter().flat_map(|column| column.or.iter().chain([&column.from, &column.to]));
        for one in columns.chain(self.add.iter().map(|added| &added.name)) {
            name(one)?;
            if !names.insert(one) {
                return Err(format!("column {one:?} of {:?} is named twice", self.from));
            }
        }
        let mut names = HashSet::new();
        for policy in &self.policies {
            name(&policy.from)?;
            name(&policy.to)?;
            if !names.insert(&policy.from) {
                return Err(format!("policy {:?} of {:?} is named twice", policy.from, self.from));
            }
        }
        Ok(())
    }
}

fn name(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > LONGEST_NAME || text.contains('\0') {
        return Err(format!("{text:?} cannot be a name: 1 to {LONGEST_NAME} bytes, none of them NUL"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_one_is_sound() {
        let spec = Spec::embedded().unwrap();
        assert_eq!(
            spec.tables.iter().map(|table| &*table.to).collect::<Vec<_>>(),
            ["dispatch_activities", "dispatch_agent_tasks"]
        );
        assert!(spec.tables.iter().all(|table| table.add.is_empty()), "what Dispatch knows is in its own tables");
        assert_eq!(spec.digest(), Spec::embedded().unwrap().digest());
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let table = |text: &str| Spec::parse(&format!("name = 'x'\n[[table]]\n{text}")).unwrap_err().to_string();
        assert!(table("from = 'a'\nto = 'a'").contains("twice"));
        assert!(table("from = 'a'\nto = ''").contains("cannot be a name"));
        assert!(table("from = 'a'\nto = 'b'\ncolour = 'red'").contains("colour"));
        assert!(
            table("from = 'a'\nto = 'b'\ncolumns = [{ from = 'c', to = 'd' }, { from = 'e', to = 'd' }]")
                .contains("twice")
        );
        assert!(table(&format!("from = 'a'\nto = '{}'", "x".repeat(64))).contains("63"));
        assert!(Spec::parse("name = 'x'\ntable = []").is_err());
    }
}
