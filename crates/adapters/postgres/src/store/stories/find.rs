//! Which story an id belongs to. Every look goes by an index. It must not read the story.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::store::clean;
use crate::store::error::StoreError;
use crate::store::sql::sql;

/// Ids that are UUIDs, and trace ids, which have as many bits. A change has the story of its message.
const BY_UUID: &str = "
SELECT coalesce(s.unit_id, message.unit_id) AS unit_id, coalesce(message.signal_id, s.signal_id) AS signal_id
FROM dispatch.signals AS s LEFT JOIN dispatch.signals AS message ON message.content_key = s.amends
WHERE s.signal_id = $1
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
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals WHERE trace_id = $1 AND state = 'amending' LIMIT 1)
LIMIT 1";

/// Ids of the brokerage's rows, and the providers' names for a message, its repeats and what was sent because of it. A
/// name that was used twice means the last one.
const BY_NAME: &str = "
SELECT unit_id, NULL::uuid AS signal_id FROM dispatch.mission_facts
WHERE mission_id = ANY ($1) AND unit_id IS NOT NULL
UNION ALL
-- Of those who wrote about a listing, the one who declared it.
(SELECT split_part(effect_key, '/', 1)::uuid, NULL FROM dispatch.effects
 WHERE listing_id = ANY ($1) AND mission_id IS NULL ORDER BY joined, effect_key LIMIT 1)
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE message_ref = ANY ($1) AND (unit_id IS NOT NULL OR state = 'ignored') ORDER BY received_at DESC LIMIT 1)
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE message_ref = ANY ($1) AND unit_id IS NULL AND state = 'queued' LIMIT 1)
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE provider_event_id = ANY ($1) AND (unit_id IS NOT NULL OR state = 'ignored') ORDER BY received_at DESC LIMIT 1)
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE provider_event_id = ANY ($1) AND unit_id IS NULL AND state = 'queued' LIMIT 1)
UNION ALL
(SELECT unit_id, signal_id FROM dispatch.signals
 WHERE (message_ref = ANY ($1) OR provider_event_id = ANY ($1)) AND state = 'amending' LIMIT 1)
UNION ALL
SELECT unit_id, signal_id FROM dispatch.signals WHERE content_key = ANY ($1)
UNION ALL
(SELECT unit_id, NULL FROM dispatch.deliveries WHERE reference = ANY ($1) LIMIT 1)
UNION ALL
SELECT s.unit_id, s.signal_id FROM dispatch.timeline AS repeat JOIN dispatch.signals AS s USING (signal_id)
WHERE repeat.event = 'signal.duplicate'
    AND (repeat.detail ->> 'trace_id' = ANY ($1) OR repeat.detail ->> 'provider_event_id' = ANY ($1))
LIMIT 1";

/// A mission that no message stands behind: what people did to it.
const BY_HAND: &str = "
SELECT subject FROM dispatch.timeline WHERE step = 'mission' AND subject = ANY ($1) ORDER BY entry DESC LIMIT 1";

/// What a story is about: a unit, or a signal or a mission that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Unit(Uuid),
    Signal(Uuid),
    Mission(String),
}

#[derive(Clone, Copy, QueryableByName)]
struct Found {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    signal_id: Option<Uuid>,
}

#[derive(QueryableByName)]
struct Mission {
    #[diesel(sql_type = Text)]
    subject: String,
}

pub(super) async fn subject(connection: &mut AsyncPgConnection, id: &str) -> Result<Option<Subject>, StoreError> {
    let id = clean(id.trim()).into_owned();
    let mut names = vec![id.clone()];
    if let Ok(uuid) = Uuid::parse_str(&id) {
        let mut found: Vec<Found> = sql(BY_UUID).bind::<SqlUuid, _>(uuid).load(connection).await?;
        if let Some(found) = found.pop().and_then(of_row) {
            return Ok(Some(found));
        }
        // Missions that Dispatch made have a UUID as text; a repeat's trace id is text too.
        names.extend([uuid.to_string(), uuid.simple().to_string()]);
        names.dedup();
    }
    let mut found: Vec<Found> = sql(BY_NAME).bind::<Array<Text>, _>(&names).load(connection).await?;
    if let Some(found) = found.pop().and_then(of_row) {
        return Ok(Some(found));
    }
    let mut by_hand: Vec<Mission> = sql(BY_HAND).bind::<Array<Text>, _>(&names).load(connection).await?;
    Ok(by_hand.pop().map(|row| Subject::Mission(row.subject)))
}

fn of_row(row: Found) -> Option<Subject> {
    row.unit_id.map(Subject::Unit).or(row.signal_id.map(Subject::Signal))
}
