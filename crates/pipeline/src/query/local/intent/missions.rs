//! Which missions a question means. Must not know records.

use super::Set;
use super::kinds::{CLAIM_WORDS, DONE_WORDS, MISSION_WORDS};
use super::said::Said;
use crate::query::local::tokens::Reading;

/// Which missions are meant; none where nothing says that missions are.
pub(super) fn mission_set(said: &Said<'_>, reading: &Reading) -> Option<Set> {
    if said.any(&["overdue", "late", "behind", "missed"])
        || said.phrase(&["past due", "past deadline", "past the deadline", "past its deadline"])
    {
        return Some(Set::Overdue);
    }
    if said.any(&["unclaimed", "unassigned", "untaken", "available", "free"])
        || said.phrase(&[
            "up for grabs",
            "to grab",
            "to pick up",
            "to claim",
            "can claim",
            "can take",
            "can i take",
            "can i claim",
            "can i grab",
            "can grab",
            "no owner",
            "no assignee",
            "nobody has",
            "no one has",
            "nobody is",
            "no one is",
        ])
        || said.denies(&CLAIM_WORDS)
        || said.denies(&["assigned", "owner", "assignee"])
    {
        return Some(Set::Unclaimed);
    }
    if said.denies(&DONE_WORDS) || said.any(&["unfinished", "incomplete", "undone"]) {
        return Some(Set::Open);
    }
    if said.any(&["cancelled", "canceled"]) {
        return Some(Set::Cancelled);
    }
    if said.any(&["failed"]) {
        return Some(Set::Failed);
    }
    if said.any(&["blocked"])
        || said.phrase(&[
            "needs info",
            "need info",
            "needs information",
            "missing info",
            "missing information",
            "waiting for info",
            "waiting on info",
            "waiting for information",
            "needs an answer",
            "waiting for an answer",
        ])
    {
        return Some(Set::NeedsInfo);
    }
    if said.any(&["due", "deadline", "deadlines", "upcoming", "schedule", "scheduled", "agenda"])
        || said.phrase(&[
            "coming up",
            "need to be done",
            "needs to be done",
            "to be done",
            "has to be done",
            "have to be done",
        ])
    {
        let dated = !reading.days.is_empty()
            || said.phrase(&["week", "month", "weekend", "soon", "coming up"])
            || said.any(&["due", "deadline", "deadlines", "upcoming", "schedule", "scheduled", "agenda"]);
        return Some(if dated { Set::Due } else { Set::Open });
    }
    if said.any(&CLAIM_WORDS) {
        return Some(Set::Claimed);
    }
    if said.any(&DONE_WORDS) {
        return Some(Set::Done);
    }
    if said.phrase(&["in progress", "being worked on", "under way"]) || said.any(&["started", "underway"]) {
        return Some(Set::InProgress);
    }
    if said.any(&["working", "doing", "assigned", "plate", "busy"]) {
        return Some(if said.any(&["who"]) && reading.address.is_some() { Set::Any } else { Set::Open });
    }
    if said.any(&["created", "added", "opened", "made"])
        || said.any(&["new", "newest"])
        || (said.any(&["latest"]) && said.any(&MISSION_WORDS))
        || (said.any(&["came", "come"]) && said.any(&MISSION_WORDS))
    {
        return Some(Set::Made);
    }
    let left =
        said.any(&["left", "remaining", "remains", "outstanding", "pending", "still", "open", "opens", "active"])
            || said.phrase(&["to do", "on the go"]);
    if left || said.any(&["todo", "workload"]) {
        return Some(Set::Open);
    }
    if said.any(&["who"])
        && said.any(&[
            "has",
            "have",
            "owns",
            "owner",
            "handles",
            "handling",
            "doing",
            "does",
            "got",
            "responsible",
            "assignee",
            "on",
            "is",
        ])
    {
        return (reading.address.is_some()
            || said.any(&MISSION_WORDS)
            || said.any(&["responsible", "handles", "handling", "has", "got"]))
        .then_some(Set::Any);
    }
    None
}
