//! Writes what a person decided about a held unit. Whoever locks the row first decides; the others find it decided.
//!
//! It must not plan, nor ask who may decide.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ClassificationId, UnitId};
use dispatch_routing::held_work::{Confirmation, Decider, Dismissal, Dismissed, Dispatched, HeldWorkError, Restated};
use dispatch_routing::plan::{Content, Decision, Verdict};
use dispatch_routing::question::Ended;
use dispatch_routing::replay::{Waits, sift};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::adopt::{self, Adopted};
use super::{Halt, Standing, receipt};
use crate::store::clean;
use crate::store::desk::people;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::units::carry_out::{Order, carry_out, keeps_receipts};
use crate::store::units::questions;
use crate::store::units::records::{self, Understood};
use crate::store::units::replay::existing;
use crate::store::units::revise::{self, Unsent};
use crate::store::units::settle;

const LOCK: &str = "
SELECT state, classification_id,
    EXISTS (SELECT FROM dispatch.signals AS s WHERE s.unit_id = u.unit_id AND s.emptied_at IS NOT NULL) AS is_emptied
FROM dispatch.units AS u WHERE unit_id = $1 FOR UPDATE OF u";

const END: &str = "
UPDATE dispatch.units SET state = $2, reason = NULL, expires_at = NULL, settled_at = now() WHERE unit_id = $1";

const MEANS: &str = "UPDATE dispatch.units SET classification_id = $2 WHERE unit_id = $1";

const REMEMBER: &str = "
INSERT INTO dispatch.decisions (
    decision_id, unit_id, classification_id, dispatch_id, verdict, principal, operation_id, note, skipped)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING decided_at";

const RECALL: &str = "SELECT decided_at FROM dispatch.decisions WHERE operation_id = $1 AND verdict = 'dismissed'";

#[derive(QueryableByName)]
struct Decided {
    #[diesel(sql_type = Timestamptz)]
    decided_at: OffsetDateTime,
}

pub(crate) async fn confirm(
    connection: &mut AsyncPgConnection,
    confirmation: &Confirmation,
) -> Result<Dispatched, Halt> {
    let Confirmation { unit_id, classification_id, dispatch_id, restated, decision, by } = confirmation;
    let (standing, mut entries) = standing(connection, confirmation).await?;
    // Only now: another holder of the same operation may have had the lock.
    if let Some(operation) = by.operation
        && let Some(before) = receipt::of_operation(connection, operation).await?
    {
        return Ok(before);
    }
    standing.must_be_held(connection, unit_id.0, Some(classification_id.0)).await?;
    realtors_must_be_known(connection, &decision.verdict).await?;
    let classification_id = match restated {
        Some(restated) => {
            entries.push(understand(connection, *unit_id, restated).await?);
            &restated.classification_id
        }
        None => classification_id,
    };
    sql(END).bind::<SqlUuid, _>(unit_id.0).bind::<Text, _>("routed").execute(connection).await?;
    let told = json!({
        "classification_id": classification_id, "dispatch_id": dispatch_id, "rule": decision.rule,
        "auto_dispatch": decision.routing.auto_dispatch, "reason": decision.routing.reason,
    });
    entries.push(entry(*unit_id, "unit.confirmed", by, told));
    // An earlier dispatch of it may wait for the very word that is said now.
    let unsent = if keeps_receipts(&decision.verdict) { Unsent::Waiting } else { Unsent::All };
    entries.extend(revise::cancel(connection, &[unit_id.0], "superseded", unsent).await?);
    carry_out(connection, &[order(confirmation, *classification_id, decision, None)], entries).await?;
    remember(connection, *unit_id, classification_id.0, Some(dispatch_id.0), ("confirmed", &[]), by).await?;
    Ok(receipt::receipt(connection, *dispatch_id, *unit_id, &[]).await?)
}

