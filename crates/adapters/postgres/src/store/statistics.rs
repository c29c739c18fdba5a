//! The `Statistics` port over PostgreSQL's own. It must not know what any table is for.
//!
//! Autovacuum does the same, but once a minute at best, and a rush of messages is over by then: until it comes, plans are
//! made as if nothing waited, and read all that waits for each row that they look for.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::statistics::Statistics;

use super::error::StoreError;
use super::sql::sql;
use crate::connect::Pool;

/// Each replica wants to, one at a time does.
const ALONE: &str = "SELECT 1 AS one WHERE pg_try_advisory_xact_lock(hashtext('dispatch.statistics'))";

// As autovacuum decides, but for tables too small to matter, and where it is half of the table instead of a tenth: plans that
// are wrong by less are none the worse, and a table that grows is looked at seldom enough.
const CHANGED: &str = "
SELECT format('%I.%I', s.schemaname, s.relname) AS name
FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
WHERE s.schemaname = 'dispatch' AND pg_has_role(c.relowner, 'USAGE')
    AND s.n_mod_since_analyze > 2000 + 0.5 * greatest(c.reltuples, 0)
ORDER BY s.relname";

// Plans here go wrong by believing that nothing waits, never by a percent or two: the smallest sample, 300 rows, tells as much
// as the usual 30,000, and these rows are wide. With a tenth of the usual one, looking took a sixth of the database's time
// while a backlog was drained.
const A_SMALL_SAMPLE: &str = "SET LOCAL default_statistics_target = 1";

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

/// What the planner believes.
#[derive(Clone, Debug)]
pub struct PgStatistics {
    pool: Pool,
}

impl PgStatistics {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }

    async fn analyze(&self) -> Result<u32, StoreError> {
        let mut connection = self.pool.get().await?;
        connection.transaction(async |connection| in_transaction(connection).await).await
    }
}

async fn in_transaction(connection: &mut AsyncPgConnection) -> Result<u32, StoreError> {
    if sql(ALONE).execute(connection).await? == 0 {
        return Ok(0);
    }
    let changed: Vec<Table> = sql(CHANGED).load(connection).await?;
    if !changed.is_empty() {
        connection.batch_execute(A_SMALL_SAMPLE).await?;
    }
    for table in &changed {
        // One that somebody else looks at, or changes the shape of, is not waited for.
        connection.batch_execute(&format!("ANALYZE (SKIP_LOCKED) {}", table.name)).await?;
    }
    Ok(u32::try_from(changed.len()).unwrap_or(u32::MAX))
}

#[async_trait]
impl Statistics for PgStatistics {
    async fn refresh(&self) -> Result<u32, StoreUnavailable> {
        Ok(self.analyze().await?)
    }
}
