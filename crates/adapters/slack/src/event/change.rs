//! Edits and deletions: about a message that came in before, or that they overtook. Must not know what became of it.
//!
//! Rules: <https://docs.slack.dev/reference/events/message/message_changed> and `…/message_deleted`.

use super::fields::{Object, instant};
use super::message::{about, untouchable};
use super::{Found, OwnIds, reason, said};
use dispatch_mission::signal::{Amendment, Change, Disposition};
use serde_json::{Map, Value};

/// Reads a `message_changed`. It is an edit when its author changed what it says: told apart by when they did and by what
/// it says now, for `edited.ts` has whole seconds. A link that unfurls, a reply, a new title also arrive as one; those get
/// a key of their own, so that none of them stands in the way of the edit that they may overtake.
pub(super) fn edited(body: &Map<String, Value>, event: &Map<String, Value>, own: &OwnIds) -> Found {
    let nothing = Map::new();
    let message = event.object("message").unwrap_or(&nothing);
    let previous = event.object("previous_message");
    if is_tombstone(message) {
        // A message that has replies leaves a stone behind; who wrote it stands in what was there before.
        return gone(body, event, previous.unwrap_or(&nothing), message.id("ts"), own);
    }
    let mut found = about(body, event, message, message.id("ts"));
    let when = message.object("edited").and_then(|edited| edited.id("ts"));
    let says_the_same = when.is_none() || previous.is_some_and(|previous| said::same(previous, message));
    // The event's own name orders two edits of one second; it is never older than what it tells.
    found.occurred_at = when.and_then(instant).max(instant(moment(event)));
    let refusal = untouchable(body, message, own).or_else(|| says_the_same.then_some(reason::TEXT_UNCHANGED));
    let told_by = format!("{}/{}", when.unwrap_or_default(), said::digest(message));
    amend(found, Change::Edit, refusal.map_or(Ok(&told_by), Err), event)
}

/// Reads a `message_deleted`.
pub(super) fn deleted(body: &Map<String, Value>, event: &Map<String, Value>, own: &OwnIds) -> Found {
    let nothing = Map::new();
    let previous = event.object("previous_message").unwrap_or(&nothing);
    gone(body, event, previous, event.id("deleted_ts").or_else(|| previous.id("ts")), own)
}

/// A deletion of the message `ts`, which said `previous`; that is not kept once more.
fn gone(
    body: &Map<String, Value>,
    event: &Map<String, Value>,
    previous: &Map<String, Value>,
    ts: Option<&str>,
    own: &OwnIds,
) -> Found {
    let mut found = about(body, event, previous, ts);
    found.text = String::new();
    found.attachments = Vec::new();
    found.occurred_at = event.text("event_ts").or_else(|| event.text("ts")).and_then(instant);
    // When the last reply goes, so does the stone: the second deletion of the same message.
    let refusal = if is_tombstone(previous) { None } else { untouchable(body, previous, own) };
    amend(found, Change::Delete, refusal.map_or(Ok(moment(event)), Err), event)
}

/// Makes `found` an amendment told apart by what `verdict` names, or ignores it for `verdict`'s reason.
fn amend(mut found: Found, change: Change, verdict: Result<&str, &'static str>, event: &Map<String, Value>) -> Found {
    let subtype = match change {
        Change::Edit => "message_changed",
        Change::Delete => "message_deleted",
    };
    let missing = || if found.channel.is_empty() { reason::MISSING_USER_OR_CHANNEL } else { reason::MISSING_TS };
    let team = if found.workspace.is_empty() { Err(reason::MISSING_TEAM) } else { Ok(()) };
    let of = found.content.clone().ok_or_else(missing);
    match verdict.and_then(|by| team.and(of).map(|of| (by, of))) {
        Ok((by, of)) => {
            found.mark(&format!("{subtype}/{by}"));
            found.disposition = Disposition::Amend(Amendment { of, change });
        }
        Err(reason) => {
            found.mark(&format!("{subtype}/ignored/{}", moment(event)));
            found.disposition = Disposition::Ignore(reason);
        }
    }
    found
}

/// The name of the event itself.
fn moment(event: &Map<String, Value>) -> &str {
    event.id("ts").or_else(|| event.id("event_ts")).unwrap_or_default()
}

fn is_tombstone(message: &Map<String, Value>) -> bool {
    message.text("subtype") == Some("tombstone")
}
