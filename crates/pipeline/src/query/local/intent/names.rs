//! Words that are nobody's vocabulary: names of people and of things. Must not know who is called so.

use super::Name;
use crate::query::local::tokens::Word;
use crate::query::local::vocabulary;

/// Words that are nobody's vocabulary: names of people and of things.
pub(super) fn free_words(words: &[Word]) -> (Vec<Name>, Vec<String>) {
    let (mut names, mut topics): (Vec<Name>, Vec<String>) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < words.len() {
        if !is_free(words, at) {
            if vocabulary::is_topic(&words[at].text) && !vocabulary::is_known(&words[at].text) {
                topics.push(words[at].text.clone());
            }
            at += 1;
            continue;
        }
        let from = at;
        // Somebody's: what follows is owned, and no part of the name.
        while at < words.len() && is_free(words, at) && (at == from || !words[at - 1].possessive) && at - from < 3 {
            at += 1;
        }
        let run = &words[from..at];
        let before = from.checked_sub(1).map_or("", |at| words[at].text.as_str());
        let joined = before == "and" && names.last().is_some_and(|name: &Name| name.sure);
        let asked = matches!(
            before,
            "did"
                | "has"
                | "does"
                | "by"
                | "for"
                | "from"
                | "is"
                | "to"
                | "with"
                | "have"
                | "about"
                | "of"
                | "are"
                | "assigned"
        );
        let capital = run.iter().all(|word| word.capital) && from > 0;
        let owns = run.iter().any(|word| word.possessive);
        let strong = matches!(before, "did" | "by" | "from" | "does") && !owns;
        names.push(Name {
            text: run.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "),
            sure: owns || joined || strong || (asked && capital),
            place: matches!(before, "on" | "at"),
        });
    }
    names.truncate(4);
    (names, topics)
}

fn is_free(words: &[Word], at: usize) -> bool {
    let word = &words[at];
    let is_word = word.text.chars().any(char::is_alphabetic) && !word.text.starts_with('@');
    // "Ed Closing" would be a name; "Closing" alone is none.
    let part_of_name = word.capital
        && at > 0
        && words[at - 1].capital
        && !vocabulary::is_known(&words[at - 1].text)
        && !vocabulary::is_topic(&words[at - 1].text);
    is_word
        && word.text.chars().count() > 1
        && !vocabulary::is_known(&word.text)
        && (!vocabulary::is_topic(&word.text) || part_of_name)
}
