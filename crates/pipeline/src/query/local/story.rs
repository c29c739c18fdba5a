//! Questions about one thing: what happened to it, and why it is held. Must not know how a question is worded.

use super::intent::Asked;
use super::missions::call;
use super::work::{because, held, held_line};
use super::{prose, work};
use crate::ports::records::MOST_ROWS;
use crate::ports::stories::{Story, StoryEntry};
use crate::query::narration::Narration;
use crate::query::toolbox::args::{HeldArgs, StoryArgs};
use crate::query::toolbox::{Harvest, Told, ToolError};
use crate::query::wall::Wall;
use serde_json::Value;

/// The most things of a story that are told one by one.
const MOST_TOLD: usize = 25;

/// "What happened to <id>?"
pub(super) async fn happened(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    let Some(id) = asked.ids.first() else {
        return Ok("What happened to which one? Give me its id: of an event, unit, classification, dispatch, delivery, mission or \
            listing, a Slack timestamp, a MessageSid or a trace id."
            .to_owned());
    };
    let mut parts = Vec::new();
    for id in asked.ids.iter().take(3) {
        parts.push(match find(narration, id).await? {
            Some(told) => tale(&told, narration.wall),
            None => unknown(narration, id),
        });
    }
    let _ = id;
    Ok(parts.join("\n\n"))
}

/// "Why was this held?"
pub(super) async fn why(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    let Some(id) = asked.ids.first() else { return held(narration, asked).await };
    let Some(told) = find(narration, id).await? else { return Ok(unknown(narration, id)) };
    let Some(story) = &told.story else { return Ok(tale(&told, narration.wall)) };
    if story.state == "held" {
        let found = call(narration, "held_work", &HeldArgs { limit: Some(MOST_ROWS) }).await?;
        if let (Harvest::Held(found), Some(unit)) = (found, story.unit_id)
            && let Some(hit) = found.items.iter().find(|hit| hit.unit_id == unit)
        {
            return Ok(format!("It is held. {}", held_line(hit, narration.wall)));
        }
    }
    Ok(format!("{}\n\n{}", decision(story), tale(&told, narration.wall)))
}

async fn find(narration: &Narration<'_>, id: &str) -> Result<Option<Told>, ToolError> {
    match call(narration, "tell_story", &StoryArgs { id: id.to_owned() }).await {
        Ok(Harvest::Story(told)) => Ok(Some(*told)),
        Err(error) if error.code != "not_found" => Err(error),
        _ => Ok(None),
    }
}

fn unknown(narration: &Narration<'_>, id: &str) -> String {
    let looked = if narration.asker.viewer.observes {
        "I looked for it among events, units, classifications, dispatches, deliveries, missions, listings, Slack timestamps, \
         MessageSids and traces."
    } else {
        "I looked for it among the missions that you may see; messages and deliveries need the scope `observe`."
    };
    format!("I find nothing with the id `{}`. {looked}", prose::quoted(id))
}

/// The last decision, in a sentence.
fn decision(story: &Story) -> String {
    let last = story.entries.iter().rev().find(|entry| {
        matches!(
            entry.event.as_str(),
            "unit.held" | "unit.routed" | "unit.ignored" | "unit.confirmed" | "unit.dismissed"
        )
    });
    let Some(entry) = last else { return format!("Nothing was decided yet: it is {}.", story.state) };
    let reason = text(entry, "reason").unwrap_or("no reason was kept");
    match entry.event.as_str() {
        "unit.held" => {
            let code = text(entry, "held_for").unwrap_or("held");
            let now = if story.state == "held" {
                "It is held".to_owned()
            } else {
                format!("It was held, and is {} now", story.state)
            };
            format!("{now}: {}; {reason}.", because(code, None))
        }
        "unit.routed" => format!("It was routed, not held: {reason}."),
        "unit.confirmed" => format!("It was held, and a person confirmed it: {reason}."),
        "unit.dismissed" => "It was held, and a person dismissed it: nothing is to be done.".to_owned(),
        _ => format!("Nothing was done about it: {reason}."),
    }
}

fn text<'a>(entry: &'a StoryEntry, member: &str) -> Option<&'a str> {
    entry.detail.get(member).and_then(Value::as_str)
}

