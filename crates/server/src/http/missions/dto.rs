//! A mission on the wire. Field names are the contract of the clients; what is absent is left out, never null.

use super::cursor;
use super::words::{MissionKindDto, MissionStatusDto, MissionTypeDto, VisibilityDto};
use crate::http::timestamp::Timestamp;
use dispatch_mission::mission::{Mission, RoutingDecision};
use dispatch_mission::mission_store::{MissionOrder, MissionPage};
use serde::Serialize;
use utoipa::ToSchema;

/// Why Dispatch made the mission without asking, or did not.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = RoutingDecision, example = json!({ "auto_dispatch": true, "reason": "Above 0.7 threshold" }))]
pub struct RoutingDecisionDto {
    /// Whether the mission was made without a person's word.
    pub auto_dispatch: bool,
    /// One sentence.
    pub reason: String,
}

impl From<RoutingDecision> for RoutingDecisionDto {
    fn from(decision: RoutingDecision) -> Self {
        Self { auto_dispatch: decision.auto_dispatch, reason: decision.reason }
    }
}

/// One mission: a piece of work for a person. Optional fields are absent when there is nothing to say, never null.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Mission, example = json!({
    "mission_id": "01JC8Q5W3N4X0V7Y2Z6B9D1F", "kind": "agent_task", "mission_type": "SHOWING", "status": "active",
    "title": "Book a showing at 12 Elm St", "priority": 0, "realtor_id": "01JC8PZV0A4M8K2T6R3Y5W7Q",
    "due_at": "2026-11-27T22:00:00.000Z", "created_at": "2026-11-20T14:03:07.120Z",
    "updated_at": "2026-11-20T14:03:07.120Z", "version": 1, "confidence": 0.92,
    "routing_decision": { "auto_dispatch": true, "reason": "Above 0.7 threshold" },
}))]
pub struct MissionDto {
    /// Opaque id.
    pub mission_id: String,
    /// Which sort of row it is.
    pub kind: MissionKindDto,
    /// What sort of work it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub mission_type: Option<MissionTypeDto>,
    /// Where it stands.
    pub status: MissionStatusDto,
    /// What to call it.
    pub title: String,
    /// The words it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub description: Option<String>,
    /// The realtor it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub realtor_id: Option<String>,
    /// The listing it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub listing_id: Option<String>,
    /// 0 to 10; higher is more important.
    pub priority: i32,
    /// Who may see it; activities only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub visibility: Option<VisibilityDto>,
    /// The staff member who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub assigned_to: Option<String>,
    /// When it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub due_at: Option<Timestamp>,
    /// When it was claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub claimed_at: Option<Timestamp>,
    /// When it was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub completed_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed. Use `version` to detect changes, not this.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// When it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub deleted_at: Option<Timestamp>,
    /// Who deleted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deleted_by: Option<String>,
    /// Counts its changes; the token for concurrent edits.
    pub version: i64,
    /// How sure the classifier was, 0 to 1; missions that Dispatch made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confidence: Option<f32>,
    /// Why Dispatch made it, or did not; missions that Dispatch made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub routing_decision: Option<RoutingDecisionDto>,
    /// What about this row could not be read, or is missing. The row is shown all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub incomplete: Option<String>,
}

impl From<Mission> for MissionDto {
    fn from(mission: Mission) -> Self {
        Self {
            mission_id: mission.mission_id.0,
            kind: mission.kind.into(),
            mission_type: mission.mission_type.map(Into::into),
            status: mission.status.into(),
            title: mission.title,
            description: mission.description,
            realtor_id: mission.realtor_id.map(|id| id.0),
            listing_id: mission.listing_id.map(|id| id.0),
            priority: mission.priority,
            visibility: mission.visibility.map(Into::into),
            assigned_to: mission.assigned_to.map(|id| id.0),
            due_at: mission.due_at.map(Timestamp),
            claimed_at: mission.claimed_at.map(Timestamp),
            completed_at: mission.completed_at.map(Timestamp),
            created_at: Timestamp(mission.created_at),
            updated_at: Timestamp(mission.updated_at),
            deleted_at: mission.deleted_at.map(Timestamp),
            deleted_by: mission.deleted_by,
            version: mission.version,
            confidence: mission.confidence,
            routing_decision: mission.routing_decision.map(Into::into),
            incomplete: mission.incomplete,
        }
    }
}

