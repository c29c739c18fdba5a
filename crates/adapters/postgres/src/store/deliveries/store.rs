//! Makes a storage delivery's rows and settles it, in one commit. It must not send anything.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_routing::delivery::{ClaimedDelivery, DeliveryState};
use dispatch_routing::delivery_queue::StoreOutcome;
use dispatch_routing::destination::Destination;
use dispatch_routing::plan::Content;
use dispatch_routing::queue::Settled;
use uuid::Uuid;

use super::{dependents, hold_units, lock_units};
use crate::store::effects::{self, Job, LOOK_AGAIN, Outcome};
use crate::store::error::StoreError;
use crate::store::small;
use crate::store::sql::sql;
use crate::store::timeline;
use crate::store::units::later;

// Locked before anything is made: whoever else claims the row waits for this commit and then finds the token gone.
const LOCK: &str = "
SELECT p.classification_id, d.reason FROM dispatch.deliveries AS d JOIN dispatch.dispatches AS p USING (dispatch_id)
WHERE d.delivery_id = $1 AND d.claim_token = $2 AND d.state = 'pending'
FOR UPDATE OF d";

const SETTLE: &str = "
UPDATE dispatch.deliveries SET
    state = $2, reason = $3, claim_token = NULL, lease_until = NULL,
    next_attempt_at = CASE WHEN $2 = 'pending' THEN now() + $4 * interval '1 second' ELSE next_attempt_at END,
    -- Waiting for a condition outside uses up no attempt.
    attempts = CASE WHEN $5 THEN greatest(attempts - 1, 0) ELSE attempts END,
    settled_at = CASE WHEN $2 NOT IN ('pending', 'held') THEN now() END
WHERE delivery_id = $1";

/// The longest pause between two attempts, in seconds.
const LONGEST_PAUSE: i64 = 300;

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = SqlUuid)]
    classification_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

pub(crate) async fn store(
    connection: &mut AsyncPgConnection,
    delivery: &ClaimedDelivery,
) -> Result<StoreOutcome, StoreError> {
    connection.transaction(async |connection| in_transaction(connection, delivery).await).await
}

async fn in_transaction(
    connection: &mut AsyncPgConnection,
    delivery: &ClaimedDelivery,
) -> Result<StoreOutcome, StoreError> {
    let id = delivery.delivery_id.0;
    // It may have to wait for a person, and its unit with it.
    lock_units(connection, &[id]).await?;
    let mut locked: Vec<Locked> =
        sql(LOCK).bind::<SqlUuid, _>(id).bind::<SqlUuid, _>(delivery.token.0).load(connection).await?;
    let Some(locked) = locked.pop() else {
        return Ok(StoreOutcome { settled: Settled::Lost, state: DeliveryState::Pending, reason: None });
    };
    let outcome = match (&delivery.content, &delivery.destination) {
        (Content::Storage(work), Destination::Storage(to)) => {
            let job = Job {
                delivery: id,
                unit: delivery.unit_id.0,
                classification: Some(locked.classification_id),
                table: to.table,
                work,
            };
            effects::apply(connection, &[job]).await?.pop()
        }
        _ => None,
    };
    let outcome = outcome.unwrap_or_else(|| Outcome::Failed("not_a_storage_delivery".to_owned()));
    conclude(connection, delivery, &outcome, locked.reason.as_deref()).await
}

/// Writes what became of it, and what follows for the unit and the deliveries that wait.
async fn conclude(
    connection: &mut AsyncPgConnection,
    delivery: &ClaimedDelivery,
    outcome: &Outcome,
    before: Option<&str>,
) -> Result<StoreOutcome, StoreError> {
    let (id, unit) = (delivery.delivery_id.0, delivery.unit_id.0);
    let (state, reason) = match outcome {
        Outcome::Done { .. } => (DeliveryState::Delivered, None),
        Outcome::Held(reason) => (DeliveryState::Held, Some((*reason).to_owned())),
        Outcome::Failed(code) => (DeliveryState::Failed, Some(code.clone())),
        Outcome::Later(code) | Outcome::Waits(code) => (DeliveryState::Pending, Some((*code).to_owned())),
    };
    let pause = match outcome {
        Outcome::Waits(_) => i64::try_from(LOOK_AGAIN.as_secs()).unwrap_or(LONGEST_PAUSE),
        _ => 2_i64.saturating_pow(delivery.attempts.min(16)).min(LONGEST_PAUSE),
    };
    sql(SETTLE)
        .bind::<SqlUuid, _>(id)
        .bind::<Text, _>(state.as_str())
        .bind::<Nullable<Text>, _>(reason.as_deref())
        .bind::<BigInt, _>(pause)
        .bind::<Bool, _>(!outcome.was_tried())
        .execute(connection)
        .await?;
    // A wait of days is one line in the story, not one per look.
    if !(matches!(outcome, Outcome::Waits(_)) && before == reason.as_deref()) {
        timeline::append(connection, &[effects::entry(id, unit, small(delivery.attempts), outcome)]).await?;
    }
    if let Content::Storage(work) = &delivery.content
        && let Some(text) = outcome.receipt(work)
    {
        dependents::say(connection, id, text).await?;
    }
    match state {
        DeliveryState::Delivered => dependents::wake(connection, vec![id]).await?,
        DeliveryState::Failed => dependents::cancel(connection, vec![id]).await?,
        _ if outcome.needs_a_person() => {
            hold_units(connection, &[unit]).await?;
            later::ask(connection, delivery.dispatch_id.0).await?;
        }
        _ => {}
    }
    Ok(StoreOutcome { settled: Settled::Stood, state, reason })
}
