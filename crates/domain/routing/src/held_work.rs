//! The `HeldWork` port: what waits for a person's word, and what a person says about it.
//!
//! It must not know how people ask, nor what would be done: the policy plans.

use crate::delivery::DeliveryState;
use crate::destination::Destination;
use crate::plan::Decision;
use crate::replay::Skipped;
use crate::unit::ClaimedUnit;
use async_trait::async_trait;
use dispatch_classification::classifier::Classified;
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId, OperationId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use std::time::Duration;
use thiserror::Error;
use time::OffsetDateTime;

/// Shows held units and takes what people decide about them. Each method is one atomic unit of work; of several decisions
/// about one unit one wins, whoever makes them, and the others are told so.
#[async_trait]
pub trait HeldWork: Send + Sync {
    /// One page of what is held now, what has waited longest first.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn list(
        &self,
        filter: &HeldFilter,
        after: Option<&HeldCursor>,
        limit: u32,
    ) -> Result<HeldPage, HeldWorkError>;

    /// The unit, while it is held; `None` when nobody waits for it (any more).
    ///
    /// # Errors
    /// `Unavailable`.
    async fn find(&self, unit: UnitId) -> Result<Option<HeldUnit>, HeldWorkError>;

    /// The held unit that this classification is in force for. A text that somebody asked about is one as soon as it is
    /// confirmed, and is shown as the unit that it would be.
    ///
    /// # Errors
    /// `Unknown` when nothing was ever understood that way; `Superseded` when its unit is understood another way now;
    /// `NotHeld` when the unit waits for nobody; `Unavailable`.
    async fn of_classification(&self, id: ClassificationId) -> Result<HeldUnit, HeldWorkError>;

    /// What a confirmation under this operation led to, if there was one.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn confirmed(&self, operation: OperationId) -> Result<Option<Dispatched>, HeldWorkError>;

    /// Writes the dispatch, its deliveries and whatever storage effects succeed at once, in one commit. What an earlier
    /// dispatch of the unit has not done yet is cancelled; what it has done is not done again. A second confirmation
    /// under the same operation answers what the first one led to.
    ///
    /// # Errors
    /// `Unknown`, `Superseded` and `NotHeld` as above, when that came to be since the unit was looked at;
    /// `RealtorUnknown` when the plan names a realtor that is not there; `Unavailable`; `Rejected`. Then nothing was
    /// written.
    async fn confirm(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError>;

    /// The routed unit that this classification is in force for.
    ///
    /// # Errors
    /// `Unknown`, `Superseded` as above; `NotHeld` when the unit is not routed; `Unavailable`.
    async fn routed(&self, id: ClassificationId) -> Result<RoutedUnit, HeldWorkError>;

    /// Writes a further dispatch of a routed unit, with what of its plan is not there yet; the rest is named. A second one
    /// under the same operation answers what the first one led to.
    ///
    /// # Errors
    /// As [`routed`](Self::routed), when that came to be since the unit was looked at; `RealtorUnknown`; `Unavailable`;
    /// `Rejected`. Then nothing was written.
    async fn add(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError>;

    /// Ends a held unit without doing anything; what waited for it is cancelled. A second dismissal under the same
    /// operation answers the first one.
    ///
    /// # Errors
    /// `Unknown` when there is no such unit; `Superseded` when it means something else than was seen; `NotHeld`; `Unavailable`;
    /// `Rejected`. Then nothing was written.
    async fn dismiss(&self, dismissal: &Dismissal) -> Result<Dismissed, HeldWorkError>;
}

/// A unit that waits for a person.
#[derive(Clone, PartialEq, Debug)]
pub struct HeldUnit {
    /// As a worker would get it, with what it has led to before; its claim is nobody's.
    pub unit: ClaimedUnit,
    /// The classification in force.
    pub classification_id: ClassificationId,
    /// What it was understood to mean.
    pub classified: Classified,
    /// When that was.
    pub classified_at: OffsetDateTime,
    /// What the policy said to it, and by which rule.
    pub decided: Option<(RoutingDecision, String)>,
    /// Why it waits: `below_threshold`, `realtor_unresolved`, …
    pub reason: String,
    /// Since when; health counts its age from then too.
    pub since: OffsetDateTime,
    /// How long that is, by the database's clock.
    pub age: Duration,
    /// When it lapses by itself, if it does.
    pub expires_at: Option<OffsetDateTime>,
    /// Who wrote it, if the brokerage knows.
    pub author: Option<KnownPerson>,
}

/// A unit that was dispatched.
#[derive(Clone, PartialEq, Debug)]
pub struct RoutedUnit {
    /// As a worker would get it; its claim is nobody's.
    pub unit: ClaimedUnit,
    /// What it was understood to mean.
    pub classified: Classified,
}

/// A person of the brokerage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownPerson {
    /// In which list.
    pub kind: PersonKind,
    /// The id there.
    pub id: String,
    /// The name there.
    pub name: Option<String>,
}

