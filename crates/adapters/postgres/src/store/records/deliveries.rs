//! Deliveries as people look for them. Each state is looked for by itself, so that those that wait or failed are found by their own
//! partial index. It must not show what a delivery carries.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{DeliveryId, DispatchId, UnitId};
use dispatch_pipeline::ports::records::{DeliveryHit, DeliverySearch};
use dispatch_routing::delivery::DeliveryState;
use time::OffsetDateTime;
use uuid::Uuid;

use super::MOST_LOOKED_AT;
use crate::store::error::StoreError;
use crate::store::sql::sql;

const COLUMNS: &str = "d.delivery_id, d.dispatch_id, d.unit_id, d.kind, d.state, d.reason, d.attempts, d.created_at,
    CASE WHEN d.state = 'pending' AND d.next_attempt_at < 'infinity' THEN d.next_attempt_at END AS next_attempt_at";
const WITHIN: &str =
    "($2::timestamptz IS NULL OR d.created_at >= $2) AND ($3::timestamptz IS NULL OR d.created_at < $3)";
const ORDER: &str = "ORDER BY created_at DESC, delivery_id DESC LIMIT $4";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Int4)]
    attempts: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: OffsetDateTime,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    next_attempt_at: Option<OffsetDateTime>,
}

pub(super) async fn search(
    connection: &mut AsyncPgConnection,
    search: &DeliverySearch,
    limit: i64,
) -> Result<Vec<DeliveryHit>, StoreError> {
    let mut states: Vec<DeliveryState> = Vec::new();
    for state in search.states.iter().filter_map(|state| DeliveryState::parse(state)) {
        // Each has a part of the statement: twice would be every row twice.
        if !states.contains(&state) {
            states.push(state);
        }
    }
    if states.is_empty() && !search.states.is_empty() {
        return Ok(Vec::new());
    }
    let span = search.created.unwrap_or_default();
    let rows: Vec<Row> = sql(statement(search.unit.is_some(), &states))
        .bind::<Nullable<SqlUuid>, _>(search.unit.map(|unit| unit.0))
        .bind::<Nullable<Timestamptz>, _>(span.from)
        .bind::<Nullable<Timestamptz>, _>(span.to)
        .bind::<BigInt, _>(limit)
        .bind::<BigInt, _>(MOST_LOOKED_AT)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(hit).collect())
}

fn statement(of_unit: bool, states: &[DeliveryState]) -> String {
    let named: Vec<String> = states.iter().map(|state| format!("'{}'", state.as_str())).collect();
    let is_one_of = if named.is_empty() { "true".to_owned() } else { format!("d.state IN ({})", named.join(", ")) };
    if of_unit {
        return format!(
            "SELECT {COLUMNS} FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
             WHERE p.unit_id = $1 AND {is_one_of} AND {WITHIN} AND $5::bigint > 0 {ORDER}"
        );
    }
    let unfinished = |state: &&DeliveryState| !matches!(state, DeliveryState::Delivered | DeliveryState::Cancelled);
    let mut parts: Vec<String> = states
        .iter()
        .filter(unfinished)
        .map(|state| {
            format!(
                "(SELECT {COLUMNS} FROM dispatch.deliveries AS d WHERE d.state = '{}' AND {WITHIN} {ORDER})",
                state.as_str()
            )
        })
        .collect();
    if states.is_empty() || parts.len() < states.len() {
        let rest: Vec<&String> =
            named.iter().filter(|name| name.contains("delivered") || name.contains("cancelled")).collect();
        let rest: Vec<&str> = rest.into_iter().map(String::as_str).collect();
        let is_rest = if rest.is_empty() { "true".to_owned() } else { format!("d.state IN ({})", rest.join(", ")) };
        parts.push(format!(
            "(SELECT {COLUMNS} FROM (SELECT * FROM dispatch.deliveries ORDER BY delivery_id DESC LIMIT $5) AS d
              WHERE {is_rest} AND {WITHIN} {ORDER})"
        ));
    }
    format!("SELECT * FROM ({}) AS found WHERE $1::uuid IS NULL AND $5::bigint > 0 {ORDER}", parts.join(" UNION ALL "))
}

fn hit(row: Row) -> DeliveryHit {
    DeliveryHit {
        delivery_id: DeliveryId(row.delivery_id),
        dispatch_id: DispatchId(row.dispatch_id),
        unit_id: UnitId(row.unit_id),
        kind: row.kind,
        state: row.state,
        reason: row.reason,
        attempts: u32::try_from(row.attempts).unwrap_or(0),
        created_at: row.created_at,
        next_attempt_at: row.next_attempt_at,
    }
}
