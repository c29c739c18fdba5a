//! Health and stories on the wire. What is absent is left out, never null.

use crate::http::timestamp::Timestamp;
use crate::openapi::JsonObject;
use dispatch_pipeline::observe::{Check, CheckStatus, Health, WORKER_SILENCE_SECONDS};
use dispatch_pipeline::ports::stories::{Story, StoryEntry};
use dispatch_pipeline::ports::vitals::{DEPTH_CAP, QueueDepth};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The answer of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Probe, example = json!({ "status": "alive" }))]
pub struct ProbeDto {
    /// What the probe found.
    pub status: ProbeStatusDto,
}

/// What a probe found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProbeStatus, example = "alive")]
pub enum ProbeStatusDto {
    /// The process answers.
    Alive,
    /// Requests may be sent.
    Ready,
}

/// How a check went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CheckStatus, example = "pass")]
pub enum CheckStatusDto {
    /// Well.
    Pass,
    /// Works, but a person should look.
    Warn,
    /// Not able to serve.
    Fail,
}

impl From<CheckStatus> for CheckStatusDto {
    fn from(status: CheckStatus) -> Self {
        match status {
            CheckStatus::Pass => Self::Pass,
            CheckStatus::Warn => Self::Warn,
            CheckStatus::Fail => Self::Fail,
        }
    }
}

/// One check of health.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct HealthCheck {
    /// `database`, `migrations`, `workers`, `brokerage` or `flag`.
    pub name: &'static str,
    /// How it went.
    pub status: CheckStatusDto,
    /// What it means and what to do, unless it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
}

impl From<Check> for HealthCheck {
    fn from(check: Check) -> Self {
        Self { name: check.name, status: check.status.into(), detail: check.detail }
    }
}

/// Whether all is well.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthStatus, example = "ok")]
pub enum HealthStatusDto {
    /// Every check passed.
    Ok,
    /// It serves, but a check warns.
    Degraded,
}

/// How Dispatch is.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Health, example = json!({
    "status": "ok", "version": "0.1.0", "replica": "4711-9d436b8a", "timestamp": "2026-11-20T14:03:07.120Z",
    "checks": [{ "name": "database", "status": "pass" }],
    "queues": [{ "stage": "units", "depth": 3, "exact": true, "oldest_age_seconds": 0.4 }], "workers": 1,
}))]
pub struct HealthDto {
    /// Whether all is well.
    pub status: HealthStatusDto,
    /// Version of this server.
    pub version: &'static str,
    /// The name under which `dispatch flag get` lists this process; of several behind one address, the one that answered.
    pub replica: String,
    /// The database's time.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// Every check, in a fixed order.
    pub checks: Vec<HealthCheck>,
    /// How much waits in each queue.
    pub queues: Vec<QueueDto>,
    /// How many workers reported in the last 15 seconds.
    pub workers: i32,
}

impl HealthDto {
    /// What was found, as the replica of this name tells it.
    pub fn of(health: Health, replica: &str) -> Self {
        let warns = health.checks.iter().any(|check| check.status != CheckStatus::Pass);
        let (queues, workers, at) = health.signs.map_or_else(
            || (Vec::new(), 0, OffsetDateTime::now_utc()),
            |signs| {
                let live = signs.workers.iter().filter(|worker| worker.age_seconds <= WORKER_SILENCE_SECONDS).count();
                (signs.queues, i32::try_from(live).unwrap_or(i32::MAX), signs.database_time)
            },
        );
        Self {
            status: if warns { HealthStatusDto::Degraded } else { HealthStatusDto::Ok },
            version: env!("CARGO_PKG_VERSION"),
            replica: replica.to_owned(),
            timestamp: Timestamp(at),
            checks: health.checks.into_iter().map(Into::into).collect(),
            queues: queues.into_iter().map(Into::into).collect(),
            workers,
        }
    }
}

