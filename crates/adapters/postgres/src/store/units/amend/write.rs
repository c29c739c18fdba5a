//! Writes what was judged. It must not judge.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use uuid::Uuid;

use super::judge::{Amendment, Effect, Fate, Judgement, Known};
use crate::store::error::StoreError;
use crate::store::micros;
use crate::store::sql::sql;
use crate::store::timeline::{self, Entry};
use crate::store::units::revise;

const REWRITE: &str = "
UPDATE dispatch.signals AS s SET text = new.text, attachments = new.attachments, amended_at = new.amended_at
FROM unnest($1, $2, $3, $4) AS new (signal_id, text, attachments, amended_at) WHERE s.signal_id = new.signal_id";

const DELETE: &str = "
UPDATE dispatch.signals SET state = 'ignored', ignored_reason = 'deleted', amended_at = 'infinity'
WHERE signal_id = ANY ($1)";

// It takes the message's own key: should that come after all, it is a repeat of this one, whatever runs at the same time.
const STAND_FOR_MESSAGE: &str = "
UPDATE dispatch.signals SET
    state = 'queued', content_key = amends, amended_at = occurred_at, occurred_at = $2, look_again_at = NULL
WHERE signal_id = $1";

const END: &str = "
UPDATE dispatch.signals AS s SET
    state = CASE WHEN ended.reason IS NULL THEN 'applied' ELSE 'ignored' END, ignored_reason = ended.reason,
    unit_id = ended.unit_id, look_again_at = NULL
FROM unnest($1, $2, $3) AS ended (signal_id, unit_id, reason) WHERE s.signal_id = ended.signal_id";

const WAIT: &str = "
WITH before AS (
    SELECT signal_id, look_again_at = received_at AS first_look FROM dispatch.signals WHERE signal_id = ANY ($1)
), waits AS (
    UPDATE dispatch.signals AS s SET look_again_at = now() + w.pause_us * interval '1 microsecond'
    FROM unnest($1, $2) AS w (signal_id, pause_us) WHERE s.signal_id = w.signal_id
)
SELECT signal_id FROM before WHERE first_look";

#[derive(diesel::QueryableByName)]
struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    signal_id: Uuid,
}

