//! The address a message speaks of, as typed. Must not know what the message wants.

use super::text::folded;
use super::tokens::{Token, tokens};
use super::words::{NAMES, PLACES};
use regex::Regex;
use std::sync::LazyLock;

/// An address in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    start: usize,
    end: usize,
    /// A street address, rather than the name of a building.
    street: bool,
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^#?\d{1,5}[A-Za-z]?(?:-\d{1,5}[A-Za-z]?)?$"));
static UNIT_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:^|[\s(])((?:(?:unit|suite|ste\.?|apt\.?|apartment|penthouse|ph|th|bureau|app\.?)\s?#?\s?[a-z]?\d{1,5}[a-z]?|penthouse|ph)\s*(?:@|at|-|–|,|of)\s*)$",
    )
});
static UNIT_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:,?\s*\(?(?:unit|suite|ste\.?|apt\.?|apartment|penthouse|ph|th|app\.?|bureau)\s?#?\s?(?:[a-z]{1,2}-?\d{1,4}|\d{1,5}[a-z]?|[a-d]\b)\)?|,?\s*(?:ph|penthouse)\b|,?\s*#\s?\d{1,5}[a-z]?\b|,?\s+(?:main fl(?:oo)?r|upper(?: unit| level)?|lower(?: unit| level)?|basement|bsmt|main level)\b|\s\d{3,4}\b)",
    )
});
static STATE_AFTER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^,?\s+(?:[A-Z][a-zé]+(?: [A-Z][a-z]+)?,?\s+)?(?:ON|Ont\.?|Ontario|QC|Québec|BC|AB|MB|NS|NB|TX|FL|NC|SC|NY|CA|AZ|GA|IL|MA|MI|NV|OH|PA|WA|VA|CO|TN)\b",
    )
});
static LOT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b[Ll]ot\s#?\d{1,4}[A-Za-z]?\b(?:,?\s+(?:[Cc]on(?:c|cession)\.?\s\d{1,2}|(?:\d{1,3}(?:st|nd|rd|th)\s)?(?:[A-Z][a-z]+\s)?(?:Sideroad|Line|Concession|Rd|Road|Trail|Ave|St|Dr)\b))?",
    )
});
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
static CORRECTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:sorry|no wait|wait no|i mean|i meant|make that|scratch that|correction|actually|oops|not)\b|\*")
});
static UNSURE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^[\s,?]*(?:or|ou|o|还是)\s"));

fn pattern(expression: &str) -> Regex {
    Regex::new(expression).expect("a valid pattern")
}

/// The address in `shown`, unless the message itself doubts it.
pub(super) fn address(shown: &str) -> Option<String> {
    let tokens = tokens(shown);
    let mut found: Vec<Candidate> = Vec::new();
    found.extend(LOT.find_iter(shown).map(|m| Candidate {
        start: m.start(),
        end: city_after(shown, m.end(), true),
        street: true,
    }));
    for at in 0..tokens.len() {
        if found.last().is_some_and(|last| tokens[at].start < last.end) {
            continue;
        }
        if let Some(street) = street(shown, &tokens, at) {
            found.push(street);
        }
    }
    if found.is_empty() {
        found.extend(building(shown));
    }
    let chosen = choose(shown, &found)?;
    let text = shown[chosen.start..chosen.end].split_whitespace().collect::<Vec<_>>().join(" ");
    Some(text.trim_end_matches([',', '.', ';', ':']).to_owned())
}

fn choose(shown: &str, found: &[Candidate]) -> Option<Candidate> {
    let first = *found.first()?;
    let doubted = found.windows(2).any(|pair| {
        pair[1].start > pair[0].end
            && UNSURE.is_match(&shown[pair[0].end..pair[1].start])
            && pair[1].start - pair[0].end < 16
    });
    if doubted
        || (found.len() == 1
            && UNSURE.is_match(&shown[first.end..])
            && shown[first.end..]
                .trim_start_matches([' ', '?', ','])
                .chars()
                .nth(3)
                .is_some_and(|c| c.is_ascii_digit()))
    {
        return None;
    }
    // A correction replaces what stood right before it.
    let corrected = found.windows(2).rev().find(|pair| {
        let between = &shown[pair[0].end.min(pair[1].start)..pair[1].start];
        between.len() < 60 && CORRECTED.is_match(between)
    });
    corrected.map(|pair| pair[1]).or(Some(first))
}