/// A further dispatch of what was routed already: it adds what is not there.
pub(crate) async fn add(connection: &mut AsyncPgConnection, confirmation: &Confirmation) -> Result<Dispatched, Halt> {
    let Confirmation { unit_id, classification_id, dispatch_id, decision, by, .. } = confirmation;
    let standing = lock(connection, *unit_id).await?;
    if let Some(operation) = by.operation
        && let Some(before) = receipt::of_operation(connection, operation).await?
    {
        return Ok(before);
    }
    standing.must_be_routed(classification_id.0)?;
    realtors_must_be_known(connection, &decision.verdict).await?;
    let before = existing::of_units(connection, &[unit_id.0]).await?.remove(&unit_id.0).unwrap_or_default();
    let plan = match &decision.verdict {
        Verdict::Dispatch(plan) => plan.clone(),
        Verdict::Hold(_) | Verdict::Nothing => Vec::new(),
    };
    let sifted = sift(plan, &before);
    let skipped: Vec<Uuid> = sifted.skipped.iter().map(|one| one.delivery_id.0).collect();
    let decision = Decision { verdict: Verdict::Dispatch(sifted.plan), ..decision.clone() };
    let told = json!({
        "classification_id": classification_id, "dispatch_id": dispatch_id, "rule": decision.rule,
        "auto_dispatch": decision.routing.auto_dispatch, "reason": decision.routing.reason, "skipped": skipped,
    });
    let entries = vec![entry(*unit_id, "unit.dispatched_further", by, told)];
    carry_out(connection, &[order(confirmation, *classification_id, &decision, Some(&sifted.waits))], entries).await?;
    let verdict = ("confirmed", skipped.as_slice());
    remember(connection, *unit_id, classification_id.0, Some(dispatch_id.0), verdict, by).await?;
    Ok(receipt::receipt(connection, *dispatch_id, *unit_id, &skipped).await?)
}

fn order<'a>(
    confirmation: &'a Confirmation,
    classification: ClassificationId,
    decision: &'a Decision,
    waits: Option<&'a Waits>,
) -> Order<'a> {
    Order {
        unit: confirmation.unit_id.0,
        classification: classification.0,
        dispatch: confirmation.dispatch_id.0,
        decision,
        replay_of: None,
        waits,
        asked_before: true,
        ends: Ended::Confirmed(&confirmation.by.principal),
    }
}

pub(crate) async fn dismiss(connection: &mut AsyncPgConnection, dismissal: &Dismissal) -> Result<Dismissed, Halt> {
    let Dismissal { unit_id, seen, by } = dismissal;
    let standing = lock(connection, *unit_id).await?;
    if let Some(operation) = by.operation {
        let mut before: Vec<Decided> = sql(RECALL).bind::<SqlUuid, _>(operation.0).load(connection).await?;
        if let Some(before) = before.pop() {
            return Ok(Dismissed { unit_id: *unit_id, at: before.decided_at });
        }
    }
    standing.must_be_held(connection, unit_id.0, seen.map(|seen| seen.0)).await?;
    sql(END).bind::<SqlUuid, _>(unit_id.0).bind::<Text, _>("dismissed").execute(connection).await?;
    let mut entries = vec![entry(*unit_id, "unit.dismissed", by, json!({}))];
    entries.extend(revise::cancel(connection, &[unit_id.0], "dismissed", Unsent::All).await?);
    timeline::append(connection, &entries).await?;
    questions::close(connection, &[(unit_id.0, Ended::Dismissed(&by.principal))]).await?;
    // A held unit has been understood.
    let classification = standing.classification_id.ok_or(Halt::Told(HeldWorkError::Unknown))?;
    let at = remember(connection, *unit_id, classification, None, ("dismissed", &[]), by).await?;
    Ok(Dismissed { unit_id: *unit_id, at })
}

/// From now on the unit means what a person says.
async fn understand(
    connection: &mut AsyncPgConnection,
    unit: UnitId,
    restated: &Restated,
) -> Result<Entry, StoreError> {
    let Restated { classification_id, classified } = restated;
    let row = Understood { classification: classification_id.0, unit: unit.0, classified };
    records::classifications(connection, &[row]).await?;
    sql(MEANS).bind::<SqlUuid, _>(unit.0).bind::<SqlUuid, _>(classification_id.0).execute(connection).await?;
    Ok(settle::classified(&row, None))
}

