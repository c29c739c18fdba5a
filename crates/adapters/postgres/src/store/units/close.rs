//! Which bursts are closed into units now. Membership is a column, never a range of time: a signal that becomes visible
//! after its burst was closed is still due and opens the next one. One that answers a question joins the unit that asked it.
//!
//! It must not know what a message says, nor how units are written.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::UnitId;
use dispatch_routing::queue::ClaimRule;
use dispatch_routing::unit::{BurstRule, ClaimedUnit};
use time::OffsetDateTime;
use uuid::Uuid;

use super::answer::{self, Question};
use super::make::{self, Closed};
use crate::store::error::StoreError;
use crate::store::micros;
use crate::store::sql::sql;

/// Bursts that may be closed: none of the signals seen is fresh any more, or there are enough of them. A bounded look at the
/// oldest due signals; how many are due altogether does not matter, and one whose author still writes takes nobody's place.
const CANDIDATES: &str = "
SELECT burst, conversation FROM (
    SELECT burst, conversation, received_at FROM dispatch.signals
    WHERE unit_id IS NULL AND state = 'queued' ORDER BY received_at LIMIT $1
) AS oldest
GROUP BY burst, conversation
HAVING max(received_at) <= now() - $2 * interval '1 microsecond' OR count(*) >= $3
ORDER BY min(received_at) LIMIT $4";

/// One replica at a time per conversation, so that its units become visible in the order of their ordinals. Whoever
/// comes second does not wait.
const LOCK: &str = "
SELECT conversation FROM unnest($1) AS wanted (conversation)
WHERE pg_try_advisory_xact_lock(hashtextextended('dispatch/burst/' || conversation, 0))";

/// With the lock in hand, in a statement (hence a snapshot) of its own: what another replica closed meanwhile is gone.
const DUE: &str = "
SELECT signal_id, burst, conversation, received_at, received_at <= now() - $2 * interval '1 microsecond' AS quiet,
    thread IS NOT NULL AS may_answer, amended_at IS NOT NULL AS amended
FROM dispatch.signals
WHERE unit_id IS NULL AND state = 'queued' AND burst = ANY ($1)
ORDER BY burst, occurred_at, message_ref, signal_id
FOR UPDATE SKIP LOCKED";

#[derive(QueryableByName)]
struct Candidate {
    #[diesel(sql_type = Text)]
    burst: String,
    #[diesel(sql_type = Text)]
    conversation: String,
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = Text)]
    conversation: String,
}

/// A signal that has no unit yet.
#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    signal_id: Uuid,
    #[diesel(sql_type = Text)]
    burst: String,
    #[diesel(sql_type = Text)]
    conversation: String,
    #[diesel(sql_type = Timestamptz)]
    received_at: OffsetDateTime,
    #[diesel(sql_type = Bool)]
    quiet: bool,
    #[diesel(sql_type = Bool)]
    may_answer: bool,
    #[diesel(sql_type = Bool)]
    amended: bool,
}

/// Closes due bursts. Answers how many.
pub(crate) async fn close_bursts(
    connection: &mut AsyncPgConnection,
    rule: BurstRule,
    limit: u32,
) -> Result<u32, StoreError> {
    let closed = connection.transaction(async |connection| {
        let closed = due(connection, rule, limit).await?;
        make::units(connection, &closed).await?;
        Ok::<_, StoreError>(closed.len())
    });
    Ok(u32::try_from(closed.await?).unwrap_or(u32::MAX))
}

/// Closes due bursts and claims what becomes of them, as far as nothing of their conversation comes first.
pub(crate) async fn claim_bursts(
    connection: &mut AsyncPgConnection,
    rule: BurstRule,
    claim: ClaimRule,
) -> Result<Vec<ClaimedUnit>, StoreError> {
    connection
        .transaction(async |connection| {
            let closed = due(connection, rule, claim.limit).await?;
            make::claimed_units(connection, &closed, claim.lease).await
        })
        .await
}

/// The bursts to be closed in this transaction, their conversations and signals in our hands.
async fn due(connection: &mut AsyncPgConnection, rule: BurstRule, limit: u32) -> Result<Vec<Closed>, StoreError> {
    let max = rule.max.max(1);
    let candidates = candidates(connection, rule, limit).await?;
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let mut conversations: Vec<&str> = candidates.iter().map(|c| c.conversation.as_str()).collect();
    conversations.sort_unstable();
    conversations.dedup();
    let locked: Vec<Locked> = sql(LOCK).bind::<Array<Text>, _>(conversations).load(connection).await?;
    let ours = |c: &&Candidate| locked.iter().any(|l| l.conversation == c.conversation);
    let bursts: Vec<&str> = candidates.iter().filter(ours).map(|c| c.burst.as_str()).collect();
    let quiet = micros(rule.quiet);
    let due: Vec<Due> = sql(DUE).bind::<Array<Text>, _>(bursts).bind::<BigInt, _>(quiet).load(connection).await?;
    let closed = chunks(due, usize::try_from(max).unwrap_or(usize::MAX));
    join(connection, closed).await
}