/// Which list of the brokerage a person stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the names are the brokerage's own
pub enum PersonKind {
    Realtor,
    Staff,
}

/// Which held units are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HeldFilter {
    /// Only those that wait for one of these reasons; all when empty.
    pub reasons: Vec<String>,
}

/// Where a page ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeldCursor {
    /// Since when the last one waits.
    pub since: OffsetDateTime,
    /// Which it is.
    pub unit_id: UnitId,
}

/// One page of held units.
#[derive(Clone, PartialEq, Debug)]
pub struct HeldPage {
    /// What has waited longest first.
    pub items: Vec<HeldUnit>,
    /// Where the next page begins, if there is one.
    pub next: Option<HeldCursor>,
}

/// Who decides, and under which request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decider {
    /// One text per principal.
    pub principal: String,
    /// The same for every repeat of the request; none where none will come.
    pub operation: Option<OperationId>,
    /// What he or she has to say about it.
    pub note: Option<String>,
}

/// That a unit is to be dispatched after all.
#[derive(Clone, PartialEq, Debug)]
pub struct Confirmation {
    /// The unit.
    pub unit_id: UnitId,
    /// What it was understood to mean when somebody looked.
    pub classification_id: ClassificationId,
    /// Id of the dispatch to write.
    pub dispatch_id: DispatchId,
    /// What it means instead, where that was wrong; in force from then on.
    pub restated: Option<Restated>,
    /// What is to be done; a plan of deliveries.
    pub decision: Decision,
    /// Who says so.
    pub by: Decider,
}

/// What a person says that a unit means.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // both are said above
pub struct Restated {
    pub classification_id: ClassificationId,
    pub classified: Classified,
}

/// That nothing is to be done about a unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dismissal {
    /// The unit.
    pub unit_id: UnitId,
    /// What it was understood to mean when somebody looked, where that matters: then no other meaning is dismissed.
    pub seen: Option<ClassificationId>,
    /// Who says so, and why.
    pub by: Decider,
}

/// What a confirmation led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispatched {
    /// The dispatch.
    pub dispatch_id: DispatchId,
    /// Its unit.
    pub unit_id: UnitId,
    /// In the order of the plan.
    pub deliveries: Vec<DispatchedDelivery>,
    /// What was left alone, for it is there or on its way.
    pub skipped: Vec<Skipped>,
}

/// One delivery of a dispatch, as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DispatchedDelivery {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// Where it goes.
    pub destination: Destination,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it is not delivered, as far as that is known.
    pub reason: Option<String>,
}

/// A unit that was dismissed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dismissed {
    /// The unit.
    pub unit_id: UnitId,
    /// When.
    pub at: OffsetDateTime,
}

/// Why nothing was decided.
#[derive(Debug, Error)]
pub enum HeldWorkError {
    /// There is no such unit or classification.
    #[error("nothing is known under this id")]
    Unknown,
    /// The unit waits for nobody.
    #[error("the unit is {state}, not held")]
    NotHeld {
        /// Where it stands instead.
        state: String,
        /// The last dispatch that was made of it.
        dispatch_id: Option<DispatchId>,
    },
    /// The unit's messages have changed, and mean something else now.
    #[error("the unit is understood another way now")]
    Superseded {
        /// The classification in force, when the unit has been understood again.
        by: Option<ClassificationId>,
    },
    /// The plan names a realtor that is not there.
    #[error("the realtor is not known")]
    RealtorUnknown,
    /// The database did not answer; whether the decision was written will be seen by the next look.
    #[error("held work is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database refused what was to be written.
    #[error("the decision was refused")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
}