async fn lock(connection: &mut AsyncPgConnection, unit: UnitId) -> Result<Standing, Halt> {
    found(connection, unit).await?.ok_or(Halt::Told(HeldWorkError::Unknown))
}

async fn found(connection: &mut AsyncPgConnection, unit: UnitId) -> Result<Option<Standing>, StoreError> {
    let mut rows: Vec<Standing> = sql(LOCK).bind::<SqlUuid, _>(unit.0).load(connection).await?;
    Ok(rows.pop())
}

/// Where the unit stands that is to be confirmed, locked. A text that somebody asked about is made one; where another was
/// first, the unit that it is by now.
async fn standing(
    connection: &mut AsyncPgConnection,
    confirmation: &Confirmation,
) -> Result<(Standing, Vec<Entry>), Halt> {
    if let Some(standing) = found(connection, confirmation.unit_id).await? {
        return Ok((standing, Vec::new()));
    }
    match adopt::adopt(connection, confirmation).await? {
        Adopted::Held(entry) => {
            let classification_id = Some(confirmation.classification_id.0);
            Ok((Standing { state: "held".to_owned(), classification_id, is_emptied: false }, vec![*entry]))
        }
        Adopted::Before(unit) => {
            let standing = lock(connection, unit).await?;
            if let Some(operation) = confirmation.by.operation
                && receipt::of_operation(connection, operation).await?.is_some()
            {
                return Ok((standing, Vec::new()));
            }
            standing.must_be_held(connection, unit.0, Some(confirmation.classification_id.0)).await?;
            // It waits for something else than was planned for: whoever looks again sees it.
            Err(Halt::Told(HeldWorkError::Superseded { by: None }))
        }
    }
}

/// A row for a realtor who is not there would be refused much later, if at all.
async fn realtors_must_be_known(connection: &mut AsyncPgConnection, verdict: &Verdict) -> Result<(), Halt> {
    let Verdict::Dispatch(plan) = verdict else { return Ok(()) };
    let named = plan.iter().find_map(|one| match &one.content {
        Content::Storage(work) => work.realtor_id.as_ref(),
        _ => None,
    });
    match named {
        Some(realtor) if !people::exists(connection, "realtors", &realtor.0).await? => {
            Err(Halt::Told(HeldWorkError::RealtorUnknown))
        }
        _ => Ok(()),
    }
}

async fn remember(
    connection: &mut AsyncPgConnection,
    unit: UnitId,
    classification: Uuid,
    dispatch: Option<Uuid>,
    (verdict, skipped): (&str, &[Uuid]),
    by: &Decider,
) -> Result<OffsetDateTime, StoreError> {
    let row: Decided = sql(REMEMBER)
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .bind::<SqlUuid, _>(unit.0)
        .bind::<SqlUuid, _>(classification)
        .bind::<Nullable<SqlUuid>, _>(dispatch)
        .bind::<Text, _>(verdict)
        .bind::<Text, _>(&by.principal)
        .bind::<Nullable<SqlUuid>, _>(by.operation.map(|operation| operation.0))
        .bind::<Nullable<Text>, _>(by.note.as_deref().map(clean))
        .bind::<Array<SqlUuid>, _>(skipped)
        .get_result(connection)
        .await?;
    Ok(row.decided_at)
}

/// The story's line: who decided what, and what they had to say about it.
fn entry(unit: UnitId, event: &'static str, by: &Decider, mut detail: Value) -> Entry {
    detail["by"] = json!(by.principal);
    for (name, value) in [("note", json!(by.note)), ("operation_id", json!(by.operation))] {
        if !value.is_null() {
            detail[name] = value;
        }
    }
    Entry { step: "route", event, unit: Some(unit.0), subject: Some(unit.to_string()), detail, ..Entry::default() }
}
