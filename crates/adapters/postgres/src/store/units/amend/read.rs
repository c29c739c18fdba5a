//! What an amendment is judged by: its message, the message's unit, and who has them in hand. It must not change them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Double, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::judge::{Amendment, Known, Original};
use crate::store::error::StoreError;
use crate::store::sql::sql;
use crate::store::units::revise;

const ANY_DUE: &str =
    "SELECT EXISTS (SELECT FROM dispatch.signals WHERE state = 'amending' AND look_again_at <= now()) AS any";

const DUE: &str = "
SELECT signal_id, amends, change = 'delete' AS is_deletion, text, attachments, occurred_at,
    extract(epoch FROM now() - received_at)::float8 AS age
FROM dispatch.signals WHERE state = 'amending' AND look_again_at <= now()
ORDER BY look_again_at LIMIT $1 FOR UPDATE SKIP LOCKED";

const WHERE_SAID: &str =
    "SELECT content_key, conversation FROM dispatch.signals WHERE content_key = ANY ($1) AND unit_id IS NULL";

// Per message, so that two changes of it are not applied at once; and per conversation where the message is due, so that
// its burst is not closed around it.
const LOCK: &str = "
SELECT name FROM unnest($1) AS wanted (name) WHERE pg_try_advisory_xact_lock(hashtextextended(name, 0))";

const EXISTING: &str = "SELECT content_key FROM dispatch.signals WHERE content_key = ANY ($1)";

// One whose words have gone is not changed any more: its unit could only be understood by half of what was said.
const ORIGINALS: &str = "
SELECT signal_id, content_key, unit_id, state = 'queued' AND emptied_at IS NULL AS counts,
    nullif(amended_at, 'infinity') AS amended_at, text, attachments
FROM dispatch.signals WHERE content_key = ANY ($1) ORDER BY signal_id FOR UPDATE SKIP LOCKED";

const MEMBERS: &str = "
SELECT unit_id, count(*) AS members FROM dispatch.signals
WHERE unit_id = ANY ($1) AND state = 'queued' GROUP BY unit_id";

