//! Whom Dispatch may write to: kept from what recipients say, asked of what is claimed before it is sent. It must not know who sends.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::signal::{Consent, NewSignal, Recipient, Source};
use time::OffsetDateTime;
use uuid::Uuid;

use super::error::StoreError;
use super::sql::sql;

// Of what is dated only the newest counts, in whatever order it comes; what is not dated counts as it comes.
const SAY: &str = "
INSERT INTO dispatch.send_permissions AS known (recipient, reason, since, signal_id)
VALUES ($1, $2, coalesce($3, now()), $4)
ON CONFLICT (recipient) DO UPDATE SET
    reason = excluded.reason, since = excluded.since, signal_id = excluded.signal_id
WHERE $3 IS NULL OR known.since <= $3";

// `before` is read as it was when the statement began.
const ALLOW: &str = "
WITH before AS (SELECT reason FROM dispatch.send_permissions WHERE recipient = $1)
INSERT INTO dispatch.send_permissions AS known (recipient, since) VALUES ($1, $2)
ON CONFLICT (recipient) DO UPDATE SET
    reason = NULL, signal_id = NULL, since = greatest(known.since, excluded.since)
RETURNING (SELECT reason FROM before) AS reason";

// Locked, so that whoever lifts it at this moment is waited for and then seen.
const LOCK: &str = "SELECT reason FROM dispatch.send_permissions WHERE recipient = $1 FOR UPDATE";

// What somebody said about it while the attempt was under way is newer than the attempt's answer. Ids grow with time, so
// that only the last few minutes are looked through; the database's clock decides.
const BLOCK_UNLESS_ANSWERED: &str = "
INSERT INTO dispatch.send_permissions AS known (recipient, reason, since)
SELECT $1, $2, now() WHERE NOT EXISTS (
    SELECT FROM dispatch.signals
    WHERE signal_id > $3 AND received_at > now() - interval '1 minute' AND state = 'ignored'
        AND source || ':' || author = $1)
ON CONFLICT (recipient) DO UPDATE SET reason = excluded.reason, since = excluded.since, signal_id = NULL
WHERE known.reason IS NULL";

/// How far back ids of the last minute may reach, with clocks that differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(600);

const REFUSALS: &str = "
SELECT recipient, reason FROM dispatch.send_permissions WHERE recipient = ANY ($1) AND reason IS NOT NULL";

/// Somebody who must not be written to.
#[derive(QueryableByName)]
struct Refused {
    #[diesel(sql_type = Text)]
    recipient: String,
    #[diesel(sql_type = Text)]
    reason: String,
}

/// What is known about somebody.
#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

/// Notes what `signal` says about being written to, in the transaction that stores it.
pub(crate) async fn note(
    connection: &mut AsyncPgConnection,
    signal: &NewSignal,
    consent: &Consent,
) -> Result<(), StoreError> {
    // Slack says when, and repeats itself for minutes, also after the app was installed anew. Twilio does not say; its
    // repeats are known by their `MessageSid`.
    let said_at = (signal.conversation.source == Source::Slack).then_some(signal.occurred_at);
    sql(SAY)
        .bind::<Text, _>(consent.recipient.as_str())
        .bind::<Nullable<Text>, _>((!consent.given).then_some(consent.reason))
        .bind::<Nullable<Timestamptz>, _>(said_at)
        .bind::<SqlUuid, _>(signal.signal_id.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that `recipient` may be written to since then. Answers why they were not, if so.
pub(crate) async fn allow(
    connection: &mut AsyncPgConnection,
    recipient: &Recipient,
    since: OffsetDateTime,
) -> Result<Option<String>, StoreError> {
    let before: Known =
        sql(ALLOW).bind::<Text, _>(recipient.as_str()).bind::<Timestamptz, _>(since).get_result(connection).await?;
    Ok(before.reason)
}

/// Notes that a provider refused to write to `recipient`, unless that was known, or they spoke about it just now. Answers
/// whether it is news.
pub(crate) async fn refused(
    connection: &mut AsyncPgConnection,
    recipient: &Recipient,
    reason: &str,
) -> Result<bool, StoreError> {
    let known: Vec<Known> = sql(LOCK).bind::<Text, _>(recipient.as_str()).load(connection).await?;
    if known.iter().any(|row| row.reason.is_some()) {
        return Ok(false);
    }
    let noted = sql(BLOCK_UNLESS_ANSWERED)
        .bind::<Text, _>(recipient.as_str())
        .bind::<Text, _>(reason)
        .bind::<SqlUuid, _>(id_of(SystemTime::now().checked_sub(CLOCKS_DIFFER)))
        .execute(connection)
        .await?;
    Ok(noted > 0)
}

/// The least UUIDv7 of this moment.
fn id_of(at: Option<SystemTime>) -> Uuid {
    let since_1970 = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let millis = u64::try_from(since_1970.as_millis()).unwrap_or_default();
    Uuid::from_u64_pair(millis << 16, 0)
}

/// Those who must not be written to, and why.
pub(crate) async fn refusals(
    connection: &mut AsyncPgConnection,
    recipients: &[Recipient],
) -> Result<HashMap<Recipient, String>, StoreError> {
    let asked: BTreeSet<&str> = recipients.iter().map(Recipient::as_str).collect();
    let found: Vec<Refused> =
        sql(REFUSALS).bind::<Array<Text>, _>(asked.into_iter().collect::<Vec<_>>()).load(connection).await?;
    let reasons: HashMap<String, String> = found.into_iter().map(|row| (row.recipient, row.reason)).collect();
    let refused = |recipient: &Recipient| Some((recipient.clone(), reasons.get(recipient.as_str())?.clone()));
    Ok(recipients.iter().filter_map(refused).collect())
}
