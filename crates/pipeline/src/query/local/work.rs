//! Questions about held work, deliveries, messages and listings. Must not know how a question is worded.

use super::intent::{Asked, Posted, Set, Stage};
use super::missions::{Look, call};
use super::people::{Whose, meant};
use super::{prose, span, vocabulary};
use crate::ports::records::{DeliveryHit, Found, HeldHit, ListingHit, MOST_ROWS, PersonHit, SignalHit};
use crate::query::narration::Narration;
use crate::query::toolbox::args::{
    DeliveryArgs, DeliveryStateArg, HeldArgs, ListingArgs, ListingStatusArg, MessageArgs, MissionArgs, SourceArg,
    StoryArgs,
};
use crate::query::toolbox::{Harvest, ToolError};
use crate::query::wall::Wall;
use dispatch_mission::signal::Source;

/// The most things at an address whose receipts are looked for.
const MOST_TRACED: usize = 5;

/// "What is held?"
pub(super) async fn held(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    let Harvest::Held(found) = call(narration, "held_work", &HeldArgs { limit: Some(MOST_ROWS) }).await? else {
        return Ok(prose::not_understood());
    };
    let words: Vec<String> = asked
        .address
        .iter()
        .cloned()
        .chain(asked.topics.iter().cloned())
        .chain(asked.names.iter().map(|name| name.text.clone()))
        .map(|word| word.to_lowercase())
        .collect();
    let fits = |hit: &&HeldHit| {
        let text = hit.excerpt.to_lowercase();
        words.iter().all(|word| word.split(' ').all(|word| text.contains(word)))
    };
    let hits: Vec<HeldHit> = found.items.iter().filter(fits).cloned().collect();
    let about = if words.is_empty() { String::new() } else { format!(" with “{}”", words.join(" ")) };
    if hits.is_empty() {
        let all = if words.is_empty() || found.items.is_empty() {
            String::new()
        } else {
            format!(
                " {} in all.",
                prose::sentence(&prose::counted(found.items.len(), found.more, "item is held", "items are held"))
            )
        };
        return Ok(format!("Nothing is held{about}: nothing waits for a person's decision.{all}"));
    }
    let heading = prose::counted(hits.len(), found.more, "item waits", "items wait");
    let lines: Vec<String> = hits.iter().map(|hit| held_line(hit, narration.wall)).collect();
    Ok(prose::list(&format!("**{} for a person's decision{about}:**", prose::sentence(&heading)), &lines))
}

/// "What waits for me?": one's own missions, and held work that anybody of the staff may decide.
pub(super) async fn waiting(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    let look = Look { set: Set::Open, when: None, whose: &Whose::Mine, place: None, topics: &[] };
    let mut parts = vec![look.answer(narration).await?];
    if narration.asker.viewer.observes {
        parts.push(held(narration, asked).await?);
    }
    Ok(parts.join("\n\n"))
}

