//! What a message says about a listing that another one made: a note of its own, or where there are no notes, a paragraph
//! in the listing's. It must not touch what anybody else wrote.

use std::collections::BTreeMap;

use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::tables::{LISTING_NOTES, LISTINGS, Tables};
use crate::store::error::StoreError;
use crate::store::jsonb;
use crate::store::sql::sql;

const COLUMNS: [&str; 4] = ["note_id", "listing_id", "content", "created_by_name"];

/// Who is shown to have written it: people's names and numbers are in the listing's story.
const WRITER: &str = "Dispatch";

/// The words of one unit. Its note goes by the unit's id, so that there is one, whatever it says by now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note<'a> {
    pub(super) unit: Uuid,
    pub(super) listing: &'a str,
    pub(super) words: &'a str,
}

/// Whether notes have a table of their own here.
pub(super) fn have_a_table(tables: &Tables) -> bool {
    tables.names(LISTING_NOTES, &COLUMNS[..3]).len() == 3
}

/// Writes these down, over what the same units said before.
pub(super) async fn write(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    notes: &[Note<'_>],
) -> Result<(), StoreError> {
    let notes: Vec<&Note<'_>> = notes.iter().filter(|note| !note.words.trim().is_empty()).collect();
    if notes.is_empty() {
        return Ok(());
    }
    if !have_a_table(tables) {
        return append(connection, tables, &notes).await;
    }
    let row = |note: &&Note<'_>| json!({ "note_id": note.unit.to_string(), "listing_id": note.listing, "content": note.words, "created_by_name": WRITER });
    let columns = tables.existing(LISTING_NOTES, &COLUMNS);
    let back = if tables.names(LISTING_NOTES, &["deleted_at"]).is_empty() { "" } else { ", deleted_at = NULL" };
    let statement = format!(
        "INSERT INTO public.listing_notes ({columns})
         SELECT {columns} FROM jsonb_populate_recordset(NULL::public.listing_notes, $1::text::jsonb)
         ON CONFLICT (note_id) DO UPDATE SET content = excluded.content, listing_id = excluded.listing_id{back}"
    );
    sql(statement).bind::<Text, _>(jsonb(&notes.iter().map(row).collect::<Vec<_>>())?).execute(connection).await?;
    Ok(())
}

/// A paragraph for each, at the end.
async fn append(connection: &mut AsyncPgConnection, tables: &Tables, notes: &[&Note<'_>]) -> Result<(), StoreError> {
    if tables.names(LISTINGS, &["notes"]).is_empty() {
        return Ok(());
    }
    let mut by_listing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for note in notes {
        by_listing.entry(note.listing).or_default().push(note.words);
    }
    let rows =
        by_listing.into_iter().map(|(listing, words)| json!({ "listing_id": listing, "notes": words.join("\n\n") }));
    sql("UPDATE public.listings AS l SET notes = concat_ws(E'\\n\\n', nullif(l.notes, ''), new.notes)
         FROM jsonb_populate_recordset(NULL::public.listings, $1::text::jsonb) AS new WHERE l.listing_id = new.listing_id")
    .bind::<Text, _>(jsonb(&rows.collect::<Vec<Value>>())?)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the notes of these units back. A paragraph stays: people may have gone on writing behind it.
pub(super) async fn take_back(
    connection: &mut AsyncPgConnection,
    tables: &Tables,
    units: &[Uuid],
) -> Result<(), StoreError> {
    if units.is_empty() || !have_a_table(tables) {
        return Ok(());
    }
    let softly = !tables.names(LISTING_NOTES, &["deleted_at"]).is_empty();
    let statement = if softly {
        "UPDATE public.listing_notes SET deleted_at = now() WHERE note_id = ANY ($1) AND deleted_at IS NULL"
    } else {
        "DELETE FROM public.listing_notes WHERE note_id = ANY ($1)"
    };
    let units: Vec<String> = units.iter().map(Uuid::to_string).collect();
    sql(statement).bind::<Array<Text>, _>(units).execute(connection).await?;
    Ok(())
}
