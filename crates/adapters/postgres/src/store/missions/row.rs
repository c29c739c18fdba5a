//! From a row of either table to a mission. What cannot be read is left out and said: a row is never dropped.
//!
//! It must not know SQL.

use dispatch_mission::ids::{ListingId, MissionId, RealtorId, StaffId};
use dispatch_mission::mission::{Mission, MissionKind, MissionType, RoutingDecision, Visibility};
use dispatch_mission::status::MissionStatus;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::query::MissionRow;

pub(crate) fn mission(row: &MissionRow) -> Mission {
    let mut reader = Reader { row: &row.mission, faults: Vec::new() };
    let kind = MissionKind::parse(&row.kind).unwrap_or(MissionKind::AgentTask);
    let status = reader.known("mission_status", |text| MissionStatus::from_stored(text, row.waits));
    if status.is_none() && reader.text("mission_status").is_none() {
        reader.faults.push("it has no status".to_owned());
    }
    let title = reader.text("name").filter(|name| !name.trim().is_empty());
    if title.is_none() {
        reader.faults.push("it has no title".to_owned());
    }
    let listing_id = reader.text("listing_id").map(ListingId);
    if kind == MissionKind::Activity && listing_id.is_none() {
        reader.faults.push("it belongs to no listing".to_owned());
    }
    let mut mission = Mission {
        mission_id: MissionId(row.mission_id.clone()),
        kind,
        mission_type: reader.known("mission_type", MissionType::parse),
        status: status.unwrap_or(MissionStatus::Active),
        title: title.unwrap_or_else(|| "Untitled".to_owned()),
        description: reader.text("description"),
        realtor_id: reader.text("realtor_id").map(RealtorId),
        listing_id,
        priority: reader.row.get("priority").and_then(Value::as_i64).map_or(0, |n| i32::try_from(n).unwrap_or(0)),
        visibility: reader.known("visibility_group", Visibility::parse),
        assigned_to: reader.text("assigned_staff_id").map(StaffId),
        due_at: reader.time("due_date"),
        claimed_at: reader.time("claimed_at"),
        completed_at: reader.time("completed_at"),
        created_at: reader.time("created_at").unwrap_or(row.sorted_at),
        updated_at: reader.time("updated_at").unwrap_or(row.sorted_at),
        deleted_at: reader.time("deleted_at"),
        deleted_by: reader.text("deleted_by"),
        version: row.version,
        confidence: row.confidence,
        routing_decision: row
            .auto_dispatch
            .map(|auto_dispatch| RoutingDecision { auto_dispatch, reason: row.reason.clone().unwrap_or_default() }),
        incomplete: None,
    };
    let faults = reader.faults;
    mission.incomplete = (!faults.is_empty()).then(|| faults.join("; "));
    mission
}

/// Reads members of a row and remembers what it could not understand.
struct Reader<'a> {
    row: &'a Value,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn text(&self, column: &str) -> Option<String> {
        match self.row.get(column)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    /// A value of a closed set.
    fn known<T>(&mut self, column: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(column)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.faults.push(format!("{column} has the unknown value {text:?}"));
        }
        parsed
    }

    fn time(&mut self, column: &str) -> Option<OffsetDateTime> {
        let text = self.text(column)?;
        let parsed = OffsetDateTime::parse(&text, &Rfc3339).ok();
        if parsed.is_none() {
            self.faults.push(format!("{column} is no time: {text:?}"));
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(mission: Value, waits: bool) -> MissionRow {
        MissionRow {
            kind: "activity".to_owned(),
            mission_id: "m1".to_owned(),
            sorted_at: OffsetDateTime::UNIX_EPOCH,
            mission,
            version: 3,
            confidence: Some(0.9),
            auto_dispatch: Some(true),
            reason: Some("Above 0.7 threshold".to_owned()),
            waits,
        }
    }

    #[test]
    fn a_whole_row_is_read_whole() {
        let stored = json!({
            "name": "Take photos", "mission_status": "OPEN", "mission_type": "MARKETING_TASKS", "listing_id": "l1",
            "priority": 10, "visibility_group": "BOTH", "created_at": "2026-11-20T15:00:00.123456+00:00",
        });
        let mission = mission(&row(stored, false));
        assert_eq!(mission.incomplete, None);
        assert_eq!((mission.status, mission.mission_type), (MissionStatus::Active, Some(MissionType::Marketing)));
        assert_eq!((mission.priority, mission.version), (10, 3));
        assert_eq!(mission.created_at.microsecond(), 123_456);
    }

    #[test]
    fn a_strange_row_is_kept_and_says_what_is_strange() {
        let stored = json!({ "mission_status": "SOMEDAY", "mission_type": "FLYING", "due_date": "tomorrow" });
        let mission = mission(&row(stored, true));
        let incomplete = mission.incomplete.unwrap_or_default();
        for part in ["mission_status", "SOMEDAY", "mission_type", "no title", "no listing", "due_date"] {
            assert!(incomplete.contains(part), "{part} in {incomplete}");
        }
        assert_eq!(mission.status, MissionStatus::Active);
    }
}