pub(super) fn held_line(hit: &HeldHit, wall: Wall) -> String {
    let meaning = [hit.message_type.as_deref(), hit.key.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let meaning = if meaning.is_empty() { String::new() } else { format!(", understood as {meaning}") };
    let why = if hit.explanations.is_empty() {
        String::new()
    } else {
        format!(" ({})", prose::quoted(&hit.explanations.join("; ")))
    };
    format!(
        "“{}” — held since {}: {}{meaning}{why} (`{}`)",
        prose::quoted(&hit.excerpt),
        wall.said(hit.held_since),
        because(&hit.reason, hit.confidence),
        hit.unit_id
    )
}

/// A hold's code in words.
pub(super) fn because(reason: &str, confidence: Option<f32>) -> String {
    let sure = confidence.map(|sure| format!(" ({sure:.2})")).unwrap_or_default();
    match reason {
        "below_threshold" => format!("Dispatch is not sure enough of what it means{sure}"),
        "attachment_only" => "it has only files, and no words to understand".to_owned(),
        "realtor_unresolved" => "nobody could tell which realtor it belongs to".to_owned(),
        "revision_unsure" => format!("the message was changed, and Dispatch is not sure what it means now{sure}"),
        "cutover_expand_due" => "the brokerage's tables have not got their new names yet".to_owned(),
        other => format!("{}{sure}", other.replace('_', " ")),
    }
}

/// "Did the receipt for 12 Elm go out?", "what failed?"
pub(super) async fn deliveries(narration: &Narration<'_>, asked: &Asked, posted: Posted) -> Result<String, ToolError> {
    let created = asked.when.as_ref().map(|when| span(narration, when));
    let states = match posted {
        Posted::Any => Vec::new(),
        Posted::Failed => vec![DeliveryStateArg::Exhausted, DeliveryStateArg::Failed, DeliveryStateArg::Unknown],
        Posted::Stuck => vec![
            DeliveryStateArg::Pending,
            DeliveryStateArg::Held,
            DeliveryStateArg::Exhausted,
            DeliveryStateArg::Failed,
            DeliveryStateArg::Unknown,
        ],
    };
    let Some(about) = subject(asked) else {
        let args = DeliveryArgs { states, created, limit: Some(MOST_ROWS), ..DeliveryArgs::default() };
        let found = posted_by(narration, &args).await?;
        let mut text = said(&found, posted, asked, "", narration.wall);
        if posted == Posted::Failed {
            let look = Look { set: Set::Failed, when: None, whose: &Whose::Anybodys, place: None, topics: &[] };
            if narration.asker.missions {
                text = format!("{text}\n\n{}", look.answer(narration).await?);
            }
        }
        return Ok(text);
    };
    let units = units(narration, asked).await?;
    if units.is_empty() {
        return Ok(format!("I found no message and no mission for {about} that Dispatch has sent anything about."));
    }
    let mut all = Found { items: Vec::new(), more: false };
    for unit in units {
        let args = DeliveryArgs {
            states: states.clone(),
            unit_id: Some(unit.to_string()),
            limit: Some(MOST_ROWS),
            ..DeliveryArgs::default()
        };
        let found = posted_by(narration, &args).await?;
        all.items.extend(found.items);
        all.more |= found.more;
    }
    Ok(said(&all, posted, asked, &format!(" for {about}"), narration.wall))
}

fn subject(asked: &Asked) -> Option<String> {
    asked
        .ids
        .first()
        .map(|id| format!("`{id}`"))
        .or_else(|| asked.address.as_ref().map(|address| format!("“{address}”")))
        .or_else(|| {
            let words: Vec<&str> = asked
                .topics
                .iter()
                .map(String::as_str)
                .chain(asked.names.iter().map(|name| name.text.as_str()))
                .collect();
            (!words.is_empty()).then(|| format!("“{}”", words.join(" ")))
        })
}

/// The units that a question about receipts is about: by an id, by what messages say, by the missions at an address.
async fn units(narration: &Narration<'_>, asked: &Asked) -> Result<Vec<uuid::Uuid>, ToolError> {
    let mut ids = asked.ids.clone();
    let mut units = Vec::new();
    if ids.is_empty() {
        let words: Vec<&str> = asked
            .address
            .iter()
            .map(String::as_str)
            .chain(asked.topics.iter().map(String::as_str))
            .chain(asked.names.iter().map(|name| name.text.as_str()))
            .collect();
        let args = MessageArgs { words: Some(words.join(" ")), limit: Some(10), ..MessageArgs::default() };
        if let Harvest::Messages(found) = call(narration, "search_messages", &args).await? {
            units.extend(found.items.iter().filter_map(|hit| hit.unit_id).map(|unit| unit.0));
        }
        if let (true, Some(address)) = (units.is_empty() && narration.asker.missions, &asked.address) {
            let args = MissionArgs { address: Some(address.clone()), limit: Some(10), ..MissionArgs::default() };
            let found = super::missions::search(narration, &args).await?;
            ids.extend(found.items.into_iter().map(|hit| hit.mission.mission_id.0).take(MOST_TRACED));
        }
    }
    for id in ids {
        match call(narration, "tell_story", &StoryArgs { id }).await {
            Ok(Harvest::Story(told)) => units.extend(told.story.and_then(|story| story.unit_id).map(|unit| unit.0)),
            Err(error) if error.is_unavailable() => return Err(error),
            _ => {}
        }
    }
    let mut seen = std::collections::HashSet::new();
    units.retain(|unit| seen.insert(*unit));
    Ok(units)
}

async fn posted_by(narration: &Narration<'_>, args: &DeliveryArgs) -> Result<Found<DeliveryHit>, ToolError> {
    match call(narration, "search_deliveries", args).await? {
        Harvest::Deliveries(found) => Ok(found),
        _ => Ok(Found { items: Vec::new(), more: false }),
    }
}

fn said(found: &Found<DeliveryHit>, posted: Posted, asked: &Asked, about: &str, wall: Wall) -> String {
    let day = asked.when.as_ref().map(|when| format!(" {}", when.said)).unwrap_or_default();
    if found.items.is_empty() {
        return match posted {
            Posted::Any => format!("I found no deliveries{about}{day}."),
            Posted::Failed => format!("No delivery failed{about}{day}."),
            Posted::Stuck => {
                format!("No delivery is stuck{about}{day}: all of them arrived, or were not wanted any more.")
            }
        };
    }
    let counted = prose::counted(found.items.len(), found.more, "delivery", "deliveries");
    let what = match posted {
        Posted::Any => "",
        Posted::Failed => " that failed",
        Posted::Stuck => " that did not arrive yet, or failed",
    };
    let lines: Vec<String> = found.items.iter().map(|hit| delivery_line(hit, wall)).collect();
    let arrived = found.items.iter().filter(|hit| hit.kind != "storage" && hit.state == "delivered").count();
    let sent = found.items.iter().filter(|hit| hit.kind != "storage").count();
    let verdict = match (posted, about.is_empty(), sent, arrived) {
        (Posted::Any, false, 0, _) => "Nothing was to be sent: it was only stored. ".to_owned(),
        (Posted::Any, false, sent, arrived) if sent == arrived => "Yes, it went out. ".to_owned(),
        (Posted::Any, false, _, 0) => "No, nothing has gone out. ".to_owned(),
        (Posted::Any, false, sent, arrived) => format!("{arrived} of {sent} went out. "),
        _ => String::new(),
    };
    prose::list(&format!("**{verdict}{}{what}{about}{day}:**", prose::sentence(&counted)), &lines)
}

fn delivery_line(hit: &DeliveryHit, wall: Wall) -> String {
    let what = match hit.kind.as_str() {
        "storage" => "stored work".to_owned(),
        "slack" => "Slack message".to_owned(),
        "sms" => "text message".to_owned(),
        other => other.replace('_', " "),
    };
    let reason = hit.reason.as_ref().map(|reason| format!(" ({})", reason.replace('_', " "))).unwrap_or_default();
    let tries = match hit.attempts {
        0 => "not tried yet".to_owned(),
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    let again = hit
        .next_attempt_at
        .filter(|_| hit.state == "pending")
        .map(|at| format!(", next {}", wall.said(at)))
        .unwrap_or_default();
    format!(
        "{what}: **{}**{reason}, {tries}{again}, planned {} (`{}`)",
        hit.state,
        wall.said(hit.created_at),
        hit.delivery_id
    )
}

/// "What came in from Slack today?"
pub(super) async fn messages(narration: &Narration<'_>, asked: &Asked) -> Result<String, ToolError> {
    let meant = if narration.asker.missions { meant(narration, asked).await? } else { super::people::Meant::default() };
    if let Some(instead) = meant.instead() {
        return Ok(instead);
    }
    let words: Vec<String> = meant.topics.iter().cloned().chain(meant.place.clone()).collect();
    let words = (!words.is_empty()).then(|| words.join(" "));
    let base = MessageArgs {
        words: words.clone(),
        source: match asked.source {
            Some("sms") => Some(SourceArg::Sms),
            Some("slack") => Some(SourceArg::Slack),
            _ => None,
        },
        received: asked.when.as_ref().map(|when| span(narration, when)),
        limit: Some(MOST_ROWS),
        ..MessageArgs::default()
    };
    let mut parts: Vec<String> = meant.note.iter().cloned().collect();
    if meant.people.is_empty() {
        parts.push(heard(narration, asked, &base, "").await?);
    }
    for person in &meant.people {
        let args = match person {
            PersonHit::Staff { staff_id, .. } => {
                MessageArgs { author_staff_id: Some(staff_id.0.clone()), ..base.clone() }
            }
            PersonHit::Realtor { realtor_id, .. } => {
                MessageArgs { author_realtor_id: Some(realtor_id.0.clone()), ..base.clone() }
            }
        };
        parts.push(heard(narration, asked, &args, &format!(" from {}", super::people::name_of(person))).await?);
    }
    Ok(parts.join("\n\n"))
}

async fn heard(narration: &Narration<'_>, asked: &Asked, args: &MessageArgs, from: &str) -> Result<String, ToolError> {
    let Harvest::Messages(found) = call(narration, "search_messages", args).await? else {
        return Ok(prose::not_understood());
    };
    let by = match args.source {
        Some(SourceArg::Sms) => " by SMS",
        Some(SourceArg::Slack) => " by Slack",
        None => "",
    };
    let day = asked.when.as_ref().map(|when| format!(" {}", when.said)).unwrap_or_default();
    let with = args.words.as_ref().map(|words| format!(" with “{words}”")).unwrap_or_default();
    let counted = prose::counted(found.items.len(), found.more, "message", "messages");
    if found.items.is_empty() {
        return Ok(format!("{} came in{by}{from}{day}{with}.", prose::sentence(&counted)));
    }
    let lines: Vec<String> = found.items.iter().map(|hit| message_line(hit, narration.wall)).collect();
    Ok(prose::list(&format!("**{} came in{by}{from}{day}{with}:**", prose::sentence(&counted)), &lines))
}

fn message_line(hit: &SignalHit, wall: Wall) -> String {
    let author = hit.author.as_ref().map(|author| format!("{}, ", prose::quoted(author))).unwrap_or_default();
    format!(
        "“{}” — {author}{}, {}, {} (`{}`)",
        prose::quoted(&hit.excerpt),
        match hit.source {
            Source::Slack => "Slack",
            Source::Sms => "SMS",
            Source::Api => "over HTTP",
        },
        wall.said(hit.received_at),
        hit.state,
        hit.signal_id
    )
}

/// "Which listings are active?", "Amelia's listings".
pub(super) async fn listings(narration: &Narration<'_>, asked: &Asked, stage: Stage) -> Result<String, ToolError> {
    let meant = meant(narration, asked).await?;
    if let Some(instead) = meant.instead() {
        return Ok(instead);
    }
    if meant.topics.iter().any(|topic| !vocabulary::is_topic(topic)) {
        return Ok(prose::not_understood());
    }
    let statuses = match stage {
        Stage::Any => Vec::new(),
        Stage::Active => vec![ListingStatusArg::New, ListingStatusArg::InProgress],
        Stage::New => vec![ListingStatusArg::New],
        Stage::Completed => vec![ListingStatusArg::Completed],
    };
    let base = ListingArgs { address: meant.place.clone(), statuses, limit: Some(MOST_ROWS), ..ListingArgs::default() };
    let mut parts: Vec<String> = meant.note.iter().cloned().collect();
    if meant.people.is_empty() {
        parts.push(shown(narration, &base, stage, "").await?);
    }
    for person in &meant.people {
        parts.push(match person {
            PersonHit::Realtor { realtor_id, name } => {
                let args = ListingArgs { realtor_id: Some(realtor_id.0.clone()), ..base.clone() };
                shown(narration, &args, stage, &format!(" of {name}")).await?
            }
            PersonHit::Staff { staff_id, name, .. } => {
                format!("{name} is a member of staff (`{staff_id}`); listings belong to realtors.")
            }
        });
    }
    Ok(parts.join("\n\n"))
}

async fn shown(narration: &Narration<'_>, args: &ListingArgs, stage: Stage, of: &str) -> Result<String, ToolError> {
    let Harvest::Listings(found) = call(narration, "search_listings", args).await? else {
        return Ok(prose::not_understood());
    };
    let (one, many) = match stage {
        Stage::Any => ("listing", "listings"),
        Stage::Active => ("active listing", "active listings"),
        Stage::New => ("new listing", "new listings"),
        Stage::Completed => ("completed listing", "completed listings"),
    };
    let place = args.address.as_ref().map(|address| format!(" at “{address}”")).unwrap_or_default();
    let counted = prose::counted(found.items.len(), found.more, one, many);
    if found.items.is_empty() {
        return Ok(format!("There are {counted}{of}{place}."));
    }
    let lines: Vec<String> = found.items.iter().map(|hit| listing_line(hit, narration.wall)).collect();
    Ok(prose::list(&format!("**{}{of}{place}:**", prose::sentence(&counted)), &lines))
}

pub(super) fn listing_line(hit: &ListingHit, wall: Wall) -> String {
    let address = hit.address.as_deref().map_or_else(|| "a listing without an address".to_owned(), prose::quoted);
    let kind = hit.kind.as_ref().map(|kind| format!("{}, ", kind.to_lowercase())).unwrap_or_default();
    let realtor = hit.realtor.as_ref().map(|name| format!(", realtor {}", prose::quoted(name))).unwrap_or_default();
    let due = hit.due_at.map(|at| format!(", due {}", wall.said(at))).unwrap_or_default();
    let open = prose::counted(
        usize::try_from(hit.open_missions).unwrap_or(usize::MAX),
        false,
        "open mission",
        "open missions",
    );
    format!("**{address}** — {kind}{}{realtor}{due}, {open} (`{}`)", hit.status.replace('_', " "), hit.listing_id)
}
