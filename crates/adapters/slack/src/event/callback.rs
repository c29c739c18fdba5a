//! The envelope of an `event_callback`: which workspace, whose app, and what kind of event. Must not know more of a
//! message than that it is one.

use super::fields::{Object, instant};
use super::{Found, OwnIds, installation, message, reason};
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
        _ => installation::read(body, event, other(body, event)),
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

/// The workspace that the app was installed in: its token answers. In a channel that is shared between workspaces
/// `team_id` may be the other one, so the authorization goes first, as in Slack's own SDK. An app that is installed for
/// a whole organisation is authorized for no single workspace; the event's own is meant then.
pub(super) fn workspace(body: &Map<String, Value>) -> Option<&str> {
    let authorized = authorization(body, "team_id").or_else(|| body.id("context_team_id"));
    let organisation = || authorization(body, "enterprise_id").or_else(|| body.id("enterprise_id"));
    authorized.or_else(|| origin(body)).or_else(organisation)
}

/// The workspace that an event happened in: part of what it is told apart by. Of several workspaces that share a channel
/// any may be the authorized one, this time or the next, but it happened in one only.
pub(super) fn origin(body: &Map<String, Value>) -> Option<&str> {
    body.id("team_id").or_else(|| authorization(body, "team_id")).or_else(|| body.object("event")?.id("team"))
}

fn authorization<'a>(body: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    body.array("authorizations").iter().find_map(|entry| entry.as_object()?.id(key))
}

/// Whether our own app wrote `event`.
pub(super) fn is_own(body: &Map<String, Value>, event: &Map<String, Value>, own: &OwnIds) -> bool {
    let by_app = event.id("app_id").is_some_and(|app| body.id("api_app_id") == Some(app));
    let by_id = ["user", "bot_id", "app_id"].iter().filter_map(|key| event.id(key)).any(|id| own.contains(id));
    by_app || by_id || event.id("user").is_some_and(|user| is_our_bot_user(body, user))
}

/// Whether `user` is the bot that the event was sent to.
pub(super) fn is_our_bot_user(body: &Map<String, Value>, user: &str) -> bool {
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
