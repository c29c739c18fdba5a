//! Changes rows that are in the brokerage's tables already. Who changes one has looked at it first, under its lock.
//!
//! It must not know why they change.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

/// Where a row stands as far as changing it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody took it up.
    Open,
    /// Cancelled or deleted, and nobody took it up before.
    Back,
    /// Somebody took it up, or finished it.
    Taken,
    /// Cancelled or deleted otherwise.
    Closed,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    place: String,
}

// As JSON, for a column that a real database lacks is then simply absent.
const LISTING_PLACE: &str = "
SELECT l ->> 'listing_id' AS id, CASE
    WHEN coalesce(l ->> 'status', 'new') <> 'new' THEN CASE WHEN l ->> 'deleted_at' IS NULL THEN 'taken' ELSE 'closed' END
    WHEN l ->> 'deleted_at' IS NULL THEN 'open' ELSE 'back' END AS place
FROM (SELECT to_jsonb(listings) AS l FROM public.listings WHERE listing_id = ANY ($1)
    ORDER BY listing_id FOR UPDATE) AS rows";

/// Where these rows of `table` stand; locked, so that they stand there until the transaction ends.
pub(super) async fn places(
    connection: &mut AsyncPgConnection,
    table: &'static str,
    ids: &[&str],
) -> Result<HashMap<String, Place>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = if table == LISTINGS {
        LISTING_PLACE.to_owned()
    } else {
        format!(
            "SELECT m ->> 'mission_id' AS id, CASE
                 WHEN dispatch.mission_standing(m) <> 'closed' THEN dispatch.mission_standing(m)
                 WHEN m ->> 'deleted_at' IS NULL AND m ->> 'assigned_staff_id' IS NULL AND m ->> 'claimed_at' IS NULL
                     THEN 'back'
                 ELSE 'closed' END AS place
             FROM (SELECT to_jsonb(mission) AS m FROM public.{table} AS mission WHERE mission_id = ANY ($1)
                 ORDER BY mission_id FOR UPDATE) AS rows"
        )
    };
    let rows: Vec<Row> = sql(statement).bind::<Array<Text>, _>(ids).load(connection).await?;
    let place = |row: &Row| match row.place.as_str() {
        "open" => Place::Open,
        "back" => Place::Back,
        "taken" => Place::Taken,
        _ => Place::Closed,
    };
    Ok(rows.into_iter().map(|row| (row.id.clone(), place(&row))).collect())
}

/// Writes `rows` over those with the same `key`, as far as the table has the columns. What is absent in a row of a column
/// of `kept` stays as it is, and so does what the table has of a column of `filled`.
pub(super) async fn update(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    table: &'static str,
    columns: Columns,
    rows: Vec<Value>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let written = tables.names(table, columns.written).into_iter().map(|name| format!("{name} = new.{name}"));
    let kept =
        tables.names(table, columns.kept).into_iter().map(|name| format!("{name} = coalesce(new.{name}, t.{name})"));
    let filled =
        tables.names(table, columns.filled).into_iter().map(|name| format!("{name} = coalesce(t.{name}, new.{name})"));
    let touched = tables.names(table, &["updated_at"]).into_iter().map(|name| format!("{name} = now()"));
    let all: Vec<String> = written.chain(kept).chain(filled).chain(touched).collect();
    if all.is_empty() {
        return Ok(());
    }
    let key = columns.key;
    let statement = format!(
        "UPDATE public.{table} AS t SET {}
         FROM jsonb_populate_recordset(NULL::public.{table}, $1::text::jsonb) AS new WHERE t.{key} = new.{key}",
        all.join(", ")
    );
    sql(statement).bind::<Text, _>(Value::Array(rows).to_string()).execute(connection).await?;
    Ok(())
}

/// The columns that an update writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) key: &'static str,
    pub(super) written: &'static [&'static str],
    pub(super) kept: &'static [&'static str],
    pub(super) filled: &'static [&'static str],
}

/// Cancels these missions.
pub(super) async fn cancel(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    table: &'static str,
    missions: &[&str],
) -> Result<(), StoreError> {
    if missions.is_empty() {
        return Ok(());
    }
    let touched = if tables.names(table, &["updated_at"]).is_empty() { "" } else { ", updated_at = now()" };
    let statement =
        format!("UPDATE public.{table} SET mission_status = 'CANCELLED'{touched} WHERE mission_id = ANY ($1)");
    sql(statement).bind::<Array<Text>, _>(missions).execute(connection).await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Deleted {
    #[diesel(sql_type = Text)]
    id: String,
}

/// Takes these listings back, except where any other work hangs on one. Answers which.
pub(super) async fn delete_listings(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    listings: &[&str],
) -> Result<Vec<String>, StoreError> {
    if listings.is_empty() || tables.names(LISTINGS, &["deleted_at"]).is_empty() {
        return Ok(Vec::new());
    }
    let unused: Vec<String> = [ACTIVITIES, AGENT_TASKS]
        .into_iter()
        .filter(|table| !tables.names(table, &["listing_id"]).is_empty())
        .map(|table| {
            format!(
                " AND NOT EXISTS (SELECT FROM public.{table} AS m WHERE m.listing_id = l.listing_id
                     AND to_jsonb(m) ->> 'deleted_at' IS NULL AND to_jsonb(m) ->> 'mission_status' <> 'CANCELLED')"
            )
        })
        .collect();
    let statement = format!(
        "UPDATE public.listings AS l SET deleted_at = now() WHERE listing_id = ANY ($1) AND deleted_at IS NULL{}
         RETURNING listing_id::text AS id",
        unused.concat()
    );
    let deleted: Vec<Deleted> = sql(statement).bind::<Array<Text>, _>(listings).load(connection).await?;
    Ok(deleted.into_iter().map(|row| row.id).collect())
}

/// Brings a listing back that was taken back.
pub(super) async fn restore_listing(connection: &mut AsyncPgConnection, listing: &str) -> Result<(), StoreError> {
    sql("UPDATE public.listings SET deleted_at = NULL WHERE listing_id = $1")
        .bind::<Text, _>(listing)
        .execute(connection)
        .await?;
    Ok(())
}
