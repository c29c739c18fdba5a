//! What the `Replays` port does: finds what an id stands for, and does it once more. It must not plan.

pub(crate) mod existing;
pub(crate) mod find;
pub(crate) mod order;
mod record;
pub(crate) mod settled;

pub(crate) use record::of_operation;

use dispatch_routing::replay::ReplayError;

use crate::store::error::StoreError;

/// Why a transaction is rolled back.
pub(crate) enum Stop {
    Told(ReplayError),
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl From<Stop> for ReplayError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Told(error) => error,
            Stop::Store(error) if error.is_bad_value() => Self::Rejected(error.boxed()),
            Stop::Store(error) => Self::Unavailable(error.boxed()),
        }
    }
}
