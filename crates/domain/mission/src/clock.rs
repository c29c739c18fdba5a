//! The domain's clock. Leases and due times are decided by the database's clock, never by this one.

use time::OffsetDateTime;

/// What time it is, for rules that need to know (signature windows, relative dates).
pub trait Clock: Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock that stands still, for tests and for evaluation against labelled messages.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub OffsetDateTime);

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}
