//! Records attempts and their consequences, a batch in one commit. It must not decide when to try again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::signal::Recipient;
use dispatch_routing::breaker::{BreakerRule, Health};
use dispatch_routing::delivery::{AttemptOutcome, DeliveryState, ENDPOINT_DISABLED};
use dispatch_routing::delivery_queue::{DeliverySettlement, NextStep};
use dispatch_routing::destination::Destination;
use dispatch_routing::lane::Lane;
use dispatch_routing::limits::Limits;
use dispatch_routing::queue::Settled;
use serde_json::{Value, json};
use uuid::Uuid;

use super::breakers::{self, Change, Told};
use super::{answers, buckets, dependents, lock_units};
use crate::store::error::StoreError;
use crate::store::permission;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::{clean, micros};

const SETTLE: &str = "
UPDATE dispatch.deliveries AS d SET
    state = attempt.state, reason = attempt.reason, claim_token = NULL, lease_until = NULL,
    reference = coalesce(attempt.reference, d.reference),
    may_have_been_sent = coalesce(attempt.sent, d.may_have_been_sent),
    next_attempt_at = CASE WHEN attempt.state = 'pending'
        THEN now() + attempt.again_us * interval '1 microsecond' ELSE d.next_attempt_at END,
    settled_at = CASE WHEN attempt.state NOT IN ('pending', 'held') THEN now() END
FROM unnest($1, $2, $3, $4, $5, $6, $7) AS attempt (delivery_id, token, state, reason, reference, sent, again_us)
WHERE d.delivery_id = attempt.delivery_id AND d.claim_token = attempt.token AND d.state = 'pending'
RETURNING attempt.delivery_id, attempt.token, d.unit_id, d.attempts, d.lane, d.channel,
    CASE WHEN attempt.reason IN ('opted_out', 'endpoint_disabled') THEN d.destination END AS refuses";

/// The code of a refusal that a provider knows of and we may not. The others are known by what is noted already, and
/// may have been lifted while the attempt was under way.
const OPTED_OUT: &str = "opted_out";

#[derive(QueryableByName)]
struct Stood {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    token: Uuid,
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Int4)]
    attempts: i32,
    #[diesel(sql_type = Text)]
    lane: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    refuses: Option<Value>,
}

pub(crate) async fn settle(
    connection: &mut AsyncPgConnection,
    settlements: &[DeliverySettlement],
    limits: &Limits,
) -> Result<Vec<Settled>, StoreError> {
    let (settled, changes) =
        connection.transaction(async |connection| in_transaction(connection, settlements, limits).await).await?;
    changes.iter().for_each(Change::log);
    Ok(settled)
}

async fn in_transaction(
    connection: &mut AsyncPgConnection,
    settlements: &[DeliverySettlement],
    limits: &Limits,
) -> Result<(Vec<Settled>, Vec<Change>), StoreError> {
    let mut seen = HashSet::new();
    let once: Vec<&DeliverySettlement> = settlements.iter().filter(|one| seen.insert(claim_of(one))).collect();
    // What an answer leads to is written under the lock of its unit.
    let answered = once.iter().filter(|one| matches!(one.outcome, AttemptOutcome::Answered { .. }));
    lock_units(connection, &answered.map(|one| one.delivery_id.0).collect::<Vec<_>>()).await?;
    let mut stood: HashMap<(Uuid, Uuid), Stood> = HashMap::with_capacity(once.len());
    for row in write(connection, &once).await? {
        stood.insert((row.delivery_id, row.token), row);
    }
    let live: Vec<(&DeliverySettlement, &Stood)> =
        once.into_iter().filter_map(|one| Some((one, stood.get(&claim_of(one))?))).collect();
    let entries: Vec<Entry> = live.iter().map(|(one, row)| entry(one, row)).collect();
    timeline::append(connection, &entries).await?;
    let (mut arrived, mut lost) = (Vec::new(), Vec::new());
    for (one, row) in &live {
        match one.next {
            NextStep::End(DeliveryState::Delivered) => arrived.push(row.delivery_id),
            NextStep::End(DeliveryState::Held | DeliveryState::Pending) | NextStep::Again(_) => {}
            NextStep::End(_) => lost.push(row.delivery_id),
        }
    }
    dependents::wake(connection, arrived).await?;
    dependents::cancel(connection, lost).await?;
    for (one, row) in &live {
        remember_refusal(connection, one, row).await?;
        if let AttemptOutcome::Answered { answer } = &one.outcome {
            answers::route_on(connection, one.delivery_id, answer, limits.agent_depth).await?;
        }
    }
    let changes = tell_lanes(connection, &live, &limits.breaker).await?;
    // The second settlement of one claim finds it settled, also within a batch.
    let answer = |one: &DeliverySettlement| match stood.remove(&claim_of(one)) {
        Some(_) => Settled::Stood,
        None => Settled::Lost,
    };
    Ok((settlements.iter().map(answer).collect(), changes))
}

