//! From rows to a story: everything that happened, in order. It must not know SQL.

use std::collections::HashMap;

use dispatch_mission::ids::{ClassificationId, DeliveryId, DispatchId, MissionId, SignalId, UnitId};
use dispatch_pipeline::ports::stories::{Story, StoryEntry};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime, UtcOffset};
use uuid::Uuid;

use super::read::{DeliveryRow, Rows, SignalRow, TimelineRow};

/// `None` when there is nothing to tell, for the rows went away meanwhile.
pub(super) fn story(rows: Rows) -> Option<Story> {
    if rows.signals.is_empty() && rows.unit.is_none() && rows.missions.is_empty() {
        return None;
    }
    let mut trace_ids: Vec<String> = Vec::new();
    for trace in rows.signals.iter().filter_map(|signal| signal.trace_id) {
        let trace = trace.simple().to_string();
        if !trace_ids.contains(&trace) {
            trace_ids.push(trace);
        }
    }
    Some(Story {
        event_ids: rows.signals.iter().map(|row| SignalId(row.signal_id)).collect(),
        unit_id: rows.unit_id.map(UnitId),
        classification_id: rows.unit.as_ref().and_then(|unit| unit.classification_id).map(ClassificationId),
        dispatch_ids: rows.dispatches.iter().copied().map(DispatchId).collect(),
        delivery_ids: rows.deliveries.iter().map(|row| DeliveryId(row.delivery_id)).collect(),
        mission_ids: rows.missions.iter().cloned().map(MissionId).collect(),
        trace_ids,
        state: state(&rows),
        entries: entries(rows),
    })
}

/// Where it stands: the unit's state, and for a routed one how its deliveries ended. For what people did to a mission
/// without a message nothing is left to do.
fn state(rows: &Rows) -> String {
    let Some(unit) = &rows.unit else {
        return rows.signals.first().map_or_else(|| "done".to_owned(), |signal| signal.state.clone());
    };
    if unit.state != "routed" {
        return unit.state.clone();
    }
    let any = |states: &[&str]| rows.deliveries.iter().any(|row| states.contains(&row.state.as_str()));
    let state = if any(&["held"]) {
        "held"
    } else if any(&["pending"]) {
        "routed"
    } else if any(&["exhausted", "failed", "unknown"]) {
        "dead"
    } else {
        "done"
    };
    state.to_owned()
}

/// An entry with its place among those of the same instant.
type Placed = (OffsetDateTime, i64, StoryEntry);

fn entries(rows: Rows) -> Vec<StoryEntry> {
    // A delivery is planned in the transaction that routes its unit, whose entry has the better time.
    let routed: HashMap<String, (OffsetDateTime, i64)> = rows
        .timeline
        .iter()
        .filter_map(|row| Some((row.detail.get("dispatch_id")?.as_str()?.to_owned(), (row.at, row.entry))))
        .collect();
    let mut placed: Vec<Placed> = rows.signals.into_iter().map(received).collect();
    placed.extend(rows.timeline.into_iter().map(happened));
    // Behind the decision of the same instant, for the sort is stable.
    placed.extend(rows.deliveries.into_iter().map(|row| planned(row, &routed)));
    placed.sort_by_key(|(at, place, _)| (*at, *place));
    placed.into_iter().map(|(_, _, entry)| entry).collect()
}

fn received(row: SignalRow) -> Placed {
    let mut detail = object(row.detail);
    if let Some(trace) = row.trace_id {
        detail.insert("trace_id".to_owned(), trace.simple().to_string().into());
    }
    let event = if row.state == "ignored" { "signal.ignored" } else { "signal.received" };
    (row.received_at, 0, entry(row.received_at, "intake", event, Some(id(row.signal_id)), detail))
}

fn planned(row: DeliveryRow, routed: &HashMap<String, (OffsetDateTime, i64)>) -> Placed {
    let (at, place) = routed.get(&id(row.dispatch_id)).copied().unwrap_or((row.created_at, 0));
    (at, place, entry(at, "route", "delivery.planned", Some(id(row.delivery_id)), object(row.detail)))
}

fn happened(row: TimelineRow) -> Placed {
    let mut detail = object(row.detail);
    if let Some(pause) = detail.get("next_in_ms").and_then(Value::as_i64) {
        let next = row.at.checked_add(Duration::milliseconds(pause));
        detail.extend(next.map(|next| ("next_at".to_owned(), instant(next).into())));
    }
    (row.at, row.entry, entry(row.at, &row.step, &row.event, row.subject, detail))
}

/// As everywhere on the wire: `YYYY-MM-DDTHH:MM:SS.mmmZ`, whatever the number of digits would be.
fn instant(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, milli) = at.to_hms_milli();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn entry(
    at: OffsetDateTime,
    step: &str,
    event: &str,
    subject: Option<String>,
    detail: Map<String, Value>,
) -> StoryEntry {
    StoryEntry { at, step: step.to_owned(), event: event.to_owned(), subject, detail }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn id(id: Uuid) -> String {
    id.to_string()
}
