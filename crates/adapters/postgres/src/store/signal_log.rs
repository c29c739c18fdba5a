//! The `SignalLog` port: one statement stores a whole batch; only repeats cost a second one.
//!
//! It must not know what becomes of a signal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_mission::ids::SignalId;
use dispatch_mission::signal::{Amendment, Disposition, NewSignal};
use dispatch_mission::signal_log::{Outcome, Receipt, SignalLog, SignalLogError};
use time::OffsetDateTime;
use uuid::Uuid;

use super::clean;
use super::error::StoreError;
use super::permission;
use super::sql::sql;
use crate::connect::Pool;

/// How often the bell is rung at most. A commit that rings it waits for every other that does (NOTIFY takes one lock for
/// the whole database), and each ring makes every worker look. What comes in between is found by the workers' poll.
const BELL: Duration = Duration::from_millis(100);

/// The log of signals in table `dispatch.signals`.
#[derive(Clone, Debug)]
pub struct PgSignalLog {
    pool: Pool,
    rung: Arc<Mutex<Option<Instant>>>,
}

impl PgSignalLog {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool, rung: Arc::default() }
    }

    /// Whether this batch rings the bell: the first after a while does.
    fn rings(&self) -> bool {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = rung.is_none_or(|last| now.duration_since(last) >= BELL);
        if due {
            *rung = Some(now);
        }
        due
    }
}

// The bell stands in the same statement, so that a lone signal costs one round trip.
const APPEND: &str = "
WITH stored AS (
    INSERT INTO dispatch.signals (
        signal_id, source, workspace, channel, thread, conversation, author, text, message_ref, provider_event_id,
        event_key, content_key, state, ignored_reason, occurred_at, payload, trace_id, retry_num, retry_reason,
        attachments, amends, change, look_again_at)
    SELECT signal_id, source, workspace, channel, thread, conversation, author, text, message_ref, provider_event_id,
        event_key, content_key,
        CASE WHEN ignored IS NOT NULL THEN 'ignored' WHEN amends IS NOT NULL THEN 'amending' ELSE 'queued' END,
        ignored, occurred_at, payload::jsonb, trace_id, retry_num, retry_reason, attachments::jsonb, amends, change,
        CASE WHEN amends IS NOT NULL THEN now() END
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) AS new (
        signal_id, source, workspace, channel, thread, conversation, author, text, message_ref, provider_event_id,
        event_key, content_key, ignored, occurred_at, payload, trace_id, retry_num, retry_reason, attachments, amends,
        change)
    ON CONFLICT DO NOTHING
    RETURNING signal_id, received_at, state
), bell AS (
    SELECT pg_notify('dispatch_work', '') WHERE $22 AND EXISTS (SELECT FROM stored WHERE state <> 'ignored')
)
SELECT signal_id, received_at, (SELECT count(*) FROM bell) AS rung FROM stored";

// A statement of its own, so that a first copy that was committed meanwhile is seen. Its story notes the repeat.
const NOTE_REPEATS: &str = "
WITH known AS (
    SELECT n, first.*, CASE WHEN first.event_key = repeat.event_key THEN 'event' ELSE 'content' END AS matched,
        repeat.detail
    FROM unnest($1, $2, $3, $4) AS repeat (n, event_key, content_key, detail)
    CROSS JOIN LATERAL (
        SELECT signal_id, unit_id, received_at, ignored_reason, event_key FROM dispatch.signals
        WHERE content_key = repeat.content_key OR event_key = repeat.event_key
        ORDER BY received_at, signal_id LIMIT 1
    ) AS first
), noted AS (
    INSERT INTO dispatch.timeline (step, event, signal_id, unit_id, subject, detail)
    SELECT 'intake', 'signal.duplicate', signal_id, unit_id, signal_id::text,
        jsonb_build_object('matched', matched) || detail
    FROM known ORDER BY n
)
SELECT n, signal_id, received_at, ignored_reason FROM known";

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = SqlUuid)]
    signal_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    received_at: OffsetDateTime,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Int4)]
    n: i32,
    #[diesel(sql_type = SqlUuid)]
    signal_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    received_at: OffsetDateTime,
    #[diesel(sql_type = Nullable<Text>)]
    ignored_reason: Option<String>,
}

