//! Which story an id belongs to. Every look goes by an index. It must not read the story.

use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::store::clean;
use crate::store::error::StoreError;
use crate::store::sql::sql;

/// Ids that are UUIDs, and trace ids, which have as many bits.
const BY_UUID: &str = "
SELECT unit_id, signal_id FROM dispatch.signals WHERE signal_id = $1
UNION ALL
SELECT unit_id, NULL FROM dispatch.units WHERE unit_id = $1
UNION ALL
SELECT unit_id, NULL FROM dispatch.classifications WHERE classification_id = $1 AND unit_id IS NOT NULL
UNION ALL
SELECT unit_id, NULL FROM dispatch.dispatches WHERE dispatch_id = $1
UNION ALL
SELECT unit_id, NULL FROM dispatch.deliveries WHERE delivery_id = $1
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE trace_id = $1 AND (unit_id IS NOT NULL OR state = 'ignored') ORDER BY received_at DESC LIMIT 1)
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE trace_id = $1 AND unit_id IS NULL AND state = 'queued' LIMIT 1)
LIMIT 1";

/// Ids of the brokerage's rows, and the providers' names for a message. A name that was used twice means the last one.
const BY_TEXT: &str = "
SELECT unit_id, NULL::uuid AS signal_id FROM dispatch.mission_facts WHERE mission_id = $1 AND unit_id IS NOT NULL
UNION ALL
SELECT split_part(effect_key, '/', 1)::uuid, NULL FROM dispatch.effects WHERE listing_id = $1 AND mission_id IS NULL
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE message_ref = $1 AND (unit_id IS NOT NULL OR state = 'ignored') ORDER BY received_at DESC LIMIT 1)
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE message_ref = $1 AND unit_id IS NULL AND state = 'queued' LIMIT 1)
UNION ALL
SELECT unit_id, signal_id FROM dispatch.signals WHERE event_key IN ('slack:event:' || $1, $1)
UNION ALL
SELECT unit_id, signal_id FROM dispatch.signals WHERE content_key = $1
LIMIT 1";

/// What a story is about: a unit, or a signal that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Unit(Uuid),
    Signal(Uuid),
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    signal_id: Option<Uuid>,
}

pub(super) async fn subject(connection: &mut AsyncPgConnection, id: &str) -> Result<Option<Subject>, StoreError> {
    let id = clean(id.trim());
    if let Ok(uuid) = Uuid::parse_str(&id) {
        let mut found: Vec<Found> = sql(BY_UUID).bind::<SqlUuid, _>(uuid).load(connection).await?;
        if let Some(found) = found.pop().and_then(of_row) {
            return Ok(Some(found));
        }
        // Missions and listings that Dispatch made have a UUID too, as text.
        let text = uuid.to_string();
        if text != *id {
            if let Some(found) = by_text(connection, &text).await? {
                return Ok(Some(found));
            }
        }
    }
    by_text(connection, &id).await
}

async fn by_text(connection: &mut AsyncPgConnection, id: &str) -> Result<Option<Subject>, StoreError> {
    let mut found: Vec<Found> = sql(BY_TEXT).bind::<Text, _>(id).load(connection).await?;
    Ok(found.pop().and_then(of_row))
}

fn of_row(row: Found) -> Option<Subject> {
    row.unit_id.map(Subject::Unit).or(row.signal_id.map(Subject::Signal))
}
