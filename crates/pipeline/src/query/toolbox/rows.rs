//! Found rows as JSON: what readers see in `tool_result` events, and what a model is given. Times stand twice, as an instant and
//! as people read them. Must not know SQL.

use super::harvest::{Citation, short};
use super::story::Told;
use crate::ports::records::{DeliveryHit, HeldHit, ListingHit, MissionHit, PersonHit, RecordKind, SignalHit};
use crate::ports::stories::StoryEntry;
use crate::query::wall::{Wall, instant};
use dispatch_mission::mission::Mission;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

/// The most characters of a mission's description.
const DESCRIPTION_CHARS: usize = 280;
/// The most entries of a story that are shown: the first ones and the last ones.
const MOST_ENTRIES: usize = 60;

/// What is told of the detail of what happened, in order of the names. Another member is told when it stands here.
const TOLD: [&str; 54] = [
    "after",
    "already_there",
    "attempt",
    "attempts",
    "auto_dispatch",
    "because",
    "by",
    "change",
    "changed",
    "classification_id",
    "code",
    "confidence",
    "dispatch_id",
    "error_code",
    "expires_after_s",
    "from",
    "group_key",
    "had",
    "has",
    "held_for",
    "ignored_reason",
    "kind",
    "left",
    "listing_id",
    "matched",
    "message_ref",
    "message_type",
    "mission_type",
    "missions",
    "next_in_ms",
    "note",
    "occurred_at",
    "operation_id",
    "outcome",
    "provenance",
    "provider_event_id",
    "realtor_id",
    "reason",
    "reference",
    "retry_after_s",
    "retry_num",
    "retry_reason",
    "revision",
    "rule",
    "signals",
    "source",
    "state",
    "status",
    "task_key",
    "to",
    "took_ms",
    "was_held_for",
    "withdrawn",
    "workspace",
];

/// Without members that are null: values are absent.
fn object(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

fn at(moment: Option<OffsetDateTime>) -> Option<String> {
    moment.map(instant)
}

fn said(moment: Option<OffsetDateTime>, wall: Wall) -> Option<String> {
    moment.map(|moment| wall.said(moment))
}

pub(super) fn mission(hit: &MissionHit, wall: Wall) -> Value {
    let mut row = mission_row(&hit.mission, wall);
    if let Value::Object(members) = &mut row {
        let names = [("address", &hit.address), ("assignee", &hit.assignee), ("realtor", &hit.realtor)];
        members.extend(names.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))));
    }
    row
}

fn mission_row(mission: &Mission, wall: Wall) -> Value {
    let mission = mission.clone();
    object(json!({
        "mission_id": mission.mission_id.0,
        "kind": mission.kind.as_str(),
        "title": mission.title,
        "status": mission.status.as_str(),
        "description": mission.description.map(|text| short(&text, DESCRIPTION_CHARS)),
        "assigned_to": mission.assigned_to.map(|id| id.0),
        "listing_id": mission.listing_id.map(|id| id.0),
        "realtor_id": mission.realtor_id.map(|id| id.0),
        "due_at": at(mission.due_at),
        "due": said(mission.due_at, wall),
        "claimed_at": at(mission.claimed_at),
        "claimed": said(mission.claimed_at, wall),
        "completed_at": at(mission.completed_at),
        "completed": said(mission.completed_at, wall),
        "created_at": instant(mission.created_at),
        "incomplete": mission.incomplete,
    }))
}

pub(super) fn listing(hit: &ListingHit, wall: Wall) -> Value {
    object(json!({
        "listing_id": hit.listing_id.0,
        "address": hit.address,
        "status": hit.status,
        "kind": hit.kind,
        "realtor": hit.realtor,
        "due_at": at(hit.due_at),
        "due": said(hit.due_at, wall),
        "open_missions": hit.open_missions,
    }))
}

pub(super) fn person(hit: &PersonHit) -> Value {
    match hit {
        PersonHit::Staff { staff_id, name, role } => object(json!({
            "kind": "staff",
            "staff_id": staff_id.0,
            "name": name,
            "role": role.map(dispatch_mission::people::StaffRole::as_str),
        })),
        PersonHit::Realtor { realtor_id, name } => {
            json!({ "kind": "realtor", "realtor_id": realtor_id.0, "name": name })
        }
    }
}

