//! The closed vocabularies of routing on the wire.

use crate::http::missions::mirror;
use dispatch_routing::dead_letters::FaultClass;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::held_work::PersonKind;
use dispatch_routing::replay::{ReplayOutcome, Stage};
use dispatch_routing::replay_batches::BatchState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mirror! {
    /// Where a delivery stands.
    #[schema(as = DeliveryState, example = "delivered")]
    DeliveryStateDto of DeliveryState, "snake_case", {
        /// Due now or later.
        Pending,
        /// Done; its effect is there.
        Delivered,
        /// Waits for a condition outside: a person, the cut-over's expand.
        Held,
        /// Every attempt failed in a way that might have mended itself.
        Exhausted,
        /// Refused for good.
        Failed,
        /// Nobody can tell whether it arrived.
        Unknown,
        /// Not wanted, or what it depends on did not happen.
        Cancelled,
    }
}

mirror! {
    /// In which list of the brokerage a person stands.
    #[schema(as = PersonKind, example = "realtor")]
    PersonKindDto of PersonKind, "snake_case", {
        /// Among the realtors.
        Realtor,
        /// Among the staff.
        Staff,
    }
}

mirror! {
    /// Whose fault it is that something is dead.
    #[schema(as = FaultClass, example = "target")]
    FaultClassDto of FaultClass, "snake_case", {
        /// Ours: a worker that died, a row that the database refuses, a credential that is missing.
        Pipeline,
        /// The destination's: it refuses, does not answer, or is not there.
        Target,
    }
}

mirror! {
    /// From where on something is done once more.
    #[schema(as = Stage, example = "deliver")]
    StageDto of Stage, "snake_case", {
        /// The messages are understood anew, planned and delivered.
        Classify,
        /// The policy of today plans anew for what they were understood to mean.
        Route,
        /// The deliveries that did not succeed are due again.
        Deliver,
    }
}

mirror! {
    /// What a replay did.
    #[schema(as = ReplayOutcome, example = "dispatched")]
    ReplayOutcomeDto of ReplayOutcome, "snake_case", {
        /// The messages are due, to be understood anew by a worker.
        UnderstoodAnew,
        /// There is a dispatch, or deliveries are due again.
        Dispatched,
        /// The policy of today does not act on it by itself: it waits for a person.
        Held,
        /// Nothing: everything has succeeded, is under way, or is not wanted any more.
        Nothing,
    }
}

mirror! {
    /// Whether many replays go on.
    #[schema(as = ReplaysState, example = "running")]
    BatchStateDto of BatchState, "snake_case", {
        /// They do.
        Running,
        /// All of them are settled.
        Done,
        /// Somebody ended them.
        Cancelled,
    }
}

/// Who should look at a dead letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = OwnerKind, example = "realtor")]
#[serde(rename_all = "snake_case")]
pub enum OwnerKindDto {
    /// One of the realtors, whose messages they are.
    Realtor,
    /// One of the staff, whose messages they are.
    Staff,
    /// Whoever keeps the destination.
    Destination,
    /// Whoever keeps Dispatch.
    Operator,
}

impl From<PersonKind> for OwnerKindDto {
    fn from(kind: PersonKind) -> Self {
        match kind {
            PersonKind::Realtor => Self::Realtor,
            PersonKind::Staff => Self::Staff,
        }
    }
}

/// Which dead letters come first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = DeadOrder, example = "newest")]
#[serde(rename_all = "snake_case")]
pub enum DeadOrderDto {
    /// What ended last.
    Newest,
    /// What ended first.
    Oldest,
}

/// What sort of destination it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = DestinationType, example = "storage")]
#[serde(rename_all = "snake_case")]
pub enum DestinationTypeDto {
    /// A table of the brokerage.
    Storage,
    /// A message to people.
    Notification,
    /// An agent: the task orchestrator, or one of the policy file.
    Agent,
    /// An HTTP endpoint of the policy file.
    Webhook,
}

/// Where a dispatch stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DispatchStatus, example = "routed")]
#[serde(rename_all = "snake_case")]
pub enum DispatchStatusDto {
    /// A delivery is not finished.
    Routed,
    /// Every delivery is finished.
    Done,
    /// A delivery waits for a person or for the cut-over.
    Held,
    /// A delivery failed for good.
    Dead,
}

impl DispatchStatusDto {
    /// What its deliveries come to; the story says the same.
    pub(super) fn of(states: &[DeliveryState]) -> Self {
        let any = |wanted: &[DeliveryState]| states.iter().any(|state| wanted.contains(state));
        if any(&[DeliveryState::Held]) {
            Self::Held
        } else if any(&[DeliveryState::Pending]) {
            Self::Routed
        } else if any(&[DeliveryState::Exhausted, DeliveryState::Failed, DeliveryState::Unknown]) {
            Self::Dead
        } else {
            Self::Done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn states_spell_as_the_domain_does() {
        for state in DeliveryState::ALL {
            assert_eq!(json!(DeliveryStateDto::from(state)), json!(state.as_str()));
        }
    }
}
