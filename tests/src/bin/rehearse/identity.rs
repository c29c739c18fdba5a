//! What must be the same before and after, in PostgreSQL's own words. It must not know the engine's.

use crate::stand::Stand;
use serde_json::Value;

const IDENTITY: &str = include_str!("../../../../crates/cutover/testing/identity.sql");
/// Everything in the catalogue that a stage which only looks could have touched.
const CATALOGUE: &str = "SELECT md5(string_agg(t, '' ORDER BY t)) AS hash FROM (
    SELECT concat(oid, relname, relkind, relacl) AS t FROM pg_class WHERE relkind <> 't' UNION ALL SELECT concat(oid, nspname, nspacl) FROM pg_namespace
    UNION ALL SELECT concat(oid, proname) FROM pg_proc UNION ALL SELECT concat(attrelid, attname, attnum) FROM pg_attribute) AS x";

/// The tables, by what does not change with their names.
#[derive(Clone, Copy)]
pub struct Tables([i64; 2]);

impl Tables {
    pub async fn find(stand: &Stand) -> Self {
        let oid = |name: &str| format!("SELECT to_regclass('public.{name}')::oid::bigint");
        Self([stand.number(&oid("activities")).await, stand.number(&oid("agent_tasks")).await])
    }

    /// The tables that bear these names now: what the blueprint's SQL leaves behind.
    pub async fn named(stand: &Stand, names: [&str; 2]) -> Self {
        let oid = |name: &str| format!("SELECT to_regclass('public.{name}')::oid::bigint");
        Self([stand.number(&oid(names[0])).await, stand.number(&oid(names[1])).await])
    }

    pub async fn facts(self, stand: &Stand, named: bool) -> Vec<Value> {
        let mut facts = Vec::new();
        for oid in self.0 {
            let sql =
                IDENTITY.replace("{oid}", &oid.to_string()).replace("{named}", if named { "true" } else { "false" });
            facts.extend(stand.json(&sql).await);
        }
        facts
    }
}

/// How many facts are in one and not in the other.
pub fn differences(before: &[Value], after: &[Value]) -> usize {
    let missing = |one: &[Value], other: &[Value]| one.iter().filter(|fact| !other.contains(fact)).count();
    missing(before, after) + missing(after, before)
}

pub async fn catalogue(stand: &Stand) -> String {
    stand.json(CATALOGUE).await.first().and_then(|row| row["hash"].as_str()).unwrap_or_default().to_owned()
}