#[async_trait]
impl SignalLog for PgSignalLog {
    async fn append_all(&self, batch: Vec<NewSignal>) -> Result<Vec<Receipt>, SignalLogError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        append_all(&self.pool, &batch, self.rings()).await.map_err(|error| match error {
            // Not known to pass by itself: one signal may be at fault, which only trying each alone will tell.
            unknown if batch.len() > 1 && !unknown.is_passing() => SignalLogError::Rejected(unknown.boxed()),
            known => known.into(),
        })
    }
}

async fn append_all(pool: &Pool, batch: &[NewSignal], ring: bool) -> Result<Vec<Receipt>, StoreError> {
    let mut connection = pool.get().await.map_err(StoreError::Connect)?;
    let stored = store(&mut connection, batch, ring).await?;
    let mut receipts: Vec<Option<Receipt>> =
        batch.iter().map(|signal| Some(appended(signal, *stored.get(&signal.signal_id.0)?))).collect();
    let missing: Vec<usize> = (0..batch.len()).filter(|n| receipts[*n].is_none()).collect();
    if !missing.is_empty() {
        for known in note_repeats(&mut connection, batch, &missing).await? {
            if let Some(slot) = usize::try_from(known.n).ok().and_then(|n| receipts.get_mut(n)) {
                *slot = Some(repeated(known));
            }
        }
    }
    // A first copy that went away between the two statements (retention): the provider comes again.
    receipts.into_iter().collect::<Option<Vec<_>>>().ok_or(StoreError::Database(diesel::result::Error::NotFound))
}

/// Words about being written to are rare, and must count from the commit of the signal that brings them.
async fn store(
    connection: &mut AsyncPgConnection,
    batch: &[NewSignal],
    ring: bool,
) -> Result<HashMap<Uuid, OffsetDateTime>, StoreError> {
    if batch.iter().all(|signal| signal.consent.is_none()) {
        return insert(connection, batch, ring).await;
    }
    connection
        .transaction(async |connection| {
            let stored = insert(connection, batch, ring).await?;
            let new = batch.iter().filter(|signal| stored.contains_key(&signal.signal_id.0));
            for (signal, consent) in new.filter_map(|signal| Some((signal, signal.consent.as_ref()?))) {
                permission::note(connection, signal, consent).await?;
            }
            Ok(stored)
        })
        .await
}

fn appended(signal: &NewSignal, received_at: OffsetDateTime) -> Receipt {
    Receipt {
        signal_id: signal.signal_id,
        received_at,
        outcome: Outcome::Appended,
        ignored: ignored(signal).map(str::to_owned),
    }
}

fn repeated(known: Known) -> Receipt {
    Receipt {
        signal_id: SignalId(known.signal_id),
        received_at: known.received_at,
        outcome: Outcome::Duplicate,
        ignored: known.ignored_reason,
    }
}

fn ignored(signal: &NewSignal) -> Option<&'static str> {
    match signal.disposition {
        Disposition::Ignore(reason) => Some(reason),
        Disposition::Queue | Disposition::Amend(_) => None,
    }
}

fn amendment(signal: &NewSignal) -> Option<&Amendment> {
    match &signal.disposition {
        Disposition::Amend(amendment) => Some(amendment),
        Disposition::Queue | Disposition::Ignore(_) => None,
    }
}

/// As JSON that jsonb takes; none for a message without any.
fn attachments(signal: &NewSignal) -> Result<Option<String>, serde_json::Error> {
    let some = (!signal.attachments.is_empty()).then_some(&signal.attachments);
    some.map(|list| serde_json::to_string(list).map(|text| text.replace("\\u0000", "\\ufffd"))).transpose()
}

