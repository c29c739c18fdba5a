//! What is left alone when a unit is settled that somebody replayed. It must not settle anything.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::plan::{Decision, Verdict};
use dispatch_routing::replay::{Waits, sift};
use dispatch_routing::unit_queue::UnitSettlement;
use serde_json::json;
use uuid::Uuid;

use super::existing;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::Entry;

const LAST: &str = "
SELECT DISTINCT ON (unit_id) unit_id, dispatch_id FROM dispatch.dispatches
WHERE unit_id = ANY ($1) ORDER BY unit_id, created_at DESC, dispatch_id DESC";

const NOTE: &str = "
UPDATE dispatch.replays SET dispatch_id = $2, skipped = $3 WHERE replay_id = $1 AND dispatch_id IS NULL";

#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    dispatch_id: Uuid,
}

/// The settlement of a unit that was replayed.
pub(crate) struct Anew<'a> {
    pub(crate) settlement: &'a UnitSettlement,
    pub(crate) replay: Uuid,
    pub(crate) forced: bool,
}

/// What is done about it in the end.
pub(crate) struct Left {
    pub(crate) decision: Decision,
    pub(crate) waits: Waits,
    pub(crate) replay_of: Option<Uuid>,
    replay: Uuid,
    dispatch: Option<Uuid>,
    skipped: Vec<Uuid>,
}

/// By unit: the decision without what is there already; and what the story says about that.
pub(crate) async fn left(
    connection: &mut AsyncPgConnection,
    rows: &[Anew<'_>],
) -> Result<(HashMap<Uuid, Left>, Vec<Entry>), StoreError> {
    let (mut all, mut entries) = (HashMap::with_capacity(rows.len()), Vec::new());
    if rows.is_empty() {
        return Ok((all, entries));
    }
    let units: Vec<Uuid> = rows.iter().map(|row| row.settlement.unit_id.0).collect();
    let last: Vec<Last> = sql(LAST).bind::<Array<SqlUuid>, _>(&units).load(connection).await?;
    let last: HashMap<Uuid, Uuid> = last.into_iter().map(|row| (row.unit_id, row.dispatch_id)).collect();
    let existing = existing::of_units(connection, &units).await?;
    for row in rows {
        let unit = row.settlement.unit_id.0;
        let before = existing.get(&unit).map(Vec::as_slice).unwrap_or_default();
        let mut left = Left {
            decision: row.settlement.decision.clone(),
            waits: Waits::new(),
            replay_of: last.get(&unit).copied(),
            replay: row.replay,
            dispatch: None,
            skipped: Vec::new(),
        };
        if let Verdict::Dispatch(plan) = &mut left.decision.verdict
            && !row.forced
        {
            let sifted = sift(std::mem::take(plan), before);
            (*plan, left.waits) = (sifted.plan, sifted.waits);
            for one in &sifted.skipped {
                left.skipped.push(one.delivery_id.0);
                entries.push(told(unit, one.delivery_id.0, "delivery.skipped", one.state.as_str()));
            }
            let replaced = existing::replace(connection, &sifted.replaced).await?;
            entries.extend(replaced.iter().map(|id| told(unit, *id, "delivery.cancelled", "replayed")));
        }
        let is_dispatch = matches!(left.decision.verdict, Verdict::Dispatch(_));
        left.dispatch = is_dispatch.then_some(row.settlement.dispatch_id.0);
        all.insert(unit, left);
    }
    Ok((all, entries))
}

/// Notes in the records of the replays what came of them, once that is written.
pub(crate) async fn note(
    connection: &mut AsyncPgConnection,
    all: impl Iterator<Item = Left>,
) -> Result<(), StoreError> {
    for one in all {
        sql(NOTE)
            .bind::<SqlUuid, _>(one.replay)
            .bind::<Nullable<SqlUuid>, _>(one.dispatch)
            .bind::<Array<SqlUuid>, _>(one.skipped)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// The story's line about a delivery that another one stands for, or that stands for another one.
fn told(unit: Uuid, delivery: Uuid, event: &'static str, reason: &str) -> Entry {
    Entry {
        step: "deliver",
        event,
        unit: Some(unit),
        delivery: Some(delivery),
        subject: Some(delivery.to_string()),
        detail: json!({ "reason": reason }),
        ..Entry::default()
    }
}
