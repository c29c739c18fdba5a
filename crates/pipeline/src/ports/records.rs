//! The `Records` port: searches over what the brokerage and Dispatch know, for people who ask in words. It only reads, never
//! more than asked for, and never what the viewer may not see. Must not know who asks or how the question was put.

use async_trait::async_trait;
use dispatch_mission::ids::{
    ClassificationId, DeliveryId, DispatchId, ListingId, RealtorId, SignalId, StaffId, UnitId,
};
use dispatch_mission::mission::{Mission, MissionKind};
use dispatch_mission::people::{Sight, StaffRole};
use dispatch_mission::signal::Source;
use dispatch_mission::status::MissionStatus;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;

/// The most rows that one search answers.
pub const MOST_ROWS: u32 = 50;
/// The most characters of a message that are shown.
pub const EXCERPT_CHARS: usize = 280;

/// Whose eyes a search sees with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Viewer {
    /// Which missions.
    pub sight: Sight,
    /// Whether messages, deliveries and held work may be seen.
    pub observes: bool,
    /// The member of staff who asks, where it is one: "my", "I".
    pub staff: Option<StaffId>,
}

/// From (included) to (excluded); an open end is no bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Span {
    pub from: Option<OffsetDateTime>,
    pub to: Option<OffsetDateTime>,
}

/// Which missions. Everything that is set must hold.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MissionSearch {
    /// All of these words stand in its title or description; case and accents do not matter.
    pub words: Option<String>,
    /// It belongs to a listing at this address, or its own text or address names it. Compared in normal form, so that
    /// "12 Elm" finds "12 Elm Street" and not "112 Elm St".
    pub address: Option<String>,
    /// It belongs to this listing.
    pub listing: Option<ListingId>,
    /// It is of this kind.
    pub kind: Option<MissionKind>,
    /// It is in one of these; none: in any.
    pub statuses: Vec<MissionStatus>,
    /// Whose it is: somebody's, or nobody's (`Some(None)`).
    pub assigned_to: Option<Option<StaffId>>,
    /// The realtor that it belongs to.
    pub realtor: Option<RealtorId>,
    /// When it was made.
    pub created: Option<Span>,
    /// When it was claimed.
    pub claimed: Option<Span>,
    /// When it was completed.
    pub completed: Option<Span>,
    /// When it is due; without a due date it is not found.
    pub due: Option<Span>,
}

/// Which listings. Everything that is set must hold.
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)]
pub struct ListingSearch {
    /// In normal form, as [`MissionSearch::address`].
    pub address: Option<String>,
    pub realtor: Option<RealtorId>,
    /// It is in one of these: `new`, `in_progress`, `completed`; none: in any.
    pub statuses: Vec<String>,
}

/// Somebody whom the brokerage knows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Person {
    Staff(StaffId),
    Realtor(RealtorId),
}

/// Which messages. Everything that is set must hold.
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)]
pub struct SignalSearch {
    /// All of these words stand in it.
    pub words: Option<String>,
    pub source: Option<Source>,
    /// Who wrote it, by the Slack account or the phone number that the brokerage has of them.
    pub author: Option<Person>,
    pub received: Option<Span>,
}

/// Which deliveries. Everything that is set must hold.
#[derive(Clone, PartialEq, Debug, Default)]
#[allow(missing_docs)]
pub struct DeliverySearch {
    /// `pending`, `delivered`, `held`, `exhausted`, `failed`, `unknown`, `cancelled`; none: any.
    pub states: Vec<String>,
    pub unit: Option<UnitId>,
    /// When it was planned.
    pub created: Option<Span>,
}

/// What a search found, and whether there is more.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Found<T> {
    pub items: Vec<T>,
    pub more: bool,
}

/// A mission, with the names that people know.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct MissionHit {
    pub mission: Mission,
    pub address: Option<String>,
    pub assignee: Option<String>,
    pub realtor: Option<String>,
}

/// A listing.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct ListingHit {
    pub listing_id: ListingId,
    pub address: Option<String>,
    pub status: String,
    /// `SALE`, `LEASE` or what the brokerage wrote there.
    pub kind: Option<String>,
    pub realtor: Option<String>,
    pub due_at: Option<OffsetDateTime>,
    /// Missions of it that the viewer sees and that are not done.
    pub open_missions: u32,
}

