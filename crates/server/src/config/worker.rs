//! `BURST_QUIET_MS`, `BURST_MAX`, `DISPATCH_LEASE_MS`, `DISPATCH_MAX_ATTEMPTS`, `DISPATCH_BATCH`, `DISPATCH_POLL_MS`.

use super::reader::Reader;
use dispatch_pipeline::worker::WorkerSettings;
use dispatch_routing::queue::ClaimRule;
use dispatch_routing::unit::BurstRule;
use std::time::Duration;

/// How a worker works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorkerTuning {
    /// The settings as the worker takes them.
    pub settings: WorkerSettings,
}

impl WorkerTuning {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let base = WorkerSettings::default();
        let settings = WorkerSettings {
            burst: BurstRule {
                quiet: millis(reader, "BURST_QUIET_MS", base.burst.quiet, 0, 60_000),
                max: count(reader, "BURST_MAX", base.burst.max, 1, 1000),
            },
            claim: ClaimRule {
                limit: count(reader, "DISPATCH_BATCH", base.claim.limit, 1, 1000),
                lease: millis(reader, "DISPATCH_LEASE_MS", base.claim.lease, 100, 3_600_000),
                max_attempts: count(reader, "DISPATCH_MAX_ATTEMPTS", base.claim.max_attempts, 1, 100),
            },
            poll: millis(reader, "DISPATCH_POLL_MS", base.poll, 10, 60_000),
        };
        Self { settings }
    }
}

fn millis(reader: &mut Reader<'_>, name: &'static str, default: Duration, from: u64, to: u64) -> Duration {
    let default = u64::try_from(default.as_millis()).unwrap_or(to);
    let expected = format!("milliseconds from {from} to {to}");
    Duration::from_millis(reader.parsed(name, default, |value| (from..=to).contains(value), &expected))
}

fn count(reader: &mut Reader<'_>, name: &'static str, default: u32, from: u32, to: u32) -> u32 {
    let expected = format!("a whole number from {from} to {to}");
    reader.parsed(name, default, |value| (from..=to).contains(value), &expected)
}
