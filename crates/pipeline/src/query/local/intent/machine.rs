//! Questions about what Dispatch itself does: held work, deliveries, messages. Must not know records.

use super::kinds::{LISTING_WORDS, MISSION_WORDS};
use super::said::Said;
use super::{Kind, Posted};
use crate::query::local::tokens::Reading;

/// About one thing that is named by its id.
pub(super) fn of_id(said: &Said<'_>) -> Kind {
    if said.any(&["receipt", "receipts", "deliveries", "delivered", "delivery", "confirmation", "undelivered"])
        || said.phrase(&["go out", "went out", "gone out", "get sent", "was sent", "been sent"])
    {
        Kind::Deliveries(Posted::Any)
    } else if said.any(&["why", "reason", "how come"]) {
        Kind::Why
    } else {
        Kind::Story
    }
}

/// What Dispatch itself does: held work, deliveries, messages.
pub(super) fn of_machine(said: &Said<'_>, reading: &Reading, has_names: bool) -> Option<Kind> {
    let about_missions = said.any(&MISSION_WORDS);
    let why = said.any(&["why", "reason"]);
    let waits = said.any(&["waits", "waiting", "wait"]);
    if waits && said.phrase(&["for me", "on me", "for my"]) && !said.any(&["review", "approval", "decision"]) {
        return Some(Kind::Waiting);
    }
    let decide = said.any(&["approval", "approve", "decide", "decision", "decisions", "review"])
        || said.phrase(&["below threshold", "below the threshold", "needs a person", "needs a human"]);
    let held = said.any(&["held", "holding", "hold"]);
    if held
        || decide
        || (waits
            && !about_missions
            && reading.address.is_none()
            && !has_names
            && !said.any(&["info", "information", "answer"]))
    {
        return Some(if why { Kind::Why } else { Kind::Held });
    }
    let posts = said.any(&[
        "receipt",
        "receipts",
        "delivery",
        "deliveries",
        "delivered",
        "undelivered",
        "exhausted",
        "confirmation",
        "confirmations",
        "retry",
    ]);
    let goes = said.phrase(&["go out", "went out", "gone out", "going out", "get sent", "got sent", "been sent"]);
    let fails = said.any(&["stuck", "undelivered", "exhausted", "errors", "retry"])
        || (said.any(&["failed", "failing", "failures", "fail"]) && !about_missions);
    if fails || ((posts || goes) && said.denies(&["delivered", "sent", "out", "deliver", "arrive", "arrived"])) {
        let stuck = said.any(&["stuck", "retry", "undelivered", "pending"]) || said.any(&["not"]);
        return Some(Kind::Deliveries(if stuck { Posted::Stuck } else { Posted::Failed }));
    }
    if (posts || goes) && !about_missions {
        return Some(Kind::Deliveries(if said.any(&["pending", "waiting", "outstanding", "open"]) {
            Posted::Stuck
        } else {
            Posted::Any
        }));
    }
    let comes = said.phrase(&[
        "came in",
        "come in",
        "comes in",
        "coming in",
        "came through",
        "come through",
        "got in",
        "coming in",
    ]);
    let writes = said.any(&[
        "message", "messages", "messaged", "texts", "texted", "sms", "slack", "signal", "signals", "wrote", "write",
        "writes", "written", "inbox", "asked", "say", "said", "received", "event", "events",
    ]) || said.phrase(&["did send", "us send", "text us", "texts us", "ask for", "asks for"])
        || (has_names && said.any(&["text", "send", "ask", "sent"]));
    if (comes || writes) && !about_missions && !said.any(&LISTING_WORDS) {
        return Some(Kind::Messages);
    }
    None
}
