//! Named buildings and projects, for want of a street. Must not know any by name.

use super::{Candidate, pattern};
use crate::local::text::folded;
use crate::local::words::{NAMES, PLACES};
use regex::Regex;
use std::sync::LazyLock;

static UNIT_OF_BUILDING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:(?:[Uu]nit|[Ss]uite|[Aa]pt|PH)\s?#?\d{1,5}[A-Za-z]?|\d{3,4})\s(?:at|@|in|of)\s(?:[Tt]he\s)?[A-Z]\w+(?:\s(?:[A-Z]\w+|\d+))?",
    )
});
static BUILDING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b(?:[A-Z][\w']*\s){1,2}(?:Towers?|Condos?|Residences|Lofts|Condominiums|Estates|Towns|Plaza|Heights)\b")
});
static THE_BUILDING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?:at|for|in|@|on)\s(The\s[A-Z][a-z]+(?:\s[A-Z][a-z]+)?(?:\s\d{3,4}\b)?)|\b(the\s[a-z]{4,12}\s\d{3,4})(?:$|[\s,.!?](?:[^\d]|$))",
    )
});
static PROJECT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(?:at|in|@)\s((?:[A-Z][a-z]+)(?:\s(?:[A-Z][a-z]+|\d{1,4}))?)"));
static PRECON: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)pre-?con|new[- ]build|builder|developer|allocation|occupancy|presentation cent|decor cent|assignment|worksheet",
    )
});

/// A named building or project, for want of a street.
pub(super) fn building(shown: &str) -> Option<Candidate> {
    let whole = |m: regex::Match<'_>| Candidate { start: m.start(), end: m.end() };
    UNIT_OF_BUILDING
        .find(shown)
        .map(whole)
        .or_else(|| BUILDING.find(shown).map(whole))
        .or_else(|| {
            let found = THE_BUILDING.captures(shown)?;
            let name = found.get(1).or(found.get(2))?;
            let words: Vec<&str> = name.as_str().split(' ').collect();
            let plain = PLACES.not_streets.contains(&words[1].to_lowercase())
                || matches!(
                    words[1],
                    "year"
                        | "suite"
                        | "room"
                        | "apartment"
                        | "address"
                        | "amount"
                        | "form"
                        | "total"
                        | "rent"
                        | "code"
                        | "entire"
                        | "whole"
                        | "first"
                        | "last"
                        | "next"
                );
            (!plain).then(|| whole(name))
        })
        .or_else(|| {
            let name = PRECON.is_match(shown).then(|| PROJECT.captures(shown)).flatten()?.get(1)?;
            let first = name.as_str().split(' ').next()?;
            let person = NAMES.knows(first)
                || PLACES.cities.contains(&folded(name.as_str()))
                || PLACES.not_streets.contains(&folded(first));
            (!person).then(|| whole(name))
        })
}
