//! Who else asks for what a unit asks for: several messages may be about one listing. It must not change anything.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::made::Made;
use crate::store::error::StoreError;
use crate::store::sql::sql;

// Read while the listings' rows are locked: whoever asks for one, or stops to, has them first.
const ASKED: &str = "
SELECT unit, e.listing_id, e.mission_id
FROM (SELECT DISTINCT split_part(effect_key, '/', 1) AS unit FROM dispatch.effects
    WHERE listing_id = ANY ($1) AND mission_id IS NULL AND NOT withdrawn) AS asking
JOIN dispatch.effects AS e ON e.effect_key >= unit || '/' AND e.effect_key < unit || '0'
WHERE NOT e.withdrawn AND e.listing_id IS NOT NULL";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    unit: String,
    #[diesel(sql_type = Nullable<Text>)]
    listing_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    mission_id: Option<String>,
}

/// By row of the brokerage: the units that ask for it.
#[derive(Debug, Default)]
pub(super) struct Shared(HashMap<String, HashSet<String>>);

impl Shared {
    /// Of these listings and the missions on them.
    pub(super) async fn read(connection: &mut AsyncPgConnection, listings: &[&str]) -> Result<Self, StoreError> {
        if listings.is_empty() {
            return Ok(Self::default());
        }
        let rows: Vec<Row> = sql(ASKED).bind::<Array<Text>, _>(listings).load(connection).await?;
        let mut asked: HashMap<String, HashSet<String>> = HashMap::new();
        for row in rows {
            if let Some(id) = row.mission_id.or(row.listing_id) {
                asked.entry(id).or_default().insert(row.unit);
            }
        }
        Ok(Self(asked))
    }

    /// Whether another unit than this one asks for the row as well.
    pub(super) fn by_others(&self, row: &str, unit: Uuid) -> bool {
        let unit = unit.to_string();
        self.0.get(row).is_some_and(|units| units.iter().any(|one| *one != unit))
    }

    /// Whether the row of this effect is the unit's alone, so that it may change it and take it back.
    pub(super) fn is_alone(&self, effect: &Made, unit: Uuid) -> bool {
        effect.ours && effect.row().is_some_and(|row| !self.by_others(row, unit))
    }
}
