//! One file per port: the stores, all on one pool.
//!
//! It must not know who calls: no use case, no HTTP, no other adapter.

mod deliveries;
mod delivery_queue;
mod effects;
mod error;
mod signal_log;
mod sql;
mod timeline;
mod unit_queue;
mod units;

use std::borrow::Cow;
use std::time::Duration;

pub use self::delivery_queue::PgDeliveryQueue;
pub use self::signal_log::PgSignalLog;
pub use self::unit_queue::PgUnitQueue;

/// A duration as the database adds it: `$n * interval '1 microsecond'`.
fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}

/// A count as a column holds it.
fn small(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Text that PostgreSQL takes: without NUL.
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}
