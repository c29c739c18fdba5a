//! What a storage delivery does to the brokerage's tables, as data. Every item is one effect and happens once.

use dispatch_classification::taxonomy::{GroupKey, ListingType, TaskKey};
use dispatch_mission::ids::{DeliveryId, RealtorId, ReplayId};
use dispatch_mission::mission::{MissionType, RoutingDecision, Visibility};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The work of one storage delivery.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StorageWork {
    /// Who wrote the unit: Slack user id or phone number; the realtor when no hint names another.
    pub author: String,
    /// A person named in the text, as typed: e-mail, phone or name of a realtor.
    pub assignee_hint: Option<String>,
    /// The realtor whose work it is, where a person said so; then nobody is looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realtor_id: Option<RealtorId>,
    /// How sure the classifier was; shown with the mission.
    pub confidence: f32,
    /// Why it was made; shown with the mission.
    pub routing_decision: RoutingDecision,
    /// Which revision of its unit this is; 0 for the first time. A later one changes the rows of an earlier one that
    /// nobody has taken up, an earlier one never those of a later one.
    #[serde(default)]
    pub revision: u32,
    /// Which mission of which agent's answer it is; none where the unit itself leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerItem>,
    /// Set where it is done once more in spite of having been done: then its effects are other effects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<ReplayId>,
    /// What is to be written.
    pub item: StorageItem,
}

/// One mission of an agent's answer. It is stored once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AnswerItem {
    /// The delivery that was answered.
    pub delivery_id: DeliveryId,
    /// Its place among the missions of the answer.
    pub place: u32,
}

/// What is to be written.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "snake_case")]
pub enum StorageItem {
    /// A listing with its template activities, each an effect of its own.
    Listing(ListingWork),
    /// One agent task.
    AgentTask(AgentTaskWork),
    /// One activity on the listing at its address.
    Activity(AgentTaskWork),
    /// The unit's messages, for the record.
    Messages,
    /// New words for what the unit made before; what kind of work it is stays.
    Reword(Rewording),
    /// What the unit made in this table before is not wanted any more: missions that nobody took are cancelled, a listing
    /// without any other mission is taken back.
    Withdraw,
}

/// New words for the missions and listings of a unit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rewording {
    /// The message as it stands now.
    pub text: String,
}

/// A listing with its template activities. Where there is one at this address that is not finished, its message becomes a
/// note of that one, and those activities are added that are not there yet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ListingWork {
    /// What the message declared.
    pub group_key: GroupKey,
    /// Sale or lease, when known.
    pub listing_type: Option<ListingType>,
    /// The address as typed; a listing without one says so.
    pub address: Option<String>,
    /// The message, kept as the listing's notes.
    pub notes: String,
    /// The instant the listing is due.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<OffsetDateTime>,
    /// In order of importance: the first gets the highest priority (10 at most).
    pub activities: Vec<ActivityTemplate>,
    /// What its author is told instead where there is a listing at this address already, which this is added to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_updated: Option<String>,
}

/// One activity of a template.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ActivityTemplate {
    /// Its title.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub mission_type: MissionType,
    /// Who sees it.
    pub visibility: Visibility,
}

/// One agent task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentTaskWork {
    /// The key of a STRAY; none for an INFO_REQUEST.
    pub task_key: Option<TaskKey>,
    /// ADMIN or MARKETING.
    pub mission_type: MissionType,
    /// What to call it.
    pub title: String,
    /// The message.
    pub description: String,
    /// The address it speaks of, to find the listing by.
    pub address: Option<String>,
    /// The instant it is due.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<OffsetDateTime>,
    /// What must be answered first, for an INFO_REQUEST.
    pub needs_info: Option<String>,
}
