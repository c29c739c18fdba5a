//! The whole system from outside: one binary, one file per capability.

#![allow(clippy::unwrap_used, missing_docs)]

mod dev;
mod drain;
mod faults;
mod idempotency;
mod identity;
mod intake;
mod kills;
mod legacy;
mod routing;
mod shedding;
mod sdk_peers;
mod slack_answers;
mod sms;
mod slack_changes;

use dispatch_tests::harness::System;

const BINARY: &str = env!("CARGO_BIN_EXE_dispatch-under-test");

/// A system with nothing started yet.
async fn system() -> System {
    System::new(BINARY).await
}
