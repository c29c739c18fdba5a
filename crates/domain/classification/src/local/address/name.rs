//! Where the name of a street ends. Must not know numbers, units or cities.

use super::street::compound;
use crate::local::text::folded;
use crate::local::tokens::Token;
use crate::local::words::{NAMES, PLACES};

/// Where a French or Spanish street name ends that begins at token `from`.
pub(super) fn french_name(tokens: &[Token<'_>], from: usize) -> usize {
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
pub(super) fn name(tokens: &[Token<'_>], number: usize) -> Option<(usize, bool)> {
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
