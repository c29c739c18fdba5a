//! Which deliveries are due again. Pure: it must not know where they are kept.

use super::{Existing, Skipped};
use crate::delivery::DeliveryState;
use crate::plan::{Content, PlannedDelivery};
use dispatch_mission::ids::{DeliveryId, ReplayId};

/// What becomes of deliveries that are redriven.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Redrive {
    /// They did not succeed: due at once.
    pub due: Vec<DeliveryId>,
    /// They were cancelled because of one that is due again, and wait for it.
    pub waiting: Vec<DeliveryId>,
    /// They succeeded, and are done once more.
    pub once_more: Vec<PlannedDelivery>,
    /// What is left alone.
    pub skipped: Vec<Skipped>,
}

impl Redrive {
    /// Whether nothing comes of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.waiting.is_empty() && self.once_more.is_empty()
    }
}

/// Why a delivery was cancelled that only waited for another one.
pub const DEPENDENCY_FAILED: &str = "dependency_failed";

/// What becomes of those of `all`, the deliveries of a unit in the order of their plans, that are `wanted`. With a nonce what
/// succeeded is done once more, under it.
#[must_use]
pub fn redrive(all: &[Existing], wanted: impl Fn(&Existing) -> bool, nonce: Option<ReplayId>) -> Redrive {
    let mut redrive = Redrive::default();
    let mut copies: Vec<DeliveryId> = Vec::new();
    for one in all {
        let before = one.after.and_then(|after| all.iter().find(|other| other.delivery_id == after));
        let follows = one.after.is_some_and(|after| redrive.due.contains(&after) || redrive.waiting.contains(&after));
        let only_waited = one.state == DeliveryState::Cancelled && one.reason.as_deref() == Some(DEPENDENCY_FAILED);
        match one.state {
            _ if follows && only_waited => redrive.waiting.push(one.delivery_id),
            _ if !wanted(one) => {}
            DeliveryState::Exhausted | DeliveryState::Failed | DeliveryState::Unknown => {
                redrive.due.push(one.delivery_id);
            }
            DeliveryState::Cancelled
                if only_waited && before.is_some_and(|before| before.state == DeliveryState::Delivered) =>
            {
                redrive.due.push(one.delivery_id);
            }
            DeliveryState::Delivered => match nonce {
                Some(nonce) => {
                    let after = one.after.and_then(|after| copies.iter().position(|copied| *copied == after));
                    copies.push(one.delivery_id);
                    redrive.once_more.push(copy(one, after, nonce));
                }
                None => redrive.skipped.push(Skipped::of(one)),
            },
            DeliveryState::Pending | DeliveryState::Held | DeliveryState::Cancelled => {
                redrive.skipped.push(Skipped::of(one));
            }
        }
    }
    redrive
}

fn copy(one: &Existing, after: Option<usize>, nonce: ReplayId) -> PlannedDelivery {
    let mut content: Content = one.content.clone();
    content.make_once_more(nonce);
    PlannedDelivery { destination: one.destination.clone(), content, after, quota: None }
}
