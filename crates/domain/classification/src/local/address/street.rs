//! Street addresses: a number and a name, with or without a suffix. Must not know which one is meant.

use super::name::{french_name, name};
use super::tail::{city_after, unit_after};
use super::{Candidate, pattern};
use crate::local::spelling;
use crate::local::text::folded;
use crate::local::tokens::Token;
use crate::local::words::PLACES;
use regex::Regex;
use std::sync::LazyLock;

static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^#?(?:[Pp][Hh])?\d{1,5}[A-Za-z]?(?:-\d{1,5}[A-Za-z]?)?$"));
static UNIT_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:^|[\s(])((?:(?:unit|suite|ste\.?|apt\.?|apartment|penthouse|ph|th|bureau|app\.?)\s?#?\s?(?:[a-z]?\d{1,5}[a-z]?|[a-d]\b)|penthouse|ph)\s*(?:@|at|-|–|,|of)\s*)$",
    )
});
/// "1507 at 18 Yonge", "2607 - 295 Adelaide": a bare unit number.
static BARE_UNIT_BEFORE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?:^|[\s(:])((?:ph)?\d{3,4}[a-z]?\s*(?:@|at|-|–|/)\s*)$"));
/// "14 & 16 Elm", "12a and 12b Fallgate": two numbers of one street.
static TWIN_BEFORE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?:^|[\s(:])(\d{1,4}[a-z]?\s*(?:&|and|n|\+)\s*)$"));
static LOT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b[Ll]ot\s#?\d{1,4}[A-Za-z]?\b(?:,?\s+(?:[Cc]on(?:c|cession)\.?\s\d{1,2}|(?:\d{1,3}(?:st|nd|rd|th)\s)?(?:[A-Z][a-z]+\s)?(?:Sideroad|Line|Concession|Rd|Road|Trail|Ave|St|Dr)\b))?",
    )
});

/// Lots, which have no street number: "Lot 22, 15th Sideroad, King".
pub(super) fn lots(shown: &str) -> impl Iterator<Item = Candidate> {
    LOT.find_iter(shown).map(|m| Candidate { start: m.start(), end: city_after(shown, m.end(), true) })
}

/// A street address whose number is token `at`.
pub(super) fn street(shown: &str, tokens: &[Token<'_>], at: usize) -> Option<Candidate> {
    let number = &tokens[at];
    let before = shown[..number.start].chars().next_back();
    if !NUMBER.is_match(number.word) || before.is_some_and(|c| "$+-/.".contains(c)) || is_clock(&shown[..number.start])
    {
        return None;
    }
    let next = tokens.get(at + 1)?;
    let leads = PLACES.leading.contains(folded(next.word).trim_end_matches('.'));
    if number.closed && !(leads && shown[number.end..].starts_with(',')) {
        return None;
    }
    let (end, named) = if leads
        && tokens.get(at + 2).is_some_and(|t| t.capital() && !PLACES.suffixes.contains(&folded(t.word)))
        && !next.closed
    {
        (french_name(tokens, at + 2), true)
    } else {
        name(tokens, at)?
    };
    // "809 bay 1207": a street between two numbers.
    let unit = |t: &Token<'_>| {
        t.start > end
            && t.start <= end + 1
            && (3..=4).contains(&t.word.len())
            && t.word.chars().all(|c| c.is_ascii_digit())
    };
    let bare_unit = (number.word.len() <= 3).then(|| BARE_UNIT_BEFORE.captures(&shown[..number.start])).flatten();
    let bare_unit = bare_unit.and_then(|c| c.get(1)).map(|m| m.start());
    let compound = tokens.get(at + 2).is_some_and(unit) || compound(number.word) || bare_unit.is_some();
    let followed = shown[end..].trim_start().starts_with('#');
    let large = stands_alone(tokens, at);
    let introduced = at > 0
        && !tokens[at - 1].closed
        && matches!(
            folded(tokens[at - 1].word).as_str(),
            "at" | "for"
                | "on"
                | "of"
                | "@"
                | "re"
                | "in"
                | "4"
                | "to"
                | "from"
                | "de"
                | "en"
                | "du"
                | "au"
                | "closing"
                | "lease"
                | "sale"
                | "sold"
                | "listing"
                | "listed"
                | "bought"
                | "purchased"
                | "leased"
                | "relist"
                | "list"
                | "by"
                | "and"
                | "relisted"
                | "relisting"
                | "staging"
                | "showing"
                | "leasing"
                | "buying"
                | "selling"
                | "moving"
        );
    if !named && !compound && !introduced && !followed && !large && at > 0 {
        return None;
    }
    let before_number = |pattern: &Regex| pattern.captures(&shown[..number.start])?.get(1).map(|m| m.start());
    let start =
        before_number(&UNIT_BEFORE).or(bare_unit).or_else(|| before_number(&TWIN_BEFORE)).unwrap_or(number.start);
    let start = if start == number.start && before == Some('#') { start - 1 } else { start };
    let mut end = end;
    for _ in 0..2 {
        end = unit_after(shown, end);
        end = city_after(shown, end, named);
    }
    Some(Candidate { start, end })
}

/// Whether "52 foxley" is an address with nothing else to show for it: not "20 feature sheets", "may 31 move", "form 122".
fn stands_alone(tokens: &[Token<'_>], at: usize) -> bool {
    let number = tokens[at].word;
    let year = number.len() == 4 && (number.starts_with("19") || number.starts_with("20"));
    let counted = at > 0 && COUNTED.contains(&folded(tokens[at - 1].word).as_str());
    number.len() > 1
        && number.chars().all(|c| c.is_ascii_digit())
        && !year
        && !counted
        && tokens.get(at + 1).is_some_and(|next| !spelling::knows(&folded(next.word)))
}

/// Whether a unit and a street number stand in one word.
pub(super) fn compound(word: &str) -> bool {
    word.contains('-') || word.starts_with('#')
}

/// Whether the text before a number is the first half of a time such as 10:30.
fn is_clock(before: &str) -> bool {
    before.strip_suffix(':').is_some_and(|hour| hour.ends_with(|c: char| c.is_ascii_digit()))
}

/// Words before a number that is no address.
const COUNTED: [&str; 31] = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "nov",
    "dec",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "form",
    "forms",
    "schedule",
    "page",
    "fob",
    "to",
    "level",
];
