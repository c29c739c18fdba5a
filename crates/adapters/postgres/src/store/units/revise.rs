//! Makes settled units due once more, and ends those that have nothing left to say.
//!
//! It must not know why a message changed, nor what is done about it.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::question::Ended;
use serde_json::json;
use uuid::Uuid;

use super::questions;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::Entry;

// A claim that runs is left alone, and nobody is waited for: who waits here holds rows that others wait for.
const LOCK: &str = "
SELECT unit_id, state = 'pending' AS pending, revision FROM dispatch.units
WHERE unit_id = ANY ($1) AND NOT (state = 'pending' AND claim_token IS NOT NULL AND lease_until > now())
ORDER BY unit_id FOR UPDATE SKIP LOCKED";

const UNFINISHED: &str = "
SELECT p.unit_id, d.delivery_id FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
WHERE p.unit_id = ANY ($1) AND d.state IN ('pending', 'held')";

const LOCK_UNFINISHED: &str = "
SELECT p.unit_id, d.delivery_id FROM dispatch.dispatches AS p JOIN dispatch.deliveries AS d USING (dispatch_id)
WHERE p.unit_id = ANY ($1) AND d.state IN ('pending', 'held')
ORDER BY d.delivery_id FOR UPDATE OF d SKIP LOCKED";

// Its age counts from now: what waited before was something else.
const DUE_AGAIN: &str = "
UPDATE dispatch.units SET
    state = 'pending', revision = revision + 1, reason = NULL, attempts = 0, next_attempt_at = now(),
    claim_token = NULL, lease_until = NULL, expires_at = NULL, settled_at = NULL, closed_at = now(), replay_id = NULL
WHERE unit_id = ANY ($1) AND state <> 'pending'
RETURNING unit_id, revision";

// A claim that ran out may still be settled by a worker that was slow: by what the messages said before.
const DROP_CLAIMS: &str = "
UPDATE dispatch.units SET claim_token = NULL, lease_until = NULL
WHERE unit_id = ANY ($1) AND state = 'pending' AND claim_token IS NOT NULL";

const END: &str = "
UPDATE dispatch.units AS u SET
    state = 'ignored', reason = 'deleted', revision = ended.revision, claim_token = NULL, lease_until = NULL,
    expires_at = NULL, settled_at = now()
FROM unnest($1, $2) AS ended (unit_id, revision) WHERE u.unit_id = ended.unit_id";

// A storage delivery that somebody has claimed loses its token, so that it cannot be applied any more; a message in
// somebody's hands may have gone out. One that waits for another delivery is due at infinity. A question that nobody has read
// is not asked any more; what closes one, or tells who answered, is still true.
const CANCEL: &str = "
UPDATE dispatch.deliveries AS d SET
    state = 'cancelled', reason = $2, settled_at = now(), claim_token = NULL, lease_until = NULL
FROM dispatch.dispatches AS p
WHERE p.dispatch_id = d.dispatch_id AND p.unit_id = ANY ($1) AND d.state IN ('pending', 'held')
    AND (d.kind = 'storage' OR (d.claim_token IS NULL
        AND ($3 OR d.next_attempt_at = 'infinity' OR d.content ->> 'content' = 'question')
        AND d.content ->> 'content' NOT IN ('closing', 'whisper')))
RETURNING d.delivery_id, d.unit_id";

/// A unit that is ours to change until the transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Free {
    /// Not settled yet, or due again already.
    pub(super) pending: bool,
    pub(super) revision: i32,
}

impl Free {
    /// The revision under which its rows are taken back. Nothing that it was settled with has this number.
    pub(super) fn next(self) -> i32 {
        if self.pending { self.revision } else { self.revision + 1 }
    }
}

#[derive(QueryableByName)]
struct LockedUnit {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Bool)]
    pending: bool,
    #[diesel(sql_type = Int4)]
    revision: i32,
}

#[derive(QueryableByName, PartialEq, Eq, Hash)]
struct Unfinished {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    delivery_id: Uuid,
}

#[derive(QueryableByName)]
struct Revised {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = Int4)]
    revision: i32,
}

