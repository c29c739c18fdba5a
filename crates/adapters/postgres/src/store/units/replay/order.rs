//! Carries a replay out, in one transaction under the lock of its unit. It must not plan, nor ask who may.

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::ClassificationId;
use dispatch_mission::mission::RoutingDecision;
use dispatch_routing::plan::{Decision, Hold, Verdict};
use dispatch_routing::question::Ended;
use dispatch_routing::replay::{
    Existing, Footing, ReplayAction, ReplayError, ReplayOrder, ReplayOutcome, Replayed, Sifted, redrive, sift,
};
use serde_json::json;
use uuid::Uuid;

use super::record::{self, Done};
use super::{Stop, existing};
use crate::store::error::StoreError;
use crate::store::micros;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::units::carry_out::{Order, carry_out as write_out};
use crate::store::units::revise;

const LOCK: &str = "
SELECT state, classification_id, state = 'pending' AND claim_token IS NOT NULL AND lease_until > now() AS in_hand,
    (SELECT dispatch_id FROM dispatch.dispatches AS p WHERE p.unit_id = u.unit_id
     ORDER BY created_at DESC, dispatch_id DESC LIMIT 1) AS last_dispatch
FROM dispatch.units AS u WHERE unit_id = $1 FOR UPDATE OF u";

const BECAUSE: &str = "UPDATE dispatch.units SET replay_id = $2 WHERE unit_id = $1";

const ROUTED: &str = "
UPDATE dispatch.units SET state = 'routed', reason = NULL, expires_at = NULL, settled_at = now()
WHERE unit_id = $1 AND state <> 'routed'";

const HELD: &str = "
UPDATE dispatch.units SET state = 'held', reason = $2, expires_at = now() + $3 * interval '1 microsecond',
    settled_at = NULL, closed_at = now()
WHERE unit_id = $1";

// A provider's report may have settled one meanwhile. One of which nobody knows whether it arrived is looked for before it is
// sent again, unless somebody wants it sent whatever arrived.
const DUE_AGAIN: &str = "
UPDATE dispatch.deliveries SET
    may_have_been_sent = (may_have_been_sent OR state = 'unknown') AND NOT $3,
    state = 'pending', attempts = 0, due_since = now(), claim_token = NULL, lease_until = NULL, settled_at = NULL,
    next_attempt_at = CASE WHEN delivery_id = ANY ($2) THEN 'infinity' ELSE now() END
WHERE delivery_id = ANY ($1) AND state IN ('exhausted', 'failed', 'unknown', 'cancelled')
RETURNING delivery_id";

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    classification_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    in_hand: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    last_dispatch: Option<Uuid>,
}

#[derive(QueryableByName)]
struct Changed {
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
}

/// A unit under our lock, with all its deliveries.
struct Ground {
    footing: Footing,
    last_dispatch: Option<Uuid>,
    deliveries: Vec<Existing>,
}

pub(crate) async fn carry_out(connection: &mut AsyncPgConnection, order: &ReplayOrder) -> Result<Replayed, Stop> {
    let unit = order.unit_id.0;
    let mut locked: Vec<Locked> = sql(LOCK).bind::<SqlUuid, _>(unit).load(connection).await?;
    let locked = locked.pop().ok_or(Stop::Told(ReplayError::Unknown))?;
    // Only now: another holder of the same operation may have had the lock.
    if let Some(before) = record::before(connection, order).await? {
        return Ok(before);
    }
    let in_force = locked.classification_id.map(ClassificationId);
    let footing = Footing { state: locked.state, in_hand: locked.in_hand, in_force };
    footing.allows(order.action.stage(), order.speaks_of).map_err(Stop::Told)?;
    let deliveries = existing::of_units(connection, &[unit]).await?.remove(&unit).unwrap_or_default();
    let ground = Ground { footing, last_dispatch: locked.last_dispatch, deliveries };
    let done = match &order.action {
        ReplayAction::Understand => understand(connection, order).await?,
        ReplayAction::Plan { classification_id, .. } if Some(*classification_id) != in_force => {
            return Err(Stop::Told(ReplayError::Superseded { by: in_force }));
        }
        ReplayAction::Plan { dispatch_id, decision, .. } => {
            plan(connection, order, &ground, dispatch_id.0, decision).await?
        }
        ReplayAction::Redrive { dispatch_id } => again(connection, order, &ground, dispatch_id.0).await?,
    };
    record::remember(connection, order, &done).await?;
    let how = (order.action.stage(), order.force);
    Ok(record::replayed(connection, order.replay_id, order.unit_id, how, &done).await?)
}

