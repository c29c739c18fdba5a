//! What a delivery to a program carries: what was said, what it was understood to mean and what was decided, put together
//! when the delivery is planned. The JSON shape is the one of the stored delivery and of the event's `data`.
//!
//! It must not know envelopes, signatures or who is told.

use crate::unit::ClaimedUnit;
use dispatch_classification::classification::Classification;
use dispatch_classification::taxonomy::{GroupKey, ListingType, MessageType, TaskKey};
use dispatch_mission::ids::{SignalId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::signal::Source;
use dispatch_mission::zone::Zone;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Bytes of JSON that the texts of an event may take. With all the rest at its longest an event stays under 20 kB.
const LONGEST_TEXT: usize = 12_000;
/// The same for everything that is meant to be short.
const LONGEST_WORD: usize = 400;
/// What of them is left where there is an answer too; and what of each of its messages and titles.
const LONGEST_HANDED_TEXT: usize = 6_000;
const LONGEST_SAID: usize = 1_000;
const LONGEST_TITLE: usize = 200;
/// Most signals that are named.
const MOST_SIGNALS: usize = 20;

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// Messages were understood and dispatched.
    Routed,
    /// A person had held messages dispatched.
    Confirmed,
    /// Messages that were dispatched before have changed.
    Revised,
    /// An agent answered, and hands on to another one. Nobody subscribes to it: the agent names who is told.
    Answered,
}

impl EventType {
    /// The CloudEvents `type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Routed => "com.archieos.dispatch.routed.v1",
            Self::Confirmed => "com.archieos.dispatch.confirmed.v1",
            Self::Revised => "com.archieos.dispatch.revised.v1",
            Self::Answered => "com.archieos.dispatch.answered.v1",
        }
    }
}

/// One event, less what belongs to a single delivery of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventWork {
    /// What happened.
    pub event: EventType,
    /// The unit it happened to.
    pub subject: UnitId,
    /// W3C trace id of the request that brought the first message.
    pub trace_id: String,
    /// What there is to tell.
    pub data: EventData,
}

/// What there is to tell.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventData {
    /// The unit of messages.
    pub unit_id: UnitId,
    /// 0 the first time; counts the changes of its messages.
    pub revision: u32,
    /// What was said.
    pub message: Said,
    /// What it was understood to mean.
    pub classification: Understood,
    /// What was decided.
    pub routing_decision: Decided,
    /// What an agent answered to it, which hands on to another one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<HandedOn>,
}

/// What an agent answered, for the one that it hands on to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HandedOn {
    /// The agent that answered.
    pub agent: String,
    /// How many agents have answered one after another, this one included.
    pub depth: u32,
    /// What it said; cut where that is long.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub messages: Vec<String>,
    /// What it calls the work that it made.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub missions: Vec<String>,
}

/// What was said, where and by whom.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Said {
    pub source: Source,
    /// Slack team id, or Twilio account.
    pub workspace: String,
    /// Slack channel id, or our own number.
    pub channel: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thread: Option<String>,
    /// Slack user id or phone number.
    pub author: String,
    /// The signals, oldest first; 20 at most.
    pub event_ids: Vec<SignalId>,
    /// All texts, one paragraph each.
    pub text: String,
    /// Whether `text` is longer in truth.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_cut: bool,
    /// When the last of it was said, by the provider's clock.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub said_at: Option<OffsetDateTime>,
}

/// What it was understood to mean.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)] // named as in the API
pub struct Understood {
    pub message_type: MessageType,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group_key: Option<GroupKey>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_key: Option<TaskKey>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub listing_type: Option<ListingType>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assignee_hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_title: Option<String>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<OffsetDateTime>,
    /// 0 to 1, four digits after the point.
    pub confidence: f64,
}

/// What was decided, and by which rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Decided {
    pub rule: String,
    pub auto_dispatch: bool,
    pub reason: String,
}

impl EventWork {
    /// What there is to tell about `unit`, which means `meaning`, before anything is decided. Wall times become instants in
    /// `zone`.
    #[must_use]
    pub fn about(unit: &ClaimedUnit, meaning: &Classification, zone: &Zone) -> Self {
        let revision = unit.revision.as_ref().map_or(0, |revision| revision.number);
        Self {
            event: if revision > 0 { EventType::Revised } else { EventType::Routed },
            subject: unit.unit_id,
            trace_id: short(&unit.trace_id),
            data: EventData {
                unit_id: unit.unit_id,
                revision,
                message: said(unit),
                classification: understood(meaning, zone),
                routing_decision: Decided { rule: String::new(), auto_dispatch: false, reason: String::new() },
                answer: None,
            },
        }
    }