/// A street address whose number is token `at`.
fn street(shown: &str, tokens: &[Token<'_>], at: usize) -> Option<Candidate> {
    let number = &tokens[at];
    let before = shown[..number.start].chars().next_back();
    if !NUMBER.is_match(number.word) || before.is_some_and(|c| "$+-/.".contains(c)) || is_clock(&shown[..number.start]) {
        return None;
    }
    let next = tokens.get(at + 1)?;
    let leads = PLACES.leading.contains(folded(next.word).trim_end_matches('.'));
    if number.closed && !(leads && &shown[number.end..=number.end] == ",") {
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
    let compound = number.word.contains('-') || number.word.starts_with('#');
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
                | "and" | "relisted" | "relisting" | "staging" | "showing" | "leasing" | "buying" | "selling" | "moving"
        );
    if !named && !compound && !introduced && at > 0 {
        return None;
    }
    let start = UNIT_BEFORE.captures(&shown[..number.start]).and_then(|c| c.get(1)).map_or(number.start, |m| m.start());
    let start = if start == number.start && before == Some('#') { start - 1 } else { start };
    let mut end = end;
    for _ in 0..2 {
        end = unit_after(shown, end);
        end = city_after(shown, end, named);
    }
    Some(Candidate { start, end, street: true })
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
        if !(next.capital() || small) || NAMES.knows(next.word) && !small {
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
    if !capital
        && (word.len() < 4
            || word.ends_with('s')
            || word.ends_with("ing")
            || word.ends_with("ed")
            || NAMES.knows(first.word)
            || !word.chars().all(|c| c.is_alphabetic()))
    {
        return None;
    }
    let mut at = number + 1;
    if let Some(next) = tokens
        .get(at + 1)
        .filter(|t| !first.closed && !stops(t) || PLACES.directions.contains(&folded(t.word)) && !first.closed)
    {
        let direction = PLACES.directions.contains(&folded(next.word));
        let second = PLACES.second.contains(&folded(next.word))
            || (capital
                && next.capital()
                && !NAMES.knows(next.word)
                && next.word.len() >= 3
                && !next.word.chars().all(char::is_uppercase));
        if direction || second {
            at += 1;
            let third = tokens
                .get(at + 1)
                .filter(|t| !tokens[at].closed && PLACES.directions.contains(&folded(t.word)) && !direction);
            if third.is_some() {
                at += 1;
            }
        }
    }
    Some((tokens[at].end, capital))
}

fn unit_after(shown: &str, end: usize) -> usize {
    let rest = &shown[end..];
    let Some(unit) = UNIT_AFTER.find(rest) else { return end };
    let after = rest[unit.end()..].trim_start();
    let bare = unit.as_str().trim_start().chars().all(|c| c.is_ascii_digit());
    let counts = after.split(|c: char| !c.is_alphanumeric()).next().is_some_and(|word| {
        PLACES.not_streets.contains(&word.to_lowercase())
            && matches!(
                word.to_lowercase().as_str(),
                "sf" | "sqft" | "sq" | "k" | "net" | "a" | "ft" | "copies" | "flyers" | "postcards" | "brochures"
            )
    });
    if bare
        && (counts
            || after.starts_with(['k', '/', ',', '$', '%'])
            || rest[unit.end()..].starts_with([',', '/', '.', 'k', '-', ':']))
    {
        return end;
    }
    end + unit.end()
}

/// Takes in a city, province or state that adjoins; without a comma only one from the list.
fn city_after(shown: &str, end: usize, street: bool) -> usize {
    let rest = &shown[end..];
    if let Some(state) = STATE_AFTER.find(rest) {
        return end + state.end();
    }
    let comma = rest.starts_with(',');
    let words = tokens(&rest[..super::text::floor(rest, 40)]);
    let gap = words.first().map_or(0, |w| w.start);
    if gap > 2 || !street && !comma {
        return end;
    }
    for take in [3, 2, 1] {
        let Some(last) = words.get(take - 1) else { continue };
        if words[..take - 1].iter().any(|w| w.closed) {
            continue;
        }
        let name = folded(&rest[words[0].start..last.end]);
        let ambiguous = matches!(
            name.as_str(),
            "king" | "york" | "maple" | "weston" | "sutton" | "london" | "milton" | "erin" | "charlotte" | "austin"
        ) && !comma
            && !words[0].capital();
        if PLACES.cities.contains(&name) && !ambiguous {
            let city = end + last.end;
            let after = &shown[city..];
            return STATE_AFTER
                .find(after)
                .filter(|m| m.as_str().trim_matches([',', ' ']).len() <= 7)
                .map_or(city, |m| city + m.end());
        }
    }
    end
}

/// A named building or project, for want of a street.
fn building(shown: &str) -> Option<Candidate> {
    let whole = |m: regex::Match<'_>| Candidate { start: m.start(), end: m.end(), street: false };
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
