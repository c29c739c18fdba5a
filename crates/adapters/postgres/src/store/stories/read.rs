//! The rows of one story. It must not put them in order.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::find::Subject;
use crate::store::deliveries::held::held;
use crate::store::error::StoreError;
use crate::store::sql::sql;

// With the changes that wait for them, or had no effect. A deleted message was received like any other; its end is an
// entry of its own.
const SIGNALS: &str = "
SELECT signal_id, CASE WHEN amended_at = 'infinity' THEN 'deleted' ELSE state END AS state, received_at, trace_id,
    jsonb_strip_nulls(jsonb_build_object(
    'source', source, 'workspace', workspace, 'channel', channel, 'thread', thread, 'author', author,
    'message_ref', message_ref, 'provider_event_id', provider_event_id, 'amends', amends, 'change', change,
    'ignored_reason', CASE WHEN amended_at = 'infinity' THEN NULL ELSE ignored_reason END,
    'retry_num', retry_num, 'retry_reason', retry_reason,
    'occurred_at', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))) AS detail
FROM dispatch.signals WHERE signal_id IN (
    SELECT signal_id FROM dispatch.signals WHERE signal_id = $1 OR unit_id = $2
    UNION
    SELECT change.signal_id FROM dispatch.signals AS message
    JOIN dispatch.signals AS change ON change.amends = message.content_key
    WHERE message.signal_id = $1 OR message.unit_id = $2)
ORDER BY received_at, occurred_at, message_ref";

const UNIT: &str = "SELECT state, classification_id FROM dispatch.units WHERE unit_id = $1";

const DISPATCHES: &str =
    "SELECT dispatch_id AS id FROM dispatch.dispatches WHERE unit_id = $1 ORDER BY created_at, dispatch_id";

const DELIVERIES: &str = concat!(
    "
SELECT d.delivery_id, d.dispatch_id, d.state, d.created_at, jsonb_strip_nulls(jsonb_build_object(
    'dispatch_id', d.dispatch_id, 'kind', d.kind, 'destination', d.destination, 'after', d.after_delivery,
    'reason', held.reason, 'held_until', to_char(held.until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))) AS detail
FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
",
    held!(),
    "
WHERE p.unit_id = $1 ORDER BY d.created_at, d.delivery_id"
);

// The keys of a unit's effects begin with its id; `0` is what follows `/`.
const MISSIONS: &str = "
SELECT mission_id AS id FROM dispatch.effects
WHERE effect_key >= $1 || '/' AND effect_key < $1 || '0' AND mission_id IS NOT NULL ORDER BY effect_key";

const TIMELINE: &str = "
SELECT entry, at, step, event, subject, detail FROM dispatch.timeline WHERE unit_id = $1
UNION
SELECT entry, at, step, event, subject, detail FROM dispatch.timeline WHERE signal_id = ANY ($2)
UNION
SELECT entry, at, step, event, subject, detail FROM dispatch.timeline WHERE step = 'mission' AND subject = ANY ($3)
ORDER BY entry";

/// Everything that is known.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) unit_id: Option<Uuid>,
    pub(super) signals: Vec<SignalRow>,
    pub(super) unit: Option<UnitRow>,
    pub(super) dispatches: Vec<Uuid>,
    pub(super) deliveries: Vec<DeliveryRow>,
    pub(super) missions: Vec<String>,
    pub(super) timeline: Vec<TimelineRow>,
}

#[derive(Debug, QueryableByName)]
pub(super) struct SignalRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) signal_id: Uuid,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = Timestamptz)]
    pub(super) received_at: OffsetDateTime,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) trace_id: Option<Uuid>,
    #[diesel(sql_type = Jsonb)]
    pub(super) detail: Value,
}

#[derive(Debug, QueryableByName)]
pub(super) struct UnitRow {
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) classification_id: Option<Uuid>,
}

#[derive(Debug, QueryableByName)]
pub(super) struct DeliveryRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(super) dispatch_id: Uuid,
    #[diesel(sql_type = Text)]
    pub(super) state: String,
    #[diesel(sql_type = Timestamptz)]
    pub(super) created_at: OffsetDateTime,
    #[diesel(sql_type = Jsonb)]
    pub(super) detail: Value,
}

#[derive(Debug, QueryableByName)]
pub(super) struct TimelineRow {
    #[diesel(sql_type = BigInt)]
    pub(super) entry: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(super) at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    pub(super) step: String,
    #[diesel(sql_type = Text)]
    pub(super) event: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) subject: Option<String>,
    #[diesel(sql_type = Jsonb)]
    pub(super) detail: Value,
}

#[derive(QueryableByName)]
struct UuidId {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct TextId {
    #[diesel(sql_type = Text)]
    id: String,
}

pub(super) async fn rows(connection: &mut AsyncPgConnection, subject: Subject) -> Result<Rows, StoreError> {
    let (signal, unit, missions) = match subject {
        Subject::Signal(signal) => (Some(signal), None, Vec::new()),
        Subject::Unit(unit) => (None, Some(unit), Vec::new()),
        Subject::Mission(mission) => (None, None, vec![mission]),
    };
    let mut rows = Rows { unit_id: unit, missions, ..Rows::default() };
    rows.signals =
        sql(SIGNALS).bind::<Nullable<SqlUuid>, _>(signal).bind::<Nullable<SqlUuid>, _>(unit).load(connection).await?;
    if let Some(unit) = unit {
        let mut found: Vec<UnitRow> = sql(UNIT).bind::<SqlUuid, _>(unit).load(connection).await?;
        rows.unit = found.pop();
        let dispatches: Vec<UuidId> = sql(DISPATCHES).bind::<SqlUuid, _>(unit).load(connection).await?;
        rows.dispatches = dispatches.into_iter().map(|row| row.id).collect();
        rows.deliveries = sql(DELIVERIES).bind::<SqlUuid, _>(unit).load(connection).await?;
        let missions: Vec<TextId> = sql(MISSIONS).bind::<Text, _>(unit.to_string()).load(connection).await?;
        rows.missions = missions.into_iter().map(|row| row.id).collect();
    }
    rows.timeline = sql(TIMELINE)
        .bind::<Nullable<SqlUuid>, _>(unit)
        .bind::<Array<SqlUuid>, _>(rows.signals.iter().map(|row| row.signal_id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(&rows.missions)
        .load(connection)
        .await?;
    Ok(rows)
}
