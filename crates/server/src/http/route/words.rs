//! The closed vocabularies of routing on the wire.

use crate::http::missions::mirror;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::held_work::{Dispatched, PersonKind};
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
    pub(super) fn of(dispatched: &Dispatched) -> Self {
        let any = |states: &[DeliveryState]| dispatched.deliveries.iter().any(|one| states.contains(&one.state));
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