/// What attempts say of their lanes. Last of all, for other claims wait for these rows.
async fn tell_lanes(
    connection: &mut AsyncPgConnection,
    live: &[(&DeliverySettlement, &Stood)],
    rule: &BreakerRule,
) -> Result<Vec<Change>, StoreError> {
    let mut pauses: BTreeMap<buckets::Key, Duration> = BTreeMap::new();
    for (one, row) in live {
        if let AttemptOutcome::Retryable { retry_after: Some(wish), .. } = &one.outcome {
            let lane = Lane { destination: row.lane.clone(), channel: Some(row.channel.clone()) };
            let Some(rests) = lane.rests(&one.outcome) else { continue };
            let pause = pauses.entry((rests.destination, rests.channel.unwrap_or_default())).or_default();
            *pause = (*pause).max(*wish);
        }
    }
    buckets::pause(connection, &pauses).await?;
    let told = live.iter().map(|(one, row)| Told {
        lane: row.lane.clone(),
        delivery: row.delivery_id,
        health: Health::of(&one.outcome),
    });
    breakers::tell(connection, rule, &told.collect::<Vec<_>>()).await
}

/// A provider that refuses because its recipient opted out knows it from them: nobody writes to them again. An endpoint
/// that answers 410 says so itself.
async fn remember_refusal(
    connection: &mut AsyncPgConnection,
    one: &DeliverySettlement,
    row: &Stood,
) -> Result<(), StoreError> {
    let reason = match &one.outcome {
        AttemptOutcome::Unwanted { .. } => OPTED_OUT,
        AttemptOutcome::Disabled => ENDPOINT_DISABLED,
        _ => return Ok(()),
    };
    let Some(destination) = &row.refuses else { return Ok(()) };
    let destination: Destination = serde_json::from_value(destination.clone())?;
    let Some(recipient) = destination.recipient() else { return Ok(()) };
    let is_news = permission::refused(connection, &recipient, reason).await?;
    if is_news && reason == ENDPOINT_DISABLED {
        timeline::append(connection, &[switched_off(row, &recipient)]).await?;
    }
    Ok(())
}

/// The story's line about an endpoint that is switched off from now on.
fn switched_off(row: &Stood, recipient: &Recipient) -> Entry {
    Entry {
        step: "deliver",
        event: "endpoint.disabled",
        unit: Some(row.unit_id),
        delivery: Some(row.delivery_id),
        subject: Some(recipient.as_str().to_owned()),
        detail: json!({ "reason": "http_410" }),
        ..Entry::default()
    }
}

fn claim_of(one: &DeliverySettlement) -> (Uuid, Uuid) {
    (one.delivery_id.0, one.token.0)
}

async fn write(
    connection: &mut AsyncPgConnection,
    settlements: &[&DeliverySettlement],
) -> Result<Vec<Stood>, StoreError> {
    let state = |one: &&DeliverySettlement| match one.next {
        NextStep::End(state) => state.as_str(),
        NextStep::Again(_) => DeliveryState::Pending.as_str(),
    };
    let again = |one: &&DeliverySettlement| match one.next {
        NextStep::Again(pause) => micros(pause),
        NextStep::End(_) => 0,
    };
    let reference = |one: &&DeliverySettlement| match &one.outcome {
        AttemptOutcome::Delivered { reference } => reference.as_deref().map(|text| clean(text).into_owned()),
        _ => None,
    };
    let stood = sql(SETTLE)
        .bind::<Array<SqlUuid>, _>(settlements.iter().map(|one| one.delivery_id.0).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(settlements.iter().map(|one| one.token.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(settlements.iter().map(state).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            settlements.iter().map(|one| one.outcome.code().map(|code| clean(code).into_owned())).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(settlements.iter().map(reference).collect::<Vec<_>>())
        .bind::<Array<Nullable<Bool>>, _>(settlements.iter().map(|one| sent(&one.outcome)).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(settlements.iter().map(again).collect::<Vec<_>>())
        .load(connection)
        .await?;
    Ok(stood)
}

/// Whether it may have been sent, where the attempt tells; `None` for what was known before. A retryable refusal clears
/// no doubt: it is also the answer of a courier that could not look.
fn sent(outcome: &AttemptOutcome) -> Option<bool> {
    matches!(outcome, AttemptOutcome::Ambiguous { .. }).then_some(true)
}

fn entry(one: &DeliverySettlement, row: &Stood) -> Entry {
    let mut detail = json!({
        "attempt": row.attempts,
        "outcome": one.outcome.class(),
        "took_ms": u64::try_from(one.took.as_millis()).unwrap_or(u64::MAX),
    });
    if let Some(code) = one.outcome.code() {
        detail["code"] = json!(code);
    }
    if let AttemptOutcome::Delivered { reference: Some(reference) } = &one.outcome {
        detail["reference"] = json!(reference);
    }
    if let AttemptOutcome::Retryable { retry_after: Some(wish), .. } = &one.outcome {
        detail["retry_after_s"] = json!(wish.as_secs());
    }
    match one.next {
        NextStep::Again(pause) => {
            detail["next_in_ms"] = json!(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        }
        NextStep::End(state) => detail["state"] = json!(state.as_str()),
    }
    Entry {
        step: "deliver",
        event: "delivery.attempted",
        unit: Some(row.unit_id),
        delivery: Some(row.delivery_id),
        subject: Some(row.delivery_id.to_string()),
        detail,
        ..Entry::default()
    }
}
