//! The `Records` port: searches for people who ask in words. Every one is bounded: by an index, by the newest rows, or by the size
//! of a small table; and by a time-out of its own.
//!
//! It must not change anything, nor know how a question was put.

mod deliveries;
mod held;
mod listings;
mod missions;
mod people;
mod place;
mod signals;
mod text;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use dispatch_pipeline::ports::records::{
    DeliveryHit, DeliverySearch, Found, HeldHit, ListingHit, ListingSearch, MOST_ROWS, MissionHit, MissionSearch,
    PersonHit, Records, RecordsError, SignalHit, SignalSearch, Viewer,
};

use std::time::Duration;

use super::brokerage::expanded;
use super::error::StoreError;
use super::sql::sql;
use crate::connect::{Pool, PooledConnection};

/// How many of the newest rows a search looks at that no index narrows down.
const MOST_LOOKED_AT: i64 = 100_000;

/// How long one statement of a search may take: whoever asks waits, and others who talk wait for the connection.
const MOST_WAITED: Duration = Duration::from_secs(3);

/// What the brokerage and Dispatch know.
#[derive(Clone, Debug)]
pub struct PgRecords {
    pool: Pool,
}

/// Which tables there are: a database that began as Operations Center may lack some.
#[derive(Clone, Copy, Debug, QueryableByName)]
struct Ground {
    #[diesel(sql_type = Bool)]
    expanded: bool,
    #[diesel(sql_type = Bool)]
    staff: bool,
    #[diesel(sql_type = Bool)]
    realtors: bool,
    #[diesel(sql_type = Bool)]
    listings: bool,
}

const GROUND: &str = concat!(
    "SELECT ",
    expanded!(),
    " AS expanded, to_regclass('public.staff') IS NOT NULL AS staff, to_regclass('public.realtors') IS NOT NULL AS realtors,
    to_regclass('public.listings') IS NOT NULL AS listings"
);

impl PgRecords {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn connection(&self) -> Result<PooledConnection, StoreError> {
        Ok(self.pool.get().await?)
    }
}

/// Begins a search, as the first thing of a transaction: nothing can be changed in it, and nothing in it takes long.
async fn begin(connection: &mut AsyncPgConnection) -> Result<(), StoreError> {
    let patience = MOST_WAITED.as_millis();
    Ok(connection
        .batch_execute(&format!("SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = {patience}"))
        .await?)
}

/// The same, and which tables there are.
async fn ground(connection: &mut AsyncPgConnection) -> Result<Ground, StoreError> {
    begin(connection).await?;
    Ok(sql(GROUND).get_result(connection).await?)
}

/// The same where missions answer to Dispatch's names.
async fn expanded_ground(connection: &mut AsyncPgConnection) -> Result<Option<Ground>, StoreError> {
    Ok(Some(ground(connection).await?).filter(|ground| ground.expanded))
}

fn observes(viewer: &Viewer) -> Result<(), RecordsError> {
    if viewer.observes { Ok(()) } else { Err(RecordsError::Forbidden) }
}

/// One more row than is answered tells whether there are more.
fn rows(limit: u32) -> i64 {
    i64::from(limit.min(MOST_ROWS)) + 1
}

fn found<T>(mut items: Vec<T>, limit: u32) -> Found<T> {
    let limit = usize::try_from(limit.min(MOST_ROWS)).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    Found { items, more }
}

#[async_trait]
impl Records for PgRecords {
    async fn missions(
        &self,
        viewer: &Viewer,
        search: &MissionSearch,
        limit: u32,
    ) -> Result<Found<MissionHit>, RecordsError> {
        let items = self
            .connection()
            .await?
            .transaction(async |connection| {
                let Some(ground) = expanded_ground(connection).await? else { return Ok::<_, StoreError>(None) };
                missions::search(connection, ground, viewer.sight, search, rows(limit)).await.map(Some)
            })
            .await?;
        items.map(|items| found(items, limit)).ok_or(RecordsError::CutoverExpandDue)
    }

    async fn listings(
        &self,
        viewer: &Viewer,
        search: &ListingSearch,
        limit: u32,
    ) -> Result<Found<ListingHit>, RecordsError> {
        let items = self
            .connection()
            .await?
            .transaction(async |connection| {
                let Some(ground) = expanded_ground(connection).await? else { return Ok::<_, StoreError>(None) };
                listings::search(connection, ground, viewer.sight, search, rows(limit)).await.map(Some)
            })
            .await?;
        items.map(|items| found(items, limit)).ok_or(RecordsError::CutoverExpandDue)
    }

    async fn people(&self, name: &str, limit: u32) -> Result<Found<PersonHit>, RecordsError> {
        let everybody = self
            .connection()
            .await?
            .transaction(async |connection| {
                let ground = ground(connection).await?;
                people::all(connection, ground).await
            })
            .await?;
        Ok(found(people::named(everybody, name), limit))
    }

    async fn signals(
        &self,
        viewer: &Viewer,
        search: &SignalSearch,
        limit: u32,
    ) -> Result<Found<SignalHit>, RecordsError> {
        observes(viewer)?;
        let items = self
            .connection()
            .await?
            .transaction(async |connection| {
                let ground = ground(connection).await?;
                signals::search(connection, ground, search, rows(limit)).await
            })
            .await?;
        Ok(found(items, limit))
    }

    async fn held(&self, viewer: &Viewer, limit: u32) -> Result<Found<HeldHit>, RecordsError> {
        observes(viewer)?;
        let items = self
            .connection()
            .await?
            .transaction(async |connection| {
                begin(connection).await?;
                held::search(connection, rows(limit)).await
            })
            .await?;
        Ok(found(items, limit))
    }

    async fn deliveries(
        &self,
        viewer: &Viewer,
        search: &DeliverySearch,
        limit: u32,
    ) -> Result<Found<DeliveryHit>, RecordsError> {
        observes(viewer)?;
        let items = self
            .connection()
            .await?
            .transaction(async |connection| {
                begin(connection).await?;
                deliveries::search(connection, search, rows(limit)).await
            })
            .await?;
        Ok(found(items, limit))
    }
}

impl From<StoreError> for RecordsError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.boxed())
    }
}
