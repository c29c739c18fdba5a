//! Which of the brokerage's columns there are. A database that began as Operations Center differs in detail: what it
//! does not have is not written.
//!
//! It must not know what is written.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::store::brokerage::expanded;
use crate::store::error::StoreError;
use crate::store::sql::sql;

const COLUMNS: &str = concat!(
    "
SELECT c.relname::text AS table_name, a.attname::text AS column_name, a.attnotnull AS required
FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (
    to_regclass('public.listings'), to_regclass('public.realtors'), to_regclass('public.listing_notes'),
    to_regclass('public.slack_messages'),
    to_regclass('public.dispatch_activities'), to_regclass('public.dispatch_agent_tasks'))
    AND ",
    expanded!()
);

/// The tables that storage deliveries read and write.
pub(crate) const LISTINGS: &str = "listings";
pub(crate) const LISTING_NOTES: &str = "listing_notes";
pub(crate) const SLACK_MESSAGES: &str = "slack_messages";
pub(crate) const REALTORS: &str = "realtors";
pub(crate) const ACTIVITIES: &str = "dispatch_activities";
pub(crate) const AGENT_TASKS: &str = "dispatch_agent_tasks";

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Bool)]
    required: bool,
}

/// The columns of the brokerage's tables.
#[derive(Debug)]
pub(crate) struct Tables {
    columns: HashMap<String, HashSet<String>>,
    realtor_required: bool,
}

/// Reads them; `None` while the mission tables do not answer to Dispatch's names.
pub(crate) async fn read(connection: &mut AsyncPgConnection) -> Result<Option<Tables>, StoreError> {
    let rows: Vec<Column> = sql(COLUMNS).load(connection).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut tables = Tables { columns: HashMap::new(), realtor_required: false };
    for row in rows {
        if row.required && row.table_name == AGENT_TASKS && row.column_name == "realtor_id" {
            tables.realtor_required = true;
        }
        tables.columns.entry(row.table_name).or_default().insert(row.column_name);
    }
    Ok(Some(tables))
}

impl Tables {
    /// Whether this table or view exists.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.columns.contains_key(table)
    }

    /// Those of `wanted` that exist, as a list for SQL. The names are our own, so they need no quoting.
    pub(crate) fn existing(&self, table: &str, wanted: &[&'static str]) -> String {
        self.names(table, wanted).join(", ")
    }

    /// Those of `wanted` that exist.
    pub(crate) fn names(&self, table: &str, wanted: &[&'static str]) -> Vec<&'static str> {
        let there = self.columns.get(table);
        wanted.iter().copied().filter(|name| there.is_some_and(|there| there.contains(*name))).collect()
    }

    /// Whether an agent task without a realtor is refused.
    pub(crate) fn realtor_required(&self) -> bool {
        self.realtor_required
    }
}
