//! Mends single slips in long words that the lexicon knows: "feture sheet", "possesion", "certifcate". Must not know what
//! the words mean; addresses and names are read from the text as typed, never from this.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// Shorter words have too many neighbours that are right.
const SHORTEST: usize = 7;

/// The words the rules know, and every way to lose one letter of the long ones.
struct Known {
    of_cues: HashSet<&'static str>,
    words: HashSet<&'static str>,
    shortened: HashMap<String, &'static str>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let words_of = |text: &'static str| text.split(|c: char| !c.is_ascii_lowercase());
    let of_cues: HashSet<&'static str> = super::lexicon::texts().flat_map(words_of).collect();
    let lists = [include_str!("lexicon/places.toml"), include_str!("lexicon/names.toml")];
    let words = of_cues.iter().copied().chain(lists.into_iter().flat_map(words_of)).collect();
    let mut long: Vec<_> = of_cues.iter().copied().filter(|word| word.len() >= SHORTEST).collect();
    long.sort_unstable(); // the same neighbour every time
    let shortened = long.into_iter().flat_map(|word| without_one(word).map(move |short| (short, word))).collect();
    Known { of_cues, words, shortened }
});

/// `folded` with such words mended.
pub(super) fn mended(folded: &str) -> String {
    let mut mended = String::with_capacity(folded.len());
    for piece in folded.split_inclusive(|c: char| !c.is_ascii_lowercase()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_lowercase());
        mended.push_str(neighbour(word).unwrap_or(word));
        mended.push_str(&piece[word.len()..]);
    }
    mended
}

/// Whether a cue has this word.
pub(super) fn knows(word: &str) -> bool {
    KNOWN.of_cues.contains(word)
}

fn neighbour(word: &str) -> Option<&'static str> {
    let known = &*KNOWN;
    if !(SHORTEST - 1..=24).contains(&word.len()) || known.words.contains(word) || inflected(word, known) {
        return None;
    }
    let close = |found: &&'static str| found.len() >= SHORTEST && found.as_bytes()[0] == word.as_bytes()[0];
    let lost = known.shortened.get(word).copied().filter(close);
    lost.or_else(|| {
        let found = |short: String| known.words.get(short.as_str()).or_else(|| known.shortened.get(&short)).copied();
        without_one(word).find_map(|short| found(short).filter(close))
    })
}

/// A known word with another ending is right as it stands.
fn inflected(word: &str, known: &Known) -> bool {
    if ["s", "es", "r", "d", "ed", "ing"].iter().any(|ending| known.words.contains(format!("{word}{ending}").as_str()))
    {
        return true;
    }
    ["s", "d", "r", "y", "ed", "er", "ing", "ly", "es"].iter().filter_map(|ending| word.strip_suffix(ending)).any(
        |stem| {
            ["", "e", "s", "ed", "ing", "y"]
                .iter()
                .any(|ending| known.words.contains(format!("{stem}{ending}").as_str()))
        },
    )
}

fn without_one(word: &str) -> impl Iterator<Item = String> {
    (1..word.len()).map(move |at| format!("{}{}", &word[..at], &word[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_mended_and_words_are_left_alone() {
        for (typed, mended_text) in [
            ("reprint the feture sheets", "reprint the feature sheets"),
            ("possesion friday", "possession friday"),
            ("order the status certifcate", "order the status certificate"),
            ("photogrpaher at 3", "photographer at 3"),
            ("the deposits are in", "the deposits are in"),
            ("what a nice morning at the beach", "what a nice morning at the beach"),
        ] {
            assert_eq!(mended(typed), mended_text);
        }
    }
}
