//! The ends of a claim other than a settlement: prolonged, given back, lapsed. It must not know why a worker gives up.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Int4, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::UnitId;
use dispatch_routing::question::Ended;
use dispatch_routing::queue::{ClaimToken, Settled};
use serde_json::json;
use uuid::Uuid;

use super::questions;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::{clean, micros};

const RENEW: &str = "
UPDATE dispatch.units SET lease_until = now() + $3 * interval '1 microsecond',
    next_attempt_at = now() + $3 * interval '1 microsecond'
WHERE unit_id = $1 AND claim_token = $2 AND state = 'pending'";

const GIVE_BACK: &str = "
UPDATE dispatch.units SET claim_token = NULL, lease_until = NULL, reason = $4,
    state = CASE WHEN $3 IS NULL THEN 'dead' ELSE 'pending' END,
    settled_at = CASE WHEN $3 IS NULL THEN now() END,
    next_attempt_at = coalesce(now() + $3 * interval '1 microsecond', next_attempt_at)
WHERE unit_id = $1 AND claim_token = $2 AND state = 'pending'
RETURNING attempts";

const HAND_BACK: &str = "
UPDATE dispatch.units SET claim_token = NULL, lease_until = NULL, attempts = attempts - 1, next_attempt_at = now()
WHERE unit_id = $1 AND claim_token = $2 AND state = 'pending'";

const EXPIRE: &str = "
UPDATE dispatch.units SET state = 'expired', settled_at = now()
WHERE unit_id IN (
    SELECT unit_id FROM dispatch.units WHERE state = 'held' AND expires_at <= now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING unit_id, reason";

// Nobody asks for an old quota again, or it counts anew; without this there would be a row for every conversation there
// ever was. A month, because an interval is the policy's to choose and must not be cut short.
const FORGET_QUOTAS: &str = "
DELETE FROM dispatch.quotas WHERE quota_key IN (
    SELECT quota_key FROM dispatch.quotas WHERE taken_at < now() - interval '31 days'
    LIMIT $1 FOR UPDATE SKIP LOCKED)";

#[derive(QueryableByName)]
struct GivenBack {
    #[diesel(sql_type = Int4)]
    attempts: i32,
}

#[derive(QueryableByName)]
struct Expired {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

pub(crate) async fn renew(
    connection: &mut AsyncPgConnection,
    unit: UnitId,
    token: ClaimToken,
    lease: Duration,
) -> Result<Settled, StoreError> {
    let renewed = sql(RENEW)
        .bind::<SqlUuid, _>(unit.0)
        .bind::<SqlUuid, _>(token.0)
        .bind::<BigInt, _>(micros(lease))
        .execute(connection)
        .await?;
    Ok(if renewed == 1 { Settled::Stood } else { Settled::Lost })
}

pub(crate) async fn give_back(
    connection: &mut AsyncPgConnection,
    unit: UnitId,
    token: ClaimToken,
    delay: Option<Duration>,
    reason: &str,
) -> Result<Settled, StoreError> {
    let reason = clean(reason);
    connection
        .transaction(async |connection| {
            let mut given: Vec<GivenBack> = sql(GIVE_BACK)
                .bind::<SqlUuid, _>(unit.0)
                .bind::<SqlUuid, _>(token.0)
                .bind::<Nullable<BigInt>, _>(delay.map(micros))
                .bind::<Text, _>(reason.as_ref())
                .load(connection)
                .await?;
            let Some(given) = given.pop() else { return Ok(Settled::Lost) };
            let mut detail = json!({ "attempt": given.attempts, "reason": reason });
            if let (Some(delay), Some(detail)) = (delay, detail.as_object_mut()) {
                detail.insert("next_in_ms".to_owned(), millis(delay).into());
            }
            let entry = Entry {
                step: "reason",
                event: if delay.is_some() { "unit.attempt_failed" } else { "unit.dead" },
                unit: Some(unit.0),
                subject: Some(unit.to_string()),
                detail,
                ..Entry::default()
            };
            timeline::append(connection, &[entry]).await?;
            Ok(Settled::Stood)
        })
        .await
}

pub(crate) async fn hand_back(
    connection: &mut AsyncPgConnection,
    unit: UnitId,
    token: ClaimToken,
) -> Result<Settled, StoreError> {
    let handed = sql(HAND_BACK).bind::<SqlUuid, _>(unit.0).bind::<SqlUuid, _>(token.0).execute(connection).await?;
    Ok(if handed == 1 { Settled::Stood } else { Settled::Lost })
}

/// Ends held units in time, and keeps house: a worker calls this every few seconds.
pub(crate) async fn expire_held(connection: &mut AsyncPgConnection, limit: u32) -> Result<u32, StoreError> {
    connection
        .transaction(async |connection| {
            let expired: Vec<Expired> = sql(EXPIRE).bind::<BigInt, _>(i64::from(limit)).load(connection).await?;
            let entries: Vec<Entry> = expired
                .iter()
                .map(|row| Entry {
                    step: "route",
                    event: "unit.expired",
                    unit: Some(row.unit_id),
                    subject: Some(row.unit_id.to_string()),
                    detail: json!({ "held_for": row.reason }),
                    ..Entry::default()
                })
                .collect();
            timeline::append(connection, &entries).await?;
            let lapsed: Vec<_> = expired.iter().map(|row| (row.unit_id, Ended::Lapsed)).collect();
            questions::close(connection, &lapsed).await?;
            sql(FORGET_QUOTAS).bind::<BigInt, _>(i64::from(limit)).execute(connection).await?;
            Ok(u32::try_from(expired.len()).unwrap_or(u32::MAX))
        })
        .await
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
