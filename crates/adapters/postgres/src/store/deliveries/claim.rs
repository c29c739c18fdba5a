//! Hands deliveries out: due, of one kind, in turn from each lane that may be used, the attempt counted in the claim.
//!
//! It must not know how they are sent.

use std::collections::{BTreeMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{DeliveryId, DispatchId, UnitId};
use dispatch_routing::delivery::ClaimedDelivery;
use dispatch_routing::delivery_queue::Bounds;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::limits::{Limits, Rate};
use dispatch_routing::queue::{ClaimRule, ClaimToken};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

use super::lanes::{self, Share};
use super::{breakers, buckets, bury, lines};
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::{micros, small};

// What is stored runs inside the worker's own turn, and every retry of it may be what ended the last worker. A message
// that a provider refused is harmless; one whose claim ran out is not known to be.
pub(super) const DUE: &str = "
SELECT d.delivery_id, share.lane, share.channel, d.suspect, d.spent
FROM unnest($2, $3, $4) AS share (lane, channel, most)
CROSS JOIN LATERAL (
    SELECT delivery_id, next_attempt_at,
        CASE WHEN kind = 'storage' THEN attempts > 0 ELSE claim_token IS NOT NULL END AS suspect,
        attempts >= $5 OR coalesce(due_since <= now() - $6 * interval '1 microsecond', false) AS spent
    FROM dispatch.deliveries
    WHERE state = 'pending' AND kind = $1 AND lane = share.lane AND channel = share.channel
        AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT share.most
    FOR UPDATE SKIP LOCKED) AS d
ORDER BY d.next_attempt_at";

// A token that is still there is a claim whose lease ran out unsettled: its worker may have sent. What is stored is
// stored in the settlement's own commit, so that there is never a doubt.
const TAKE: &str = "
UPDATE dispatch.deliveries SET
    may_have_been_sent = may_have_been_sent OR (claim_token IS NOT NULL AND kind <> 'storage'),
    claim_token = gen_random_uuid(),
    lease_until = now() + $2 * interval '1 microsecond',
    next_attempt_at = now() + $2 * interval '1 microsecond',
    attempts = attempts + 1
WHERE delivery_id = ANY ($1)
RETURNING delivery_id, dispatch_id, unit_id, claim_token, attempts, destination, content, may_have_been_sent,
    (extract(epoch FROM now() - due_since) * 1000000)::bigint AS age";

/// Looked at before a destination that was left alone is asked: most of what waited there may be past its deadline.
const BEHIND_A_PROBE: u32 = 20;
/// How often a claim looks again behind what it had to end. The rest is for the next one: other kinds of work wait too.
const LOOKS: u32 = 10;

#[derive(QueryableByName, Debug)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = Text)]
    lane: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Bool)]
    suspect: bool,
    #[diesel(sql_type = Bool)]
    spent: bool,
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
    #[diesel(sql_type = BigInt)]
    age: i64,
}

pub(crate) async fn claim(
    connection: &mut AsyncPgConnection,
    kind: DestinationKind,
    rule: ClaimRule,
    bounds: &Bounds,
    limits: &Limits,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    for _ in 0..LOOKS {
        let shares = lanes::shares(connection, kind, rule.limit, bounds, limits).await?;
        if shares.is_empty() {
            break;
        }
        let (claimed, others) = connection
            .transaction(async |connection| take(connection, kind, rule, bounds.deadline, &shares, limits).await)
            .await?;
        // Used up or unreadable ones were all there was; behind them there may be others.
        if !claimed.is_empty() || others == 0 {
            return Ok(claimed);
        }
    }
    Ok(Vec::new())
}

async fn take(
    connection: &mut AsyncPgConnection,
    kind: DestinationKind,
    rule: ClaimRule,
    deadline: Option<Duration>,
    shares: &[Share],
    limits: &Limits,
) -> Result<(Vec<ClaimedDelivery>, usize), StoreError> {
    let due = due(connection, kind, rule, deadline, shares).await?;
    let (spent, due): (Vec<Due>, Vec<Due>) = due.into_iter().partition(|row| row.spent);
    let spent: Vec<Uuid> = spent.iter().map(|row| row.delivery_id).collect();
    bury::bury(connection, &spent, rule.max_attempts).await?;
    let (due, behind) = first_in_line(connection, kind, due, limits).await?;
    let others = spent.len() + behind;
    let due = within_rates(connection, together(due), limits).await?;
    let due = past_breakers(connection, due, shares, rule.lease).await?;
    let ids: Vec<Uuid> = due.iter().map(|row| row.delivery_id).collect();
    if ids.is_empty() {
        return Ok((Vec::new(), others));
    }
    let mut taken: Vec<Taken> =
        sql(TAKE).bind::<Array<SqlUuid>, _>(&ids).bind::<BigInt, _>(micros(rule.lease)).load(connection).await?;
    taken.sort_by_key(|row| ids.iter().position(|id| *id == row.delivery_id));
    // A row that this build cannot read is left to one that can: its lease runs out.
    let readable = taken.into_iter().filter_map(|row| {
        let id = row.delivery_id;
        delivery(row).inspect_err(|error| tracing::error!(delivery_id = %id, %error, "unreadable delivery")).ok()
    });
    let readable: Vec<ClaimedDelivery> = readable.collect();
    let others = others + ids.len() - readable.len();
    Ok((readable, others))
}