/// Answers how many amendments were ended.
pub(super) async fn write(
    connection: &mut AsyncPgConnection,
    amendments: &[Amendment],
    judgement: &Judgement,
    known: &Known,
    taken: &BTreeSet<Uuid>,
) -> Result<u32, StoreError> {
    change_messages(connection, judgement).await?;
    let fates = || amendments.iter().zip(&judgement.fates);
    let mut entries: Vec<Entry> = fates().filter_map(|(one, fate)| told(one, fate, taken)).collect();
    let mut waits: Vec<(Uuid, Duration, &'static str)> = Vec::new();
    let mut stood = 0;
    for (one, fate) in fates() {
        match fate {
            Fate::Waits(pause, what) => waits.push((one.signal_id, *pause, what)),
            Fate::StandsForMessage if stand_for_message(connection, one).await? => {
                stood += 1;
                entries.push(entry(one.signal_id, None, "signal.stands_for_message", one.signal_id, json!({})));
            }
            // The message came at this very moment.
            Fate::StandsForMessage => waits.push((one.signal_id, Duration::ZERO, "message")),
            Fate::Unknown | Fate::Applied { .. } => {}
        }
    }
    end(connection, fates()).await?;
    entries.extend(wait(connection, &waits).await?);
    let list = |units: &BTreeSet<Uuid>| units.iter().copied().collect::<Vec<_>>();
    revise::drop_claims(connection, &list(&judgement.touched)).await?;
    entries.extend(revise::due_again(connection, &list(&judgement.revised), "amended").await?);
    entries.extend(end_units(connection, judgement, known, taken).await?);
    timeline::append(connection, &entries).await?;
    if stood > 0 || !judgement.revised.is_empty() {
        timeline::ring(connection).await?;
    }
    Ok(u32::try_from(amendments.len() - waits.len()).unwrap_or(u32::MAX))
}

async fn change_messages(connection: &mut AsyncPgConnection, judgement: &Judgement) -> Result<(), StoreError> {
    if !judgement.rewritten.is_empty() {
        let all = || judgement.rewritten.values();
        sql(REWRITE)
            .bind::<Array<SqlUuid>, _>(all().map(|one| one.signal_id).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(all().map(|one| one.text.as_str()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Jsonb>>, _>(all().map(|one| one.attachments.as_ref()).collect::<Vec<_>>())
            .bind::<Array<Nullable<Timestamptz>>, _>(all().map(|one| one.amended_at).collect::<Vec<_>>())
            .execute(connection)
            .await?;
    }
    if !judgement.deleted.is_empty() {
        let all: Vec<Uuid> = judgement.deleted.iter().copied().collect();
        sql(DELETE).bind::<Array<SqlUuid>, _>(all).execute(connection).await?;
    }
    Ok(())
}

/// `false` where the message came meanwhile. Under a savepoint, for its key may be taken by then.
async fn stand_for_message(connection: &mut AsyncPgConnection, one: &Amendment) -> Result<bool, StoreError> {
    let written_at = one.written_at.unwrap_or(one.occurred_at);
    let done = connection
        .transaction(async |connection| -> Result<_, StoreError> {
            Ok(sql(STAND_FOR_MESSAGE)
                .bind::<SqlUuid, _>(one.signal_id)
                .bind::<Timestamptz, _>(written_at)
                .execute(connection)
                .await?)
        })
        .await;
    match done {
        Ok(_) => Ok(true),
        Err(error) if error.constraint().is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

async fn end(
    connection: &mut AsyncPgConnection,
    fates: impl Iterator<Item = (&Amendment, &Fate)>,
) -> Result<(), StoreError> {
    let ended: Vec<(Uuid, Option<Uuid>, Option<&str>)> = fates
        .filter_map(|(one, fate)| match fate {
            Fate::Unknown => Some((one.signal_id, None, Some("original_unknown"))),
            Fate::Applied { unit, .. } => Some((one.signal_id, *unit, None)),
            Fate::Waits(..) | Fate::StandsForMessage => None,
        })
        .collect();
    if ended.is_empty() {
        return Ok(());
    }
    sql(END)
        .bind::<Array<SqlUuid>, _>(ended.iter().map(|one| one.0).collect::<Vec<_>>())
        .bind::<Array<Nullable<SqlUuid>>, _>(ended.iter().map(|one| one.1).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(ended.iter().map(|one| one.2).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// A wait is one line in the story, however often it is looked at.
async fn wait(
    connection: &mut AsyncPgConnection,
    waits: &[(Uuid, Duration, &'static str)],
) -> Result<Vec<Entry>, StoreError> {
    if waits.is_empty() {
        return Ok(Vec::new());
    }
    let new: Vec<Waiting> = sql(WAIT)
        .bind::<Array<SqlUuid>, _>(waits.iter().map(|one| one.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(waits.iter().map(|one| micros(one.1)).collect::<Vec<_>>())
        .load(connection)
        .await?;
    let is_new = |signal: Uuid| new.iter().any(|row| row.signal_id == signal);
    let told = waits.iter().filter(|one| is_new(one.0));
    Ok(told.map(|one| entry(one.0, None, "amendment.waits", one.0, json!({ "for": one.2 }))).collect())
}

async fn end_units(
    connection: &mut AsyncPgConnection,
    judgement: &Judgement,
    known: &Known,
    taken: &BTreeSet<Uuid>,
) -> Result<Vec<Entry>, StoreError> {
    // What somebody took up goes on; only a unit that was to be understood again has nothing left to understand.
    let ended = judgement.emptied.iter().filter_map(|unit| {
        let free = known.units.get(unit)?;
        (free.pending || !taken.contains(unit)).then_some((*unit, free.next()))
    });
    let ended: Vec<(Uuid, i32)> = ended.collect();
    let mut entries: Vec<Entry> = ended.iter().map(|(unit, _)| gone(*unit)).collect();
    entries.extend(revise::end(connection, &ended).await?);
    Ok(entries)
}

fn gone(unit: Uuid) -> Entry {
    Entry {
        step: "intake",
        event: "unit.deleted",
        unit: Some(unit),
        subject: Some(unit.to_string()),
        detail: json!({ "reason": "deleted" }),
        ..Entry::default()
    }
}

/// What the story says about a change that had an effect.
fn told(one: &Amendment, fate: &Fate, taken: &BTreeSet<Uuid>) -> Option<Entry> {
    let Fate::Applied { original, unit, effect } = fate else { return None };
    let event = match effect {
        Effect::None => return None,
        Effect::Edited => "signal.amended",
        Effect::Deleted => "signal.deleted",
    };
    let mut detail = json!({ "amendment": one.signal_id });
    if unit.is_some_and(|unit| taken.contains(&unit)) {
        detail["left"] = json!("taken");
    }
    Some(entry(*original, *unit, event, *original, detail))
}

fn entry(signal: Uuid, unit: Option<Uuid>, event: &'static str, subject: Uuid, detail: serde_json::Value) -> Entry {
    Entry {
        step: "intake",
        event,
        signal: Some(signal),
        unit,
        subject: Some(subject.to_string()),
        detail,
        ..Entry::default()
    }
}
