//! The whole system from outside: one binary, one file per capability.

#![allow(clippy::unwrap_used, missing_docs)]

mod asked_for;
mod cutover;
mod cutover_run;
mod deploy;
mod dev;
mod drain;
mod external;
mod faults;
mod flag;
mod held;
mod idempotency;
mod identity;
mod intake;
mod kills;
mod lanes;
mod legacy;
mod llm;
mod parity;
mod policy;
mod query;
mod questions;
mod reason;
mod replays;
mod replays_forced;
mod replays_many;
mod retention;
mod routing;
mod sdk_peers;
mod shedding;
mod slack_answers;
mod slack_changes;
mod slack_workspaces;
mod sms;
mod sms_reports;

use dispatch_tests::harness::System;

const BINARY: &str = env!("CARGO_BIN_EXE_dispatch-under-test");

/// A system with nothing started yet.
async fn system() -> System {
    System::new(BINARY).await
}
