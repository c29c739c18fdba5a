//! Whether a row that a mission points at is there. Rows are read as JSON, for a real database may lack a column.
//!
//! It must not change one.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::StaffId;
use dispatch_mission::mission_desk::Refusal;

use crate::store::error::StoreError;
use crate::store::mission_desk::Halt;
use crate::store::sql::sql;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Whether `listings` or `realtors` has an undeleted row with this id.
pub(crate) async fn exists(connection: &mut AsyncPgConnection, table: &str, id: &str) -> Result<bool, StoreError> {
    let key = if table == "listings" { "listing_id" } else { "realtor_id" };
    let statement = format!(
        "SELECT EXISTS (SELECT FROM public.{table} AS t WHERE {key} = $1 AND to_jsonb(t) ->> 'deleted_at' IS NULL) AS found"
    );
    let row: Found = sql(statement).bind::<Text, _>(id).get_result(connection).await?;
    Ok(row.found)
}

/// Work goes to staff who work here now.
pub(crate) async fn must_work_here(connection: &mut AsyncPgConnection, who: &StaffId) -> Result<(), Halt> {
    let there: Found = sql("SELECT to_regclass('public.staff') IS NOT NULL AS found").get_result(connection).await?;
    if !there.found {
        return Ok(());
    }
    const WORKS: &str = "
SELECT EXISTS (
    SELECT FROM public.staff AS t WHERE staff_id = $1 AND to_jsonb(t) ->> 'deleted_at' IS NULL
        AND coalesce(to_jsonb(t) ->> 'status', 'active') = 'active') AS found";
    let row: Found = sql(WORKS).bind::<Text, _>(&who.0).get_result(connection).await?;
    let detail = "is not one of the active staff";
    if row.found { Ok(()) } else { Err(Refusal::wrong("staff_id", detail).into()) }
}
