//! The `FlagStore` port over table `dispatch.flag`, with a NOTIFY for each change.
//!
//! It must not know who changed it, nor who reads it.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, SmallInt, Text};
use diesel_async::RunQueryDsl;
use dispatch_pipeline::ports::doorbell::Doorbell as _;
use dispatch_pipeline::ports::flag::{ApiVersion, Flag, FlagError, FlagStore, Steering};
use std::sync::Arc;
use uuid::Uuid;

use super::doorbell::PgDoorbell;
use super::error::StoreError;
use super::sql::sql;
use crate::connect::Pool;

/// What is notified when the flag changes.
const CHANNEL: &str = "dispatch_flag";

const READ: &str = "SELECT version, percent, shadow, mark FROM dispatch.flag";

// The notification goes out with the commit.
const WRITE: &str = "
WITH told AS (SELECT pg_notify('dispatch_flag', ''))
INSERT INTO dispatch.flag (version, percent, shadow, mark) SELECT $1, $2, $3, $4 FROM told
ON CONFLICT (only_row) DO UPDATE SET
    version = excluded.version, percent = excluded.percent, shadow = excluded.shadow, mark = excluded.mark";

const SEED: &str = "
INSERT INTO dispatch.flag (version, percent, shadow, mark) VALUES ($1, $2, $3, $4) ON CONFLICT (only_row) DO NOTHING";

// A brokerage is there, and it was not Dispatch that made it.
const ELSEWHERE: &str = "
SELECT NOT EXISTS (SELECT 1 FROM dispatch.schema_migrations WHERE set_name = 'brokerage')
    AND EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE relnamespace = to_regnamespace('public')
        AND relname IN ('listings', 'realtors', 'staff', 'dispatch_activities', 'dispatch_agent_tasks')) AS yes";

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

    /// Whether this database began as Operations Center.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn began_elsewhere(&self) -> Result<bool, FlagError> {
        let found: Result<Option<Yes>, StoreError> = async {
            let mut connection = self.pool.get().await?;
            Ok(sql(ELSEWHERE).load(&mut *connection).await?.pop())
        }
        .await;
        Ok(found?.is_some_and(|found| found.yes))
    }

    async fn get(&self) -> Result<Option<FlagRow>, StoreError> {
        let mut connection = self.pool.get().await?;
        Ok(sql(READ).load(&mut *connection).await?.pop())
    }

    async fn put(&self, statement: &'static str, flag: &Flag) -> Result<usize, StoreError> {
        let mut connection = self.pool.get().await?;
        Ok(sql(statement)
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

    async fn write(&self, steering: Steering) -> Result<Flag, FlagError> {
        let flag = Flag { steering, mark: Uuid::now_v7().to_string() };
        self.put(WRITE, &flag).await?;
        Ok(flag)
    }

    async fn seed(&self, steering: Steering) -> Result<Flag, FlagError> {
        let flag = Flag { steering, mark: Uuid::now_v7().to_string() };
        if self.put(SEED, &flag).await? > 0 {
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
