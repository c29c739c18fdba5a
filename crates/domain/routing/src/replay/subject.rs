//! What an id stands for, and where its unit stands.

use super::ReplayError;
use crate::delivery::DeliveryState;
use crate::destination::Destination;
use crate::plan::Content;
use crate::unit::ClaimedUnit;
use dispatch_classification::classifier::Classified;
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId};
use serde::{Deserialize, Serialize};

/// From where on things are done once more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The messages are understood anew, planned and delivered.
    Classify,
    /// The policy of today plans anew for what they were understood to mean.
    Route,
    /// The deliveries that did not succeed are due again.
    Deliver,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Classify, Self::Route, Self::Deliver];

    /// The spelling of API and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::Route => "route",
            Self::Deliver => "deliver",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

/// What an id stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// A unit: by its own id, or by that of one of its events.
    Unit,
    /// What a unit was understood to mean.
    Classification(ClassificationId),
    /// A dispatch.
    Dispatch(DispatchId),
    /// One delivery.
    Delivery(DeliveryId),
}

impl Subject {
    /// Whether `delivery` belongs to it, where `in_force` is the classification of the unit.
    #[must_use]
    pub fn covers(self, delivery: &Existing, in_force: Option<ClassificationId>) -> bool {
        match self {
            Self::Unit => in_force == Some(delivery.classification_id),
            Self::Classification(id) => id == delivery.classification_id,
            Self::Dispatch(id) => id == delivery.dispatch_id,
            Self::Delivery(id) => id == delivery.delivery_id,
        }
    }
}

/// A unit that may be replayed, as it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Replayable {
    /// What the id stands for.
    pub subject: Subject,
    /// The classification that the id speaks of.
    pub speaks_of: Option<ClassificationId>,
    /// As a worker would get it, with what it has led to before; its claim is nobody's.
    pub unit: ClaimedUnit,
    /// Where it stands.
    pub footing: Footing,
    /// What it was understood to mean, if it was.
    pub classified: Option<Classified>,
    /// Every delivery of the unit, in the order of their plans.
    pub deliveries: Vec<Existing>,
}

impl Replayable {
    /// Where a replay begins when nobody says: what was not understood is understood anew; what is named by its deliveries is
    /// delivered.
    #[must_use]
    pub fn natural_stage(&self) -> Stage {
        match self.subject {
            Subject::Unit => Stage::Classify,
            Subject::Classification(_) => Stage::Route,
            Subject::Dispatch(_) | Subject::Delivery(_) => Stage::Deliver,
        }
    }
}

/// Where a unit stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Footing {
    /// `routed`, `dead`, …
    pub state: String,
    /// Whether a worker has it now.
    pub in_hand: bool,
    /// The classification in force.
    pub in_force: Option<ClassificationId>,
}

impl Footing {
    /// Whether a replay from `stage` may begin, by an id that speaks of this classification.
    ///
    /// # Errors
    /// `InHand`, `Pending`, `Held`, `Superseded`, `NotUnderstood`.
    pub fn allows(&self, stage: Stage, speaks_of: Option<ClassificationId>) -> Result<(), ReplayError> {
        match self.state.as_str() {
            "pending" if self.in_hand => Err(ReplayError::InHand),
            "pending" => Err(ReplayError::Pending),
            "held" => Err(ReplayError::Held),
            _ if speaks_of.is_some() && speaks_of != self.in_force => {
                Err(ReplayError::Superseded { by: self.in_force })
            }
            _ if stage != Stage::Classify && self.in_force.is_none() => Err(ReplayError::NotUnderstood),
            _ => Ok(()),
        }
    }

    /// Whether a new plan may make it wait for a person. What was done before stays done, whatever the policy of today thinks
    /// of it.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        self.state != "routed"
    }
}

/// A delivery that there is.
#[derive(Clone, PartialEq, Debug)]
pub struct Existing {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Its dispatch.
    pub dispatch_id: DispatchId,
    /// What the unit was understood to mean when it was planned.
    pub classification_id: ClassificationId,
    /// Where it goes.
    pub destination: Destination,
    /// What it carries.
    pub content: Content,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it is not delivered.
    pub reason: Option<String>,
    /// The delivery that must have arrived first.
    pub after: Option<DeliveryId>,
}
