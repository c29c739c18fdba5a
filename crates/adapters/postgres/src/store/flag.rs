//! The `FlagStore` port over table `dispatch.flag`, with a NOTIFY for each change.
//!
//! A change comes into force and into the history in one commit. It must not know who reads it.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, SmallInt, Text};
use diesel_async::RunQueryDsl;
use dispatch_pipeline::ports::doorbell::Doorbell as _;
use dispatch_pipeline::ports::flag::{ApiVersion, Change, Flag, FlagError, FlagStore, Steering};
use std::sync::Arc;
use uuid::Uuid;

use super::clean;
use super::doorbell::PgDoorbell;
use super::error::StoreError;
use super::sql::sql;
use crate::connect::Pool;

/// What is notified when the flag changes.
const CHANNEL: &str = "dispatch_flag";

const READ: &str = "SELECT version, percent, shadow, mark FROM dispatch.flag";

// The notification goes out with the commit. Without $7 whatever is in force gives way.
const WRITE: &str = "
WITH changed AS (
    INSERT INTO dispatch.flag AS held (version, percent, shadow, mark)
    SELECT $1, $2, $3, $4 WHERE $7 IS NULL OR EXISTS (SELECT FROM dispatch.flag WHERE mark = $7)
    ON CONFLICT (only_row) DO UPDATE SET
        version = excluded.version, percent = excluded.percent, shadow = excluded.shadow, mark = excluded.mark
        WHERE $7 IS NULL OR held.mark = $7
    RETURNING mark),
recorded AS (
    INSERT INTO dispatch.flag_changes (mark, version, percent, shadow, changed_by, reason)
    SELECT $4, $1, $2, $3, $5, $6 FROM changed ON CONFLICT (mark) DO NOTHING)
SELECT true AS yes FROM changed CROSS JOIN LATERAL pg_notify('dispatch_flag', '')";

const SEED: &str = "
INSERT INTO dispatch.flag (version, percent, shadow, mark) VALUES ($1, $2, $3, $4) ON CONFLICT (only_row) DO NOTHING";

/// The flag, kept in PostgreSQL.
#[derive(Clone, Debug)]
pub struct PgFlag {
    pool: Pool,
    bell: Option<Arc<PgDoorbell>>,
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
pub(super) struct FlagRow {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = SmallInt)]
    percent: i16,
    #[diesel(sql_type = Bool)]
    shadow: bool,
    #[diesel(sql_type = Text)]
    mark: String,
}

impl FlagRow {
    /// What the row says; a version of a later release is none.
    pub(super) fn flag(self) -> Result<Flag, FlagError> {
        let version = ApiVersion::parse(&self.version).ok_or(FlagError::Unreadable(self.version))?;
        let percent = u8::try_from(self.percent).unwrap_or(100);
        Ok(Flag { steering: Steering { version, percent, shadow: self.shadow }, mark: self.mark })
    }
}

impl PgFlag {
    /// On this pool, without listening: for whoever sets the flag, and for those who poll.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool, bell: None }
    }

    /// On this pool; hears of changes at once. Needs a Tokio runtime.
    #[must_use]
    pub fn listening(pool: Pool) -> Self {
        let bell = Some(Arc::new(PgDoorbell::on(CHANNEL, &pool)));
        Self { pool, bell }
    }

    async fn get(&self) -> Result<Option<FlagRow>, StoreError> {
        let mut connection = self.pool.get().await?;
        Ok(sql(READ).load(&mut *connection).await?.pop())
    }

    async fn change(&self, change: &Change, instead_of: Option<&str>) -> Result<Option<Yes>, StoreError> {
        let mut connection = self.pool.get().await?;
        let Steering { version, percent, shadow } = change.flag.steering;
        let statement = sql(WRITE)
            .bind::<Text, _>(version.as_str())
            .bind::<SmallInt, _>(i16::from(percent))
            .bind::<Bool, _>(shadow)
            .bind::<Text, _>(change.flag.mark.as_str())
            .bind::<Text, _>(clean(&change.by))
            .bind::<Nullable<Text>, _>(change.reason.as_deref().map(clean))
            .bind::<Nullable<Text>, _>(instead_of);
        Ok(statement.load(&mut *connection).await?.pop())
    }

    async fn put_first(&self, flag: &Flag) -> Result<usize, StoreError> {
        let mut connection = self.pool.get().await?;
        Ok(sql(SEED)
            .bind::<Text, _>(flag.steering.version.as_str())
            .bind::<SmallInt, _>(i16::from(flag.steering.percent))
            .bind::<Bool, _>(flag.steering.shadow)
            .bind::<Text, _>(flag.mark.as_str())
            .execute(&mut *connection)
            .await?)
    }
}

#[async_trait]
impl FlagStore for PgFlag {
    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn read(&self) -> Result<Option<Flag>, FlagError> {
        self.get().await?.map(FlagRow::flag).transpose()
    }

    fn mint(&self, steering: Steering) -> Flag {
        Flag { steering, mark: Uuid::now_v7().to_string() }
    }

    async fn write(&self, change: &Change, instead_of: Option<&str>) -> Result<bool, FlagError> {
        Ok(self.change(change, instead_of).await?.is_some_and(|changed| changed.yes))
    }

    async fn seed(&self, steering: Steering) -> Result<Flag, FlagError> {
        let flag = self.mint(steering);
        if self.put_first(&flag).await? > 0 {
            return Ok(flag);
        }
        self.read().await?.ok_or_else(|| FlagError::Unavailable("the flag was taken away meanwhile".into()))
    }

    async fn stirred(&self) {
        match &self.bell {
            Some(bell) => bell.rung().await,
            None => std::future::pending().await,
        }
    }
}

impl From<StoreError> for FlagError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}
