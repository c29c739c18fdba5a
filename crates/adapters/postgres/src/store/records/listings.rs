//! Listings as people look for them. Rows come as JSON, for a real database may lack a column. It must not show what the viewer may not
//! see: missions of other groups are not counted.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ListingId, RealtorId};
use dispatch_mission::people::Sight;
use dispatch_mission::status::MissionStatus;
use dispatch_pipeline::ports::records::{ListingHit, ListingSearch, Person};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::place::Place;
use super::text::evened;
use super::{Ground, people};
use crate::store::clean;
use crate::store::error::StoreError;
use crate::store::missions::query::{KINDS, is_seen};
use crate::store::sql::sql;

/// The most listings that are compared with an address.
const MOST_COMPARED: i64 = 2_000;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Jsonb)]
    listing: Value,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    listing_id: String,
    #[diesel(sql_type = BigInt)]
    open: i64,
}

impl Row {
    fn text(&self, column: &str) -> Option<&str> {
        self.listing.get(column)?.as_str()
    }
}

pub(super) async fn search(
    connection: &mut AsyncPgConnection,
    ground: Ground,
    sight: Sight,
    search: &ListingSearch,
    limit: i64,
) -> Result<Vec<ListingHit>, StoreError> {
    if !ground.listings {
        return Ok(Vec::new());
    }
    let place = search.address.as_deref().map(Place::read);
    let text = format!(
        "SELECT to_jsonb(l) AS listing FROM public.listings AS l
         WHERE l.deleted_at IS NULL AND ($1::text IS NULL OR {} LIKE $1) AND ($2::text IS NULL OR l.realtor_id = $2)
             AND (cardinality($3::text[]) = 0 OR l.status = ANY ($3))
         ORDER BY l.created_at DESC, l.listing_id LIMIT $4",
        evened("l.address_string")
    );
    let mut rows: Vec<Row> = sql(text)
        .bind::<Nullable<Text>, _>(place.as_ref().map(Place::pattern))
        .bind::<Nullable<Text>, _>(search.realtor.as_ref().map(|id| clean(&id.0).into_owned()))
        .bind::<Array<Text>, _>(search.statuses.iter().map(|status| clean(status).into_owned()).collect::<Vec<_>>())
        .bind::<BigInt, _>(if place.is_some() { MOST_COMPARED } else { limit })
        .load(connection)
        .await?;
    if let Some(place) = &place {
        rows.retain(|row| row.text("address_string").is_some_and(|address| place.is(address)));
    }
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let ids: Vec<String> = rows.iter().filter_map(|row| row.text("listing_id")).map(str::to_owned).collect();
    let open = open_missions(connection, sight, ids).await?;
    let people = if rows.is_empty() { Vec::new() } else { people::all(connection, ground).await? };
    Ok(rows.iter().map(|row| hit(row, &open, &people)).collect())
}

fn hit(row: &Row, open: &HashMap<String, i64>, people: &[people::Known]) -> ListingHit {
    let listing_id = row.text("listing_id").unwrap_or_default().to_owned();
    let realtor = row.text("realtor_id").map(|id| Person::Realtor(RealtorId(id.to_owned())));
    ListingHit {
        address: row.text("address_string").map(str::to_owned),
        status: row.text("status").unwrap_or("unknown").to_owned(),
        kind: row.text("type").map(str::to_owned),
        realtor: realtor.and_then(|id| people.iter().find(|known| known.is(&id)).map(|known| known.name.clone())),
        due_at: row.text("due_date").and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok()),
        open_missions: open.get(&listing_id).map_or(0, |open| u32::try_from(*open).unwrap_or(u32::MAX)),
        listing_id: ListingId(listing_id),
    }
}

async fn open_missions(
    connection: &mut AsyncPgConnection,
    sight: Sight,
    listings: Vec<String>,
) -> Result<HashMap<String, i64>, StoreError> {
    if listings.is_empty() {
        return Ok(HashMap::new());
    }
    let closed: Vec<String> = MissionStatus::ALL
        .iter()
        .filter(|status| status.is_final())
        .map(|status| format!("'{}'", status.stored()))
        .collect();
    let tables = KINDS.map(|(kind, table)| {
        format!(
            "SELECT m.listing_id FROM public.{table} AS m
             WHERE m.listing_id = ANY ($1) AND m.deleted_at IS NULL AND m.mission_status NOT IN ({}) AND {}",
            closed.join(", "),
            is_seen(kind, sight),
        )
    });
    let text = format!(
        "SELECT listing_id::text AS listing_id, count(*) AS open FROM ({}) AS open GROUP BY listing_id",
        tables.join(" UNION ALL ")
    );
    let rows: Vec<Count> = sql(text).bind::<Array<Text>, _>(listings).load(connection).await?;
    Ok(rows.into_iter().map(|row| (row.listing_id, row.open)).collect())
}
