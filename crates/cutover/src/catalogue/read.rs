//! Reading a snapshot: one statement. It must not decide anything.

use super::Snapshot;
use crate::quote::literal;
use crate::session::{DbError, Session};
use crate::spec::Spec;

const SNAPSHOT: &str = include_str!("snapshot.sql");

/// The relations that the rename names, as they are now.
pub(crate) async fn read(session: &Session, spec: &Spec) -> Result<Snapshot, DbError> {
    session.json("reading the catalogue", &statement(spec)).await
}

fn statement(spec: &Spec) -> String {
    let schema = literal(&spec.schema);
    let names = spec.tables.iter().flat_map(|table| [&table.from, &table.to]);
    let names: Vec<String> = names.map(|name| format!("({schema}, {})", literal(name))).collect();
    SNAPSHOT.replace("{names}", &names.join(", ")).replace("{schema}", &schema)
}
