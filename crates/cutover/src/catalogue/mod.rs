//! What the database says about the relations of a rename. Plain data: everything that is decided, is decided from this.
//! It must not know how it was read, nor what will be done.

mod definition;
mod fingerprint;
mod read;

pub(crate) use definition::matches;
pub(crate) use fingerprint::fingerprint;
pub(crate) use read::read;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The relations of a rename at one moment.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) server: Server,
    pub(crate) relations: Vec<Relation>,
}

/// What of the server matters to the SQL that is made.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Server {
    /// As `server_version_num` says it.
    pub(crate) version: i32,
    /// Who is granted something on a new relation by default privileges; `None` is PUBLIC.
    pub(crate) default_grantees: Vec<Option<String>>,
    /// Every relation of the schema, indexes among them: their names are taken.
    pub(crate) schema_names: Vec<String>,
}

/// A table or a view.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Relation {
    pub(crate) oid: i64,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// As `relkind`: r is a table, v a view.
    pub(crate) kind: String,
    pub(crate) persistence: String,
    pub(crate) owner: String,
    pub(crate) partition: bool,
    pub(crate) inherits: bool,
    pub(crate) typed: bool,
    pub(crate) row_security: bool,
    pub(crate) force_row_security: bool,
    pub(crate) replica_identity: String,
    pub(crate) options: Vec<String>,
    pub(crate) comment: Option<String>,
    pub(crate) definition: Option<String>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) columns: Vec<Column>,
    /// Numbers of the columns that tell rows apart; empty when there are none.
    pub(crate) key: Vec<i16>,
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) rules: Vec<String>,
    pub(crate) publications: Vec<Publication>,
    pub(crate) sequences: Vec<Value>,
    /// Views over it.
    pub(crate) dependants: Vec<String>,
}

/// A privilege; `None` is PUBLIC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub(crate) struct Grant {
    pub(crate) to: Option<String>,
    pub(crate) privilege: String,
    pub(crate) grantable: bool,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Column {
    pub(crate) number: i16,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) comment: Option<String>,
    /// As SQL, for people.
    pub(crate) default: Option<String>,
    /// What else the catalogue holds about it, free of names that change.
    pub(crate) facts: Value,
    pub(crate) grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Constraint {
    pub(crate) name: String,
    /// As `contype`.
    pub(crate) kind: String,
    pub(crate) columns: Vec<i16>,
    /// As SQL, for people: it holds names that change.
    pub(crate) definition: String,
    pub(crate) valid: bool,
    pub(crate) facts: Value,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) columns: Vec<i16>,
    pub(crate) of_constraint: bool,
    pub(crate) facts: Value,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) facts: Value,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) function: Function,
    pub(crate) on_update: bool,
    pub(crate) facts: Value,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Function {
    pub(crate) oid: i64,
    pub(crate) schema: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Publication {
    pub(crate) name: String,
    pub(crate) facts: Value,
}

impl Snapshot {
    pub(crate) fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }

    pub(crate) fn relation_mut(&mut self, name: &str) -> Option<&mut Relation> {
        self.relations.iter_mut().find(|relation| relation.name == name)
    }
}

impl Relation {
    pub(crate) fn is_table(&self) -> bool {
        self.kind == "r"
    }

    pub(crate) fn is_view(&self) -> bool {
        self.kind == "v"
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that tell rows apart, in the key's order.
    pub(crate) fn key_columns(&self) -> Vec<&Column> {
        self.key.iter().filter_map(|number| self.columns.iter().find(|column| column.number == *number)).collect()
    }
}