async fn insert(
    connection: &mut AsyncPgConnection,
    batch: &[NewSignal],
    ring: bool,
) -> Result<HashMap<Uuid, OffsetDateTime>, StoreError> {
    // In the order of their keys, so that two batches with the same messages wait for each other and do not deadlock.
    let mut rows: Vec<&NewSignal> = batch.iter().collect();
    rows.sort_by(|a, b| a.keys.content.cmp(&b.keys.content));
    let column = |pick: fn(&NewSignal) -> &str| rows.iter().map(|row| pick(row)).collect::<Vec<_>>();
    let maybe = |pick: fn(&NewSignal) -> Option<&str>| rows.iter().map(|row| pick(row)).collect::<Vec<_>>();
    let stored: Vec<Stored> = sql(APPEND)
        .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.signal_id.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(column(|row| row.conversation.source.as_str()))
        .bind::<Array<Text>, _>(column(|row| &row.conversation.workspace))
        .bind::<Array<Text>, _>(column(|row| &row.conversation.channel))
        .bind::<Array<Nullable<Text>>, _>(maybe(|row| row.conversation.thread.as_deref()))
        .bind::<Array<Text>, _>(rows.iter().map(|row| row.conversation.key()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(column(|row| &row.author))
        .bind::<Array<Text>, _>(column(|row| &row.text))
        .bind::<Array<Text>, _>(column(|row| &row.message_ref))
        .bind::<Array<Nullable<Text>>, _>(maybe(|row| row.provider_event_id.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(maybe(|row| row.keys.event.as_deref()))
        .bind::<Array<Text>, _>(column(|row| &row.keys.content))
        .bind::<Array<Nullable<Text>>, _>(maybe(ignored))
        .bind::<Array<Timestamptz>, _>(rows.iter().map(|row| row.occurred_at).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(column(|row| &row.payload))
        .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|row| trace(row)).collect::<Vec<_>>())
        .bind::<Array<Nullable<Int4>>, _>(rows.iter().map(|row| row.redelivery.number).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(
            rows.iter().map(|row| row.redelivery.reason.as_deref().map(clean)).collect::<Vec<_>>(),
        )
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| attachments(row)).collect::<Result<Vec<_>, _>>()?)
        .bind::<Array<Nullable<Text>>, _>(maybe(|row| amendment(row).map(|amendment| amendment.of.as_str())))
        .bind::<Array<Nullable<Text>>, _>(maybe(|row| amendment(row).map(|amendment| amendment.change.as_str())))
        .bind::<Bool, _>(ring)
        .load(connection)
        .await?;
    Ok(stored.into_iter().map(|row| (row.signal_id, row.received_at)).collect())
}

/// A W3C trace id is 128 bits. One that is not is no reason to refuse the message.
fn trace(signal: &NewSignal) -> Option<Uuid> {
    Uuid::parse_str(&signal.trace_id).ok()
}

async fn note_repeats(
    connection: &mut AsyncPgConnection,
    batch: &[NewSignal],
    missing: &[usize],
) -> Result<Vec<Known>, StoreError> {
    let rows = || missing.iter().map(|n| &batch[*n]);
    let detail = |row: &NewSignal| {
        let mut detail = serde_json::Map::new();
        if let Some(number) = row.redelivery.number {
            detail.insert("retry_num".to_owned(), number.into());
        }
        if let Some(reason) = &row.redelivery.reason {
            detail.insert("retry_reason".to_owned(), clean(reason).into());
        }
        if let Some(event) = &row.provider_event_id {
            detail.insert("provider_event_id".to_owned(), clean(event).into());
        }
        detail.insert("trace_id".to_owned(), clean(&row.trace_id).into());
        serde_json::Value::Object(detail)
    };
    let known = sql(NOTE_REPEATS)
        .bind::<Array<Int4>, _>(missing.iter().filter_map(|n| i32::try_from(*n).ok()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows().map(|row| row.keys.event.as_deref()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows().map(|row| row.keys.content.as_str()).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(rows().map(detail).collect::<Vec<_>>())
        .load(connection)
        .await?;
    Ok(known)
}
