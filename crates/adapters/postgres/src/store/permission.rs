//! Whom Dispatch may write to: kept from what recipients say, asked before every send. It must not know who sends.

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

/// Why `recipient` must not be written to, if so.
pub(crate) async fn refusal(
    connection: &mut AsyncPgConnection,
    recipient: &Recipient,
) -> Result<Option<String>, StoreError> {
    let found: Vec<Refusal> = sql(REFUSAL).bind::<Text, _>(recipient.as_str()).load(connection).await?;
    Ok(found.into_iter().next().map(|row| row.reason))
}
