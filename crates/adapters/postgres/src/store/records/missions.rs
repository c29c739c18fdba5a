//! Missions as people look for them. Each table gives its own rows; then the two are merged. It must not judge what rows hold.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::BoxedSqlQuery;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::people::Sight;
use dispatch_pipeline::ports::records::{MissionHit, MissionSearch, Span};
use time::OffsetDateTime;

use super::place::{self, Place};
use super::text::{evened, patterns};
use super::{Ground, people};
use crate::store::clean;
use crate::store::error::StoreError;
use crate::store::missions::query::{KINDS, MissionRow, has_status, is_seen};
use crate::store::missions::row;
use crate::store::sql::sql;

const ADDRESSES: &str = "
SELECT l.listing_id::text AS id, l.address_string AS said FROM public.listings AS l
WHERE l.listing_id = ANY ($1) AND l.address_string IS NOT NULL";

/// Where a message named one, for a mission that belongs to no listing.
const SAID: &str = "
SELECT f.mission_id AS id, c.address AS said
FROM dispatch.mission_facts AS f JOIN dispatch.classifications AS c USING (classification_id)
WHERE f.mission_id = ANY ($1) AND c.address IS NOT NULL";

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    said: String,
}

pub(super) async fn search(
    connection: &mut AsyncPgConnection,
    ground: Ground,
    sight: Sight,
    search: &MissionSearch,
    limit: i64,
) -> Result<Vec<MissionHit>, StoreError> {
    let mut wheres = Wheres::default();
    if let Some(address) = &search.address {
        let place = Place::read(address);
        let there = if ground.listings { place::listings(connection, &place).await? } else { Vec::new() };
        wheres.place(&place, there);
    }
    wheres.search(search);
    let limit = wheres.bind(Bind::Count(limit));
    let order = "sorted_due ASC NULLS LAST, sorted_at DESC, mission_id DESC";
    let tables: Vec<String> = KINDS
        .iter()
        .filter(|(kind, _)| search.kind.is_none_or(|wanted| wanted == *kind))
        .map(|(kind, table)| {
            format!(
                "(SELECT '{}' AS kind, m.mission_id::text AS mission_id, m.created_at AS sorted_at, m.due_date AS sorted_due,
                     to_jsonb(m) AS mission, coalesce(f.version, 1) AS version, f.confidence, f.auto_dispatch, f.reason,
                     f.needs_info IS NOT NULL AS waits
                 FROM public.{table} AS m LEFT JOIN dispatch.mission_facts AS f ON f.mission_id = m.mission_id
                 WHERE m.deleted_at IS NULL AND {} AND {} ORDER BY {order} LIMIT {limit})",
                kind.as_str(),
                is_seen(*kind, sight),
                wheres.text(),
            )
        })
        .collect();
    let text = format!("SELECT * FROM ({}) AS missions ORDER BY {order} LIMIT {limit}", tables.join(" UNION ALL "));
    let rows: Vec<MissionRow> = wheres.onto(diesel::sql_query(text).into_boxed()).load(connection).await?;
    with_names(connection, ground, &rows).await
}

async fn with_names(
    connection: &mut AsyncPgConnection,
    ground: Ground,
    rows: &[MissionRow],
) -> Result<Vec<MissionHit>, StoreError> {
    let missions: Vec<_> = rows.iter().map(row::mission).collect();
    let listings: Vec<String> =
        missions.iter().filter_map(|mission| mission.listing_id.clone()).map(|id| id.0).collect();
    let mut addresses = HashMap::new();
    if ground.listings && !listings.is_empty() {
        addresses = said(sql(ADDRESSES).bind::<Array<Text>, _>(listings).load(connection).await?);
    }
    let loose: Vec<String> = missions.iter().map(|mission| mission.mission_id.0.clone()).collect();
    let named = said(sql(SAID).bind::<Array<Text>, _>(loose).load(connection).await?);
    let people = if missions.is_empty() { Vec::new() } else { people::all(connection, ground).await? };
    let name_of = |person: dispatch_pipeline::ports::records::Person| {
        people.iter().find(|known| known.is(&person)).map(|known| known.name.clone())
    };
    use dispatch_pipeline::ports::records::Person;
    Ok(missions
        .into_iter()
        .map(|mission| {
            let listed = mission.listing_id.as_ref().and_then(|id| addresses.get(&id.0));
            MissionHit {
                address: listed.or_else(|| named.get(&mission.mission_id.0)).cloned(),
                assignee: mission.assigned_to.clone().and_then(|id| name_of(Person::Staff(id))),
                realtor: mission.realtor_id.clone().and_then(|id| name_of(Person::Realtor(id))),
                mission,
            }
        })
        .collect())
}

