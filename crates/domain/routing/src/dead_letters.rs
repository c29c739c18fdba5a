//! The `DeadLetters` port: what ended without success, and whose fault that is.
//!
//! It must not change anything: a replay does.

use crate::destination::{Destination, DestinationKind};
use crate::held_work::KnownPerson;
use crate::queue::QueueError;
use async_trait::async_trait;
use dispatch_mission::ids::{DeliveryId, DispatchId, UnitId};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Shows dead letters: units that nobody could understand, and deliveries that are exhausted, failed or unknown.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// One page of what is dead now.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn list(&self, filter: &DeadFilter, after: Option<&DeadCursor>, limit: u32) -> Result<DeadPage, QueueError>;
}

/// Which dead letters are wanted; everything that is empty or absent asks for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeadFilter {
    /// Only those that ended for one of these reasons.
    pub reasons: Vec<String>,
    /// Only those of one of these kinds, as [`DeadKind`] spells them.
    pub kinds: Vec<String>,
    /// Only those to one of these: the table, the channel, or the configured name.
    pub destinations: Vec<String>,
    /// Only what is this one's fault.
    pub class: Option<FaultClass>,
    /// What ended last comes first, instead of what ended first.
    pub newest_first: bool,
}

/// What is dead: a unit, or a delivery to a destination of this kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeadKind {
    /// A unit that was not understood.
    Unit,
    /// A delivery.
    Delivery(DestinationKind),
}

impl DeadKind {
    /// The spelling of API and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Delivery(kind) => kind.as_str(),
        }
    }
}

/// Whose fault it is: where to look first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FaultClass {
    /// Ours: a worker that died, a row that the database refuses, a credential that is missing.
    Pipeline,
    /// The destination's: it refuses, does not answer, or is not there.
    Target,
}

/// Reasons for which a delivery to somebody else's destination is dead through a fault of ours.
pub const PIPELINE_REASONS: [&str; 15] = [
    "attempts_exhausted",
    "claim_ran_out",
    "client",
    "courier_panicked",
    "forbidden_credentials",
    "invalid_auth",
    "invalid_request",
    "missing_scope",
    "no_courier",
    "no_credentials",
    "no_secret",
    "no_token",
    "not_authed",
    "permission_unknown",
    "token_revoked",
];

impl FaultClass {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Pipeline, Self::Target];

    /// Of something that is dead for this reason. The brokerage's own database is ours to set right.
    #[must_use]
    pub fn of(kind: DeadKind, reason: &str) -> Self {
        let ours = matches!(kind, DeadKind::Unit | DeadKind::Delivery(DestinationKind::Storage));
        if ours || PIPELINE_REASONS.contains(&reason) { Self::Pipeline } else { Self::Target }
    }

    /// The spelling of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Target => "target",
        }
    }
}

/// One dead letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetter {
    /// The unit or the delivery: what a replay is asked for by.
    pub id: Uuid,
    /// Which of them it is.
    pub what: Dead,
    /// The unit that it is or belongs to.
    pub unit_id: UnitId,
    /// Why it is dead: a stable code.
    pub reason: String,
    /// Attempts since it last became due.
    pub attempts: u32,
    /// When it ended.
    pub since: OffsetDateTime,
    /// How long ago that is, by the database's clock.
    pub age: Duration,
    /// Who wrote the messages, if the brokerage knows.
    pub author: Option<KnownPerson>,
}

/// What a dead letter is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Dead {
    /// A unit that was not understood.
    Unit,
    /// A delivery.
    Delivery {
        /// Its dispatch.
        dispatch_id: DispatchId,
        /// The delivery.
        delivery_id: DeliveryId,
        /// Where it was to go.
        destination: Destination,
        /// How it ended: exhausted, failed or unknown.
        state: crate::delivery::DeliveryState,
    },
}

impl DeadLetter {
    /// What is dead.
    #[must_use]
    pub fn kind(&self) -> DeadKind {
        match &self.what {
            Dead::Unit => DeadKind::Unit,
            Dead::Delivery { destination, .. } => DeadKind::Delivery(destination.kind()),
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn class(&self) -> FaultClass {
        FaultClass::of(self.kind(), &self.reason)
    }
}

/// Where a page ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeadCursor {
    /// When the last one ended.
    pub since: OffsetDateTime,
    /// Which it is.
    pub id: Uuid,
}

/// One page of dead letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadPage {
    /// In the order that was asked for.
    pub items: Vec<DeadLetter>,
    /// Where the next page begins, if there is one.
    pub next: Option<DeadCursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_target_is_no_fault_of_the_pipeline() {
        let of = |kind, reason| FaultClass::of(DeadKind::Delivery(kind), reason);
        assert_eq!(of(DestinationKind::Slack, "channel_not_found"), FaultClass::Target);
        assert_eq!(of(DestinationKind::Slack, "dns_failed"), FaultClass::Target);
        assert_eq!(of(DestinationKind::Slack, "no_token"), FaultClass::Pipeline);
        assert_eq!(of(DestinationKind::Storage, "storage_check_violation"), FaultClass::Pipeline);
        assert_eq!(FaultClass::of(DeadKind::Unit, "classifier_refused"), FaultClass::Pipeline);
    }

    #[test]
    fn the_reasons_are_sorted_so_that_none_stands_twice() {
        assert!(PIPELINE_REASONS.is_sorted_by(|left, right| left < right));
    }
}
