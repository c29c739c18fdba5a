//! Hands deliveries out: due, of one kind, the attempt counted in the claim.
//!
//! It must not know how they are sent.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{DeliveryId, DispatchId, UnitId};
use dispatch_routing::delivery::ClaimedDelivery;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::queue::{ClaimRule, ClaimToken};
use serde_json::{Value, json};
use uuid::Uuid;

use super::dependents;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::{micros, small};

// What is stored runs inside the worker's own turn, and every retry of it may be what ended the last worker. A message
// that a provider refused is harmless; one whose claim ran out is not known to be.
const DUE: &str = "
SELECT delivery_id, CASE WHEN kind = 'storage' THEN attempts > 0 ELSE claim_token IS NOT NULL END AS suspect FROM dispatch.deliveries
WHERE state = 'pending' AND kind = $1 AND next_attempt_at <= now()
ORDER BY next_attempt_at LIMIT $2
FOR UPDATE SKIP LOCKED";

// A token that is still there is a claim whose lease ran out unsettled: its worker may have sent. What is stored is
// stored in the settlement's own commit, so that there is never a doubt.
const TAKE: &str = "
UPDATE dispatch.deliveries SET
    may_have_been_sent = may_have_been_sent OR (claim_token IS NOT NULL AND kind <> 'storage'),
    state = CASE
        WHEN attempts < $2 THEN 'pending'
        WHEN may_have_been_sent OR (claim_token IS NOT NULL AND kind <> 'storage') THEN 'unknown'
        ELSE 'exhausted' END,
    reason = CASE WHEN attempts < $2 THEN reason ELSE coalesce(reason, 'attempts_exhausted') END,
    settled_at = CASE WHEN attempts < $2 THEN NULL ELSE now() END,
    claim_token = CASE WHEN attempts < $2 THEN gen_random_uuid() END,
    lease_until = CASE WHEN attempts < $2 THEN now() + $3 * interval '1 microsecond' END,
    next_attempt_at = CASE WHEN attempts < $2 THEN now() + $3 * interval '1 microsecond' ELSE next_attempt_at END,
    attempts = CASE WHEN attempts < $2 THEN attempts + 1 ELSE attempts END
WHERE delivery_id = ANY ($1)
RETURNING delivery_id, dispatch_id, unit_id, claim_token, attempts, destination, content, may_have_been_sent, state,
    reason";

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = Bool)]
    suspect: bool,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    claim_token: Option<Uuid>,
    #[diesel(sql_type = Int4)]
    attempts: i32,
    #[diesel(sql_type = Jsonb)]
    destination: Value,
    #[diesel(sql_type = Jsonb)]
    content: Value,
    #[diesel(sql_type = Bool)]
    may_have_been_sent: bool,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

pub(crate) async fn claim(
    connection: &mut AsyncPgConnection,
    kind: DestinationKind,
    rule: ClaimRule,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    loop {
        let (claimed, others) = connection.transaction(async |connection| take(connection, kind, rule).await).await?;
        // Used up or unreadable ones were all there was; behind them there may be others.
        if !claimed.is_empty() || others == 0 {
            return Ok(claimed);
        }
    }
}

async fn take(
    connection: &mut AsyncPgConnection,
    kind: DestinationKind,
    rule: ClaimRule,
) -> Result<(Vec<ClaimedDelivery>, usize), StoreError> {
    let due: Vec<Due> =
        sql(DUE).bind::<Text, _>(kind.as_str()).bind::<BigInt, _>(i64::from(rule.limit)).load(connection).await?;
    if due.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let ids = together(due);
    let mut taken: Vec<Taken> = sql(TAKE)
        .bind::<Array<SqlUuid>, _>(&ids)
        .bind::<Int4, _>(small(rule.max_attempts))
        .bind::<BigInt, _>(micros(rule.lease))
        .load(connection)
        .await?;
    taken.sort_by_key(|row| ids.iter().position(|id| *id == row.delivery_id));
    let (claimed, ended): (Vec<Taken>, Vec<Taken>) = taken.into_iter().partition(|row| row.claim_token.is_some());
    bury(connection, &ended).await?;
    // A row that this build cannot read is left to one that can: its lease runs out.
    let readable = claimed.into_iter().filter_map(|row| {
        let id = row.delivery_id;
        delivery(row).inspect_err(|error| tracing::error!(delivery_id = %id, %error, "unreadable delivery")).ok()
    });
    let readable: Vec<ClaimedDelivery> = readable.collect();
    let others = ids.len() - readable.len();
    Ok((readable, others))
}

/// Those of `due` that are claimed together: a suspect comes alone, so that it takes no others with it.
fn together(mut due: Vec<Due>) -> Vec<Uuid> {
    if due.as_slice().first().is_some_and(|first| first.suspect) {
        due.truncate(1);
    } else {
        due.retain(|row| !row.suspect);
    }
    due.into_iter().map(|row| row.delivery_id).collect()
}

/// Those whose attempts are used up, and what depends on them.
async fn bury(connection: &mut AsyncPgConnection, ended: &[Taken]) -> Result<(), StoreError> {
    if ended.is_empty() {
        return Ok(());
    }
    let entries: Vec<Entry> = ended
        .iter()
        .map(|row| Entry {
            step: "deliver",
            event: "delivery.ended",
            unit: Some(row.unit_id),
            delivery: Some(row.delivery_id),
            subject: Some(row.delivery_id.to_string()),
            detail: json!({ "state": row.state, "reason": row.reason, "attempts": row.attempts }),
            ..Entry::default()
        })
        .collect();
    timeline::append(connection, &entries).await?;
    dependents::cancel(connection, ended.iter().map(|row| row.delivery_id).collect()).await
}

fn delivery(row: Taken) -> Result<ClaimedDelivery, StoreError> {
    Ok(ClaimedDelivery {
        delivery_id: DeliveryId(row.delivery_id),
        dispatch_id: DispatchId(row.dispatch_id),
        unit_id: UnitId(row.unit_id),
        token: ClaimToken(row.claim_token.unwrap_or_default()),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        destination: serde_json::from_value(row.destination)?,
        content: serde_json::from_value(row.content)?,
        may_have_been_sent: row.may_have_been_sent,
    })
}
