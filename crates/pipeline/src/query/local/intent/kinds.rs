//! What kind of question it is: ordered rules, the first that fits decides. Must not know records.

use super::machine::{of_id, of_machine};
use super::missions::mission_set;
use super::said::Said;
use super::{Kind, Name, Set, Stage, is_odd};
use crate::query::local::tokens::Reading;

pub(super) const MISSION_WORDS: [&str; 14] = [
    "mission",
    "missions",
    "task",
    "tasks",
    "job",
    "jobs",
    "todo",
    "work",
    "activity",
    "activities",
    "items",
    "item",
    "workload",
    "agenda",
];
pub(super) const LISTING_WORDS: [&str; 8] =
    ["listing", "listings", "property", "properties", "house", "houses", "homes", "listed"];
pub(super) const DONE_WORDS: [&str; 11] = [
    "done",
    "finished",
    "finish",
    "completed",
    "complete",
    "closed",
    "accomplished",
    "accomplish",
    "accomplishments",
    "wrapped",
    "finishing",
];
pub(super) const CLAIM_WORDS: [&str; 13] = [
    "pick", "claim", "claimed", "claims", "claiming", "took", "taken", "take", "grab", "grabbed", "picked", "accepted",
    "taking",
];

/// The kind, and whether the question says it itself.
pub(super) fn kind(said: &Said<'_>, reading: &Reading, names: &[Name], has_topics: bool) -> (Kind, bool) {
    let has_names = !names.is_empty();
    let place = reading.address.is_some();
    let something = place || has_names || has_topics || !reading.days.is_empty();
    if is_help(said, something) {
        return (Kind::Help, true);
    }
    if said.any(&["thanks", "thank", "thx", "ty", "cheers"])
        && !something
        && reading.ids.is_empty()
        && said.words.len() <= 5
    {
        return (Kind::Thanks, true);
    }
    if is_order(said) {
        return (Kind::Order, true);
    }
    if !reading.ids.is_empty() {
        return (of_id(said), true);
    }
    if said.any(&["happened", "happens", "history", "story", "trace"])
        && reading.words.iter().any(|word| is_odd(&word.raw))
    {
        return (Kind::Story, true);
    }
    if said.any(&["happened", "history", "story", "trace"]) && said.any(&["it", "this", "that"]) && !something {
        return (Kind::Story, true);
    }
    if let Some(kind) = of_machine(said, reading, has_names) {
        return (kind, true);
    }
    if is_person(said, place, names) {
        return (Kind::Person, true);
    }
    let missions = mission_set(said, reading);
    let is_about_missions = said.any(&MISSION_WORDS);
    if said.any(&LISTING_WORDS) && !is_about_missions && !(place && missions.is_some_and(|set| set != Set::Any)) {
        return (Kind::Listings(stage(said)), true);
    }
    if said.any(&["realtor", "realtors"]) && place {
        return (Kind::Listings(Stage::Any), true);
    }
    if is_deeds(said, has_names) {
        return (Kind::Deeds, true);
    }
    if let Some(set) = missions {
        return (Kind::Missions(set), true);
    }
    if place
        && said.any(&[
            "happening",
            "happened",
            "going",
            "status",
            "story",
            "history",
            "about",
            "up",
            "standing",
            "stand",
            "looking",
            "look",
            "update",
            "with",
        ])
    {
        return (Kind::Place, !said.follows());
    }
    let asks_for_work = is_about_missions
        || said.any(&["anything", "everything", "who", "left", "any", "what", "schedule", "scheduled"]);
    let narrowed = place || has_names || has_topics || said.any(&["my", "mine", "me", "i"]) && !said.asks_politely();
    if narrowed && asks_for_work || is_about_missions || has_topics {
        let set = if said.any(&["who", "status"]) { Set::Any } else { Set::Open };
        let explicit = is_about_missions || ((place || has_topics) && !said.follows());
        return (Kind::Missions(set), explicit);
    }
    if !reading.days.is_empty() && said.any(&["what", "anything", "something"]) {
        return (Kind::Missions(if said.looks_back() { Set::Any } else { Set::Due }), !said.follows());
    }
    if place {
        (Kind::Place, false)
    } else if has_names && said.any(&["about", "status", "up"]) {
        (Kind::Missions(Set::Open), false)
    } else {
        (Kind::Unknown, false)
    }
}

