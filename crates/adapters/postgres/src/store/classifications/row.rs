//! Rows of kept classifications, read back. It must not write.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{
    Array, Bool, Float, Int2, Json, Jsonb, Nullable, Text, Timestamp, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_classification::classification::{Classification, Confidence, ListingHint, Meaning, TaskTitle};
use dispatch_classification::classifier::Classified;
use dispatch_mission::ids::{ClassificationId, OperationId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_pipeline::ports::classifications::{KeptClassification, Preview};
use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Value, json};
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::sql::sql;

// A unit's decision is what its story says right after this meaning, for what was held has no dispatch.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "
SELECT c.classification_id, c.unit_id, c.message_type, c.group_key, c.task_key, c.listing_type, c.address,
    c.assignee_hint, c.due_date, c.task_title, c.confidence, c.explanations, c.provenance, c.created_at,
    asked.principal, asked.place, asked.metadata,
    coalesce(asked.rule, decided.detail ->> 'rule') AS rule,
    coalesce(asked.auto_dispatch, (decided.detail ->> 'auto_dispatch')::boolean) AS auto_dispatch,
    coalesce(asked.reason, decided.detail ->> 'reason') AS reason
FROM dispatch.classifications AS c
LEFT JOIN dispatch.classification_requests AS asked USING (classification_id)
LEFT JOIN LATERAL (
    SELECT entry FROM dispatch.timeline
    WHERE unit_id = c.unit_id AND event = 'unit.classified' AND subject = c.classification_id::text LIMIT 1
) AS understood ON true
LEFT JOIN LATERAL (
    SELECT detail FROM dispatch.timeline
    WHERE unit_id = c.unit_id AND entry > understood.entry AND event IN ('unit.routed', 'unit.held', 'unit.ignored')
    ORDER BY entry LIMIT 1
) AS decided ON true
WHERE ",
            $which
        )
    };
}

const BY_ID: &str = select!("c.classification_id = $1");
const BY_IDS: &str = select!("c.classification_id = ANY ($1)");
const OF_OPERATION: &str = select!("asked.operation_id = $1");

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = SqlUuid)]
    classification_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    message_type: String,
    #[diesel(sql_type = Nullable<Text>)]
    group_key: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    task_key: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    listing_type: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    address: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    assignee_hint: Option<String>,
    #[diesel(sql_type = Nullable<Timestamp>)]
    due_date: Option<PrimitiveDateTime>,
    #[diesel(sql_type = Nullable<Text>)]
    task_title: Option<String>,
    #[diesel(sql_type = Float)]
    confidence: f32,
    #[diesel(sql_type = Jsonb)]
    explanations: Value,
    #[diesel(sql_type = Jsonb)]
    provenance: Value,
    #[diesel(sql_type = Timestamptz)]
    created_at: OffsetDateTime,
    #[diesel(sql_type = Nullable<Text>)]
    principal: Option<String>,
    #[diesel(sql_type = Nullable<Int2>)]
    place: Option<i16>,
    #[diesel(sql_type = Nullable<Json>)]
    metadata: Option<Value>,
    #[diesel(sql_type = Nullable<Text>)]
    rule: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    auto_dispatch: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

pub(super) async fn by_id(
    connection: &mut AsyncPgConnection,
    id: ClassificationId,
) -> Result<Option<KeptClassification>, StoreError> {
    let mut rows: Vec<Row> = sql(BY_ID).bind::<SqlUuid, _>(id.0).load(connection).await?;
    rows.pop().map(kept).transpose()
}

/// Those of these that there are, in no order.
pub(in crate::store) async fn by_ids(
    connection: &mut AsyncPgConnection,
    ids: &[Uuid],
) -> Result<Vec<KeptClassification>, StoreError> {
    let rows: Vec<Row> = sql(BY_IDS).bind::<Array<SqlUuid>, _>(ids).load(connection).await?;
    rows.into_iter().map(kept).collect()
}

/// By their place among the texts of the operation.
pub(super) async fn of_operation(
    connection: &mut AsyncPgConnection,
    operation: OperationId,
) -> Result<BTreeMap<u16, KeptClassification>, StoreError> {
    let rows: Vec<Row> = sql(OF_OPERATION).bind::<SqlUuid, _>(operation.0).load(connection).await?;
    let placed = |row: Row| {
        let place = row.place.and_then(|place| u16::try_from(place).ok()).unwrap_or_default();
        kept(row).map(|kept| (place, kept))
    };
    rows.into_iter().map(placed).collect()
}

fn kept(row: Row) -> Result<KeptClassification, StoreError> {
    let decision = (row.rule, row.auto_dispatch, row.reason);
    let preview = match decision {
        (Some(rule), Some(auto_dispatch), Some(reason)) => {
            Some(Preview { routing: RoutingDecision { auto_dispatch, reason }, rule })
        }
        _ => None,
    };
    let (group, task) = (word(row.group_key)?, word(row.task_key)?);
    let meaning = Meaning::from_parts(read(json!(row.message_type))?, group, task)
        .ok_or_else(|| serde_json::Error::custom("the keys do not fit the type"))?;
    let classification = Classification {
        meaning,
        listing: ListingHint { kind: word(row.listing_type)?, address: row.address },
        assignee_hint: row.assignee_hint,
        due_date: row.due_date,
        task_title: row.task_title.as_deref().and_then(TaskTitle::from_text),
        confidence: Confidence::clamped(row.confidence),
        explanations: read(row.explanations)?,
    };
    let metadata = match row.metadata {
        Some(Value::Object(metadata)) => metadata,
        _ => serde_json::Map::new(),
    };
    Ok(KeptClassification {
        classification_id: ClassificationId(row.classification_id),
        classified: Classified { classification, provenance: read(row.provenance)? },
        preview,
        unit_id: row.unit_id.map(UnitId),
        principal: row.principal,
        metadata,
        created_at: row.created_at,
    })
}

fn word<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, StoreError> {
    text.map(|text| read(json!(text))).transpose()
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, StoreError> {
    Ok(serde_json::from_value(value)?)
}