/// How much waits in one queue.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = QueueDepth)]
pub struct QueueDto {
    /// `bursts`, `units`, `deliveries`, `breaker_open`, `held` or `dead_letters`.
    pub stage: &'static str,
    /// How many wait.
    pub depth: i64,
    /// False when there are at least `depth`: beyond 10,000 nobody counts.
    pub exact: bool,
    /// Age of the oldest, in seconds; 0 for an empty queue.
    pub oldest_age_seconds: f64,
}

impl From<QueueDepth> for QueueDto {
    fn from(queue: QueueDepth) -> Self {
        Self {
            stage: queue.stage,
            depth: queue.depth,
            exact: queue.depth < DEPTH_CAP,
            oldest_age_seconds: queue.oldest_age_seconds,
        }
    }
}

/// The story of one message, of the burst it belongs to, or of a mission that people made: ids, decisions and outcomes,
/// never a message's text.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Story, example = json!({
    "event_ids": ["01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e"], "unit_id": "01930f5e-8400-7c11-8f02-6b1d2a3c4e5f",
    "classification_id": "01930f5e-8a77-7d22-9e13-7c2e3b4d5f60", "dispatch_ids": ["01930f5e-8a78-7d22-8b14-1a2b3c4d5e6f"],
    "delivery_ids": ["01930f5e-8a79-7d22-9c15-2b3c4d5e6f70"], "mission_ids": ["01930f5e-8a7a-7d22-8d16-3c4d5e6f7081"],
    "trace_ids": ["4bf92f3577b34da6a3ce929d0e0e4736"], "state": "done",
    "entries": [{ "at": "2026-11-20T14:03:07.120Z", "step": "intake", "event": "signal.received", "detail": {} }],
}))]
pub struct StoryDto {
    /// The messages, oldest first; none for a mission that people made.
    pub event_ids: Vec<String>,
    /// The burst.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unit_id: Option<String>,
    /// What it was understood to mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub classification_id: Option<String>,
    /// The routing decisions.
    pub dispatch_ids: Vec<String>,
    /// The deliveries.
    pub delivery_ids: Vec<String>,
    /// The missions that came of it, or the one that people made.
    pub mission_ids: Vec<String>,
    /// W3C trace ids of the requests that brought the messages.
    pub trace_ids: Vec<String>,
    /// Where Dispatch's work stands: queued, ignored, pending, held, routed, done, dead or expired. How far a mission is
    /// says its own status.
    pub state: String,
    /// Everything that happened, in order.
    pub entries: Vec<StoryEntryDto>,
}

impl From<Story> for StoryDto {
    fn from(story: Story) -> Self {
        fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
            ids.iter().map(ToString::to_string).collect()
        }
        Self {
            event_ids: texts(&story.event_ids),
            unit_id: story.unit_id.map(|id| id.to_string()),
            classification_id: story.classification_id.map(|id| id.to_string()),
            dispatch_ids: texts(&story.dispatch_ids),
            delivery_ids: texts(&story.delivery_ids),
            mission_ids: texts(&story.mission_ids),
            trace_ids: story.trace_ids,
            state: story.state,
            entries: story.entries.into_iter().map(Into::into).collect(),
        }
    }
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = StoryEntry, example = json!({
    "at": "2026-11-20T14:03:07.120Z", "step": "reason", "event": "unit.classified",
    "subject": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "detail": { "message_type": "STRAY", "confidence": 0.92 },
}))]
pub struct StoryEntryDto {
    /// When, by the database's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `intake`, `reason`, `route`, `deliver`, or `mission` for what people did to one.
    pub step: String,
    /// What happened: `signal.received`, `unit.classified`, `delivery.attempted`, `mission.claimed`, …
    pub event: String,
    /// The row it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub subject: Option<String>,
    /// Decisions, codes, durations.
    pub detail: JsonObject,
}

impl From<StoryEntry> for StoryEntryDto {
    fn from(entry: StoryEntry) -> Self {
        Self {
            at: Timestamp(entry.at),
            step: entry.step,
            event: entry.event,
            subject: entry.subject,
            detail: JsonObject(entry.detail),
        }
    }
}