pub(super) fn message(hit: &SignalHit, wall: Wall) -> Value {
    object(json!({
        "event_id": hit.signal_id.to_string(),
        "unit_id": hit.unit_id.map(|id| id.to_string()),
        "source": hit.source.as_str(),
        "received_at": instant(hit.received_at),
        "received": wall.said(hit.received_at),
        "state": hit.state,
        "author": hit.author,
        "text": hit.excerpt,
    }))
}

pub(super) fn held(hit: &HeldHit, wall: Wall) -> Value {
    object(json!({
        "unit_id": hit.unit_id.to_string(),
        "reason": hit.reason,
        "rule": hit.rule,
        "held_since_at": instant(hit.held_since),
        "held_since": wall.said(hit.held_since),
        "classification_id": hit.classification_id.map(|id| id.to_string()),
        "message_type": hit.message_type,
        "key": hit.key,
        "confidence": hit.confidence.map(|sure| (f64::from(sure) * 1000.0).round() / 1000.0),
        "explanations": hit.explanations,
        "text": hit.excerpt,
    }))
}

pub(super) fn delivery(hit: &DeliveryHit, wall: Wall) -> Value {
    object(json!({
        "delivery_id": hit.delivery_id.to_string(),
        "dispatch_id": hit.dispatch_id.to_string(),
        "unit_id": hit.unit_id.to_string(),
        "kind": hit.kind,
        "state": hit.state,
        "reason": hit.reason,
        "attempts": hit.attempts,
        "created_at": instant(hit.created_at),
        "created": wall.said(hit.created_at),
        "next_attempt_at": at(hit.next_attempt_at),
        "next_attempt": said(hit.next_attempt_at, wall),
    }))
}

