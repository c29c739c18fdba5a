//! The `Vitals` port: a bounded look at the partial indexes, so that health costs the same with an empty queue and with
//! a million rows.
//!
//! It must not judge what is healthy.

use async_trait::async_trait;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Double, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::vitals::{Brokerage, QueueDepth, VitalSigns, Vitals, WorkerSign};
use time::OffsetDateTime;

use super::brokerage::expanded;
use super::error::StoreError;
use super::sql::sql;
use crate::connect::Pool;
use crate::migrate;

/// The system's pulse.
#[derive(Clone, Debug)]
pub struct PgVitals {
    pool: Pool,
}

impl PgVitals {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

// 10000 is `DEPTH_CAP`. Each part stops there, however much waits.
const DEPTHS: &str = "
SELECT stage, least(count(since), 10000) AS depth, extract(epoch FROM now() - min(since))::float8 AS age FROM (
    (SELECT 'bursts' AS stage, received_at AS since FROM dispatch.signals
     WHERE unit_id IS NULL AND state = 'queued' ORDER BY received_at LIMIT 10000)
    UNION ALL
    -- Edits and deletions wait beside them, for their message or its unit.
    (SELECT 'bursts', received_at FROM dispatch.signals WHERE state = 'amending' ORDER BY look_again_at LIMIT 10000)
    UNION ALL
    (SELECT 'units', closed_at FROM dispatch.units
     WHERE state = 'pending' AND next_attempt_at > '-infinity' ORDER BY next_attempt_at LIMIT 10000)
    UNION ALL
    -- Those that wait for another delivery are not due, but are looked at.
    (SELECT 'deliveries', CASE WHEN next_attempt_at < 'infinity' THEN created_at END FROM dispatch.deliveries
     WHERE state = 'pending' LIMIT 10000)
    UNION ALL
    -- Those among them whose destination is left alone for now.
    (SELECT 'breaker_open', kept.due_since FROM dispatch.breakers AS b CROSS JOIN LATERAL (
         SELECT d.due_since FROM dispatch.deliveries AS d
         WHERE d.state = 'pending' AND d.kind = split_part(b.lane, '/', 1) AND d.lane = b.lane
             AND d.next_attempt_at <= now() LIMIT 10000) AS kept
     WHERE b.state <> 'closed' LIMIT 10000)
    UNION ALL
    (SELECT 'held', closed_at FROM dispatch.units WHERE state = 'held' ORDER BY closed_at LIMIT 10000)
    UNION ALL
    -- A unit that waits for a realtor's name is counted above.
    (SELECT 'held', CASE WHEN reason IS DISTINCT FROM 'realtor_unresolved' THEN created_at END
     FROM dispatch.deliveries WHERE state = 'held' ORDER BY created_at LIMIT 10000)
    UNION ALL
    (SELECT 'dead_letters', settled_at FROM dispatch.units WHERE state = 'dead' ORDER BY settled_at LIMIT 10000)
    UNION ALL
    (SELECT 'dead_letters', settled_at FROM dispatch.deliveries
     WHERE state IN ('exhausted', 'failed', 'unknown') ORDER BY settled_at LIMIT 10000)
) AS waiting
GROUP BY stage";

const WORKERS: &str = "
SELECT worker, extract(epoch FROM now() - beat_at)::float8 AS age FROM dispatch.workers ORDER BY beat_at DESC LIMIT 1000";

const BROKERAGE: &str = concat!(
    "
SELECT clock_timestamp() AS database_time, CASE
    WHEN ",
    expanded!(),
    " THEN 'ready'
    WHEN to_regclass('public.activities') IS NOT NULL
        OR to_regclass('public.agent_tasks') IS NOT NULL THEN 'expand_due'
    ELSE 'absent' END AS brokerage"
);

/// Every queue, in the order of a signal's life.
const STAGES: [&str; 6] = ["bursts", "units", "deliveries", "breaker_open", "held", "dead_letters"];

#[derive(QueryableByName)]
struct Depth {
    #[diesel(sql_type = Text)]
    stage: String,
    #[diesel(sql_type = BigInt)]
    depth: i64,
    #[diesel(sql_type = Nullable<Double>)]
    age: Option<f64>,
}

#[derive(QueryableByName)]
struct Beat {
    #[diesel(sql_type = Text)]
    worker: String,
    #[diesel(sql_type = Double)]
    age: f64,
}

#[derive(QueryableByName)]
struct Whole {
    #[diesel(sql_type = Timestamptz)]
    database_time: OffsetDateTime,
    #[diesel(sql_type = Text)]
    brokerage: String,
}

#[async_trait]
impl Vitals for PgVitals {
    async fn take(&self) -> Result<VitalSigns, StoreUnavailable> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        Ok(take(&mut connection).await?)
    }
}

async fn take(connection: &mut AsyncPgConnection) -> Result<VitalSigns, StoreError> {
    let whole: Whole = sql(BROKERAGE).get_result(connection).await?;
    let pending_migrations = match migrate::pending(connection).await {
        Ok(pending) => pending,
        Err(migrate::MigrateError::Connect(error)) => return Err(error.into()),
        Err(migrate::MigrateError::Records(error)) => return Err(error.into()),
        // What this binary brings along is always readable.
        Err(_) => Vec::new(),
    };
    let (queues, workers) = match queues_and_workers(connection).await {
        // The tables may not be there yet.
        Err(error) if !pending_migrations.is_empty() && !error.is_fatal() => (Vec::new(), Vec::new()),
        other => other?,
    };
    Ok(VitalSigns {
        pending_migrations,
        brokerage: match whole.brokerage.as_str() {
            "ready" => Brokerage::Ready,
            "expand_due" => Brokerage::ExpandDue,
            _ => Brokerage::Absent,
        },
        queues,
        workers,
        database_time: whole.database_time,
    })
}

async fn queues_and_workers(
    connection: &mut AsyncPgConnection,
) -> Result<(Vec<QueueDepth>, Vec<WorkerSign>), StoreError> {
    let depths: Vec<Depth> = sql(DEPTHS).load(connection).await?;
    let beats: Vec<Beat> = sql(WORKERS).load(connection).await?;
    let queue = |stage: &'static str| {
        let found = depths.iter().find(|row| row.stage == stage);
        QueueDepth {
            stage,
            depth: found.map_or(0, |row| row.depth),
            oldest_age_seconds: found.and_then(|row| row.age).unwrap_or(0.0).max(0.0),
        }
    };
    let worker = |beat: Beat| WorkerSign { worker: beat.worker, age_seconds: beat.age.max(0.0) };
    Ok((STAGES.into_iter().map(queue).collect(), beats.into_iter().map(worker).collect()))
}
