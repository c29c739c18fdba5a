//! Messages: who wrote what in which thread, what they are told apart by, and whether they are acted on.
//!
//! Subtypes: <https://docs.slack.dev/reference/events/message>.

use super::callback::is_own;
use super::fields::{Object, instant, unescape};
use super::{Found, OwnIds, reason};
use dispatch_mission::signal::Disposition;
use serde_json::{Map, Value};

/// Reads a `message` or `app_mention`.
pub(super) fn read(body: &Map<String, Value>, event: &Map<String, Value>, own: &OwnIds) -> Found {
    match event.text("subtype") {
        None | Some("" | "file_share" | "thread_broadcast" | "me_message") => {
            let mut found = said(body, event, None);
            found.disposition = disposition(body, event, own, &found);
            found
        }
        Some("bot_message") => {
            let mut found = said(body, event, Some("bot_message"));
            found.disposition = Disposition::Ignore(written_by_app(body, event, own));
            found
        }
        Some("message_changed") => edited(body, event),
        Some("message_deleted") => deleted(body, event),
        Some(_) => {
            let mut found = said(body, event, Some(event.id("subtype").unwrap_or("other")));
            found.disposition = Disposition::Ignore(reason::SUBTYPE_UNSUPPORTED);
            found
        }
    }
}

/// A message as it stands in `event`. What people say is told apart by its `ts` alone, whatever events announce it;
/// the rest also by its subtype.
fn said(body: &Map<String, Value>, event: &Map<String, Value>, subtype: Option<&str>) -> Found {
    let mut found = about(body, event, event, event.id("ts"));
    if let (Some(content), Some(subtype)) = (&mut found.content, subtype) {
        content.push('/');
        content.push_str(subtype);
    }
    found.occurred_at = event.text("ts").and_then(instant);
    found
}

/// An edit: about the message that was edited, told apart by when. Slack also sends it when a link unfurls; the text is
/// the same then, and so is `edited.ts`.
fn edited(body: &Map<String, Value>, event: &Map<String, Value>) -> Found {
    let nothing = Map::new();
    let message = event.object("message").unwrap_or(&nothing);
    let mut found = about(body, event, message, message.id("ts"));
    let when = message.object("edited").and_then(|edited| edited.id("ts"));
    mark(&mut found, "message_changed", when.or_else(|| event.id("ts")).or_else(|| event.id("event_ts")));
    found.disposition = Disposition::Ignore(reason::EDIT_UNSUPPORTED);
    found
}

/// A deletion: about the message that is gone; its text is not kept once more.
fn deleted(body: &Map<String, Value>, event: &Map<String, Value>) -> Found {
    let nothing = Map::new();
    let message = event.object("previous_message").unwrap_or(&nothing);
    let ts = event.id("deleted_ts").or_else(|| message.id("ts"));
    let mut found = about(body, event, message, ts);
    mark(&mut found, "message_deleted", event.id("ts").or_else(|| event.id("event_ts")));
    found.text = String::new();
    found.disposition = Disposition::Ignore(reason::DELETE_UNSUPPORTED);
    found
}

fn mark(found: &mut Found, subtype: &str, when: Option<&str>) {
    if let Some(content) = &mut found.content {
        content.push('/');
        content.push_str(subtype);
        content.push('/');
        content.push_str(when.unwrap_or_default());
    }
}

/// What `event` says about `message`, whose name is `ts`.
fn about(
    body: &Map<String, Value>,
    event: &Map<String, Value>,
    message: &Map<String, Value>,
    ts: Option<&str>,
) -> Found {
    let mut found = Found::of(body, Disposition::Queue);
    if let (Some(channel), Some(ts)) = (event.id("channel"), ts) {
        found.content = Some(format!("slack:message:{}/{channel}/{ts}", found.workspace));
    }
    found.channel = event.id("channel").unwrap_or_default().to_owned();
    // The first message of a thread carries its own `ts` there once it has replies: it stays a root message.
    found.thread = message.id("thread_ts").filter(|thread| Some(*thread) != ts).map(str::to_owned);
    found.author = message.id("user").unwrap_or_default().to_owned();
    found.text = unescape(message.text("text").unwrap_or_default());
    found.message_ref = ts.unwrap_or_default().to_owned();
    found
}

/// What is to become of a message that a person may have written.
fn disposition(body: &Map<String, Value>, event: &Map<String, Value>, own: &OwnIds, found: &Found) -> Disposition {
    let by_app = event.id("bot_id").is_some() || event.object("bot_profile").is_some();
    if by_app || found.author == "USLACKBOT" || is_own(body, event, own) {
        return Disposition::Ignore(written_by_app(body, event, own));
    }
    if found.workspace.is_empty() {
        return Disposition::Ignore(reason::MISSING_TEAM);
    }
    if found.author.is_empty() || found.channel.is_empty() {
        return Disposition::Ignore(reason::MISSING_USER_OR_CHANNEL);
    }
    if found.occurred_at.is_none() {
        return Disposition::Ignore(reason::MISSING_TS);
    }
    if found.text.trim().is_empty() && event.array("files").is_empty() {
        return Disposition::Ignore(reason::EMPTY_MESSAGE);
    }
    Disposition::Queue
}

fn written_by_app(body: &Map<String, Value>, event: &Map<String, Value>, own: &OwnIds) -> &'static str {
    if is_own(body, event, own) { reason::OWN_MESSAGE } else { reason::BOT_MESSAGE }
}
