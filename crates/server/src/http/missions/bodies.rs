//! What clients send about missions. Absent means "nothing said"; a member that is not known is refused, so that a slip of
//! the pen is not taken for consent.

use super::words::{MissionKindDto, MissionTypeDto, VisibilityDto};
use crate::http::problem::{Problem, ProblemField, kind};
use crate::http::timestamp::Timestamp;
use dispatch_mission::ids::{ListingId, RealtorId, StaffId};
use dispatch_mission::mission::MissionKind;
use dispatch_mission::mission_desk::NewMission;
use serde::Deserialize;
use utoipa::ToSchema;

/// A mission to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMission, example = json!({
    "title": "Book a showing at 12 Elm St", "mission_type": "SHOWING", "realtor_id": "01JC8PZV0A4M8K2T6R3Y5W7Q",
    "due_at": "2026-11-27T17:00:00-05:00",
}))]
pub struct NewMissionDto {
    /// What to call it: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub title: String,
    /// Which sort of mission; `agent_task` unless said otherwise.
    #[schema(nullable = false)]
    pub kind: Option<MissionKindDto>,
    /// What sort of work it is.
    #[schema(nullable = false)]
    pub mission_type: Option<MissionTypeDto>,
    /// What there is to know: at most 10000 characters.
    #[schema(nullable = false, max_length = 10_000)]
    pub description: Option<String>,
    /// The realtor it is for.
    #[schema(nullable = false)]
    pub realtor_id: Option<String>,
    /// The listing it is about; an activity needs one.
    #[schema(nullable = false)]
    pub listing_id: Option<String>,
    /// 0 to 10; 0 unless said otherwise.
    #[schema(nullable = false, minimum = 0, maximum = 10)]
    pub priority: Option<i32>,
    /// Who may see it; activities only, BOTH unless said otherwise.
    #[schema(nullable = false)]
    pub visibility: Option<VisibilityDto>,
    /// When it is due: any RFC 3339 time of the years 1970 to 9998.
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub due_at: Option<Timestamp>,
}

impl NewMissionDto {
    /// As the domain knows it.
    pub(super) fn read(self) -> Result<NewMission, Problem> {
        Ok(NewMission {
            kind: self.kind.map_or(MissionKind::AgentTask, Into::into),
            title: self.title,
            mission_type: self.mission_type.map(Into::into),
            description: self.description,
            realtor_id: self.realtor_id.map(|id| text_id("/realtor_id", id).map(RealtorId)).transpose()?,
            listing_id: self.listing_id.map(|id| text_id("/listing_id", id).map(ListingId)).transpose()?,
            priority: self.priority.unwrap_or_default(),
            visibility: self.visibility.map(Into::into),
            due_at: self.due_at.map(|at| at.0),
        })
    }
}

/// What was seen before a change.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MissionChange, example = json!({ "version": 3 }))]
pub struct ChangeDto {
    /// The `version` that the change is meant for; with another one nothing is changed.
    #[schema(nullable = false)]
    pub version: Option<i64>,
}

/// Who takes a mission.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MissionClaim, example = json!({ "version": 3 }))]
pub struct ClaimDto {
    /// The staff member who takes it; the caller unless said otherwise. Only admins claim for others.
    #[schema(nullable = false)]
    pub staff_id: Option<String>,
    /// The `version` that the change is meant for; with another one nothing is changed.
    #[schema(nullable = false)]
    pub version: Option<i64>,
}

impl ClaimDto {
    pub(super) fn who(&self) -> Result<Option<StaffId>, Problem> {
        self.staff_id.clone().map(staff_id).transpose()
    }
}

/// Who gets a mission.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MissionAssignment, example = json!({ "staff_id": "01JC8S4C8G2K6N0R4V8Z3D7H" }))]
pub struct AssignmentDto {
    /// The staff member who has it from now on.
    pub staff_id: String,
    /// The `version` that the change is meant for; with another one nothing is changed.
    #[schema(nullable = false)]
    pub version: Option<i64>,
}

/// What sort of work a mission is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MissionTypeChange, example = json!({ "mission_type": "MARKETING" }))]
pub struct TypeChangeDto {
    /// ADMIN or MARKETING; absent for none.
    #[schema(nullable = false)]
    pub mission_type: Option<MissionTypeDto>,
    /// The `version` that the change is meant for; with another one nothing is changed.
    #[schema(nullable = false)]
    pub version: Option<i64>,
}

pub(super) fn staff_id(id: String) -> Result<StaffId, Problem> {
    text_id("/staff_id", id).map(StaffId)
}

/// Ids are opaque, but no row can have just any text for one.
fn text_id(pointer: &str, id: String) -> Result<String, Problem> {
    if !id.is_empty() && id.len() <= 255 && !id.contains(char::is_control) {
        return Ok(id);
    }
    let field = ProblemField::pointer(pointer, "must have 1 to 255 characters, and none that cannot be seen");
    Err(Problem::new(&kind::INVALID_BODY).errors(vec![field]))
}