fn tale(told: &Told, wall: Wall) -> String {
    let mut parts = Vec::new();
    for mission in told.missions.iter().take(prose::MOST_LINES) {
        let hit = crate::ports::records::MissionHit {
            mission: mission.clone(),
            address: None,
            assignee: None,
            realtor: None,
        };
        parts.push(format!("- {}", prose::mission(&hit, wall)));
    }
    if !parts.is_empty() {
        let word = if parts.len() == 1 { "mission" } else { "missions" };
        parts = vec![format!("The {word} of it:\n\n{}", parts.join("\n"))];
    }
    let Some(story) = &told.story else {
        parts.push("Nothing was done to it through Dispatch that I may tell.".to_owned());
        return parts.join("\n\n");
    };
    let lines: Vec<String> = told_entries(story).map(|entry| line(entry, wall)).collect();
    let state = match story.state.as_str() {
        "queued" => "came in and waits to be understood",
        "pending" => "is being worked on",
        "held" => "is held for a person's decision",
        "routed" => "is routed, and something is still to be delivered",
        "done" => "is done: everything arrived",
        "dead" => "needs a person: something could not be done",
        "expired" => "was held and lapsed",
        "dismissed" => "was held, and a person said no",
        "ignored" => "was not acted on",
        other => other,
    };
    let mut text = format!("**`{}` {state}.** What happened:\n", prose::quoted(&told.id));
    let left_out = lines.len().saturating_sub(MOST_TOLD);
    for (n, line) in lines.iter().enumerate() {
        if left_out > 0 && n == MOST_TOLD / 2 {
            text.push_str(&format!("\n- … {left_out} more …"));
        }
        if left_out == 0 || n < MOST_TOLD / 2 || n >= MOST_TOLD / 2 + left_out {
            text.push_str(&format!("\n- {line}"));
        }
    }
    parts.insert(0, text);
    parts.join("\n\n")
}

/// Without claims, which say little to people.
fn told_entries(story: &Story) -> impl Iterator<Item = &StoryEntry> {
    story.entries.iter().filter(|entry| entry.event != "unit.claimed")
}

fn line(entry: &StoryEntry, wall: Wall) -> String {
    let what = match entry.event.as_str() {
        "signal.received" => format!("came in by {}", text(entry, "source").unwrap_or("some way")),
        "signal.ignored" => format!("came in and was not acted on ({})", words(text(entry, "ignored_reason"))),
        "signal.duplicate" => "came in once more, and was recognised".to_owned(),
        "signal.amended" => "was edited".to_owned(),
        "signal.deleted" => "was deleted".to_owned(),
        "unit.closed" => "its burst was closed".to_owned(),
        "unit.answered" => "a question about it was answered".to_owned(),
        "unit.classified" => {
            let meaning: Vec<&str> = ["message_type", "group_key", "task_key"]
                .into_iter()
                .filter_map(|member| text(entry, member))
                .collect();
            let sure = entry
                .detail
                .get("confidence")
                .and_then(Value::as_f64)
                .map(|sure| format!(" ({sure:.2})"))
                .unwrap_or_default();
            format!("was understood as {}{sure}", meaning.join(" "))
        }
        "unit.held" => format!("was held: {}", because(text(entry, "held_for").unwrap_or("held"), None)),
        "unit.routed" => format!("was routed: {}", text(entry, "reason").unwrap_or("by rule")),
        "unit.confirmed" => "was confirmed by a person".to_owned(),
        "unit.dismissed" => "was dismissed by a person".to_owned(),
        "unit.ignored" => "nothing was to be done".to_owned(),
        "delivery.planned" => format!("a {} delivery was planned", text(entry, "kind").unwrap_or("new")),
        "delivery.attempted" => {
            let code = text(entry, "code").map(|code| format!(" ({})", words(Some(code)))).unwrap_or_default();
            format!("a delivery was tried: {}{code}", text(entry, "outcome").unwrap_or("no outcome"))
        }
        "delivery.held" => {
            format!("a delivery was held: {}", work::because(text(entry, "reason").unwrap_or("held"), None))
        }
        other => {
            let (what, how) = other.split_once('.').unwrap_or(("", other));
            let by =
                text(entry, "by").or_else(|| text(entry, "actor")).map(|by| format!(" by {by}")).unwrap_or_default();
            format!("{what} {}{by}", how.replace('_', " "))
        }
    };
    let subject = entry.subject.as_ref().map(|subject| format!(" (`{subject}`)")).unwrap_or_default();
    format!("{}: {what}{subject}", wall.said(entry.at))
}

fn words(code: Option<&str>) -> String {
    code.unwrap_or("no reason").replace('_', " ")
}
