//! Settles units: what they mean, what is decided, and what follows from it, in one commit for the whole batch.
//!
//! It must not classify, decide or send.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_routing::plan::Verdict;
use dispatch_routing::question::Ended;
use dispatch_routing::queue::Settled;
use dispatch_routing::unit_queue::UnitSettlement;
use serde_json::{Value, json};
use uuid::Uuid;

use super::carry_out::{Order, carry_out, keeps_receipts};
use super::records::{self, Understood};
use super::replay::settled::{self, Anew, Left};
use super::revise::{self, Unsent};
use crate::store::error::StoreError;
use crate::store::micros;
use crate::store::sql::sql;
use crate::store::timeline::Entry;

const TAKE: &str = "
UPDATE dispatch.units AS u SET
    state = settled.state, reason = settled.reason, classification_id = settled.classification_id,
    expires_at = now() + settled.expires_us * interval '1 microsecond',
    claim_token = NULL, lease_until = NULL, settled_at = CASE WHEN settled.state <> 'held' THEN now() END
FROM unnest($1, $2, $3, $4, $5, $6) AS settled (unit_id, token, state, reason, expires_us, classification_id)
WHERE u.unit_id = settled.unit_id AND u.claim_token = settled.token AND u.state = 'pending'
RETURNING settled.unit_id, settled.token, u.revision, u.replay_id,
    coalesce((SELECT r.forced FROM dispatch.replays AS r WHERE r.replay_id = u.replay_id), false) AS forced";

#[derive(QueryableByName)]
struct Stood {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    token: Uuid,
    #[diesel(sql_type = Int4)]
    revision: i32,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    replay_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    forced: bool,
}

pub(crate) async fn settle(
    connection: &mut AsyncPgConnection,
    settlements: &[UnitSettlement],
) -> Result<Vec<Settled>, StoreError> {
    connection.transaction(async |connection| in_transaction(connection, settlements).await).await
}

async fn in_transaction(
    connection: &mut AsyncPgConnection,
    settlements: &[UnitSettlement],
) -> Result<Vec<Settled>, StoreError> {
    let mut seen = HashSet::new();
    let once: Vec<&UnitSettlement> = settlements.iter().filter(|row| seen.insert(claim_of(row))).collect();
    let mut stood = take(connection, &once).await?;
    let live: Vec<&UnitSettlement> = once.into_iter().filter(|row| stood.contains_key(&claim_of(row))).collect();
    if !live.is_empty() {
        records::classifications(connection, &live.iter().map(|row| meaning(row)).collect::<Vec<_>>()).await?;
        let revision = |row: &UnitSettlement| stood.get(&claim_of(row)).map_or(0, |taken| taken.revision);
        let mut entries: Vec<Entry> = live.iter().flat_map(|row| understood(row, revision(row))).collect();
        let overtaken = live.iter().filter(|row| revision(row) > 0 && !keeps_receipts(&row.decision.verdict));
        let overtaken = overtaken.map(|row| row.unit_id.0);
        entries.extend(revise::cancel(connection, &overtaken.collect::<Vec<_>>(), "superseded", Unsent::All).await?);
        let replayed: Vec<Anew<'_>> = live.iter().filter_map(|row| anew(row, stood.get(&claim_of(row))?)).collect();
        let (left, more) = settled::left(connection, &replayed).await?;
        entries.extend(more);
        let orders: Vec<Order<'_>> =
            live.iter().map(|row| order(row, revision(row), left.get(&row.unit_id.0))).collect();
        carry_out(connection, &orders, entries).await?;
        settled::note(connection, left.into_values()).await?;
    }
    // The second settlement of one claim finds it settled, also within a batch.
    let answer = |row: &UnitSettlement| match stood.remove(&claim_of(row)) {
        Some(_) => Settled::Stood,
        None => Settled::Lost,
    };
    Ok(settlements.iter().map(answer).collect())
}

fn claim_of(row: &UnitSettlement) -> (Uuid, Uuid) {
    (row.unit_id.0, row.token.0)
}

fn anew<'a>(settlement: &'a UnitSettlement, taken: &Taken) -> Option<Anew<'a>> {
    Some(Anew { settlement, replay: taken.replay?, forced: taken.forced })
}

