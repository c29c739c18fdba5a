//! What is in a batch of replays, chosen as it is asked for. It must not replay anything.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_routing::dead_letters::{FaultClass, PIPELINE_REASONS};
use dispatch_routing::replay::Stage;
use dispatch_routing::replay_batches::{Batch, BatchChoice, NewBatch, Preview};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::store::error::StoreError;
use crate::store::small;
use crate::store::sql::sql;

const THESE: &str = "
INSERT INTO dispatch.replay_items (batch_id, place, named)
SELECT $1, min(place), named FROM unnest($2) WITH ORDINALITY AS wanted (named, place) GROUP BY named";

// As the list of dead letters reads them: each half by its own partial index, no further than is wanted.
const DEAD: &str = "
INSERT INTO dispatch.replay_items (batch_id, place, named)
SELECT $1, row_number() OVER (ORDER BY since, id), id FROM (
    (SELECT unit_id AS id, settled_at AS since FROM dispatch.units
     WHERE state = 'dead' AND settled_at >= coalesce($9, '-infinity') AND settled_at < coalesce($10, 'infinity')
        AND (cardinality($3) = 0 OR coalesce(reason, 'unknown') = ANY ($3))
        AND (cardinality($4) = 0 OR 'unit' = ANY ($4)) AND cardinality($5) = 0 AND $6 IS DISTINCT FROM 'target'
        AND (cardinality($8) = 0 OR state = ANY ($8))
     ORDER BY settled_at, unit_id LIMIT $2)
    UNION ALL
    (SELECT delivery_id, settled_at FROM dispatch.deliveries
     WHERE state IN ('exhausted', 'failed', 'unknown')
        AND settled_at >= coalesce($9, '-infinity') AND settled_at < coalesce($10, 'infinity')
        AND (cardinality($3) = 0 OR coalesce(reason, 'unknown') = ANY ($3))
        AND (cardinality($4) = 0 OR kind = ANY ($4))
        AND (cardinality($5) = 0 OR destination ->> 'target' = ANY ($5) OR destination ->> 'channel_id' = ANY ($5)
            OR destination ->> 'table' = ANY ($5))
        AND ($6 IS NULL OR ($6 = 'pipeline') = (kind = 'storage' OR coalesce(reason, 'unknown') = ANY ($7)))
        AND (cardinality($8) = 0 OR state = ANY ($8))
     ORDER BY settled_at, delivery_id LIMIT $2)
) AS letter ORDER BY since, id LIMIT $2";

const LEAVE_THE_REST: &str = "DELETE FROM dispatch.replay_items WHERE batch_id = $1 AND place > $2";

const MORE: &str = "UPDATE dispatch.replay_batches SET more = true WHERE batch_id = $1";

// Their ids are minted when they are planned and grow with time: a range of time is a range of the primary key.
macro_rules! succeeded {
    () => {
        "FROM dispatch.deliveries AS d
     WHERE d.delivery_id >= $5 AND ($6 IS NULL OR d.delivery_id < $6) AND d.state = 'delivered'
        AND d.content ->> 'content' NOT IN ('question', 'closing', 'whisper')
        AND (cardinality($3) = 0 OR d.kind = ANY ($3))
        AND (cardinality($4) = 0 OR d.destination ->> 'target' = ANY ($4) OR d.destination ->> 'channel_id' = ANY ($4)
            OR d.destination ->> 'table' = ANY ($4))"
    };
}

const SUCCEEDED: &str = concat!(
    "
INSERT INTO dispatch.replay_items (batch_id, place, named)
SELECT $1, row_number() OVER (ORDER BY delivery_id), delivery_id FROM (
    SELECT d.delivery_id ",
    succeeded!(),
    "
     ORDER BY d.delivery_id LIMIT $2) AS done"
);

const THEIR_UNITS: &str = concat!(
    "
INSERT INTO dispatch.replay_items (batch_id, place, named)
SELECT $1, row_number() OVER (ORDER BY since), unit_id FROM (
    SELECT d.unit_id, min(d.delivery_id::text) AS since ",
    succeeded!(),
    "
     GROUP BY d.unit_id ORDER BY since LIMIT $2) AS done"
);

// By the id that a batch of theirs names.
const KINDS: &str = "
SELECT kind, count(*) AS n FROM (
    SELECT CASE WHEN d.delivery_id IS NOT NULL THEN d.kind WHEN u.unit_id IS NOT NULL THEN 'unit' ELSE 'other' END AS kind
    FROM dispatch.replay_items AS i
    LEFT JOIN dispatch.deliveries AS d ON d.delivery_id = i.named LEFT JOIN dispatch.units AS u ON u.unit_id = i.named
    WHERE i.batch_id = $1) AS items
