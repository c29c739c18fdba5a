//! What units have made so far: their effects, locked, and what a later revision notes about them.
//!
//! It must not touch the brokerage's tables.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::destination::StorageTable;
use uuid::Uuid;

use super::tables::{ACTIVITIES, AGENT_TASKS, LISTINGS};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// The keys of a unit's effects begin with its id; `0` is what follows `/`.
const LOCK: &str = "
SELECT effect_key, listing_id, mission_id, revision, withdrawn, joined,
    CASE WHEN mission_id IS NULL THEN EXISTS (SELECT FROM dispatch.effects AS first
        WHERE first.listing_id = effects.listing_id AND first.mission_id IS NULL AND NOT first.joined)
    ELSE EXISTS (SELECT FROM dispatch.mission_facts AS facts
        WHERE facts.mission_id = effects.mission_id AND facts.unit_id IS NOT NULL) END AS ours
FROM (SELECT DISTINCT unit::text AS unit FROM unnest($1) AS wanted (unit)) AS wanted
JOIN dispatch.effects ON effect_key >= wanted.unit || '/' AND effect_key < wanted.unit || '0'
ORDER BY effect_key FOR UPDATE OF effects";

const NOTE: &str = "
UPDATE dispatch.effects AS e SET revision = new.revision, withdrawn = new.withdrawn
FROM unnest($1, $2, $3) AS new (effect_key, revision, withdrawn) WHERE e.effect_key = new.effect_key";

const TURN: &str = "
UPDATE dispatch.effects AS e SET
    listing_id = new.listing_id, mission_id = new.mission_id, joined = new.joined, withdrawn = false, revision = $5
FROM unnest($1, $2, $3, $4) AS new (effect_key, listing_id, mission_id, joined) WHERE e.effect_key = new.effect_key";

const FORGET: &str = "DELETE FROM dispatch.effects WHERE effect_key = ANY ($1)";

/// An effect as it stands.
#[derive(Clone, Debug, QueryableByName)]
pub(super) struct Made {
    #[diesel(sql_type = Text)]
    pub(super) effect_key: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) listing_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) mission_id: Option<String>,
    #[diesel(sql_type = Int4)]
    pub(super) revision: i32,
    #[diesel(sql_type = Bool)]
    pub(super) withdrawn: bool,
    /// Whether the row was there before the unit asked for it.
    #[diesel(sql_type = Bool)]
    pub(super) joined: bool,
    /// Whether Dispatch made the row, for whichever unit.
    #[diesel(sql_type = Bool)]
    pub(super) ours: bool,
}

impl Made {
    pub(super) fn is_listing(&self) -> bool {
        self.table() == Some(LISTINGS)
    }

    /// The table that its row is in.
    pub(super) fn table(&self) -> Option<&'static str> {
        let named = self.effect_key.split('/').nth(1)?;
        [LISTINGS, ACTIVITIES, AGENT_TASKS].into_iter().find(|table| *table == named)
    }

    /// The destination that made it.
    pub(super) fn destination(&self) -> Option<StorageTable> {
        if self.is_request() { Some(StorageTable::DispatchActivities) } else { table_of(self.table()?) }
    }

    /// Whether it is what an agent answered, which the unit does not speak of.
    pub(super) fn is_answer(&self) -> bool {
        self.item().is_none() && !self.is_request()
    }

    fn is_request(&self) -> bool {
        self.effect_key.split('/').nth(2) == Some(REQUEST)
    }

    /// Its place in the work that made it; none for what an agent's answer made, which the unit does not speak of.
    pub(super) fn item(&self) -> Option<usize> {
        self.effect_key.split('/').nth(2)?.parse().ok()
    }

    pub(super) fn is_of(&self, unit: Uuid) -> bool {
        self.effect_key.split('/').next() == Some(unit.to_string().as_str())
    }

    /// The brokerage's name of its row: a mission's, or a listing's where it made that.
    pub(super) fn row(&self) -> Option<&str> {
        self.mission_id.as_deref().or(self.listing_id.as_deref())
    }
}

/// The item of an effect that is one activity of its own.
pub(super) const REQUEST: &str = "request";

/// Which destination writes rows of this sort: the second part of an effect's key, and the third where it is no number. A
/// listing's activities come with it. What was said is recorded once, so that no revision asks for it.
pub(crate) fn table_of(sort: &str) -> Option<StorageTable> {
    match sort {
        "dispatch_activities/request" => Some(StorageTable::DispatchActivities),
        LISTINGS | ACTIVITIES => Some(StorageTable::Listings),
        AGENT_TASKS => Some(StorageTable::DispatchAgentTasks),
        _ => None,
    }
}

/// Everything that these units have made, locked.
pub(super) async fn lock(connection: &mut AsyncPgConnection, units: &[Uuid]) -> Result<Vec<Made>, StoreError> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sql(LOCK).bind::<Array<SqlUuid>, _>(units).load(connection).await?)
}

/// Notes which revision these say now, and whether their rows were taken back.
pub(super) async fn note(
    connection: &mut AsyncPgConnection,
    effects: &[(&Made, bool)],
    revision: i32,
) -> Result<(), StoreError> {
    if effects.is_empty() {
        return Ok(());
    }
    sql(NOTE)
        .bind::<Array<Text>, _>(effects.iter().map(|(made, _)| made.effect_key.as_str()).collect::<Vec<_>>())
        .bind::<Array<Int4>, _>(vec![revision; effects.len()])
        .bind::<Array<Bool>, _>(effects.iter().map(|(_, withdrawn)| *withdrawn).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// An effect that has another row from now on.
pub(super) struct Turned<'a> {
    pub(super) effect_key: &'a str,
    pub(super) listing_id: Option<&'a str>,
    pub(super) mission_id: Option<&'a str>,
    pub(super) joined: bool,
}

/// Turns these to other rows.
pub(super) async fn turn(
    connection: &mut AsyncPgConnection,
    effects: &[Turned<'_>],
    revision: i32,
) -> Result<(), StoreError> {
    if effects.is_empty() {
        return Ok(());
    }
    sql(TURN)
        .bind::<Array<Text>, _>(effects.iter().map(|one| one.effect_key).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(effects.iter().map(|one| one.listing_id).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(effects.iter().map(|one| one.mission_id).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(effects.iter().map(|one| one.joined).collect::<Vec<_>>())
        .bind::<Int4, _>(revision)
        .execute(connection)
        .await?;
    Ok(())
}

/// Gives keys back whose rows are not made after all.
pub(super) async fn forget(connection: &mut AsyncPgConnection, keys: &[&str]) -> Result<(), StoreError> {
    if !keys.is_empty() {
        sql(FORGET).bind::<Array<Text>, _>(keys).execute(connection).await?;
    }
    Ok(())
}