#[derive(QueryableByName)]
struct AnyDue {
    #[diesel(sql_type = Bool)]
    any: bool,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    signal_id: Uuid,
    #[diesel(sql_type = Text)]
    amends: String,
    #[diesel(sql_type = Bool)]
    is_deletion: bool,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    attachments: Option<Value>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: OffsetDateTime,
    #[diesel(sql_type = Double)]
    age: f64,
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    content_key: String,
    #[diesel(sql_type = Text)]
    conversation: String,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Existing {
    #[diesel(sql_type = Text)]
    content_key: String,
}

#[derive(QueryableByName)]
struct OriginalRow {
    #[diesel(sql_type = SqlUuid)]
    signal_id: Uuid,
    #[diesel(sql_type = Text)]
    content_key: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    unit_id: Option<Uuid>,
    #[diesel(sql_type = Bool)]
    counts: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    amended_at: Option<OffsetDateTime>,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    attachments: Option<Value>,
}

#[derive(QueryableByName)]
struct Members {
    #[diesel(sql_type = SqlUuid)]
    unit_id: Uuid,
    #[diesel(sql_type = BigInt)]
    members: i64,
}

/// Whether there is anything to do.
pub(super) async fn any_due(connection: &mut AsyncPgConnection) -> Result<bool, StoreError> {
    let answer: AnyDue = sql(ANY_DUE).get_result(connection).await?;
    Ok(answer.any)
}

/// Amendments that are due, the oldest change of a message first, and of the same time the first that came.
pub(super) async fn due(connection: &mut AsyncPgConnection, limit: u32) -> Result<Vec<Amendment>, StoreError> {
    let rows: Vec<DueRow> = sql(DUE).bind::<BigInt, _>(i64::from(limit)).load(connection).await?;
    let amendment = |row: DueRow| Amendment {
        signal_id: row.signal_id,
        written_at: written_at(&row.amends),
        of: row.amends,
        is_deletion: row.is_deletion,
        text: row.text,
        attachments: row.attachments,
        occurred_at: row.occurred_at,
        age: Duration::try_from_secs_f64(row.age).unwrap_or_default(),
    };
    let mut amendments: Vec<Amendment> = rows.into_iter().map(amendment).collect();
    // Ids grow with the time of arrival.
    let rank = |one: &Amendment| (one.occurred_at, one.is_deletion, one.signal_id);
    amendments.sort_by(|a, b| a.of.cmp(&b.of).then_with(|| rank(a).cmp(&rank(b))));
    Ok(amendments)
}

/// When a message was written whose key ends with a Slack `ts`.
fn written_at(key: &str) -> Option<OffsetDateTime> {
    let (seconds, micros) = key.rsplit('/').next()?.split_once('.')?;
    let micros: u32 = micros.get(..6).unwrap_or(micros).parse().ok()?;
    let at = OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok()?;
    at.checked_add(time::Duration::microseconds(micros.into()))
}

/// What is known, and the messages that no other replica is amending or closing.
pub(super) struct Found {
    pub(super) facts: Known,
    pub(super) locked: HashSet<String>,
}

pub(super) async fn known(connection: &mut AsyncPgConnection, amendments: &[Amendment]) -> Result<Found, StoreError> {
    let mut keys: Vec<&str> = amendments.iter().map(|one| one.of.as_str()).collect();
    keys.dedup();
    let locked = lock(connection, &keys).await?;
    keys.retain(|key| locked.contains(*key));
    let existing: Vec<Existing> = sql(EXISTING).bind::<Array<Text>, _>(&keys).load(connection).await?;
    let mut originals: HashMap<String, Option<Original>> =
        existing.into_iter().map(|row| (row.content_key, None)).collect();
    let rows: Vec<OriginalRow> = sql(ORIGINALS).bind::<Array<Text>, _>(&keys).load(connection).await?;
    originals.extend(rows.into_iter().map(|row| (row.content_key.clone(), Some(original(row)))));
    let mut units: Vec<Uuid> = originals.values().flatten().filter_map(|original| original.unit).collect();
    units.sort_unstable();
    units.dedup();
    let free = revise::lock(connection, &units).await?;
    let mut facts = Known { originals, units: free, ..Known::default() };
    if amendments.iter().any(|one| one.is_deletion) {
        let members: Vec<Members> = sql(MEMBERS).bind::<Array<SqlUuid>, _>(&units).load(connection).await?;
        facts.members = members.into_iter().map(|row| (row.unit_id, row.members)).collect();
    }
    Ok(Found { facts, locked })
}

async fn lock(connection: &mut AsyncPgConnection, keys: &[&str]) -> Result<HashSet<String>, StoreError> {
    let due: Vec<Said> = sql(WHERE_SAID).bind::<Array<Text>, _>(keys).load(connection).await?;
    let burst = |row: &Said| format!("dispatch/burst/{}", row.conversation);
    let amend = |key: &str| format!("dispatch/amend/{key}");
    let wanted: HashSet<String> = due.iter().map(burst).chain(keys.iter().map(|key| amend(key))).collect();
    let mut wanted: Vec<String> = wanted.into_iter().collect();
    wanted.sort_unstable();
    let got: Vec<Name> = sql(LOCK).bind::<Array<Text>, _>(&wanted).load(connection).await?;
    let got: HashSet<String> = got.into_iter().map(|row| row.name).collect();
    let is_ours = |key: &&&str| {
        got.contains(&amend(key))
            && due.iter().filter(|row| row.content_key == **key).all(|row| got.contains(&burst(row)))
    };
    Ok(keys.iter().filter(is_ours).map(|key| (*key).to_owned()).collect())
}

fn original(row: OriginalRow) -> Original {
    Original {
        signal_id: row.signal_id,
        unit: row.unit_id,
        counts: row.counts,
        amended_at: row.amended_at,
        text: row.text,
        attachments: row.attachments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slack_key_tells_when_its_message_was_written() {
        let at = written_at("slack:message:T1/C1/1700000000.000100").expect("a time");
        assert_eq!(at.unix_timestamp_nanos(), 1_700_000_000_000_100_000);
        for other in ["sms:message:SM1", "slack:message:T1/C1/now", "slack:message:T1/C1/-.1", ""] {
            assert_eq!(written_at(other), None, "{other}");
        }
    }
}