pub(super) fn story(told: &Told, wall: Wall) -> Value {
    let missions: Vec<Value> = told.missions.iter().map(|mission| mission_row(mission, wall)).collect();
    let Some(story) = &told.story else { return json!({ "id": told.id, "missions": missions }) };
    let text = |ids: &[String]| Value::from(ids.to_vec());
    let total = story.entries.len();
    let shown: Vec<Value> = story
        .entries
        .iter()
        .enumerate()
        .filter(|(n, _)| total <= MOST_ENTRIES || *n < MOST_ENTRIES / 2 || *n >= total - MOST_ENTRIES / 2)
        .map(|(_, it)| entry(it, wall))
        .collect();
    object(json!({
        "id": told.id,
        "state": story.state,
        "unit_id": story.unit_id.map(|id| id.to_string()),
        "classification_id": story.classification_id.map(|id| id.to_string()),
        "event_ids": text(&story.event_ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "dispatch_ids": text(&story.dispatch_ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "delivery_ids": text(&story.delivery_ids.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "missions": missions,
        "entries_in_all": total,
        "entries": shown,
    }))
}

/// What happened, by members that are named: whom a message came from and where an answer goes to is a phone number for text
/// messages, and stays here.
fn entry(entry: &StoryEntry, wall: Wall) -> Value {
    let mut members = Map::new();
    members.insert("at".to_owned(), instant(entry.at).into());
    members.insert("when".to_owned(), wall.said(entry.at).into());
    members.insert("event".to_owned(), entry.event.clone().into());
    members.extend(entry.subject.as_deref().map(|subject| ("subject".to_owned(), hushed(subject).into())));
    let told = entry.detail.iter().filter(|(name, _)| TOLD.binary_search(&name.as_str()).is_ok());
    let detail: Map<String, Value> = told.map(|(name, value)| (name.clone(), without_numbers(value))).collect();
    members.insert("detail".to_owned(), Value::Object(detail));
    Value::Object(members)
}

/// A told value, however deep, without phone numbers.
fn without_numbers(value: &Value) -> Value {
    match value {
        Value::String(text) => hushed(text).into(),
        Value::Array(values) => values.iter().map(without_numbers).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), without_numbers(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// A text without phone numbers as the providers write them: a plus and seven digits or more.
fn hushed(text: &str) -> String {
    let mut parts = text.split('+');
    let mut quiet = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match digits {
            7.. => quiet.extend(["(a phone number)", &part[digits..]]),
            _ => quiet.extend(["+", part]),
        }
    }
    quiet
}

pub(super) fn cite_mission(hit: &MissionHit) -> Citation {
    Citation::new(RecordKind::Mission, &hit.mission.mission_id, &hit.mission.title)
}

pub(super) fn cite_listing(hit: &ListingHit) -> Citation {
    Citation::new(
        RecordKind::Listing,
        &hit.listing_id,
        hit.address.as_deref().unwrap_or("a listing without an address"),
    )
}

pub(super) fn cite_person(hit: &PersonHit) -> Citation {
    match hit {
        PersonHit::Staff { staff_id, name, .. } => Citation::new(RecordKind::Staff, staff_id, name),
        PersonHit::Realtor { realtor_id, name } => Citation::new(RecordKind::Realtor, realtor_id, name),
    }
}

pub(super) fn cite_message(hit: &SignalHit) -> Vec<Citation> {
    let event = Citation::new(RecordKind::Event, &hit.signal_id, &hit.excerpt);
    let unit = hit.unit_id.map(|unit| Citation::new(RecordKind::Unit, &unit, &hit.excerpt));
    [event].into_iter().chain(unit).collect()
}

pub(super) fn cite_held(hit: &HeldHit) -> Vec<Citation> {
    let unit = Citation::new(RecordKind::Unit, &hit.unit_id, &hit.excerpt);
    let meant = hit.classification_id.map(|id| Citation::new(RecordKind::Classification, &id, &hit.reason));
    [unit].into_iter().chain(meant).collect()
}

pub(super) fn cite_delivery(hit: &DeliveryHit) -> Vec<Citation> {
    let label = format!("{} delivery, {}", hit.kind, hit.state);
    vec![
        Citation::new(RecordKind::Delivery, &hit.delivery_id, &label),
        Citation::new(RecordKind::Dispatch, &hit.dispatch_id, &label),
        Citation::new(RecordKind::Unit, &hit.unit_id, &label),
    ]
}

pub(super) fn cite_story(told: &Told) -> Vec<Citation> {
    let mission = |mission: &Mission| Citation::new(RecordKind::Mission, &mission.mission_id, &mission.title);
    let mut cited: Vec<Citation> = told.missions.iter().map(mission).collect();
    let Some(story) = &told.story else { return cited };
    let state = &story.state;
    cited.extend(story.event_ids.iter().map(|id| Citation::new(RecordKind::Event, id, "a message")));
    cited.extend(story.unit_id.map(|id| Citation::new(RecordKind::Unit, &id, state)));
    cited.extend(
        story
            .classification_id
            .map(|id| Citation::new(RecordKind::Classification, &id, "what it was understood to mean")),
    );
    cited.extend(story.dispatch_ids.iter().map(|id| Citation::new(RecordKind::Dispatch, id, "a routing decision")));
    cited.extend(story.delivery_ids.iter().map(|id| Citation::new(RecordKind::Delivery, id, "a delivery")));
    cited
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_mission::zone::Zone;
    use time::macros::datetime;

    #[test]
    fn what_is_told_is_in_order() {
        assert!(TOLD.is_sorted());
    }

    #[test]
    fn phone_numbers_are_not_told() {
        let detail = json!({
            "source": "sms", "author": "+14165550100", "channel": "+16475550123", "thread": "+14165550100",
            "amends": "sms:+14165550100:SM1", "destination": { "kind": "sms", "to": "+14165550100", "from": "+16475550123" },
            "message_ref": "SM0123456789", "note": "she said: call +14165550100, +1 or 2+2", "retry_num": 2,
            "provenance": { "provider": "openai", "asked": ["+14165550100"] },
        });
        let entry = StoryEntry {
            at: datetime!(2026-11-23 15:00 UTC),
            step: "intake".into(),
            event: "signal.received".into(),
            subject: Some("+14165550100".into()),
            detail: detail.as_object().cloned().unwrap_or_default(),
        };
        let wall = Wall { now: datetime!(2026-11-24 02:30 UTC), zone: Zone::toronto() };
        let told = super::entry(&entry, wall);
        assert!(!told.to_string().contains("+1416") && !told.to_string().contains("555"), "{told}");
        let kept = json!({
            "source": "sms", "message_ref": "SM0123456789", "note": "she said: call (a phone number), +1 or 2+2",
            "retry_num": 2, "provenance": { "provider": "openai", "asked": ["(a phone number)"] },
        });
        assert_eq!(told["detail"], kept);
    }
}
