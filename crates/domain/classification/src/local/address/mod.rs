//! The address a message speaks of, as typed. Must not know what the message wants.

mod building;
mod name;
mod street;
mod tail;
#[cfg(test)]
mod tests;

use super::tokens::tokens;
use building::building;
use regex::Regex;
use std::sync::LazyLock;
use street::{lots, street};

/// An address in the text.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    start: usize,
    end: usize,
}

static CORRECTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:so?r+y|no wait|wait no|i mean|i meant|make that|scratch that|correction|actually|oops|not)\b|\*")
});
static UNSURE_NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b\d{1,5}[a-z]? or \d{1,5}[a-z]? [a-z]"));
static UNSURE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^[\s,?]*(?:or|ou|o|还是)\s"));

fn pattern(expression: &str) -> Regex {
    Regex::new(expression).expect("a valid pattern")
}

/// The address in `shown`, unless the message itself doubts it.
pub(in crate::local) fn address(shown: &str) -> Option<String> {
    let tokens = tokens(shown);
    let mut found: Vec<Candidate> = Vec::new();
    found.extend(lots(shown));
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
    if UNSURE_NUMBER.is_match(shown) {
        return None;
    }
    let chosen = choose(shown, &found)?;
    let text = shown[chosen.start..chosen.end].split_whitespace().collect::<Vec<_>>().join(" ");
    Some(text.trim_end_matches([',', '.', ';', ':']).to_owned())
}

/// The first address, the one that replaces it, or none when the message wavers between two.
fn choose(shown: &str, found: &[Candidate]) -> Option<Candidate> {
    let first = *found.first()?;
    let wavers = |pair: &[Candidate]| {
        let gap = pair[1].start.saturating_sub(pair[0].end);
        (1..16).contains(&gap) && UNSURE.is_match(&shown[pair[0].end..pair[1].start])
    };
    if found.windows(2).any(wavers) {
        return None;
    }
    // A correction replaces what stood right before it.
    let corrected = found.windows(2).rev().find(|pair| {
        let between = &shown[pair[0].end.min(pair[1].start)..pair[1].start];
        between.len() < 60 && CORRECTED.is_match(between)
    });
    corrected.map(|pair| pair[1]).or(Some(first))
}
