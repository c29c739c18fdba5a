//! Hands units out: due, in the order of their conversation, the attempt counted in the claim.
//!
//! Cost depends on how much is claimed, not on how much waits or how long the history is. It must not know what is done
//! with a unit.

use std::collections::{HashMap, HashSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::{ReplayId, SignalId, UnitId};
use dispatch_mission::signal::{Conversation, Source};
use dispatch_routing::queue::{ClaimRule, ClaimToken};
use dispatch_routing::unit::{ClaimedUnit, Member, Replaying, Revision};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::history;
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::{micros, small};

/// The first of its conversation, among those that have been due longest; `looked_at` tells how many those are.
///
/// Plans are kept from when a table was empty, or made by statistics of when nothing waited. So each look is one that only its
/// index can serve, whatever the planner believes: `next_attempt_at > '-infinity'` is the condition of `units_due`,
/// `ordinal > 0` that of `units_in_order`. Otherwise all that waits was once read for each row. Rows are gone back to by their
/// place (`ctid`), not through the key's index, which grows with the history: one that has moved meanwhile was claimed by
/// somebody else, and while it is locked it stays where it is.
const OLDEST_DUE: &str = "
WITH longest AS MATERIALIZED (
    SELECT ctid AS place, conversation, ordinal FROM dispatch.units
    WHERE state = 'pending' AND next_attempt_at > '-infinity' AND next_attempt_at <= now()
    ORDER BY next_attempt_at, ordinal LIMIT $1
), heads AS MATERIALIZED (
    SELECT place FROM longest WHERE ordinal = (
        SELECT first.ordinal FROM dispatch.units AS first
        WHERE first.state = 'pending' AND first.ordinal > 0 AND first.conversation = longest.conversation
        ORDER BY first.ordinal LIMIT 1)
)
SELECT u.ctid::text AS place, u.attempts, (SELECT count(*) FROM longest) AS looked_at FROM dispatch.units AS u
WHERE u.ctid = ANY (ARRAY (SELECT place FROM heads)) AND u.state = 'pending' AND u.next_attempt_at <= now()
ORDER BY u.next_attempt_at, u.ordinal LIMIT $2
FOR UPDATE OF u SKIP LOCKED";

const ANY_DUE: &str = "
SELECT EXISTS (SELECT FROM dispatch.units
    WHERE state = 'pending' AND next_attempt_at > '-infinity' AND next_attempt_at <= now()) AS any";

/// As [`OLDEST_DUE`], for when busy conversations fill that whole window: steps from conversation to conversation instead.
const FIRST_OF_EACH: &str = "
WITH RECURSIVE heads AS (
    (SELECT conversation, ctid AS place, 1 AS n FROM dispatch.units
     WHERE state = 'pending' AND ordinal > 0 ORDER BY conversation, ordinal LIMIT 1)
    UNION ALL
    SELECT next.conversation, next.place, heads.n + 1 FROM heads CROSS JOIN LATERAL (
        SELECT conversation, ctid AS place FROM dispatch.units
        WHERE state = 'pending' AND ordinal > 0 AND conversation > heads.conversation
        ORDER BY conversation, ordinal LIMIT 1
    ) AS next
    WHERE heads.n < $1
)
SELECT u.ctid::text AS place, u.attempts, 0::bigint AS looked_at FROM dispatch.units AS u
WHERE u.ctid = ANY (ARRAY (SELECT place FROM heads)) AND u.state = 'pending' AND u.next_attempt_at <= now()
ORDER BY u.next_attempt_at, u.ordinal LIMIT $2
FOR UPDATE OF u SKIP LOCKED";

const TAKE: &str = "
UPDATE dispatch.units SET
    state = CASE WHEN attempts >= $2 THEN 'dead' ELSE 'pending' END,
    reason = CASE WHEN attempts >= $2 THEN 'attempts_exhausted' ELSE reason END,
    settled_at = CASE WHEN attempts >= $2 THEN now() END,
    claim_token = CASE WHEN attempts >= $2 THEN NULL ELSE gen_random_uuid() END,
    lease_until = CASE WHEN attempts >= $2 THEN NULL ELSE now() + $3 * interval '1 microsecond' END,
    next_attempt_at = CASE WHEN attempts >= $2 THEN next_attempt_at ELSE now() + $3 * interval '1 microsecond' END,
    attempts = CASE WHEN attempts >= $2 THEN attempts ELSE attempts + 1 END
WHERE ctid = ANY ($1::tid[])
RETURNING unit_id, ordinal, claim_token, attempts, source, workspace, channel, thread, author, trace_id, revision,
    replay_id, coalesce((SELECT r.forced FROM dispatch.replays AS r WHERE r.replay_id = units.replay_id), false) AS forced";

// Deleted messages and the changes themselves belong to the unit's story only.
const MEMBERS: &str = "
SELECT member.* FROM unnest($1) AS claimed (unit_id) CROSS JOIN LATERAL (
    SELECT unit_id, signal_id, message_ref, text, attachments, occurred_at FROM dispatch.signals
    WHERE unit_id = claimed.unit_id AND state = 'queued' ORDER BY occurred_at, message_ref, signal_id) AS member
ORDER BY unit_id, occurred_at, message_ref, signal_id";

/// How many conversations are looked at when some of them fill the window.
const HEADS: i64 = 2_000;

#[derive(QueryableByName)]
struct AnyDue {
    #[diesel(sql_type = Bool)]
    any: bool,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    place: String,
    #[diesel(sql_type = Int4)]
    attempts: i32,
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
}

/// A unit's own row, as far as it is handed out.
#[derive(QueryableByName)]
pub(super) struct Taken {
    #[diesel(sql_type = SqlUuid)]
    pub(super) unit_id: Uuid,
    #[diesel(sql_type = BigInt)]
    ordinal: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    claim_token: Option<Uuid>,
    #[diesel(sql_type = Int4)]
    attempts: i32,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    workspace: String,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Nullable<Text>)]
    thread: Option<String>,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    trace_id: Option<Uuid>,
    #[diesel(sql_type = Int4)]
    revision: i32,
    /// The replay that made it due, if one did.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    replay_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    forced: bool,
}

