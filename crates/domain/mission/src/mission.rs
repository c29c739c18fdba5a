//! A mission as people see it: one row of either brokerage table, joined with what Dispatch knows about it.

use crate::ids::{ListingId, MissionId, RealtorId, StaffId};
use crate::status::MissionStatus;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Which table the mission is a row of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissionKind {
    /// Belongs to a listing (`dispatch_activities`).
    Activity,
    /// Belongs to a realtor and may point at a listing (`dispatch_agent_tasks`).
    AgentTask,
}

impl MissionKind {
    /// The API's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::AgentTask => "agent_task",
        }
    }

    /// Reads the API's spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Activity, Self::AgentTask].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What sort of work a mission is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // the names are the brokerage's own
pub enum MissionType {
    Admin,
    Marketing,
    Photo,
    Staging,
    Inspection,
    Showing,
    Other,
}

impl MissionType {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Admin, Self::Marketing, Self::Photo, Self::Staging, Self::Inspection, Self::Showing, Self::Other];

    /// The spelling of API and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Marketing => "MARKETING",
            Self::Photo => "PHOTO",
            Self::Staging => "STAGING",
            Self::Inspection => "INSPECTION",
            Self::Showing => "SHOWING",
            Self::Other => "OTHER",
        }
    }

    /// Reads a stored value. Older rows say `X_TASKS` for `X`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix("_TASKS").unwrap_or(text);
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Who may see an activity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Visibility {
    /// Everybody.
    Both,
    /// Agents and admins.
    Agent,
    /// Marketing and admins.
    Marketing,
}

impl Visibility {
    /// The spelling of API and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "BOTH",
            Self::Agent => "AGENT",
            Self::Marketing => "MARKETING",
        }
    }

    /// Reads a stored value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Both, Self::Agent, Self::Marketing].into_iter().find(|v| v.as_str() == text)
    }
}

/// Why Dispatch made the mission without asking, or did not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoutingDecision {
    /// Whether the mission was made without a person's word.
    pub auto_dispatch: bool,
    /// One sentence, such as "Above 0.7 threshold".
    pub reason: String,
}

/// One mission. A row that cannot be read whole is still shown, with `incomplete` saying what is wrong.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // field by field as in the brokerage's tables
pub struct Mission {
    pub mission_id: MissionId,
    pub kind: MissionKind,
    pub mission_type: Option<MissionType>,
    pub status: MissionStatus,
    pub title: String,
    pub description: Option<String>,
    pub realtor_id: Option<RealtorId>,
    pub listing_id: Option<ListingId>,
    pub priority: i32,
    pub visibility: Option<Visibility>,
    pub assigned_to: Option<StaffId>,
    pub due_at: Option<OffsetDateTime>,
    pub claimed_at: Option<OffsetDateTime>,
    pub completed_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub deleted_at: Option<OffsetDateTime>,
    pub deleted_by: Option<String>,
    /// Counts changes since Dispatch first saw the row; 1 for a row nobody changed.
    pub version: i64,
    pub confidence: Option<f32>,
    pub routing_decision: Option<RoutingDecision>,
    /// What about this row could not be read or is missing.
    pub incomplete: Option<String>,
}