async fn understand(connection: &mut AsyncPgConnection, order: &ReplayOrder) -> Result<Done, StoreError> {
    let unit = order.unit_id.0;
    let done =
        Done { outcome: ReplayOutcome::UnderstoodAnew, dispatch: None, redriven: Vec::new(), skipped: Vec::new() };
    let mut entries = vec![entry(order, &done)];
    entries.extend(revise::due_again(connection, &[unit], "replayed").await?);
    sql(BECAUSE).bind::<SqlUuid, _>(unit).bind::<SqlUuid, _>(order.replay_id.0).execute(connection).await?;
    timeline::append(connection, &entries).await?;
    timeline::ring(connection).await?;
    Ok(done)
}

async fn plan(
    connection: &mut AsyncPgConnection,
    order: &ReplayOrder,
    ground: &Ground,
    dispatch: Uuid,
    decision: &Decision,
) -> Result<Done, StoreError> {
    let mut done = Done { outcome: ReplayOutcome::Nothing, dispatch: None, redriven: Vec::new(), skipped: Vec::new() };
    let sifted = match &decision.verdict {
        Verdict::Dispatch(_) if order.force => {
            Sifted { plan: planned(decision.clone().once_more(order.replay_id)), ..Sifted::default() }
        }
        Verdict::Dispatch(plan) => sift(plan.clone(), &ground.deliveries),
        Verdict::Hold(hold) if ground.footing.may_wait() => {
            done.outcome = ReplayOutcome::Held;
            hold_for(connection, order.unit_id.0, hold).await?;
            Sifted::default()
        }
        Verdict::Hold(_) | Verdict::Nothing => Sifted::default(),
    };
    done.skipped = sifted.skipped.iter().map(|one| one.delivery_id.0).collect();
    if sifted.plan.is_empty() {
        timeline::append(connection, &[entry(order, &done)]).await?;
        return Ok(done);
    }
    (done.outcome, done.dispatch) = (ReplayOutcome::Dispatched, Some(dispatch));
    let mut entries = vec![entry(order, &done)];
    let replaced = existing::replace(connection, &sifted.replaced).await?;
    entries.extend(replaced.iter().map(|id| about(order, *id, "delivery.cancelled", "replayed")));
    let decision = Decision { verdict: Verdict::Dispatch(sifted.plan.clone()), ..decision.clone() };
    write(connection, order, ground, (dispatch, &decision, &sifted), entries).await?;
    Ok(done)
}

