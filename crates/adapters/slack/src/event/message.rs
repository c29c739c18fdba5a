//! Messages: who wrote what in which thread, what they are told apart by, and whether they are acted on.
//!
//! Subtypes: <https://docs.slack.dev/reference/events/message>.

use super::callback::is_own;
use super::fields::{Object, instant};
use super::{Found, OwnIds, change, reason, said};
use dispatch_mission::signal::Disposition;
use serde_json::{Map, Value};

/// Reads a `message` or `app_mention`.
pub(super) fn read(body: &Map<String, Value>, event: &Map<String, Value>, own: &OwnIds) -> Found {
    match subtype(event) {
        Some("message_changed") => change::edited(body, event, own),
        Some("message_deleted") => change::deleted(body, event, own),
        subtype => {
            let name = (!by_people(subtype)).then(|| event.id("subtype").unwrap_or("other"));
            let mut found = standing(body, event, name);
            found.disposition = match untouchable(body, event, own).or_else(|| unusable(&found)) {
                Some(reason) => Disposition::Ignore(reason),
                None => Disposition::Queue,
            };
            found
        }
    }
}

/// The subtype, if any. Slack leaves it out of `message_replied`, which then looks like a message that nobody wrote
/// (slackapi/node-slack-sdk#1019).
fn subtype(event: &Map<String, Value>) -> Option<&str> {
    let nested = event.object("message").is_some() && event.get("user").is_none();
    event.text("subtype").filter(|subtype| !subtype.is_empty()).or_else(|| nested.then_some("message_replied"))
}

/// Whether a person says something by a message of this subtype. Everything else tells what was done in a channel
/// (`channel_join`, `pinned_item`, `huddle_thread`, …), opens a conversation with an assistant without asking anything
/// (`assistant_app_thread`), was withheld from us (`ekm_access_denied`), or repeats what another event says
/// (`message_replied`, `reply_broadcast`, `file_mention`, `document_mention`).
fn by_people(subtype: Option<&str>) -> bool {
    matches!(subtype, None | Some("file_share" | "thread_broadcast" | "me_message"))
}

/// A message as it stands in `event`. What people say is told apart by its `ts` alone, whatever events announce it;
/// the rest also by its subtype.
fn standing(body: &Map<String, Value>, event: &Map<String, Value>, subtype: Option<&str>) -> Found {
    let mut found = about(body, event, event, event.id("ts"));
    if let Some(subtype) = subtype {
        found.mark(subtype);
    }
    found.occurred_at = event.text("ts").and_then(instant);
    found
}

/// What `event` says about `message`, whose name is `ts`.
pub(super) fn about(
    body: &Map<String, Value>,
    event: &Map<String, Value>,
    message: &Map<String, Value>,
    ts: Option<&str>,
) -> Found {
    let mut found = Found::of(body, Disposition::Queue);
    if let (Some(channel), Some(ts)) = (event.id("channel"), ts) {
        found.content = Some(format!("slack:message:{}/{channel}/{ts}", found.origin));
    }
    found.channel = event.id("channel").unwrap_or_default().to_owned();
    // The first message of a thread carries its own `ts` there once it has replies: it stays a root message.
    found.thread = message.id("thread_ts").filter(|thread| Some(*thread) != ts).map(str::to_owned);
    found.author = message.id("user").unwrap_or_default().to_owned();
    found.text = said::text(message);
    found.attachments = said::files(message);
    found.message_ref = ts.unwrap_or_default().to_owned();
    found
}

/// Why `message` is nothing that a person said, if so.
pub(super) fn untouchable(
    body: &Map<String, Value>,
    message: &Map<String, Value>,
    own: &OwnIds,
) -> Option<&'static str> {
    if is_own(body, message, own) {
        return Some(reason::OWN_MESSAGE);
    }
    let by_app = message.id("bot_id").is_some() || message.object("bot_profile").is_some();
    let subtype = subtype(message);
    if by_app || message.id("user") == Some("USLACKBOT") || subtype == Some("bot_message") {
        return Some(reason::BOT_MESSAGE);
    }
    (!by_people(subtype)).then_some(reason::SUBTYPE_UNSUPPORTED)
}

/// Why nothing can be made of a message that a person wrote, if so.
fn unusable(found: &Found) -> Option<&'static str> {
    if found.workspace.is_empty() {
        return Some(reason::MISSING_TEAM);
    }
    if found.author.is_empty() || found.channel.is_empty() {
        return Some(reason::MISSING_USER_OR_CHANNEL);
    }
    if found.occurred_at.is_none() {
        return Some(reason::MISSING_TS);
    }
    (found.text.trim().is_empty() && found.attachments.is_empty()).then_some(reason::EMPTY_MESSAGE)
}
