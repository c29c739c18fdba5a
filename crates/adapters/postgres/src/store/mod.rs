//! One file per port: the stores, all on one pool.
//!
//! It must not know who calls: no use case, no HTTP, no other adapter.

mod agent_log;
mod answer_queue;
mod answers;
mod api_keys;
mod brokerage;
mod classifications;
mod dead_letters;
mod deliveries;
mod delivery_queue;
mod delivery_reports;
mod desk;
mod dispatch_statuses;
mod doorbell;
mod effects;
mod endpoint_switches;
mod error;
mod flag;
mod flag_ledger;
mod flip_watch;
mod held_work;
mod idempotency;
mod mission_desk;
mod mission_store;
mod missions;
mod people;
mod permission;
mod records;
mod replay_batches;
mod replays;
mod retention;
pub mod seed;
mod signal_log;
mod sql;
mod statistics;
mod stories;
mod streams;
mod timeline;
mod unit_queue;
mod units;
mod vitals;
mod worker_registry;

use serde::Serialize;
use std::borrow::Cow;
use std::time::Duration;

pub use self::agent_log::PgAgentLog;
pub use self::answer_queue::PgAnswerQueue;
pub use self::api_keys::PgApiKeys;
pub use self::classifications::PgClassifications;
pub use self::dead_letters::PgDeadLetters;
pub use self::delivery_queue::PgDeliveryQueue;
pub use self::delivery_reports::PgDeliveryReports;
pub use self::dispatch_statuses::PgDispatchStatuses;
pub use self::doorbell::PgDoorbell;
pub use self::endpoint_switches::PgEndpointSwitches;
pub use self::flag::PgFlag;
pub use self::flag_ledger::PgFlagLedger;
pub use self::flip_watch::PgFlipWatch;
pub use self::held_work::PgHeldWork;
pub use self::idempotency::PgIdempotency;
pub use self::mission_desk::PgMissionDesk;
pub use self::mission_store::PgMissionStore;
pub use self::people::PgPeople;
pub use self::records::PgRecords;
pub use self::replay_batches::PgReplayBatches;
pub use self::replays::PgReplays;
pub use self::retention::PgRetention;
pub use self::signal_log::PgSignalLog;
pub use self::statistics::PgStatistics;
pub use self::stories::PgStories;
pub use self::streams::PgStreams;
pub use self::unit_queue::PgUnitQueue;
pub use self::vitals::PgVitals;
pub use self::worker_registry::PgWorkerRegistry;

/// A duration as the database adds it: `$n * interval '1 microsecond'`.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}

/// A count as a column holds it.
fn small(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// JSON that `jsonb` takes: without NUL, which models and providers may have written.
fn jsonb(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(value)?.replace("\\u0000", "\\ufffd"))
}

/// Text that PostgreSQL takes: without NUL.
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}
