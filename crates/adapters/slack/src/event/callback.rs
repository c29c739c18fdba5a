//! The envelope of an `event_callback`: which workspace, whose app, and what kind of event. Must not know more of a
//! message than that it is one.

use super::fields::{Object, instant};
use super::{Found, OwnIds, message, reason};
use dispatch_mission::signal::Disposition;
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// Reads an `event_callback`.
pub(super) fn read(body: &Map<String, Value>, own: &OwnIds) -> Found {
    let Some(event) = body.object("event") else {
        return Found { occurred_at: event_time(body), ..Found::of(body, Disposition::Ignore(reason::MISSING_EVENT)) };
    };
    let mut found = match event.text("type") {
        // One mention arrives as both; they are one signal, because they share a `ts`.
        Some("message" | "app_mention") => message::read(body, event, own),
        _ => other(body, event),
    };
    found.occurred_at = found.occurred_at.or_else(|| event.text("event_ts").and_then(instant));
    found.occurred_at = found.occurred_at.or_else(|| event_time(body));
    found
}

/// Reads an `app_rate_limited`, which has no event in it: one signal per workspace, app and minute.
pub(super) fn rate_limited(body: &Map<String, Value>) -> Found {
    let mut found = Found::of(body, Disposition::Ignore(reason::APP_RATE_LIMITED));
    if let Some(minute) = body.get("minute_rate_limited").and_then(Value::as_i64) {
        found.occurred_at = OffsetDateTime::from_unix_timestamp(minute).ok();
        let app = body.id("api_app_id").unwrap_or_default();
        found.content = Some(format!("slack:app_rate_limited:{}/{app}/{minute}", found.workspace));
    }
    found
}

/// The workspace that the app was installed in: its token answers.
pub(super) fn workspace(body: &Map<String, Value>) -> Option<&str> {
    let authorized = || body.array("authorizations").iter().find_map(|entry| entry.as_object()?.id("team_id"));
    body.id("team_id").or_else(authorized).or_else(|| body.object("event")?.id("team"))
}

/// Whether our own app wrote `event`.
pub(super) fn is_own(body: &Map<String, Value>, event: &Map<String, Value>, own: &OwnIds) -> bool {
    let by_app = event.id("app_id").is_some_and(|app| body.id("api_app_id") == Some(app));
    let by_id = ["user", "bot_id", "app_id"].iter().filter_map(|key| event.id(key)).any(|id| own.contains(id));
    by_app || by_id || event.id("user").is_some_and(|user| is_our_bot_user(body, user))
}

fn is_our_bot_user(body: &Map<String, Value>, user: &str) -> bool {
    body.array("authorizations")
        .iter()
        .filter_map(Value::as_object)
        .any(|entry| entry.get("is_bot").and_then(Value::as_bool) == Some(true) && entry.id("user_id") == Some(user))
}

/// An event other than a message: kept with whatever ids it has.
fn other(body: &Map<String, Value>, event: &Map<String, Value>) -> Found {
    Found {
        channel: event.id("channel").unwrap_or_default().to_owned(),
        author: event.id("user").unwrap_or_default().to_owned(),
        message_ref: event.id("event_ts").unwrap_or_default().to_owned(),
        ..Found::of(body, Disposition::Ignore(reason::EVENT_UNSUPPORTED))
    }
}

fn event_time(body: &Map<String, Value>) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(body.get("event_time")?.as_i64()?).ok()
}
