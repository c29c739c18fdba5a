//! The `Stories` port: what happened to a signal or a mission, found by any id a person may hold.

use super::StoreUnavailable;
use async_trait::async_trait;
use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId, MissionId, SignalId, UnitId};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// Finds stories.
#[async_trait]
pub trait Stories: Send + Sync {
    /// The whole story of the unit (or of the signal that has none yet) that `id` belongs to. `id` may be an event,
    /// unit, classification, dispatch, delivery or mission id, a Slack `ts` or `event_id`, a `MessageSid` or a trace id;
    /// UUIDs in any case. `None` when nothing has that id.
    ///
    /// What people did to a mission (made, claimed, completed, …, each with who did it) stands in the story of the unit
    /// that it came from, in order. A mission that no message stands behind has a story of its own, without events
    /// and unit, found by the mission's id once somebody made or changed it through Dispatch.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn find(&self, id: &str) -> Result<Option<Story>, StoreUnavailable>;
}

/// One story. It carries ids, decisions and outcomes; never a message's text.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct Story {
    pub event_ids: Vec<SignalId>,
    pub unit_id: Option<UnitId>,
    pub classification_id: Option<ClassificationId>,
    pub dispatch_ids: Vec<DispatchId>,
    pub delivery_ids: Vec<DeliveryId>,
    pub mission_ids: Vec<MissionId>,
    pub trace_ids: Vec<String>,
    /// Where Dispatch's work stands: `queued`, `ignored`, `pending`, `held`, `routed`, `done`, `dead`, `expired`. How far
    /// a mission is says the mission's own status: one without a message is `done` from the start.
    pub state: String,
    /// Everything that happened, in order.
    pub entries: Vec<StoryEntry>,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug)]
pub struct StoryEntry {
    /// When, by the database's clock.
    pub at: OffsetDateTime,
    /// `intake`, `reason`, `route`, `deliver`, or `mission` for what people did to one.
    pub step: String,
    /// What happened: `signal.received`, `unit.classified`, `delivery.attempted`, `mission.claimed`, …
    pub event: String,
    /// The row it happened to.
    pub subject: Option<String>,
    /// Decisions, codes, durations.
    pub detail: Map<String, Value>,
}