/// Those of `units` that nobody is at work on, neither on themselves nor on a delivery of theirs; locked. The others have
/// to be asked for again.
pub(super) async fn lock(
    connection: &mut AsyncPgConnection,
    units: &[Uuid],
) -> Result<HashMap<Uuid, Free>, StoreError> {
    if units.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<LockedUnit> = sql(LOCK).bind::<Array<SqlUuid>, _>(units).load(connection).await?;
    let mut free: HashMap<Uuid, Free> =
        rows.iter().map(|row| (row.unit_id, Free { pending: row.pending, revision: row.revision })).collect();
    let ids: Vec<Uuid> = free.keys().copied().collect();
    let unfinished: Vec<Unfinished> = sql(UNFINISHED).bind::<Array<SqlUuid>, _>(&ids).load(connection).await?;
    if unfinished.is_empty() {
        return Ok(free);
    }
    let ours: HashSet<Unfinished> =
        sql(LOCK_UNFINISHED).bind::<Array<SqlUuid>, _>(&ids).load(connection).await?.into_iter().collect();
    for one in unfinished.iter().filter(|one| !ours.contains(one)) {
        free.remove(&one.unit_id);
    }
    Ok(free)
}

/// Makes these due once more, as revisions. What an earlier revision has not stored yet is not stored any more, so that
/// what a unit has led to stands still until it is settled again.
pub(super) async fn due_again(
    connection: &mut AsyncPgConnection,
    units: &[Uuid],
    because: &'static str,
) -> Result<Vec<Entry>, StoreError> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let revised: Vec<Revised> = sql(DUE_AGAIN).bind::<Array<SqlUuid>, _>(units).load(connection).await?;
    let told = |row: &Revised| Entry {
        step: "intake",
        event: "unit.revised",
        unit: Some(row.unit_id),
        subject: Some(row.unit_id.to_string()),
        detail: json!({ "revision": row.revision, "because": because }),
        ..Entry::default()
    };
    let mut entries: Vec<Entry> = revised.iter().map(told).collect();
    entries.extend(cancel(connection, units, "superseded", Unsent::Waiting).await?);
    Ok(entries)
}

/// Whoever still holds one of these has understood what is not said any more.
pub(super) async fn drop_claims(connection: &mut AsyncPgConnection, units: &[Uuid]) -> Result<(), StoreError> {
    if !units.is_empty() {
        sql(DROP_CLAIMS).bind::<Array<SqlUuid>, _>(units).execute(connection).await?;
    }
    Ok(())
}

/// Ends units that have no message left, each under this revision.
pub(super) async fn end(connection: &mut AsyncPgConnection, units: &[(Uuid, i32)]) -> Result<Vec<Entry>, StoreError> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = units.iter().map(|(unit, _)| *unit).collect();
    sql(END)
        .bind::<Array<SqlUuid>, _>(&ids)
        .bind::<Array<Int4>, _>(units.iter().map(|(_, revision)| *revision).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    let entries = cancel(connection, &ids, "deleted", Unsent::All).await?;
    questions::close(connection, &ids.into_iter().map(|unit| (unit, Ended::Deleted)).collect::<Vec<_>>()).await?;
    Ok(entries)
}

/// Which unsent messages are cancelled along with what is not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unsent {
    /// Those that wait for something to be stored.
    Waiting,
    /// All that nobody is sending right now.
    All,
}

/// Cancels what these units have planned and not done. Answers what the story says about it.
pub(super) async fn cancel(
    connection: &mut AsyncPgConnection,
    units: &[Uuid],
    reason: &'static str,
    unsent: Unsent,
) -> Result<Vec<Entry>, StoreError> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let cancelled: Vec<Unfinished> = sql(CANCEL)
        .bind::<Array<SqlUuid>, _>(units)
        .bind::<Text, _>(reason)
        .bind::<Bool, _>(unsent == Unsent::All)
        .load(connection)
        .await?;
    let told = |row: &Unfinished| Entry {
        step: "deliver",
        event: "delivery.cancelled",
        unit: Some(row.unit_id),
        delivery: Some(row.delivery_id),
        subject: Some(row.delivery_id.to_string()),
        detail: json!({ "reason": reason }),
        ..Entry::default()
    };
    Ok(cancelled.iter().map(told).collect())
}