fn said(rows: Vec<Said>) -> HashMap<String, String> {
    rows.into_iter().map(|row| (row.id, row.said)).collect()
}

enum Bind {
    Text(String),
    Texts(Vec<String>),
    At(OffsetDateTime),
    Count(i64),
}

/// Conditions and the values they speak of. Values that are ours (statuses) stand in the text.
#[derive(Default)]
struct Wheres {
    conditions: Vec<String>,
    binds: Vec<Bind>,
}

impl Wheres {
    fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    /// What the mission says of itself: a column may be missing.
    fn own_text() -> String {
        evened("m.name || ' ' || coalesce(to_jsonb(m) ->> 'description', '')")
    }

    fn place(&mut self, place: &Place, listings: Vec<String>) {
        let (listings, names) = (self.bind(Bind::Texts(listings)), self.bind(Bind::Text(place.expression())));
        self.conditions.push(format!(
            "(m.listing_id = ANY ({listings}) OR {} ~ {names} OR EXISTS (
                 SELECT FROM dispatch.classifications AS c WHERE c.classification_id = f.classification_id AND {} ~ {names}))",
            Self::own_text(),
            evened("c.address"),
        ));
    }

    fn search(&mut self, search: &MissionSearch) {
        if let Some(words) = &search.words {
            let words = self.bind(Bind::Texts(patterns(words)));
            self.conditions.push(format!("{} LIKE ALL ({words})", Self::own_text()));
        }
        let equal = [
            ("listing_id", search.listing.as_ref().map(|id| &id.0)),
            ("realtor_id", search.realtor.as_ref().map(|id| &id.0)),
            ("assigned_staff_id", search.assigned_to.as_ref().and_then(|id| id.as_ref().map(|id| &id.0))),
        ];
        for (column, value) in equal {
            if let Some(value) = value {
                let value = self.bind(Bind::Text(clean(value).into_owned()));
                self.conditions.push(format!("m.{column} = {value}"));
            }
        }
        if search.assigned_to == Some(None) {
            self.conditions.push("m.assigned_staff_id IS NULL".to_owned());
        }
        if !search.statuses.is_empty() {
            let any: Vec<String> = search.statuses.iter().map(|status| has_status(*status)).collect();
            self.conditions.push(format!("({})", any.join(" OR ")));
        }
        self.span("m.created_at", search.created);
        self.span("m.due_date", search.due);
        self.span("(to_jsonb(m) ->> 'claimed_at')::timestamptz", search.claimed);
        self.span("(to_jsonb(m) ->> 'completed_at')::timestamptz", search.completed);
    }

    fn span(&mut self, when: &str, span: Option<Span>) {
        let Some(Span { from, to }) = span else { return };
        self.conditions.push(format!("{when} IS NOT NULL"));
        for (bound, how) in [(from, ">="), (to, "<")] {
            if let Some(at) = bound {
                let at = self.bind(Bind::At(at));
                self.conditions.push(format!("{when} {how} {at}"));
            }
        }
    }

    fn text(&self) -> String {
        if self.conditions.is_empty() { "true".to_owned() } else { self.conditions.join(" AND ") }
    }

    fn onto<Q>(self, query: BoxedSqlQuery<'static, Pg, Q>) -> BoxedSqlQuery<'static, Pg, Q> {
        self.binds.into_iter().fold(query, |query, bind| match bind {
            Bind::Text(text) => query.bind::<Text, _>(text),
            Bind::Texts(texts) => query.bind::<Array<Text>, _>(texts),
            Bind::At(at) => query.bind::<Timestamptz, _>(at),
            Bind::Count(count) => query.bind::<BigInt, _>(count),
        })
    }
}