#[derive(QueryableByName)]
pub(super) struct MemberRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) unit_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    pub(super) signal_id: Uuid,
    #[diesel(sql_type = Text)]
    message_ref: String,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    attachments: Option<Value>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: OffsetDateTime,
}

pub(crate) async fn claim(connection: &mut AsyncPgConnection, rule: ClaimRule) -> Result<Vec<ClaimedUnit>, StoreError> {
    loop {
        let (taken, buried) = connection.transaction(async |connection| take(connection, rule).await).await?;
        // A dead letter was in the way of the next unit of its conversation.
        if !taken.is_empty() || buried == 0 {
            return Ok(taken);
        }
    }
}

/// What may be claimed now, the one that is due longest first.
async fn candidates(connection: &mut AsyncPgConnection, limit: u32) -> Result<Vec<Found>, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let limit = i64::from(limit);
    // A window that gave nothing does not say whether it was full. One that gave too little and was full may hide
    // other conversations, not only while the head of the busy one is in somebody's hands.
    let may_hide_others = |found: &[Found], window: i64| {
        found.len() < wanted && found.first().is_none_or(|first| first.looked_at >= window)
    };
    // Mostly those that are due longest are of as many conversations.
    let (narrow, wide) = (limit, (limit * 8).clamp(200, 2_000));
    let mut found = oldest_due(connection, narrow, limit).await?;
    // Nothing is due most of the time: what is made is claimed at once.
    if found.is_empty() && !any_due(connection).await? {
        return Ok(found);
    }
    if may_hide_others(&found, narrow) {
        found = oldest_due(connection, wide, limit).await?;
    }
    if may_hide_others(&found, wide) {
        let heads: Vec<Found> =
            sql(FIRST_OF_EACH).bind::<BigInt, _>(HEADS).bind::<BigInt, _>(limit).load(connection).await?;
        let seen: HashSet<String> = found.iter().map(|row| row.place.clone()).collect();
        found.extend(heads.into_iter().filter(|row| !seen.contains(&row.place)));
        found.truncate(wanted);
    }
    Ok(found)
}

async fn any_due(connection: &mut AsyncPgConnection) -> Result<bool, StoreError> {
    let rows: Vec<AnyDue> = sql(ANY_DUE).load(connection).await?;
    Ok(rows.iter().any(|row| row.any))
}

async fn oldest_due(connection: &mut AsyncPgConnection, window: i64, limit: i64) -> Result<Vec<Found>, StoreError> {
    Ok(sql(OLDEST_DUE).bind::<BigInt, _>(window).bind::<BigInt, _>(limit).load(connection).await?)
}