/// Somebody of the brokerage. Never a phone number or an address.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum PersonHit {
    Staff { staff_id: StaffId, name: String, role: Option<StaffRole> },
    Realtor { realtor_id: RealtorId, name: String },
}

/// A message that came in.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct SignalHit {
    pub signal_id: SignalId,
    pub unit_id: Option<UnitId>,
    pub source: Source,
    pub received_at: OffsetDateTime,
    /// Where the work on it stands: as in a story.
    pub state: String,
    pub excerpt: String,
    /// Who wrote it, as the brokerage knows them; never a number.
    pub author: Option<String>,
}

/// Work that waits for a person's decision.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct HeldHit {
    pub unit_id: UnitId,
    /// The code: `below_threshold`, `attachment_only`, …
    pub reason: String,
    pub rule: Option<String>,
    pub held_since: OffsetDateTime,
    pub classification_id: Option<ClassificationId>,
    pub message_type: Option<String>,
    pub key: Option<String>,
    pub confidence: Option<f32>,
    pub explanations: Vec<String>,
    pub excerpt: String,
}

/// One delivery.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct DeliveryHit {
    pub delivery_id: DeliveryId,
    pub dispatch_id: DispatchId,
    pub unit_id: UnitId,
    pub kind: String,
    pub state: String,
    pub reason: Option<String>,
    pub attempts: u32,
    pub created_at: OffsetDateTime,
    pub next_attempt_at: Option<OffsetDateTime>,
}

/// What kind of thing an answer names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum RecordKind {
    Mission,
    Listing,
    Staff,
    Realtor,
    Event,
    Unit,
    Classification,
    Delivery,
    Dispatch,
}

/// Searches. Rows that are deleted are never found; newest first, but missions with a due date by that, the most urgent
/// first. `limit` is capped at [`MOST_ROWS`].
#[async_trait]
pub trait Records: Send + Sync {
    /// Missions that the viewer's sight allows.
    ///
    /// # Errors
    /// [`RecordsError`].
    async fn missions(
        &self,
        viewer: &Viewer,
        search: &MissionSearch,
        limit: u32,
    ) -> Result<Found<MissionHit>, RecordsError>;

    /// Listings.
    ///
    /// # Errors
    /// [`RecordsError`].
    async fn listings(
        &self,
        viewer: &Viewer,
        search: &ListingSearch,
        limit: u32,
    ) -> Result<Found<ListingHit>, RecordsError>;

    /// Active people whose name has all of these words, in any order and case, a word as a beginning too ("sam" finds
    /// "Samira"); those with exactly this name first.
    ///
    /// # Errors
    /// [`RecordsError`].
    async fn people(&self, name: &str, limit: u32) -> Result<Found<PersonHit>, RecordsError>;

    /// Messages that came in.
    ///
    /// # Errors
    /// `Forbidden` to a viewer who does not observe.
    async fn signals(
        &self,
        viewer: &Viewer,
        search: &SignalSearch,
        limit: u32,
    ) -> Result<Found<SignalHit>, RecordsError>;

    /// Work that waits for a decision, the oldest first.
    ///
    /// # Errors
    /// `Forbidden` to a viewer who does not observe.
    async fn held(&self, viewer: &Viewer, limit: u32) -> Result<Found<HeldHit>, RecordsError>;

    /// Deliveries.
    ///
    /// # Errors
    /// `Forbidden` to a viewer who does not observe.
    async fn deliveries(
        &self,
        viewer: &Viewer,
        search: &DeliverySearch,
        limit: u32,
    ) -> Result<Found<DeliveryHit>, RecordsError>;
}

/// What a search may answer instead.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The viewer may not see this kind of thing at all.
    #[error("this may not be seen")]
    Forbidden,
    /// The brokerage's tables still have their old names; `expand` of the cut-over is due.
    #[error("the brokerage's tables have not been expanded to Dispatch's names yet")]
    CutoverExpandDue,
    /// The database did not answer, or not in time. The same search may succeed later.
    #[error("the records are unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
