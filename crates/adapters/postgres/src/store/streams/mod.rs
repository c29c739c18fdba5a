//! The `StreamStore` port over `dispatch.streams` and `dispatch.stream_events`. The database's clock decides leases and ages.
//!
//! It must not know what is told.

mod sql;

use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::result::OptionalExtension;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Json, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use dispatch_mission::ids::StreamId;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::streams::{
    EVENTS_KEPT_FOR, EventName, Reading, STREAM_KNOWN_FOR, StreamEvent, StreamStore, Telling,
};
use serde_json::{Map, Value};

use super::error::StoreError;
use super::sql::sql;
use super::{micros, small};
use crate::connect::Pool;

/// Streams.
#[derive(Clone, Debug)]
pub struct PgStreams {
    pool: Pool,
}

impl PgStreams {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[derive(QueryableByName)]
struct Goes {
    #[diesel(sql_type = BigInt)]
    unattended_us: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Bool)]
    ended: bool,
    #[diesel(sql_type = Bool)]
    kept: bool,
    #[diesel(sql_type = Int4)]
    last_seq: i32,
    #[diesel(sql_type = Bool)]
    orphaned: bool,
    #[diesel(sql_type = Nullable<Int4>)]
    seq: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Json>)]
    data: Option<Value>,
}

#[derive(QueryableByName)]
struct Purged {
    #[diesel(sql_type = Int4)]
    purged: i32,
}

#[async_trait]
impl StreamStore for PgStreams {
    async fn open(
        &self,
        stream: StreamId,
        owner: &str,
        first: &StreamEvent,
        lease: Duration,
    ) -> Result<(), StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        sql(sql::OPEN)
            .bind::<SqlUuid, _>(stream.0)
            .bind::<Text, _>(owner)
            .bind::<Int4, _>(small(first.seq))
            .bind::<Text, _>(first.name.as_str())
            .bind::<Text, _>(text(&first.data)?)
            .bind::<BigInt, _>(micros(lease))
            .execute(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        Ok(())
    }

    async fn append(
        &self,
        stream: StreamId,
        events: &[StreamEvent],
        lease: Duration,
    ) -> Result<Telling, StoreUnavailable> {
        let data = events.iter().map(|event| text(&event.data)).collect::<Result<Vec<_>, _>>()?;
        let last = events.last();
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let goes: Option<Goes> = sql(sql::APPEND)
            .bind::<SqlUuid, _>(stream.0)
            .bind::<Array<Int4>, _>(events.iter().map(|event| small(event.seq)).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(data)
            .bind::<Int4, _>(last.map_or(0, |last| small(last.seq)))
            .bind::<Bool, _>(last.is_some_and(|last| last.name.is_terminal()))
            .bind::<BigInt, _>(micros(lease))
            .get_result(&mut *connection)
            .await
            .optional()
            .map_err(StoreError::from)?;
        let unattended = |goes: Goes| Telling::Unattended(Duration::from_micros(goes.unattended_us.unsigned_abs()));
        Ok(goes.map_or(Telling::Ended, unattended))
    }

    async fn read(&self, stream: StreamId, owner: &str, after: u32, limit: u32) -> Result<Reading, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let rows: Vec<Row> = sql(sql::READ)
            .bind::<SqlUuid, _>(stream.0)
            .bind::<Text, _>(owner)
            .bind::<Int4, _>(small(after))
            .bind::<BigInt, _>(i64::from(limit))
            .load(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        Ok(reading(rows, after))
    }

    async fn bury(&self, stream: StreamId, data: &Map<String, Value>) -> Result<bool, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let bury = sql(sql::BURY).bind::<SqlUuid, _>(stream.0).bind::<Text, _>(text(data)?);
        Ok(bury.execute(&mut *connection).await.map_err(StoreError::from)? > 0)
    }

    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let rows: Purged = sql(sql::PURGE)
            .bind::<BigInt, _>(i64::from(limit))
            .bind::<BigInt, _>(micros(EVENTS_KEPT_FOR))
            .bind::<BigInt, _>(micros(STREAM_KNOWN_FOR))
            .get_result(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        Ok(u32::try_from(rows.purged).unwrap_or_default())
    }
}

fn text(data: &Map<String, Value>) -> Result<String, StoreError> {
    Ok(serde_json::to_string(data)?)
}

/// A stream without further events is one row without an event.
fn reading(rows: Vec<Row>, after: u32) -> Reading {
    let Some(first) = rows.as_slice().first() else { return Reading::Unknown };
    let (ended, orphaned) = (first.ended, first.orphaned);
    let has_all = ended && small(after) >= first.last_seq;
    if !first.kept && !has_all {
        return Reading::Gone;
    }
    Reading::Open { events: rows.into_iter().filter_map(event).collect(), ended, orphaned }
}

fn event(row: Row) -> Option<StreamEvent> {
    let Some(Value::Object(data)) = row.data else { return None };
    Some(StreamEvent { seq: u32::try_from(row.seq?).ok()?, name: EventName::parse(&row.name?)?, data })
}