    /// The same for another agent, with what one answered to it.
    #[must_use]
    pub fn handed_on(&self, answer: &HandedOn) -> Self {
        let mut next = self.clone();
        let (text, is_cut) = cut(&next.data.message.text, LONGEST_HANDED_TEXT);
        (next.data.message.text, next.data.message.is_cut) = (text, is_cut || next.data.message.is_cut);
        let messages = answer.messages.iter().map(|text| cut(text, LONGEST_SAID).0).collect();
        let missions = answer.missions.iter().map(|title| cut(title, LONGEST_TITLE).0).collect();
        next.data.answer = Some(HandedOn { agent: short(&answer.agent), depth: answer.depth, messages, missions });
        next.event = EventType::Answered;
        next
    }

    /// How many agents have answered one after another before this one is told.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.data.answer.as_ref().map_or(0, |answer| answer.depth)
    }

    /// Adds what was decided. Whom a person told to do it, says so.
    pub fn decide(&mut self, routing: &RoutingDecision, rule: &str) {
        if self.event == EventType::Routed && !routing.auto_dispatch {
            self.event = EventType::Confirmed;
        }
        self.data.routing_decision =
            Decided { rule: short(rule), auto_dispatch: routing.auto_dispatch, reason: short(&routing.reason) };
    }
}

fn said(unit: &ClaimedUnit) -> Said {
    let place = &unit.conversation;
    let (text, is_cut) = cut(&unit.notes(), LONGEST_TEXT);
    Said {
        source: place.source,
        workspace: short(&place.workspace),
        channel: short(&place.channel),
        thread: place.thread.as_deref().map(short),
        author: short(&unit.author),
        event_ids: unit.members.iter().take(MOST_SIGNALS).map(|member| member.signal_id).collect(),
        text,
        is_cut,
        said_at: unit.members.iter().map(|member| member.at).max(),
    }
}

fn understood(meaning: &Classification, zone: &Zone) -> Understood {
    Understood {
        message_type: meaning.meaning.message_type(),
        group_key: meaning.meaning.group_key(),
        task_key: meaning.meaning.task_key(),
        listing_type: meaning.listing.kind,
        address: meaning.listing.address.as_deref().map(short),
        assignee_hint: meaning.assignee_hint.as_deref().map(short),
        task_title: meaning.task_title.as_ref().map(|title| short(title.as_str())),
        due_at: meaning.due_date.map(|due| zone.instant(due)),
        confidence: (f64::from(meaning.confidence.get()) * 10_000.0).round() / 10_000.0,
    }
}

fn short(text: &str) -> String {
    cut(text, LONGEST_WORD).0
}

/// As much of `text` as takes `most` bytes within a JSON string, and whether that is not all of it.
fn cut(text: &str, most: usize) -> (String, bool) {
    let mut taken = 0;
    for (at, letter) in text.char_indices() {
        taken += match letter {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            control if control < ' ' => 6,
            other => other.len_utf8(),
        };
        if taken > most {
            return (text[..at].to_owned(), true);
        }
    }
    (text.to_owned(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_cut_ends_at_a_letter() {
        assert_eq!(cut("firm on 12 Elm", 14), ("firm on 12 Elm".to_owned(), false));
        assert_eq!(cut("🏠🏠", 7), ("🏠".to_owned(), true));
        assert_eq!(cut("a\"b", 2), ("a".to_owned(), true));
    }

    proptest! {
        #[test]
        fn a_cut_text_takes_no_more_json_than_it_may(text in ".{0,400}|[\u{0}-\u{1f}\"\\\\]{0,400}", most in 0usize..600) {
            let (kept, is_cut) = cut(&text, most);
            prop_assert!(text.starts_with(&kept));
            prop_assert_eq!(is_cut, kept.len() < text.len());
            prop_assert!(serde_json::to_string(&kept).unwrap().len() - 2 <= most);
        }
    }
}
