//! What a tool found: typed for the local mind, as JSON for a model and for readers, with the ids that may be cited. Must not
//! know how it was found.

use super::rows;
use super::story::Told;
use crate::ports::records::{DeliveryHit, Found, HeldHit, ListingHit, MissionHit, PersonHit, RecordKind, SignalHit};
use crate::query::wall::Wall;
use serde::Serialize;
use serde_json::Value;

/// The longest label of a citation, in characters.
const LABEL_CHARS: usize = 100;

/// Something that an answer rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Citation {
    /// What kind of thing it is.
    pub kind: RecordKind,
    /// Its id, as everywhere.
    pub id: String,
    /// What people call it.
    pub label: String,
}

impl Citation {
    pub(crate) fn new(kind: RecordKind, id: &impl ToString, label: &str) -> Self {
        Self { kind, id: id.to_string(), label: short(label, LABEL_CHARS) }
    }
}

/// `text` on one line, cut where it is longer than `most` characters.
pub(crate) fn short(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let cut: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// What a tool found.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Harvest {
    Missions(Found<MissionHit>),
    Listings(Found<ListingHit>),
    People(Found<PersonHit>),
    Messages(Found<SignalHit>),
    Held(Found<HeldHit>),
    Deliveries(Found<DeliveryHit>),
    Story(Box<Told>),
}

impl Harvest {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Missions(found) => found.items.len(),
            Self::Listings(found) => found.items.len(),
            Self::People(found) => found.items.len(),
            Self::Messages(found) => found.items.len(),
            Self::Held(found) => found.items.len(),
            Self::Deliveries(found) => found.items.len(),
            Self::Story(_) => 1,
        }
    }

    /// Whether there are more than these.
    pub(crate) fn more(&self) -> bool {
        match self {
            Self::Missions(found) => found.more,
            Self::Listings(found) => found.more,
            Self::People(found) => found.more,
            Self::Messages(found) => found.more,
            Self::Held(found) => found.more,
            Self::Deliveries(found) => found.more,
            Self::Story(_) => false,
        }
    }

    /// For people: `3 missions`, `at least 50 messages`.
    pub(crate) fn summary(&self) -> String {
        let (one, many) = match self {
            Self::Missions(_) => ("mission", "missions"),
            Self::Listings(_) => ("listing", "listings"),
            Self::People(_) => ("person", "people"),
            Self::Messages(_) => ("message", "messages"),
            Self::Held(_) => ("held item", "held items"),
            Self::Deliveries(_) => ("delivery", "deliveries"),
            Self::Story(told) => return story_summary(told),
        };
        let least = if self.more() { "at least " } else { "" };
        match self.count() {
            0 => format!("no {many}"),
            1 => format!("{least}1 {one}"),
            n => format!("{least}{n} {many}"),
        }
    }

    /// The rows as they travel.
    pub(crate) fn rows(&self, wall: Wall) -> Vec<Value> {
        match self {
            Self::Missions(found) => found.items.iter().map(|hit| rows::mission(hit, wall)).collect(),
            Self::Listings(found) => found.items.iter().map(|hit| rows::listing(hit, wall)).collect(),
            Self::People(found) => found.items.iter().map(rows::person).collect(),
            Self::Messages(found) => found.items.iter().map(|hit| rows::message(hit, wall)).collect(),
            Self::Held(found) => found.items.iter().map(|hit| rows::held(hit, wall)).collect(),
            Self::Deliveries(found) => found.items.iter().map(|hit| rows::delivery(hit, wall)).collect(),
            Self::Story(told) => vec![rows::story(told, wall)],
        }
    }

    /// Everything in it that has an id.
    pub(crate) fn citations(&self) -> Vec<Citation> {
        match self {
            Self::Missions(found) => found.items.iter().map(rows::cite_mission).collect(),
            Self::Listings(found) => found.items.iter().map(rows::cite_listing).collect(),
            Self::People(found) => found.items.iter().map(rows::cite_person).collect(),
            Self::Messages(found) => found.items.iter().flat_map(rows::cite_message).collect(),
            Self::Held(found) => found.items.iter().flat_map(rows::cite_held).collect(),
            Self::Deliveries(found) => found.items.iter().flat_map(rows::cite_delivery).collect(),
            Self::Story(told) => rows::cite_story(told),
        }
    }
}

fn story_summary(told: &Told) -> String {
    match &told.story {
        Some(story) => {
            let entries = story.entries.len();
            let things = if entries == 1 { "thing" } else { "things" };
            format!("the story of {}: {entries} {things} happened, it is {}", short(&told.id, 64), story.state)
        }
        None => format!("the mission {}", short(&told.id, 64)),
    }
}
