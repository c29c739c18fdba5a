//! Whom Dispatch may write to: kept from what recipients say, asked before every send. It must not know who sends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::SignalId;
use dispatch_mission::signal::{Consent, Recipient};
use uuid::Uuid;

use super::error::StoreError;
use super::sql::sql;

const BLOCK: &str = "
INSERT INTO dispatch.send_blocks (recipient, reason, signal_id) VALUES ($1, $2, $3)
ON CONFLICT (recipient) DO UPDATE SET reason = excluded.reason, since = now(), signal_id = excluded.signal_id";

const ALLOW: &str = "DELETE FROM dispatch.send_blocks WHERE recipient = $1";

// Locked, so that whoever lifts it at this moment is waited for and then seen.
const LOCK: &str = "SELECT reason FROM dispatch.send_blocks WHERE recipient = $1 FOR UPDATE";

// What somebody said about it while the attempt was under way is newer than the attempt's answer. Ids grow with time, so
// that only the last few minutes are looked through; the database's clock decides.
const BLOCK_UNLESS_ANSWERED: &str = "
INSERT INTO dispatch.send_blocks (recipient, reason)
SELECT $1, $2 WHERE NOT EXISTS (
    SELECT FROM dispatch.signals
    WHERE signal_id > $3 AND received_at > now() - interval '1 minute' AND state = 'ignored'
        AND source || ':' || author = $1)
ON CONFLICT (recipient) DO NOTHING";

/// How far back ids of the last minute may reach, with clocks that differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(600);

const REFUSAL: &str = "SELECT reason FROM dispatch.send_blocks WHERE recipient = $1";

#[derive(QueryableByName)]
struct Refusal {
    #[diesel(sql_type = Text)]
    reason: String,
}

/// Notes what a signal says, in the transaction that stores it.
pub(crate) async fn note(
    connection: &mut AsyncPgConnection,
    consent: &Consent,
    said_by: SignalId,
) -> Result<(), StoreError> {
    if consent.given {
        sql(ALLOW).bind::<Text, _>(consent.recipient.as_str()).execute(connection).await?;
        return Ok(());
    }
    block(connection, consent.recipient.as_str(), consent.reason, Some(said_by.0)).await
}

/// Forbids writing to `recipient`.
pub(crate) async fn block(
    connection: &mut AsyncPgConnection,
    recipient: &str,
    reason: &str,
    said_by: Option<Uuid>,
) -> Result<(), StoreError> {
    sql(BLOCK)
        .bind::<Text, _>(recipient)
        .bind::<Text, _>(reason)
        .bind::<Nullable<SqlUuid>, _>(said_by)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that a provider refused to write to `recipient`, unless that was known, or they spoke about it just now.
pub(crate) async fn refused(
    connection: &mut AsyncPgConnection,
    recipient: &Recipient,
    reason: &str,
) -> Result<(), StoreError> {
    let known: Vec<Refusal> = sql(LOCK).bind::<Text, _>(recipient.as_str()).load(connection).await?;
    if known.is_empty() {
        sql(BLOCK_UNLESS_ANSWERED)
            .bind::<Text, _>(recipient.as_str())
            .bind::<Text, _>(reason)
            .bind::<SqlUuid, _>(id_of(SystemTime::now().checked_sub(CLOCKS_DIFFER)))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// The least UUIDv7 of this moment.
fn id_of(at: Option<SystemTime>) -> Uuid {
    let since_1970 = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let millis = u64::try_from(since_1970.as_millis()).unwrap_or_default();
    Uuid::from_u64_pair(millis << 16, 0)
}

/// Why `recipient` must not be written to, if so.
pub(crate) async fn refusal(
    connection: &mut AsyncPgConnection,
    recipient: &Recipient,
) -> Result<Option<String>, StoreError> {
    let found: Vec<Refusal> = sql(REFUSAL).bind::<Text, _>(recipient.as_str()).load(connection).await?;
    Ok(found.into_iter().next().map(|row| row.reason))
}