GROUP BY kind";

const FIRST: &str = "SELECT named FROM dispatch.replay_items WHERE batch_id = $1 ORDER BY place LIMIT $2";

/// So many are named, for who wants to look at one.
const NAMED: i64 = 20;

#[derive(QueryableByName)]
struct Kind {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = SqlUuid)]
    named: Uuid,
}

/// The least id that can be minted at this time.
fn minted_at(at: OffsetDateTime) -> Uuid {
    let millis = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    Uuid::from_u128(millis << 80)
}

/// What was chosen for a batch that has just begun.
pub(super) async fn look(connection: &mut AsyncPgConnection, begun: &Batch) -> Result<Preview, StoreError> {
    let id = begun.batch_id.0;
    let kinds: Vec<Kind> = sql(KINDS).bind::<SqlUuid, _>(id).load(connection).await?;
    let first: Vec<Named> = sql(FIRST).bind::<SqlUuid, _>(id).bind::<BigInt, _>(NAMED).load(connection).await?;
    let kinds: BTreeMap<String, u32> =
        kinds.into_iter().map(|row| (row.kind, u32::try_from(row.n).unwrap_or(u32::MAX))).collect();
    Ok(Preview { kinds, more: begun.more, first: first.into_iter().map(|row| row.named).collect() })
}

pub(super) async fn choose(connection: &mut AsyncPgConnection, batch: &NewBatch) -> Result<(), StoreError> {
    let id = batch.batch_id.0;
    let chosen = match &batch.choice {
        BatchChoice::These(named) => {
            sql(THESE).bind::<SqlUuid, _>(id).bind::<Array<SqlUuid>, _>(named).execute(connection).await?
        }
        BatchChoice::Succeeded { kinds, destinations, since, until } => {
            let statement = match batch.stage {
                None | Some(Stage::Deliver) => SUCCEEDED,
                Some(Stage::Classify | Stage::Route) => THEIR_UNITS,
            };
            sql(statement)
                .bind::<SqlUuid, _>(id)
                .bind::<BigInt, _>(i64::from(batch.limit) + 1)
                .bind::<Array<Text>, _>(kinds)
                .bind::<Array<Text>, _>(destinations)
                .bind::<SqlUuid, _>(minted_at(*since))
                .bind::<Nullable<SqlUuid>, _>(until.map(minted_at))
                .execute(connection)
                .await?
        }
        BatchChoice::Dead { filter, states, since, until } => {
            sql(DEAD)
                .bind::<SqlUuid, _>(id)
                .bind::<BigInt, _>(i64::from(batch.limit) + 1)
                .bind::<Array<Text>, _>(&filter.reasons)
                .bind::<Array<Text>, _>(&filter.kinds)
                .bind::<Array<Text>, _>(&filter.destinations)
                .bind::<Nullable<Text>, _>(filter.class.map(FaultClass::as_str))
                .bind::<Array<Text>, _>(PIPELINE_REASONS.as_slice())
                .bind::<Array<Text>, _>(states)
                .bind::<Nullable<Timestamptz>, _>(*since)
                .bind::<Nullable<Timestamptz>, _>(*until)
                .execute(connection)
                .await?
        }
    };
    if chosen > usize::try_from(batch.limit).unwrap_or(usize::MAX) {
        sql(LEAVE_THE_REST).bind::<SqlUuid, _>(id).bind::<Int4, _>(small(batch.limit)).execute(connection).await?;
        sql(MORE).bind::<SqlUuid, _>(id).execute(connection).await?;
    }
    Ok(())
}

/// For people who look at it later.
pub(super) fn asked(batch: &NewBatch) -> Value {
    let told = |at: &Option<OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok());
    match &batch.choice {
        BatchChoice::These(named) => json!({ "ids": named.len() }),
        BatchChoice::Succeeded { kinds, destinations, since, until } => json!({
            "kinds": kinds, "destinations": destinations, "states": ["delivered"], "since": told(&Some(*since)),
            "until": told(until), "limit": batch.limit,
        }),
        BatchChoice::Dead { filter, states, since, until } => {
            json!({
                "reasons": filter.reasons, "kinds": filter.kinds, "destinations": filter.destinations,
                "class": filter.class.map(FaultClass::as_str), "states": states, "since": told(since),
                "until": told(until), "limit": batch.limit,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_begin_where_their_time_does() {
        let before = OffsetDateTime::now_utc();
        let minted = Uuid::now_v7();
        assert!(minted_at(before) <= minted);
        assert!(minted < minted_at(before + time::Duration::hours(1)));
        assert_eq!(minted_at(OffsetDateTime::UNIX_EPOCH - time::Duration::days(1)), Uuid::nil());
    }
}
