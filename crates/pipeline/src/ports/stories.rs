//! The `Stories` port: what happened to a signal, found by any id a person may hold.

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
    /// Where it stands: `queued`, `ignored`, `pending`, `held`, `routed`, `done`, `dead`, `expired`.
    pub state: String,
    /// Everything that happened, in order.
    pub entries: Vec<StoryEntry>,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Debug)]
pub struct StoryEntry {
    /// When, by the database's clock.
    pub at: OffsetDateTime,
    /// `intake`, `reason`, `route` or `deliver`.
    pub step: String,
    /// What happened: `signal.received`, `unit.classified`, `delivery.attempted`, …
    pub event: String,
    /// The row it happened to.
    pub subject: Option<String>,
    /// Decisions, codes, durations.
    pub detail: Map<String, Value>,
}
