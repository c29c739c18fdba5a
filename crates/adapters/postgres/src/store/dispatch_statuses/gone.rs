//! Rows that deliveries made and that are not in the brokerage's tables any more: somebody removed them, and not by Dispatch,
//! which only marks. It must not change anything.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::store::effects::tables::{self, ACTIVITIES, AGENT_TASKS, LISTINGS};
use crate::store::error::StoreError;
use crate::store::sql::sql;

// The keys of a unit's effects begin with its id; `0` is what follows `/`. What others had made was not made by these.
const MADE: &str = "
SELECT delivery_id, split_part(effect_key, '/', 2) AS sort, coalesce(mission_id, listing_id) AS id FROM dispatch.effects
WHERE effect_key >= $1::text || '/' AND effect_key < $1::text || '0' AND delivery_id = ANY ($2)
    AND NOT joined AND coalesce(mission_id, listing_id) IS NOT NULL
ORDER BY effect_key";

/// Each table with the name of its key.
const KEYS: [(&str, &str); 3] = [(LISTINGS, "listing_id"), (ACTIVITIES, "mission_id"), (AGENT_TASKS, "mission_id")];

#[derive(QueryableByName)]
struct Made {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = Text)]
    sort: String,
    #[diesel(sql_type = Text)]
    id: String,
}

#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = Text)]
    id: String,
}

/// By delivery, in the order in which they were made.
pub(super) async fn gone(
    connection: &mut AsyncPgConnection,
    unit: Uuid,
    deliveries: &[Uuid],
) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let made: Vec<Made> =
        sql(MADE).bind::<Text, _>(unit.to_string()).bind::<Array<SqlUuid>, _>(deliveries).load(connection).await?;
    let mut gone: HashMap<Uuid, Vec<String>> = HashMap::new();
    if made.is_empty() {
        return Ok(gone);
    }
    let Some(tables) = tables::read(connection).await? else { return Ok(gone) };
    for (table, key) in KEYS.into_iter().filter(|(table, _)| tables.has(table)) {
        let ids: Vec<&str> = made.iter().filter(|row| row.sort == table).map(|row| row.id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        let statement = format!(
            "SELECT wanted.id FROM unnest($1) AS wanted (id)
             WHERE NOT EXISTS (SELECT FROM public.{table} AS there WHERE there.{key} = wanted.id)"
        );
        let missing: Vec<Missing> = sql(statement).bind::<Array<Text>, _>(ids).load(connection).await?;
        let is_missing = |row: &&Made| row.sort == table && missing.iter().any(|missing| missing.id == row.id);
        for row in made.iter().filter(is_missing) {
            gone.entry(row.delivery_id).or_default().push(row.id.clone());
        }
    }
    Ok(gone)
}
