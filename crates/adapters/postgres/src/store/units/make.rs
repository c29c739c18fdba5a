//! Makes units of closed bursts, or adds to those that they join. What is made may be claimed in the same commit: a claim of
//! its own would write each unit once more, and read its messages again.
//!
//! It must not decide which bursts are closed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::unit::ClaimedUnit;
use serde_json::json;
use uuid::Uuid;

use super::claim::{self, MemberRow, Taken};
use super::revise::{self, Free};
use crate::store::error::StoreError;
use crate::store::micros;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};

// One without a lease is for whoever claims it.
const INSERT: &str = "
INSERT INTO dispatch.units (
    unit_id, source, workspace, channel, thread, conversation, author, opened_at, trace_id,
    claim_token, lease_until, next_attempt_at, attempts)
SELECT made.unit_id, source, workspace, channel, thread, conversation, author, received_at, trace_id,
    CASE WHEN lease_us IS NOT NULL THEN gen_random_uuid() END, now() + lease_us * interval '1 microsecond',
    now() + coalesce(lease_us, 0) * interval '1 microsecond', CASE WHEN lease_us IS NULL THEN 0 ELSE 1 END
FROM unnest($1, $2, $3) WITH ORDINALITY AS made (unit_id, first_signal, lease_us, n)
JOIN dispatch.signals ON signal_id = first_signal
ORDER BY n
RETURNING unit_id, ordinal, claim_token, attempts, source, workspace, channel, thread, author, trace_id, revision,
    replay_id, false AS forced";

const JOIN_UNIT: &str = "
UPDATE dispatch.signals AS s SET unit_id = member.unit_id
FROM unnest($1, $2, $3) AS member (signal_id, unit_id, read)
WHERE s.signal_id = member.signal_id
RETURNING member.unit_id, s.signal_id, s.message_ref, CASE WHEN read THEN s.text ELSE '' END AS text,
    CASE WHEN read THEN s.attachments END AS attachments, s.occurred_at";

// The story of a unit holds what changed its messages before it was made.
const TAKE_AMENDMENTS: &str = "
UPDATE dispatch.signals AS amendment SET unit_id = member.unit_id FROM dispatch.signals AS member
WHERE member.signal_id = ANY ($1) AND amendment.amends = member.content_key
    AND amendment.state = 'applied' AND amendment.unit_id IS NULL";

// `ordinal > 0` is the condition of the only index that is to be asked (see claim.rs).
const BUSY: &str = "
SELECT conversation FROM unnest($1) AS wanted (conversation) WHERE EXISTS (
    SELECT FROM dispatch.units AS u WHERE u.state = 'pending' AND u.ordinal > 0 AND u.conversation = wanted.conversation)";

/// A unit to be made or joined, and why now.
pub(super) struct Closed {
    pub(super) unit_id: Uuid,
    pub(super) conversation: String,
    pub(super) members: Vec<Uuid>,
    pub(super) because: &'static str,
    pub(super) may_answer: bool,
    /// Members that were changed while they were due.
    pub(super) amended: Vec<Uuid>,
    /// The unit that it joins, and whether that is due already.
    pub(super) joins: Option<Free>,
}

#[derive(QueryableByName)]
struct Busy {
    #[diesel(sql_type = Text)]
    conversation: String,
}

/// Makes these units, due at once.
pub(super) async fn units(connection: &mut AsyncPgConnection, closed: &[Closed]) -> Result<(), StoreError> {
    make(connection, closed, &HashSet::new(), Duration::ZERO).await.map(drop)
}

/// The same, and those claimed that nothing of their conversation comes before: a conversation is understood in order.
pub(super) async fn claimed_units(
    connection: &mut AsyncPgConnection,
    closed: &[Closed],
    lease: Duration,
) -> Result<Vec<ClaimedUnit>, StoreError> {
    let ours = first_of_each(connection, closed).await?;
    make(connection, closed, &ours, lease).await
}

/// The new units that are the first of their conversation.
async fn first_of_each(connection: &mut AsyncPgConnection, closed: &[Closed]) -> Result<HashSet<Uuid>, StoreError> {
    if closed.is_empty() {
        return Ok(HashSet::new());
    }
    let conversations: HashSet<&str> = closed.iter().map(|unit| unit.conversation.as_str()).collect();
    let conversations: Vec<&str> = conversations.into_iter().collect();
    let busy: Vec<Busy> = sql(BUSY).bind::<Array<Text>, _>(conversations).load(connection).await?;
    let mut begun: HashSet<&str> = busy.iter().map(|row| row.conversation.as_str()).collect();
    // What is joined is due once more, and older than what is made.
    begun.extend(closed.iter().filter(|unit| unit.joins.is_some()).map(|unit| unit.conversation.as_str()));
    Ok(closed.iter().filter(|unit| begun.insert(&unit.conversation)).map(|unit| unit.unit_id).collect())
}

