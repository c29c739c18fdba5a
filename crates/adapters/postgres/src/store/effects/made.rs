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
SELECT effect_key, listing_id, mission_id, revision, withdrawn
FROM (SELECT DISTINCT unit::text AS unit FROM unnest($1) AS wanted (unit)) AS wanted
JOIN dispatch.effects ON effect_key >= wanted.unit || '/' AND effect_key < wanted.unit || '0'
ORDER BY effect_key FOR UPDATE OF effects";

const NOTE: &str = "
UPDATE dispatch.effects AS e SET revision = new.revision, withdrawn = new.withdrawn
FROM unnest($1, $2, $3) AS new (effect_key, revision, withdrawn) WHERE e.effect_key = new.effect_key";

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
}

impl Made {
    /// The table that its row is in.
    pub(super) fn table(&self) -> Option<&'static str> {
        let named = self.effect_key.split('/').nth(1)?;
        [LISTINGS, ACTIVITIES, AGENT_TASKS].into_iter().find(|table| *table == named)
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

/// Which destination writes `table`. A listing's activities come with it.
pub(crate) fn table_of(table: &str) -> Option<StorageTable> {
    match table {
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

/// Gives keys back whose rows are not made after all.
pub(super) async fn forget(connection: &mut AsyncPgConnection, keys: &[&str]) -> Result<(), StoreError> {
    if !keys.is_empty() {
        sql(FORGET).bind::<Array<Text>, _>(keys).execute(connection).await?;
    }
    Ok(())
}