async fn due(
    connection: &mut AsyncPgConnection,
    kind: DestinationKind,
    rule: ClaimRule,
    deadline: Option<Duration>,
    shares: &[Share],
) -> Result<Vec<Due>, StoreError> {
    let most = |share: &Share| i64::from(if share.probe { share.most.max(BEHIND_A_PROBE) } else { share.most });
    let rows = sql(DUE)
        .bind::<Text, _>(kind.as_str())
        .bind::<Array<Text>, _>(shares.iter().map(|share| share.lane.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(shares.iter().map(|share| share.channel.as_str()).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(shares.iter().map(most).collect::<Vec<_>>())
        .bind::<Int4, _>(small(rule.max_attempts))
        .bind::<Nullable<BigInt>, _>(deadline.map(micros))
        .load(connection)
        .await?;
    Ok(rows)
}

/// Without those that another of their conversation comes before, and how many these are.
async fn first_in_line(
    connection: &mut AsyncPgConnection,
    kind: DestinationKind,
    mut due: Vec<Due>,
    limits: &Limits,
) -> Result<(Vec<Due>, usize), StoreError> {
    if !limits.in_order.contains(&kind) {
        return Ok((due, 0));
    }
    let ids: Vec<Uuid> = due.iter().map(|row| row.delivery_id).collect();
    let behind = lines::put_back(connection, &ids).await?;
    due.retain(|row| !behind.contains(&row.delivery_id));
    Ok((due, behind.len()))
}

/// Those of `due` that are claimed together: a suspect comes alone, so that it takes no others with it.
fn together(mut due: Vec<Due>) -> Vec<Due> {
    if due.as_slice().first().is_some_and(|first| first.suspect) {
        due.truncate(1);
    } else {
        due.retain(|row| !row.suspect);
    }
    due
}

/// Those that their lanes' rates let through, the first of each lane first.
async fn within_rates(
    connection: &mut AsyncPgConnection,
    mut due: Vec<Due>,
    limits: &Limits,
) -> Result<Vec<Due>, StoreError> {
    let mut wanted: BTreeMap<buckets::Key, (u32, Rate)> = BTreeMap::new();
    for row in &due {
        if let Some(rate) = limits.rate(&row.lane) {
            wanted.entry((row.lane.clone(), row.channel.clone())).or_insert((0, rate)).0 += 1;
        }
    }
    let mut granted = buckets::take(connection, &wanted).await?;
    due.retain(|row| {
        let key = (row.lane.clone(), row.channel.clone());
        match (wanted.contains_key(&key), granted.get_mut(&key)) {
            (false, _) => true,
            (true, Some(left)) if *left > 0 => {
                *left -= 1;
                true
            }
            (true, _) => false,
        }
    });
    Ok(due)
}

/// Where a breaker is asked with one delivery: the first, if no other claim was first. The others pass.
async fn past_breakers(
    connection: &mut AsyncPgConnection,
    mut due: Vec<Due>,
    shares: &[Share],
    lease: Duration,
) -> Result<Vec<Due>, StoreError> {
    let asked: HashSet<&str> = shares.iter().filter(|share| share.probe).map(|share| share.lane.as_str()).collect();
    let mut first = HashSet::new();
    due.retain(|row| !asked.contains(row.lane.as_str()) || first.insert(row.lane.clone()));
    let probes = due.iter().filter(|row| asked.contains(row.lane.as_str()));
    let probes: Vec<(String, Uuid)> = probes.map(|row| (row.lane.clone(), row.delivery_id)).collect();
    let may_pass = breakers::ask(connection, &probes, lease).await?;
    due.retain(|row| !asked.contains(row.lane.as_str()) || may_pass.contains(&row.lane));
    Ok(due)
}

fn delivery(row: Taken) -> Result<ClaimedDelivery, StoreError> {
    Ok(ClaimedDelivery {
        delivery_id: DeliveryId(row.delivery_id),
        dispatch_id: DispatchId(row.dispatch_id),
        unit_id: UnitId(row.unit_id),
        token: ClaimToken(row.claim_token.unwrap_or_default()),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        age: Duration::from_micros(u64::try_from(row.age).unwrap_or(0)),
        destination: serde_json::from_value(row.destination)?,
        content: serde_json::from_value(row.content)?,
        may_have_been_sent: row.may_have_been_sent,
    })
}