/// Makes all of them, and claims `ours`.
async fn make(
    connection: &mut AsyncPgConnection,
    closed: &[Closed],
    ours: &HashSet<Uuid>,
    lease: Duration,
) -> Result<Vec<ClaimedUnit>, StoreError> {
    if closed.is_empty() {
        return Ok(Vec::new());
    }
    let made = insert(connection, closed, ours, lease).await?;
    let members = join(connection, closed, ours).await?;
    let amended: Vec<Uuid> = closed.iter().flat_map(|unit| unit.amended.iter().copied()).collect();
    if !amended.is_empty() {
        sql(TAKE_AMENDMENTS).bind::<Array<SqlUuid>, _>(amended).execute(connection).await?;
    }
    let claimed: Vec<Taken> = made.into_iter().filter(|row| ours.contains(&row.unit_id)).collect();
    let mut entries: Vec<Entry> = closed.iter().map(entry).collect();
    entries.extend(claimed.iter().map(claim::entry));
    entries.extend(revise_joined(connection, closed).await?);
    timeline::append(connection, &entries).await?;
    if ours.len() < closed.len() {
        timeline::ring(connection).await?;
    }
    Ok(claim::assembled(claimed, members, HashMap::new()))
}

async fn insert(
    connection: &mut AsyncPgConnection,
    closed: &[Closed],
    ours: &HashSet<Uuid>,
    lease: Duration,
) -> Result<Vec<Taken>, StoreError> {
    let new: Vec<&Closed> = closed.iter().filter(|unit| unit.joins.is_none()).collect();
    let lease = |unit: &&Closed| ours.contains(&unit.unit_id).then(|| micros(lease));
    let made = sql(INSERT)
        .bind::<Array<SqlUuid>, _>(new.iter().map(|unit| unit.unit_id).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(new.iter().map(|unit| unit.members[0]).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(new.iter().map(lease).collect::<Vec<_>>())
        .load(connection)
        .await?;
    Ok(made)
}

/// Gives every signal its unit; answers those of `ours`, in order.
async fn join(
    connection: &mut AsyncPgConnection,
    closed: &[Closed],
    ours: &HashSet<Uuid>,
) -> Result<Vec<MemberRow>, StoreError> {
    let members = || closed.iter().flat_map(|unit| unit.members.iter().map(|signal| (*signal, unit.unit_id)));
    let mut joined: Vec<MemberRow> = sql(JOIN_UNIT)
        .bind::<Array<SqlUuid>, _>(members().map(|(signal, _)| signal).collect::<Vec<_>>())
        .bind::<Array<SqlUuid>, _>(members().map(|(_, unit)| unit).collect::<Vec<_>>())
        .bind::<Array<Bool>, _>(members().map(|(_, unit)| ours.contains(&unit)).collect::<Vec<_>>())
        .load(connection)
        .await?;
    joined.retain(|row| ours.contains(&row.unit_id));
    let place: HashMap<Uuid, usize> = members().enumerate().map(|(place, (signal, _))| (signal, place)).collect();
    joined.sort_by_key(|row| place.get(&row.signal_id).copied());
    Ok(joined)
}

/// What was joined is understood once more.
async fn revise_joined(connection: &mut AsyncPgConnection, closed: &[Closed]) -> Result<Vec<Entry>, StoreError> {
    let joined = |pending: bool| -> Vec<Uuid> {
        let is_so = |unit: &&Closed| unit.joins.is_some_and(|free| free.pending == pending);
        closed.iter().filter(is_so).map(|unit| unit.unit_id).collect()
    };
    revise::drop_claims(connection, &joined(true)).await?;
    revise::due_again(connection, &joined(false), "answered").await
}

fn entry(unit: &Closed) -> Entry {
    Entry {
        step: "intake",
        event: if unit.joins.is_some() { "unit.answered" } else { "unit.closed" },
        unit: Some(unit.unit_id),
        subject: Some(unit.unit_id.to_string()),
        detail: json!({ "signals": unit.members.len(), "because": unit.because }),
        ..Entry::default()
    }
}