/// Bursts that may be closed, the oldest first. Mostly the oldest signals are of enough bursts; where they are not, be it that
/// few bursts hold many of them, more are looked at.
async fn candidates(
    connection: &mut AsyncPgConnection,
    rule: BurstRule,
    limit: u32,
) -> Result<Vec<Candidate>, StoreError> {
    let (limit, max) = (i64::from(limit), i64::from(rule.max.max(1)));
    let mut found = Vec::new();
    // Of a few signals only, it would not be seen that their authors still write.
    for window in [(limit * 2).max(200), (limit * max).clamp(500, 5_000)] {
        found = sql(CANDIDATES)
            .bind::<BigInt, _>(window)
            .bind::<BigInt, _>(micros(rule.quiet))
            .bind::<BigInt, _>(max)
            .bind::<BigInt, _>(limit)
            .load(connection)
            .await?;
        if found.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            break;
        }
    }
    Ok(found)
}

/// Full chunks always; what remains of a burst only when its newest signal is old enough. Oldest burst first.
fn chunks(due: Vec<Due>, max: usize) -> Vec<Closed> {
    let mut bursts: BTreeMap<String, Vec<Due>> = BTreeMap::new();
    for signal in due {
        bursts.entry(signal.burst.clone()).or_default().push(signal);
    }
    let mut bursts: Vec<Vec<Due>> = bursts.into_values().collect();
    bursts.sort_by_key(|burst| burst.iter().map(|signal| signal.received_at).min());
    let mut closed = Vec::new();
    for burst in bursts {
        let quiet = burst.iter().all(|signal| signal.quiet);
        for chunk in burst.chunks(max).filter(|chunk| quiet || chunk.len() == max) {
            closed.push(Closed {
                unit_id: UnitId::mint().0,
                conversation: chunk[0].conversation.clone(),
                may_answer: chunk.iter().all(|signal| signal.may_answer),
                amended: chunk.iter().filter(|signal| signal.amended).map(|signal| signal.signal_id).collect(),
                joins: None,
                members: chunk.iter().map(|signal| signal.signal_id).collect(),
                because: if chunk.len() == max { "full" } else { "quiet" },
            });
        }
    }
    closed
}

/// Those that answer a question join its unit; those whose question is in somebody's hands are left due.
async fn join(connection: &mut AsyncPgConnection, mut closed: Vec<Closed>) -> Result<Vec<Closed>, StoreError> {
    let first: Vec<Uuid> = closed.iter().filter(|unit| unit.may_answer).map(|unit| unit.members[0]).collect();
    let questions = answer::questions(connection, &first).await?;
    closed.retain(|unit| questions.get(&unit.members[0]) != Some(&Question::Busy));
    for unit in &mut closed {
        if let Some(Question::Of(waiting, free)) = questions.get(&unit.members[0]) {
            unit.unit_id = *waiting;
            unit.joins = Some(*free);
        }
    }
    Ok(closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    fn signal(burst: &str, second: i64, quiet: bool) -> Due {
        let received_at = OffsetDateTime::UNIX_EPOCH + Duration::seconds(second);
        let (may_answer, amended) = (false, false);
        let (burst, conversation) = (burst.to_owned(), "slack/T1/C1/-".to_owned());
        Due { signal_id: Uuid::now_v7(), burst, conversation, received_at, quiet, may_answer, amended }
    }

    fn sizes(due: Vec<Due>, max: usize) -> Vec<(usize, &'static str)> {
        chunks(due, max).iter().map(|unit| (unit.members.len(), unit.because)).collect()
    }

    #[test]
    fn full_chunks_close_at_once_and_the_rest_waits_for_quiet() {
        let fresh = |n| (0..n).map(|second| signal("a", second, false)).collect::<Vec<_>>();
        assert_eq!(sizes(fresh(2), 3), []);
        assert_eq!(sizes(fresh(3), 3), [(3, "full")]);
        assert_eq!(sizes(fresh(7), 3), [(3, "full"), (3, "full")]);
        let quiet = (0..7).map(|second| signal("a", second, true)).collect();
        assert_eq!(sizes(quiet, 3), [(3, "full"), (3, "full"), (1, "quiet")]);
        let one_fresh = vec![signal("a", 0, true), signal("a", 1, false)];
        assert_eq!(sizes(one_fresh, 3), [], "the newest decides");
    }

    #[test]
    fn the_oldest_burst_becomes_the_first_unit() {
        let due = vec![signal("a", 9, true), signal("b", 1, true), signal("b", 2, true)];
        assert_eq!(sizes(due, 10), [(2, "quiet"), (1, "quiet")]);
    }
}
