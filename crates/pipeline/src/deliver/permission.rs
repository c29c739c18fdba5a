//! Whether a claimed delivery may be sent to its recipient, and how it ends where it may not. Must not know who keeps that.

use dispatch_mission::signal::Recipient;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery, ENDPOINT_DISABLED};
use std::collections::HashMap;

/// What recipients have said of being written to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Permission {
    /// Nobody said anything against it.
    Given,
    /// Not to be written to, for this reason.
    Refused(String),
    /// The store did not answer.
    Unknown,
}

impl Permission {
    /// By what the store says of those who refuse; nothing where it did not answer.
    pub(super) fn of(delivery: &ClaimedDelivery, refusals: Option<&HashMap<Recipient, String>>) -> Self {
        match (delivery.destination.recipient(), refusals) {
            (None, _) => Self::Given,
            (Some(_), None) => Self::Unknown,
            (Some(recipient), Some(refusals)) => refusals.get(&recipient).cloned().map_or(Self::Given, Self::Refused),
        }
    }

    /// How this delivery ends without being sent; nothing where it may be.
    pub(super) fn instead_of(self, delivery: &ClaimedDelivery) -> Option<AttemptOutcome> {
        match self {
            Self::Given => None,
            Self::Refused(code) if code == ENDPOINT_DISABLED => Some(AttemptOutcome::Disabled),
            Self::Refused(code) if delivery.may_have_been_sent => Some(AttemptOutcome::Unknowable { code }),
            Self::Refused(code) => Some(AttemptOutcome::Unwanted { code }),
            Self::Unknown => Some(AttemptOutcome::Retryable { code: "permission_unknown".into(), retry_after: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::delivery_to;

    fn delivery(may_have_been_sent: bool) -> ClaimedDelivery {
        ClaimedDelivery { may_have_been_sent, ..delivery_to("crm") }
    }

    #[test]
    fn what_must_not_be_sent_ends_by_what_is_known_of_it() {
        let refused = |code: &str| Permission::Refused(code.to_owned());
        assert_eq!(Permission::Given.instead_of(&delivery(false)), None);
        assert_eq!(refused(ENDPOINT_DISABLED).instead_of(&delivery(true)), Some(AttemptOutcome::Disabled));
        let unwanted = AttemptOutcome::Unwanted { code: "opted_out".into() };
        assert_eq!(refused("opted_out").instead_of(&delivery(false)), Some(unwanted));
        let unknowable = AttemptOutcome::Unknowable { code: "opted_out".into() };
        assert_eq!(refused("opted_out").instead_of(&delivery(true)), Some(unknowable), "it may have arrived before");
        let later = AttemptOutcome::Retryable { code: "permission_unknown".into(), retry_after: None };
        assert_eq!(Permission::Unknown.instead_of(&delivery(false)), Some(later), "nothing is sent without it");
    }
}
