//! What a unit that is understood once more has led to so far. It must not read the brokerage's tables.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::destination::StorageTable;
use dispatch_routing::unit::Revision;
use uuid::Uuid;

use crate::store::effects;
use crate::store::error::StoreError;
use crate::store::sql::sql;

// The keys of a unit's effects begin with its id; `0` is what follows `/`.
const HISTORY: &str = "
SELECT unit_id,
    ARRAY(SELECT DISTINCT split_part(effect_key, '/', 2)
            || CASE split_part(effect_key, '/', 3) WHEN 'request' THEN '/request' ELSE '' END FROM dispatch.effects
        WHERE effect_key >= unit_id::text || '/' AND effect_key < unit_id::text || '0' AND NOT withdrawn) AS tables,
    EXISTS (SELECT FROM dispatch.mission_facts AS m
        WHERE m.unit_id = wanted.unit_id AND m.standing = 'taken') AS taken,
    EXISTS (SELECT FROM dispatch.mission_facts AS m
        WHERE m.unit_id = wanted.unit_id AND m.standing = 'open' AND m.needs_info IS NOT NULL) AS waiting
FROM unnest($1) AS wanted (unit_id)";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Array<Text>)]
    tables: Vec<String>,
    #[diesel(sql_type = Bool)]
    taken: bool,
    #[diesel(sql_type = Bool)]
    waiting: bool,
}

/// By unit. Nothing is asked when there is no revision.
pub(super) async fn revisions(
    connection: &mut AsyncPgConnection,
    numbers: HashMap<Uuid, i32>,
) -> Result<HashMap<Uuid, Revision>, StoreError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let units: Vec<Uuid> = numbers.keys().copied().collect();
    let rows: Vec<Row> = sql(HISTORY).bind::<Array<SqlUuid>, _>(units).load(connection).await?;
    let revision = |row: Row| {
        let number = numbers.get(&row.unit_id).copied().unwrap_or_default();
        let revision = Revision {
            number: u32::try_from(number).unwrap_or_default(),
            made: made(&row.tables),
            taken: row.taken,
            waiting: row.waiting,
        };
        (row.unit_id, revision)
    };
    Ok(rows.into_iter().map(revision).collect())
}

/// A listing stands for its activities.
fn made(tables: &[String]) -> Vec<StorageTable> {
    let has = |wanted: &StorageTable| tables.iter().any(|table| effects::table_of(table) == Some(*wanted));
    let all = [StorageTable::Listings, StorageTable::DispatchAgentTasks, StorageTable::DispatchActivities];
    all.into_iter().filter(has).collect()
}
