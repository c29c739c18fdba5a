//! The `Vitals` port: what health asks of the database, in bounded time and without scanning a table.

use super::StoreUnavailable;
use async_trait::async_trait;
use time::OffsetDateTime;

/// Takes the system's pulse.
#[async_trait]
pub trait Vitals: Send + Sync {
    /// Probes the database now.
    ///
    /// # Errors
    /// [`StoreUnavailable`] when it does not answer.
    async fn take(&self) -> Result<VitalSigns, StoreUnavailable>;
}

/// The pulse.
#[derive(Clone, PartialEq, Debug)]
pub struct VitalSigns {
    /// Migrations in this binary that the database has not had yet.
    pub pending_migrations: Vec<String>,
    /// Whether the brokerage's tables carry Dispatch's names.
    pub brokerage: Brokerage,
    /// Every queue.
    pub queues: Vec<QueueDepth>,
    /// Workers that reported lately.
    pub workers: Vec<WorkerSign>,
    /// The database's clock.
    pub database_time: OffsetDateTime,
}

/// Whether storage deliveries can be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Brokerage {
    /// `dispatch_activities` and `dispatch_agent_tasks` answer.
    Ready,
    /// The tables still have their old names; the cut-over's expand is due.
    ExpandDue,
    /// There is no brokerage here.
    Absent,
}

/// How much waits in one queue.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueDepth {
    /// `bursts`, `units`, `deliveries`, `breaker_open` (those of them whose destination is left alone), `held`,
    /// `dead_letters`.
    pub stage: &'static str,
    /// Exact to 10,000, then at least that.
    pub depth: i64,
    /// Age of the oldest, in seconds; 0 for an empty queue.
    pub oldest_age_seconds: f64,
}

/// One worker's last report.
#[derive(Clone, PartialEq, Debug)]
pub struct WorkerSign {
    /// Its name.
    pub worker: String,
    /// How long ago it reported.
    pub age_seconds: f64,
}

/// From this depth on a depth means "at least".
pub const DEPTH_CAP: i64 = 10_000;