/// One page of missions.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = MissionPage, example = json!({
    "items": [{
        "mission_id": "01JC8Q5W3N4X0V7Y2Z6B9D1F", "kind": "activity", "mission_type": "MARKETING", "status": "claimed",
        "title": "Take listing photos", "listing_id": "01JC8R1M5E9H3K7P2T6W0Y4B", "priority": 10, "visibility": "BOTH",
        "assigned_to": "01JC8S4C8G2K6N0R4V8Z3D7H", "claimed_at": "2026-11-20T15:10:00.000Z",
        "created_at": "2026-11-20T14:03:07.120Z", "updated_at": "2026-11-20T15:10:00.000Z", "version": 2,
    }],
    "next_cursor": "YzE6MTc2MzY0NzM4NzEyMDAwMDowMUpDOFE1VzNO",
}))]
pub struct MissionPageDto {
    /// The missions, in the order asked for.
    pub items: Vec<MissionDto>,
    /// Pass it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_cursor: Option<String>,
}

impl MissionPageDto {
    /// The page as clients read it; its cursor remembers the order.
    #[must_use]
    pub fn of(page: MissionPage, order: MissionOrder) -> Self {
        Self {
            next_cursor: page.next.map(|next| cursor::encode(&next, order)),
            items: page.items.into_iter().map(Into::into).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::mission;
    use dispatch_mission::ids::StaffId;
    use dispatch_mission::mission::{MissionKind, MissionType, Visibility};
    use dispatch_mission::status::MissionStatus;
    use serde_json::json;
    use time::macros::datetime;

    #[test]
    fn absent_is_left_out() {
        let shown = serde_json::to_value(MissionDto::from(mission("m-1"))).expect("JSON");
        let expected = json!({
            "mission_id": "m-1", "kind": "agent_task", "status": "active", "title": "Order a yard sign", "priority": 0,
            "created_at": "2026-11-20T14:03:00.000Z", "updated_at": "2026-11-20T14:03:07.120Z", "version": 1,
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn present_is_spelled_as_the_contract_says() {
        let mut full = mission("m-2");
        full.kind = MissionKind::Activity;
        full.mission_type = Some(MissionType::Marketing);
        full.status = MissionStatus::NeedsInfo;
        full.visibility = Some(Visibility::Agent);
        full.assigned_to = Some(StaffId("s-1".into()));
        full.due_at = Some(datetime!(2026-11-27 17:00 -5));
        full.confidence = Some(0.92);
        full.routing_decision = Some(RoutingDecision { auto_dispatch: true, reason: "Above 0.7 threshold".into() });
        let shown = serde_json::to_value(MissionDto::from(full)).expect("JSON");
        let text = serde_json::to_string(&shown["routing_decision"]).expect("JSON");
        assert_eq!(text, r#"{"auto_dispatch":true,"reason":"Above 0.7 threshold"}"#);
        for (field, value) in [
            ("kind", json!("activity")),
            ("mission_type", json!("MARKETING")),
            ("status", json!("needs_info")),
            ("visibility", json!("AGENT")),
            ("assigned_to", json!("s-1")),
            ("due_at", json!("2026-11-27T22:00:00.000Z")),
        ] {
            assert_eq!(shown[field], value, "{field}");
        }
    }

    #[test]
    fn confidence_keeps_its_two_digits() {
        let mut sure = mission("m-3");
        sure.confidence = Some(0.92);
        assert!(serde_json::to_string(&MissionDto::from(sure)).expect("JSON").contains("\"confidence\":0.92"));
    }
}
