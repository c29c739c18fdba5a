//! The `Retention` port: walks over what may be too old, in the order of its keys, a batch in one short transaction. The
//! walk's own row is locked meanwhile, so that one replica at a time works on a matter and the next goes on where it ended.
//!
//! It must not know when it is called.

mod aged;
mod batches;
mod bodies;
mod contents;
mod ignored;
mod lanes;
mod plan;
mod requests;
mod stories;
mod walk;
mod work;

use std::time::Duration;

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::agents::FIGURES_OF;
use dispatch_pipeline::ports::retention::{Ages, Cursor, Matter, Retention, Rows, Step, Turn};
use dispatch_pipeline::ports::streams::{EVENTS_KEPT_FOR, STREAM_KNOWN_FOR};

use self::walk::{Mode, batch};
use super::error::StoreError;
use super::micros;
use super::sql::sql;
use crate::connect::Pool;

const TAKE: &str = "
SELECT cursor, due_at <= now() AS is_due FROM dispatch.retention WHERE matter = $1 FOR UPDATE SKIP LOCKED";

const FIRST: &str = "INSERT INTO dispatch.retention (matter) VALUES ($1) ON CONFLICT (matter) DO NOTHING";

const MOVE: &str = "
UPDATE dispatch.retention SET cursor = $2,
    due_at = CASE WHEN $2 = '' THEN now() + $3 * interval '1 microsecond' ELSE due_at END
WHERE matter = $1";

// As their own ports remove them.
const EXPIRED: &str = "
SELECT 'idempotency_keys' AS what, count(*) AS rows FROM dispatch.idempotency_keys WHERE expires_at <= now()
UNION ALL
SELECT 'streams', count(*) FROM dispatch.streams WHERE created_at <= now() - $1 * interval '1 microsecond'
    AND (NOT kept AND created_at <= now() - $2 * interval '1 microsecond'
        OR kept AND lease_until <= now() - $1 * interval '1 microsecond')
UNION ALL
SELECT 'agent_minutes', count(*) FROM dispatch.agent_minutes AS old
WHERE old.minute <= now() - $3 * interval '1 microsecond'
    AND EXISTS (SELECT FROM dispatch.agent_minutes AS newer WHERE newer.agent = old.agent AND newer.minute > old.minute)";

/// Nothing in a batch is to be waited for, and nothing takes long.
const IMPATIENT: &str = "SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '30s'";

/// Removes what is too old.
#[derive(Clone, Debug)]
pub struct PgRetention {
    pool: Pool,
}

impl PgRetention {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// One batch in a transaction of its own. Where a row is refused the rows come alone, and the one at fault is passed.
    async fn attempt(&self, walk: Walk<'_>, ages: &Ages, limit: u32) -> Result<Option<Step>, StoreError> {
        let mut connection = self.pool.get().await?;
        let mut once = async |limit, mode| {
            connection.transaction(async |connection| in_transaction(connection, walk, ages, limit, mode).await).await
        };
        match once(limit, Mode::Remove).await {
            Err(error) if !error.is_passing() => {}
            outcome => return outcome,
        }
        match once(1, Mode::Remove).await {
            Err(error) if !error.is_passing() => {
                tracing::error!(what = walk.matter.as_str(), %error, "a row that is too old cannot be removed");
                once(1, Mode::Pass).await
            }
            outcome => outcome,
        }
    }
}

/// Which walk, and whose.
#[derive(Clone, Copy)]
struct Walk<'a> {
    matter: Matter,
    whose: Whose<'a>,
}

#[derive(Clone, Copy)]
enum Whose<'a> {
    /// Everybody's: its cursor is in its row. The next one begins after this pause.
    Everybodys(Duration),
    /// The caller's.
    Own(&'a Cursor),
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    cursor: String,
    #[diesel(sql_type = Bool)]
    is_due: bool,
}

#[derive(QueryableByName)]
struct Expired {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

async fn in_transaction(
    connection: &mut AsyncPgConnection,
    walk: Walk<'_>,
    ages: &Ages,
    limit: u32,
    mode: Mode,
) -> Result<Option<Step>, StoreError> {
    connection.batch_execute(IMPATIENT).await?;
    let Some(row) = take(connection, walk.matter).await? else { return Ok(None) };
    let pause = match walk.whose {
        Whose::Everybodys(_) if !row.is_due => return Ok(None),
        Whose::Everybodys(pause) => pause,
        Whose::Own(from) => return Ok(Some(batch(connection, walk.matter, ages, from, limit, mode).await?)),
    };
    let step = batch(connection, walk.matter, ages, &Cursor(row.cursor), limit, mode).await?;
    sql(MOVE)
        .bind::<Text, _>(walk.matter.as_str())
        .bind::<Text, _>(step.next.as_ref().map_or("", |cursor| cursor.0.as_str()))
        .bind::<BigInt, _>(micros(pause))
        .execute(connection)
        .await?;
    Ok(Some(step))
}

/// The walk's row, locked; none while it is somebody else's.
async fn take(connection: &mut AsyncPgConnection, matter: Matter) -> Result<Option<Row>, StoreError> {
    let mut rows: Vec<Row> = sql(TAKE).bind::<Text, _>(matter.as_str()).load(connection).await?;
    if rows.is_empty() && sql(FIRST).bind::<Text, _>(matter.as_str()).execute(connection).await? > 0 {
        rows = sql(TAKE).bind::<Text, _>(matter.as_str()).load(connection).await?;
    }
    Ok(rows.pop())
}

#[async_trait]
impl Retention for PgRetention {
    async fn turn(&self, matter: Matter, ages: &Ages, limit: u32, pause: Duration) -> Result<Turn, StoreUnavailable> {
        let walk = Walk { matter, whose: Whose::Everybodys(pause) };
        Ok(self.attempt(walk, ages, limit).await?.map_or(Turn::Rests, Turn::Stepped))
    }

    async fn step(
        &self,
        matter: Matter,
        ages: &Ages,
        from: &Cursor,
        limit: u32,
    ) -> Result<Option<Step>, StoreUnavailable> {
        Ok(self.attempt(Walk { matter, whose: Whose::Own(from) }, ages, limit).await?)
    }

    async fn preview(&self, matter: Matter, ages: &Ages, from: &Cursor, limit: u32) -> Result<Step, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        Ok(batch(&mut connection, matter, ages, from, limit, Mode::Count).await?)
    }

    async fn expired(&self) -> Result<Rows, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let rows: Vec<Expired> = sql(EXPIRED)
            .bind::<BigInt, _>(micros(EVENTS_KEPT_FOR))
            .bind::<BigInt, _>(micros(STREAM_KNOWN_FOR))
            .bind::<BigInt, _>(micros(FIGURES_OF))
            .load(&mut *connection)
            .await
            .map_err(StoreError::from)?;
        let rows = rows.into_iter().filter(|row| row.rows > 0);
        Ok(Rows(rows.map(|row| (row.what, u64::try_from(row.rows).unwrap_or_default())).collect()))
    }
}