/// Those of `found` that are claimed together. One that was tried before may be what ended its worker: it comes alone,
/// so that the others of its batch do not share its fate again and again. The rest keep their places.
fn together(mut found: Vec<Found>) -> Vec<String> {
    if found.as_slice().first().is_some_and(|first| first.attempts > 0) {
        found.truncate(1);
    } else {
        found.retain(|row| row.attempts == 0);
    }
    found.into_iter().map(|row| row.place).collect()
}

async fn take(connection: &mut AsyncPgConnection, rule: ClaimRule) -> Result<(Vec<ClaimedUnit>, usize), StoreError> {
    let found = together(candidates(connection, rule.limit).await?);
    if found.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let mut taken: Vec<Taken> = sql(TAKE)
        .bind::<Array<Text>, _>(found)
        .bind::<Int4, _>(small(rule.max_attempts))
        .bind::<BigInt, _>(micros(rule.lease))
        .load(connection)
        .await?;
    taken.sort_by_key(|row| row.ordinal);
    timeline::append(connection, &taken.iter().map(entry).collect::<Vec<_>>()).await?;
    let (claimed, dead): (Vec<Taken>, Vec<Taken>) = taken.into_iter().partition(|row| row.claim_token.is_some());
    let units = whole(connection, claimed).await?;
    Ok((units, dead.len()))
}

/// These units with their messages, and with what they have led to before. One without any message left is left out.
pub(super) async fn whole(
    connection: &mut AsyncPgConnection,
    rows: Vec<Taken>,
) -> Result<Vec<ClaimedUnit>, StoreError> {
    let members = members(connection, &rows).await?;
    let numbers = rows.iter().map(|row| (row.unit_id, row.revision)).filter(|(_, number)| *number > 0).collect();
    let revisions = history::revisions(connection, numbers).await?;
    Ok(assembled(rows, members, revisions))
}

/// Rows with their messages, each unit's in order, and with their revisions.
pub(super) fn assembled(
    rows: Vec<Taken>,
    messages: Vec<MemberRow>,
    mut revisions: HashMap<Uuid, Revision>,
) -> Vec<ClaimedUnit> {
    let mut members: HashMap<Uuid, Vec<Member>> = HashMap::with_capacity(rows.len());
    for row in messages {
        members.entry(row.unit_id).or_default().push(Member {
            signal_id: SignalId(row.signal_id),
            message_ref: row.message_ref,
            text: row.text,
            // Written by a build that knew more about them, they are left out.
            attachments: row.attachments.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default(),
            at: row.occurred_at,
        });
    }
    let units = rows.into_iter().filter_map(|row| {
        let members = members.remove(&row.unit_id)?;
        let revision = revisions.remove(&row.unit_id);
        Some(unit(row, members, revision))
    });
    units.collect()
}

/// The story's line about a claim.
pub(super) fn entry(row: &Taken) -> Entry {
    let detail = if row.claim_token.is_some() {
        json!({ "attempt": row.attempts })
    } else {
        json!({ "attempts": row.attempts, "reason": "attempts_exhausted" })
    };
    Entry {
        step: "reason",
        event: if row.claim_token.is_some() { "unit.claimed" } else { "unit.dead" },
        unit: Some(row.unit_id),
        subject: Some(row.unit_id.to_string()),
        detail,
        ..Entry::default()
    }
}

async fn members(connection: &mut AsyncPgConnection, claimed: &[Taken]) -> Result<Vec<MemberRow>, StoreError> {
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql(MEMBERS)
        .bind::<Array<SqlUuid>, _>(claimed.iter().map(|row| row.unit_id).collect::<Vec<_>>())
        .load(connection)
        .await?;
    Ok(rows)
}

fn unit(row: Taken, members: Vec<Member>, revision: Option<Revision>) -> ClaimedUnit {
    ClaimedUnit {
        unit_id: UnitId(row.unit_id),
        token: ClaimToken(row.claim_token.unwrap_or_default()),
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        conversation: Conversation {
            // The column's CHECK knows the same names.
            source: Source::parse(&row.source).unwrap_or(Source::Slack),
            workspace: row.workspace,
            channel: row.channel,
            thread: row.thread,
        },
        author: row.author,
        members,
        trace_id: row.trace_id.map_or_else(String::new, |trace| trace.simple().to_string()),
        revision,
        replay: row.replay_id.map(|id| Replaying { replay_id: ReplayId(id), force: row.forced }),
    }
}

#[cfg(all(test, feature = "testing"))]
mod cost;