fn is_help(said: &Said<'_>, something: bool) -> bool {
    let asks = said.phrase(&[
        "what can you do",
        "what can i ask",
        "what do you know",
        "how do you work",
        "how does this work",
        "what questions",
        "who are you",
        "what are you",
        "what can you tell",
        "what can you answer",
        "what else can you",
        "how can you help",
        "can you help",
        "help me",
        "what are my options",
        "what is this",
        "how do i use",
    ]);
    let greets = said.words.iter().all(|word| {
        [
            "hi",
            "hello",
            "hey",
            "there",
            "good",
            "morning",
            "afternoon",
            "evening",
            "yo",
            "help",
            "please",
            "dispatch",
            "you",
        ]
        .contains(word)
    });
    !something && (asks || greets || (said.any(&["help"]) && said.words.len() <= 3))
}

/// Something is to be done, not answered.
fn is_order(said: &Said<'_>) -> bool {
    const ORDERS: [&str; 34] = [
        "delete", "remove", "assign", "reassign", "create", "add", "mark", "cancel", "set", "email", "call", "book",
        "write", "make", "move", "edit", "unclaim", "claim", "complete", "finish", "close", "reopen", "archive",
        "rename", "replay", "approve", "release", "retry", "drop", "order", "hire", "install", "upload", "ignore",
    ];
    let asked = said.words.iter().skip_while(|word| {
        ["please", "pls", "can", "could", "would", "you", "dispatch", "hey", "just", "now", "and"].contains(word)
    });
    let mut asked = asked.clone();
    let first = asked.next();
    let second = asked.next();
    first.is_some_and(|word| ORDERS.contains(word)) && second.is_some()
}

/// "who is Sam", "Sam's phone number"; not "who is on 44 Birch".
fn is_person(said: &Said<'_>, place: bool, names: &[Name]) -> bool {
    if place || names.is_empty() {
        return false;
    }
    let other = said.any(&CLAIM_WORDS)
        || said.any(&DONE_WORDS)
        || said.any(&MISSION_WORDS)
        || said.any(&LISTING_WORDS)
        || said.any(&[
            "working",
            "doing",
            "overdue",
            "due",
            "assigned",
            "has",
            "have",
            "handling",
            "handles",
            "on",
            "responsible",
            "open",
            "did",
        ]);
    let asks = said.phrase(&["who is", "who are", "do you know", "do we have", "tell about", "tell me about"])
        || (said.any(&["phone", "email", "contact", "role"]) && names.iter().any(|name| name.sure))
        || said.phrase(&["a realtor", "a staff", "on staff", "staff member"]);
    asks && (!other || said.phrase(&["on staff"]))
}

/// "what did Sam do today", "what has Sam been up to".
fn is_deeds(said: &Said<'_>, has_names: bool) -> bool {
    let does = said.joined.contains(" do ")
        || said.phrase(&["been up to", "get up to", "got done", "been doing", "get done", "accomplish"]);
    let someone = has_names || said.any(&["i", "we", "everybody", "everyone", "team"]);
    someone
        && said.any(&["did", "has", "have", "been"])
        && does
        && !said.any(&CLAIM_WORDS)
        && !said.any(&["done", "finish", "finished", "complete", "completed"])
        && !said.phrase(&["have to do", "left to do", "has to do", "to do", "do i have", "do we have"])
}

fn stage(said: &Said<'_>) -> Stage {
    if said.any(&["active", "open", "current", "currently", "live", "ongoing", "progress", "incomplete", "unfinished"])
        || said.denies(&DONE_WORDS)
    {
        Stage::Active
    } else if said.any(&["new", "newest"]) {
        Stage::New
    } else if said.any(&DONE_WORDS) || said.any(&["sold"]) {
        Stage::Completed
    } else {
        Stage::Any
    }
}
