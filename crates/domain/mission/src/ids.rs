//! Typed ids. Dispatch's own rows carry UUIDv7; brokerage rows carry opaque text that is never parsed.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh, time-ordered id.
            #[must_use]
            pub fn mint() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// A fresh id for a row that Dispatch adds to the brokerage's tables.
            #[must_use]
            pub fn mint() -> Self {
                Self(Uuid::now_v7().to_string())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

uuid_ids! {
    /// One message as it came in; `event_id` in every answer.
    SignalId,
    /// One burst of signals that is understood as a whole.
    UnitId,
    /// What a unit was understood to mean.
    ClassificationId,
    /// The routing decision for one classification.
    DispatchId,
    /// One destination of a dispatch, with its attempts.
    DeliveryId,
    /// One time that something was done once more.
    ReplayId,
    /// One answer that is told piece by piece.
    StreamId,
    /// One thing that a caller asked for once. A repeat of the request carries the same.
    OperationId,
}

text_ids! {
    /// A row of `dispatch_activities` or `dispatch_agent_tasks`.
    MissionId,
    /// A row of `listings`.
    ListingId,
    /// A row of `realtors`.
    RealtorId,
    /// A row of `staff`.
    StaffId,
}
