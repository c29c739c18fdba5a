//! Street addresses: a number and a name, with or without a suffix. Must not know which one is meant.

use super::tail::{city_after, unit_after};
use super::{Candidate, pattern};
use crate::local::spelling;
use crate::local::text::folded;
use crate::local::tokens::Token;
use crate::local::words::{NAMES, PLACES};
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
fn compound(word: &str) -> bool {
    word.contains('-') || word.starts_with('#')
}

/// Whether the text before a number is the first half of a time such as 10:30.
fn is_clock(before: &str) -> bool {
    before.strip_suffix(':').is_some_and(|hour| hour.ends_with(|c: char| c.is_ascii_digit()))
}

/// Where a French or Spanish street name ends that begins at token `from`.
fn french_name(tokens: &[Token<'_>], from: usize) -> usize {
    let mut end = tokens[from].end;
    let mut at = from;
    while !tokens[at].closed && at < from + 4 {
        let Some(next) = tokens.get(at + 1) else { break };
        let small = matches!(next.word, "de" | "du" | "des" | "la" | "le" | "les");
        let name = next.capital() && !NAMES.knows(next.word);
        if !small && !name {
            break;
        }
        at += 1;
        if !small {
            end = tokens[at].end;
        }
    }
    end
}

/// Where an English street name ends after the number at `number`, and whether its form alone shows it is one.
fn name(tokens: &[Token<'_>], number: usize) -> Option<(usize, bool)> {
    let is_suffix = |t: &Token<'_>| PLACES.suffixes.contains(folded(t.word).trim_end_matches('.'));
    let stops = |t: &Token<'_>| {
        PLACES.not_streets.contains(&folded(t.word))
            || !t.word.starts_with(|c: char| c.is_alphabetic() || c.is_ascii_digit())
    };
    let first = tokens.get(number + 1)?;
    if stops(first)
        || (first.word.starts_with(|c: char| c.is_ascii_digit())
            && !first.word.ends_with("th")
            && !first.word.ends_with("st")
            && !first.word.ends_with("nd")
            && !first.word.ends_with("rd"))
    {
        return None;
    }
    // "5 St Joseph": a saint, no suffix.
    let saint = matches!(folded(first.word).as_str(), "st" | "saint") && !first.closed;
    if saint && tokens.get(number + 2).is_some_and(|t| !stops(t) && t.word.len() > 3 && !is_suffix(t)) {
        return without_suffix(tokens, number, &stops);
    }
    // A suffix within reach, with nothing between that cannot be part of a name.
    let mut at = number + 1;
    while let Some(token) = tokens.get(at).filter(|t| at <= number + 4 && (!stops(t) || is_suffix(t))) {
        let avenue_road = is_suffix(token) && !token.closed && tokens.get(at + 1).is_some_and(is_suffix);
        if is_suffix(token) && !avenue_road && (at > number + 1 || PLACES.numbered.contains(&folded(token.word))) {
            return Some((after_suffix(tokens, at), true));
        }
        if token.closed {
            break;
        }
        at += 1;
    }
    without_suffix(tokens, number, &stops)
}

/// A numbered road's number and a direction belong to the street.
fn after_suffix(tokens: &[Token<'_>], suffix: usize) -> usize {
    let token = &tokens[suffix];
    let Some(next) = tokens.get(suffix + 1).filter(|_| !token.closed) else { return token.end };
    let numbered = PLACES.numbered.contains(&folded(token.word))
        && next.word.len() <= 3
        && next.word.chars().all(|c| c.is_ascii_digit());
    let rural = suffix > 0
        && matches!(
            folded(tokens[suffix - 1].word).as_str(),
            "county" | "regional" | "concession" | "township" | "side"
        );
    let highway = folded(token.word).starts_with(['h', 'c', 'l', 's']);
    if PLACES.directions.contains(&folded(next.word)) || (numbered && (rural || highway)) {
        next.end
    } else {
        token.end
    }
}

fn without_suffix(tokens: &[Token<'_>], number: usize, stops: &dyn Fn(&Token<'_>) -> bool) -> Option<(usize, bool)> {
    let first = &tokens[number + 1];
    let word = folded(first.word);
    let capital = first.capital() && word.len() >= 3;
    let digits = |t: &Token<'_>| (3..=4).contains(&t.word.len()) && t.word.chars().all(|c| c.is_ascii_digit());
    let twin = number > 1
        && matches!(tokens[number - 1].word, "&" | "and" | "n")
        && tokens[number - 2].word.starts_with(|c: char| c.is_ascii_digit());
    let unit = !first.closed && tokens.get(number + 2).is_some_and(digits);
    let sure = twin || unit || compound(tokens[number].word);
    let generic = GENERIC.contains(&word.as_str());
    let short = !(sure || number > 0 && matches!(tokens[number - 1].word, "at" | "on" | "At" | "On"));
    if !capital
        && !generic
        && (word.len() < 3
            || word.len() == 3 && short
            || word.ends_with('s') && !word.ends_with("ss") && !sure
            || word.ends_with("ing")
            || word.ends_with("ed")
            || NAMES.knows(first.word) && !sure
            || !word.chars().all(|c| c.is_alphabetic()))
    {
        return None;
    }
    let mut at = number + 1;
    if let Some(next) =
        tokens.get(at + 1).filter(|t| !first.closed && (!stops(t) || PLACES.directions.contains(&folded(t.word))))
    {
        let direction = is_direction(tokens, at + 1);
        let open = generic && next.word.chars().all(char::is_alphanumeric);
        let second = open
            || PLACES.second.contains(&folded(next.word))
            || (capital
                && next.capital()
                && !NAMES.knows(next.word)
                && next.word.len() >= 3
                && !next.word.chars().all(char::is_uppercase));
        if direction || second {
            at += 1;
            if !tokens[at].closed && !direction && is_direction(tokens, at + 1) {
                at += 1;
            }
        }
    }
    Some((tokens[at].end, capital))
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

/// First words of street names that are none by themselves.
const GENERIC: [&str; 13] =
    ["old", "new", "upper", "lower", "east", "west", "north", "south", "saint", "st", "lake", "mount", "castle"];

/// "900 Queen w", but not "900 Queen n they moved".
fn is_direction(tokens: &[Token<'_>], at: usize) -> bool {
    let and = |next: &Token<'_>| {
        let next = folded(next.word);
        let unit = matches!(next.as_str(), "unit" | "suite" | "apt" | "ph");
        !unit && PLACES.not_streets.contains(&next)
            || matches!(next.as_str(), "send" | "get" | "book" | "call" | "order" | "tell")
    };
    tokens.get(at).is_some_and(|token| {
        let joins = matches!(token.word, "n" | "w") && !token.closed && tokens.get(at + 1).is_some_and(and);
        PLACES.directions.contains(&folded(token.word)) && !joins
    })
}
