//! Work that waits for a person's decision. It must not decide.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Float, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, UnitId};
use dispatch_pipeline::ports::records::{EXCERPT_CHARS, HeldHit};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::text::excerpt;
use crate::store::error::StoreError;
use crate::store::sql::sql;

// By the partial index of held units; the rest by keys.
const HELD: &str = "
SELECT u.unit_id, coalesce(u.reason, 'held') AS reason, entry.rule, coalesce(entry.at, u.settled_at, u.closed_at) AS held_since,
    c.classification_id, c.message_type, coalesce(c.group_key, c.task_key) AS key, c.confidence, c.explanations,
    coalesce((
        SELECT string_agg(left(s.text, 300), ' ' ORDER BY s.occurred_at, s.message_ref) FROM dispatch.signals AS s
        WHERE s.unit_id = u.unit_id AND s.amended_at IS DISTINCT FROM 'infinity'), '') AS text
FROM (SELECT * FROM dispatch.units WHERE state = 'held' ORDER BY closed_at LIMIT $1) AS u
LEFT JOIN dispatch.classifications AS c ON c.classification_id = u.classification_id
LEFT JOIN LATERAL (
    SELECT t.at, t.detail ->> 'rule' AS rule FROM dispatch.timeline AS t
    WHERE t.unit_id = u.unit_id AND t.event = 'unit.held' ORDER BY t.entry DESC LIMIT 1) AS entry ON true
ORDER BY held_since, u.unit_id";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Nullable<Text>)]
    rule: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    held_since: OffsetDateTime,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    classification_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    message_type: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    key: Option<String>,
    #[diesel(sql_type = Nullable<Float>)]
    confidence: Option<f32>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    explanations: Option<Value>,
    #[diesel(sql_type = Text)]
    text: String,
}

pub(super) async fn search(connection: &mut AsyncPgConnection, limit: i64) -> Result<Vec<HeldHit>, StoreError> {
    let rows: Vec<Row> = sql(HELD).bind::<BigInt, _>(limit).load(connection).await?;
    Ok(rows.into_iter().map(hit).collect())
}

fn hit(row: Row) -> HeldHit {
    let explanations = row.explanations.as_ref().and_then(Value::as_array).into_iter().flatten();
    HeldHit {
        unit_id: UnitId(row.unit_id),
        reason: row.reason,
        rule: row.rule,
        held_since: row.held_since,
        classification_id: row.classification_id.map(ClassificationId),
        message_type: row.message_type,
        key: row.key,
        confidence: row.confidence,
        explanations: explanations.filter_map(Value::as_str).map(str::to_owned).collect(),
        excerpt: excerpt(&row.text, EXCERPT_CHARS),
    }
}
