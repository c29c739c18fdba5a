//! What activities listings have, by name: none is added that is there already. It must not add any.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::tables::{ACTIVITIES, Tables};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// One that a person put away is there: who put it away meant it. One that its message took back is not.
const THERE: &str = "
SELECT listing_id, mission_id, name FROM (
    SELECT a ->> 'listing_id' AS listing_id, a ->> 'mission_id' AS mission_id, a ->> 'name' AS name,
        dispatch.mission_standing(a) = 'closed' AS closed
    FROM (SELECT to_jsonb(activity) AS a FROM public.dispatch_activities AS activity WHERE listing_id = ANY ($1)) AS rows
) AS activity
WHERE name IS NOT NULL AND NOT (closed AND EXISTS (
    SELECT FROM dispatch.effects AS listed JOIN dispatch.effects AS made
        ON made.effect_key >= split_part(listed.effect_key, '/', 1) || '/'
        AND made.effect_key < split_part(listed.effect_key, '/', 1) || '0'
    WHERE listed.listing_id = activity.listing_id AND listed.mission_id IS NULL
        AND made.mission_id = activity.mission_id AND made.withdrawn))
ORDER BY closed, mission_id";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    listing_id: String,
    #[diesel(sql_type = Text)]
    mission_id: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// The activities of some listings: mission and name in normal form, by listing.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, Vec<(String, String)>>);

impl Names {
    pub(super) async fn read(
        connection: &mut AsyncPgConnection,
        tables: &Tables,
        listings: &HashSet<&str>,
    ) -> Result<Self, StoreError> {
        let mut names = Self::default();
        if listings.is_empty() || !tables.has(ACTIVITIES) {
            return Ok(names);
        }
        let listings: Vec<&str> = listings.iter().copied().collect();
        let rows: Vec<Row> = sql(THERE).bind::<Array<Text>, _>(listings).load(connection).await?;
        for row in rows {
            names.add(&row.listing_id, &row.name, row.mission_id);
        }
        Ok(names)
    }

    pub(super) fn add(&mut self, listing: &str, name: &str, mission: String) {
        self.0.entry(listing.to_owned()).or_default().push((mission, normal(name)));
    }

    /// The activity of this name on `listing`, but for some that do not count.
    pub(super) fn find(&self, listing: &str, name: &str, besides: &HashSet<&str>) -> Option<&str> {
        let wanted = normal(name);
        let here = self.0.get(listing)?.iter();
        let mut found = here.filter(|(mission, name)| *name == wanted && !besides.contains(mission.as_str()));
        found.next().map(|(mission, _)| mission.as_str())
    }
}

/// Without case, punctuation and spaces.
fn normal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}