/// What follows; of a unit that was replayed only what is `left` to do.
fn order<'a>(row: &'a UnitSettlement, revision: i32, left: Option<&'a Left>) -> Order<'a> {
    Order {
        unit: row.unit_id.0,
        classification: row.classification_id.0,
        dispatch: row.dispatch_id.0,
        decision: left.map_or(&row.decision, |left| &left.decision),
        replay_of: left.and_then(|left| left.replay_of),
        waits: left.map(|left| &left.waits),
        asked_before: revision > 0,
        ends: Ended::Changed,
    }
}

/// A unit whose claim stood.
#[derive(Clone, Copy)]
struct Taken {
    revision: i32,
    replay: Option<Uuid>,
    forced: bool,
}

/// Writes the units' own rows; answers whose claim stood, and what it was for.
async fn take(
    connection: &mut AsyncPgConnection,
    settlements: &[&UnitSettlement],
) -> Result<HashMap<(Uuid, Uuid), Taken>, StoreError> {
    let (mut states, mut reasons, mut expiries) = (Vec::new(), Vec::new(), Vec::new());
    for row in settlements {
        let (state, reason, expiry) = match &row.decision.verdict {
            Verdict::Dispatch(_) => ("routed", None, None),
            Verdict::Nothing => ("ignored", None, None),
            Verdict::Hold(hold) => ("held", Some(hold.reason.as_str()), hold.expires_after.map(micros)),
        };
        states.push(state);
        reasons.push(reason);
        expiries.push(expiry);
    }
    let stood: Vec<Stood> = sql(TAKE)
        .bind::<Array<SqlUuid>, _>(settlements.iter().map(|row| row.unit_id.0).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(settlements.iter().map(|row| row.token.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(states)
        .bind::<Array<Nullable<Text>>, _>(reasons)
        .bind::<Array<Nullable<BigInt>>, _>(expiries)
        .bind::<Array<SqlUuid>, _>(settlements.iter().map(|row| row.classification_id.0).collect::<Vec<_>>())
        .load(connection)
        .await?;
    let taken = |row: Stood| Taken { revision: row.revision, replay: row.replay_id, forced: row.forced };
    Ok(stood.into_iter().map(|row| ((row.unit_id, row.token), taken(row))).collect())
}

fn meaning(row: &UnitSettlement) -> Understood<'_> {
    Understood { classification: row.classification_id.0, unit: row.unit_id.0, classified: &row.classified }
}

/// What the story says about a meaning.
pub(super) fn classified(row: &Understood<'_>, revision: Option<i32>) -> Entry {
    let meaning = &row.classified.classification;
    let detail = json!({
        "classification_id": row.classification,
        "revision": revision,
        "message_type": meaning.meaning.message_type().as_str(),
        "group_key": meaning.meaning.group_key().map(|key| key.as_str()),
        "task_key": meaning.meaning.task_key().map(|key| key.as_str()),
        "confidence": rounded(meaning.confidence.get()),
        "provenance": row.classified.provenance,
    });
    entry(row.unit, "reason", "unit.classified", row.classification.to_string(), detail)
}

/// What the story says about meaning and decision.
fn understood(row: &UnitSettlement, revision: i32) -> [Entry; 2] {
    let revision = (revision > 0).then_some(revision);
    let mut decided = json!({
        "revision": revision,
        "rule": row.decision.rule,
        "auto_dispatch": row.decision.routing.auto_dispatch,
        "reason": row.decision.routing.reason,
    });
    let event = match &row.decision.verdict {
        Verdict::Dispatch(_) => {
            decided["dispatch_id"] = json!(row.dispatch_id);
            "unit.routed"
        }
        Verdict::Hold(hold) => {
            decided["held_for"] = json!(hold.reason);
            decided["expires_after_s"] = json!(hold.expires_after.map(|after| after.as_secs()));
            "unit.held"
        }
        Verdict::Nothing => "unit.ignored",
    };
    let decided = entry(row.unit_id.0, "route", event, row.unit_id.to_string(), decided);
    [classified(&meaning(row), revision), decided]
}

fn entry(unit: Uuid, step: &'static str, event: &'static str, subject: String, detail: Value) -> Entry {
    Entry { step, event, unit: Some(unit), subject: Some(subject), detail: without_nulls(detail), ..Entry::default() }
}

/// As people write it, not as binary fractions widen it.
fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 10_000.0).round() / 10_000.0
}

fn without_nulls(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, member| !member.is_null());
    }
    value
}
