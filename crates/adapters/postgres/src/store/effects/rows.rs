//! Rows for the brokerage's tables, as JSON: `jsonb_populate_recordset` gives each value the type that its column has,
//! on a table as on the cut-over's views.
//!
//! It must not know which columns a real database has.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::address::TO_BE_CONFIRMED;
use dispatch_routing::storage::{ActivityTemplate, AgentTaskWork, ListingWork};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::tables::Tables;
use crate::store::error::StoreError;
use crate::store::jsonb;
use crate::store::sql::sql;

pub(crate) const LISTING: [&str; 7] =
    ["listing_id", "address_string", "status", "realtor_id", "due_date", "type", "notes"];
pub(crate) const ACTIVITY: [&str; 8] = [
    "mission_id",
    "listing_id",
    "realtor_id",
    "name",
    "mission_type",
    "mission_status",
    "priority",
    "visibility_group",
];
/// Those of an activity that somebody asked for.
pub(crate) const REQUEST: [&str; 10] = [
    "mission_id",
    "listing_id",
    "realtor_id",
    "name",
    "description",
    "mission_type",
    "mission_status",
    "priority",
    "visibility_group",
    "due_date",
];
pub(crate) const AGENT_TASK: [&str; 8] =
    ["mission_id", "realtor_id", "name", "description", "mission_type", "listing_id", "mission_status", "due_date"];

pub(crate) fn listing(id: &str, realtor: Option<&str>, work: &ListingWork) -> Value {
    json!({
        "listing_id": id,
        "address_string": work.address.as_deref().unwrap_or(TO_BE_CONFIRMED),
        "status": "new",
        "realtor_id": realtor,
        "due_date": stamp(work.due_at),
        "type": work.listing_type.map(|kind| kind.as_str()),
        "notes": work.notes,
    })
}

/// The `place`-th activity of a template; the first gets the highest priority.
pub(crate) fn activity(
    id: &str,
    listing: &str,
    realtor: Option<&str>,
    place: usize,
    template: &ActivityTemplate,
) -> Value {
    json!({
        "mission_id": id,
        "listing_id": listing,
        "realtor_id": realtor,
        "name": template.name,
        "mission_type": template.mission_type.as_str(),
        "mission_status": "OPEN",
        "priority": 10_usize.saturating_sub(place),
        "visibility_group": template.visibility.as_str(),
    })
}

pub(crate) fn agent_task(id: &str, realtor: Option<&str>, listing: Option<&str>, work: &AgentTaskWork) -> Value {
    json!({
        "mission_id": id,
        "realtor_id": realtor,
        "name": work.title,
        "description": work.description,
        "mission_type": work.mission_type.as_str(),
        "listing_id": listing,
        "mission_status": "OPEN",
        "due_date": stamp(work.due_at),
    })
}

/// An activity that somebody asked for.
pub(crate) fn request(id: &str, listing: &str, realtor: Option<&str>, work: &AgentTaskWork) -> Value {
    json!({
        "mission_id": id,
        "listing_id": listing,
        "realtor_id": realtor,
        "name": work.title,
        "description": work.description,
        "mission_type": work.mission_type.as_str(),
        "mission_status": "OPEN",
        "priority": 0,
        "visibility_group": "BOTH",
        "due_date": stamp(work.due_at),
    })
}

/// Inserts `rows` into a table of the brokerage, as far as it has the columns.
pub(crate) async fn insert(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    table: &'static str,
    wanted: &[&'static str],
    rows: Vec<Value>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns = tables.existing(table, wanted);
    let statement = format!(
        "INSERT INTO public.{table} ({columns})
         SELECT {columns} FROM jsonb_populate_recordset(NULL::public.{table}, $1::text::jsonb)"
    );
    sql(statement).bind::<Text, _>(jsonb(&rows)?).execute(connection).await?;
    Ok(())
}

pub(crate) fn stamp(at: Option<OffsetDateTime>) -> Option<String> {
    at.and_then(|at| at.format(&Rfc3339).ok())
}
