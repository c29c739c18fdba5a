//! The word lists that addresses and people are recognised by. Must not know how they are used.

use serde::Deserialize;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Words that make up addresses.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Places {
    pub(super) suffixes: HashSet<String>,
    pub(super) leading: HashSet<String>,
    pub(super) numbered: HashSet<String>,
    pub(super) second: HashSet<String>,
    pub(super) directions: HashSet<String>,
    pub(super) cities: HashSet<String>,
    pub(super) not_streets: HashSet<String>,
}

/// Given names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    names: HashSet<String>,
    also_words: HashSet<String>,
}

impl Names {
    /// Whether `word`, as typed, reads as a given name.
    pub(super) fn knows(&self, word: &str) -> bool {
        let lower = word.to_lowercase();
        let capital = word.starts_with(char::is_uppercase);
        if self.also_words.contains(&lower) { capital } else { self.names.contains(&lower) }
    }
}

/// How people are spoken to and spoken of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct People {
    pub(super) outsiders: HashSet<String>,
    pub(super) possessions: HashSet<String>,
    pub(super) greetings: HashSet<String>,
    pub(super) calls: HashSet<String>,
    pub(super) handovers: HashSet<String>,
    pub(super) does: HashSet<String>,
    pub(super) not_names: HashSet<String>,
}

pub(super) static PEOPLE: LazyLock<People> =
    LazyLock::new(|| toml::from_str(include_str!("lexicon/people.toml")).expect("people.toml is checked by a test"));

pub(super) static PLACES: LazyLock<Places> =
    LazyLock::new(|| toml::from_str(include_str!("lexicon/places.toml")).expect("places.toml is checked by a test"));

pub(super) static NAMES: LazyLock<Names> =
    LazyLock::new(|| toml::from_str(include_str!("lexicon/names.toml")).expect("names.toml is checked by a test"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_lower_case_and_not_empty() {
        let lists = [
            &PLACES.suffixes,
            &PLACES.cities,
            &PLACES.not_streets,
            &NAMES.names,
            &NAMES.also_words,
            &PEOPLE.does,
            &PEOPLE.not_names,
        ];
        for list in lists {
            assert!(!list.is_empty() && list.iter().all(|word| *word == word.to_lowercase()));
        }
        assert!(NAMES.knows("priya") && NAMES.knows("Mark") && !NAMES.knows("mark") && !NAMES.knows("lockbox"));
    }
}