async fn again(
    connection: &mut AsyncPgConnection,
    order: &ReplayOrder,
    ground: &Ground,
    dispatch: Uuid,
) -> Result<Done, StoreError> {
    let in_force = ground.footing.in_force;
    let nonce = order.force.then_some(order.replay_id);
    let redriven = redrive(&ground.deliveries, |one| order.subject.covers(one, in_force), nonce);
    let ids = |ids: &[dispatch_mission::ids::DeliveryId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let due: Vec<Changed> = sql(DUE_AGAIN)
        .bind::<Array<SqlUuid>, _>([ids(&redriven.due), ids(&redriven.waiting)].concat())
        .bind::<Array<SqlUuid>, _>(ids(&redriven.waiting))
        .bind::<Bool, _>(order.force)
        .load(connection)
        .await?;
    let copies = !redriven.once_more.is_empty();
    let done = Done {
        outcome: if due.is_empty() && !copies { ReplayOutcome::Nothing } else { ReplayOutcome::Dispatched },
        dispatch: copies.then_some(dispatch),
        redriven: due.iter().map(|row| row.delivery_id).collect(),
        skipped: redriven.skipped.iter().map(|one| one.delivery_id.0).collect(),
    };
    let mut entries = vec![entry(order, &done)];
    entries.extend(due.iter().map(|row| about(order, row.delivery_id, "delivery.redriven", "replayed")));
    if copies {
        let reason = format!("Replayed by {}", order.by.principal);
        let decision = Decision {
            routing: RoutingDecision { auto_dispatch: false, reason },
            rule: "replayed".to_owned(),
            verdict: Verdict::Dispatch(redriven.once_more),
            question: None,
        };
        write(connection, order, ground, (dispatch, &decision, &Sifted::default()), entries).await?;
    } else {
        timeline::append(connection, &entries).await?;
    }
    if !due.is_empty() {
        timeline::ring(connection).await?;
    }
    Ok(done)
}

/// Writes a dispatch that replays another one.
async fn write(
    connection: &mut AsyncPgConnection,
    order: &ReplayOrder,
    ground: &Ground,
    (dispatch, decision, sifted): (Uuid, &Decision, &Sifted),
    entries: Vec<Entry>,
) -> Result<(), StoreError> {
    let unit = order.unit_id.0;
    let Some(classification) = ground.footing.in_force else { return Ok(()) };
    sql(ROUTED).bind::<SqlUuid, _>(unit).execute(connection).await?;
    let named = ground.deliveries.iter().find(|one| order.subject.covers(one, None));
    let replay_of = named.map(|one| one.dispatch_id.0).or(ground.last_dispatch);
    let order = Order {
        unit,
        classification: classification.0,
        dispatch,
        decision,
        replay_of,
        waits: Some(&sifted.waits),
        // It was held once, or is now: whatever was asked is answered by this.
        asked_before: true,
        ends: Ended::Changed,
    };
    write_out(connection, &[order], entries).await
}

async fn hold_for(connection: &mut AsyncPgConnection, unit: Uuid, hold: &Hold) -> Result<(), StoreError> {
    sql(HELD)
        .bind::<SqlUuid, _>(unit)
        .bind::<Text, _>(&hold.reason)
        .bind::<Nullable<BigInt>, _>(hold.expires_after.map(micros))
        .execute(connection)
        .await?;
    Ok(())
}

fn planned(decision: Decision) -> Vec<dispatch_routing::plan::PlannedDelivery> {
    match decision.verdict {
        Verdict::Dispatch(plan) => plan,
        Verdict::Hold(_) | Verdict::Nothing => Vec::new(),
    }
}

/// The story's line: who wanted what, why, and what came of it.
fn entry(order: &ReplayOrder, done: &Done) -> Entry {
    let mut detail = json!({
        "replay_id": order.replay_id, "named": order.named, "from": order.action.stage().as_str(), "by": order.by.principal,
        "outcome": done.outcome.as_str(),
    });
    for (name, value) in [
        ("note", json!(order.by.note)),
        ("operation_id", json!(order.by.operation)),
        ("batch_id", json!(order.batch)),
        ("dispatch_id", json!(done.dispatch)),
        ("forced", json!(order.force.then_some(true))),
        ("skipped", json!(Some(&done.skipped).filter(|skipped| !skipped.is_empty()))),
    ] {
        if !value.is_null() {
            detail[name] = value;
        }
    }
    Entry {
        step: "route",
        event: "unit.replayed",
        unit: Some(order.unit_id.0),
        subject: Some(order.unit_id.to_string()),
        detail,
        ..Entry::default()
    }
}

fn about(order: &ReplayOrder, delivery: Uuid, event: &'static str, reason: &str) -> Entry {
    Entry {
        step: "deliver",
        event,
        unit: Some(order.unit_id.0),
        delivery: Some(delivery),
        subject: Some(delivery.to_string()),
        detail: json!({ "replay_id": order.replay_id, "reason": reason }),
        ..Entry::default()
    }
}
