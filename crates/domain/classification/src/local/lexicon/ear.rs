//! Which cues a text may hold, by one look at it: a phrase can only be heard where the words stand that it cannot do without.
//! Must not know what a cue means.
//!
//! A message holds few of the lexicon's thousand phrases, and to look for each of them costs more than all else that is
//! done with the message.

use super::needs::{EDGE, clauses, is_letter, worth};
use aho_corasick::AhoCorasick;
use std::collections::BTreeMap;
use std::ops::Range;

/// The words of all phrases, and whose they are.
pub(super) struct Ear {
    words: AhoCorasick,
    /// By word: whether it begins, and whether it ends, at an edge.
    edges: Vec<(bool, bool)>,
    phrases: Vec<Phrase>,
    /// By word: the phrases that are looked at because of it, each by the most telling of its clauses.
    calls: Vec<Vec<usize>>,
    /// Cues with a phrase that needs no word.
    always: Vec<usize>,
    cues: usize,
}

struct Phrase {
    cue: usize,
    /// Of each of these one word must stand there.
    needs: Vec<Vec<usize>>,
}

impl Ear {
    /// For cues of these phrases, patterns in the syntax of `regex`; each cue is known by its place from here on.
    pub(super) fn new<P: AsRef<str>>(cues: &[Vec<P>]) -> Result<Self, String> {
        let mut ids: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        let (mut phrases, mut called, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for (cue, patterns) in cues.iter().enumerate() {
            for pattern in patterns {
                let clauses = clauses(&regex_syntax::parse(pattern.as_ref()).map_err(|error| error.to_string())?);
                let Some(telling) = clauses.iter().max_by_key(|clause| worth(clause)).cloned() else {
                    always.push(cue);
                    continue;
                };
                let mut id = |word: Vec<u8>| {
                    let next = ids.len();
                    *ids.entry(word).or_insert(next)
                };
                called.extend(telling.into_iter().map(|word| (id(word), phrases.len())));
                let needs = clauses.into_iter().map(|clause| clause.into_iter().map(&mut id).collect()).collect();
                phrases.push(Phrase { cue, needs });
            }
        }
        let mut calls = vec![Vec::new(); ids.len()];
        called.into_iter().for_each(|(word, phrase): (usize, usize)| calls[word].push(phrase));
        let mut words: Vec<_> = ids.into_iter().collect();
        words.sort_by_key(|(_, id)| *id);
        let edges = words.iter().map(|(word, _)| (word.first() == Some(&EDGE), word.last() == Some(&EDGE))).collect();
        let letters =
            words.iter().map(|(word, _)| word.iter().copied().filter(|byte| *byte != EDGE).collect::<Vec<_>>());
        let words = AhoCorasick::new(letters).map_err(|error| error.to_string())?;
        Ok(Self { words, edges, phrases, calls, always, cues: cues.len() })
    }

    /// The cues that may be heard in `text`, in order. One that is left out is not.
    pub(super) fn may_hear(&self, text: &str) -> impl Iterator<Item = usize> {
        let mut stands = vec![false; self.calls.len()];
        let mut found = Vec::new();
        for place in self.words.find_overlapping_iter(text) {
            let word = place.pattern().as_usize();
            if !stands[word] && self.is_whole(word, text, place.range()) {
                stands[word] = true;
                found.push(word);
            }
        }
        let mut may = vec![false; self.cues];
        self.always.iter().for_each(|cue| may[*cue] = true);
        for phrase in found.iter().flat_map(|word| &self.calls[*word]) {
            let Phrase { cue, needs } = &self.phrases[*phrase];
            may[*cue] = may[*cue] || needs.iter().all(|clause| clause.iter().any(|word| stands[*word]));
        }
        may.into_iter().enumerate().filter_map(|(cue, may)| may.then_some(cue))
    }

    /// Whether no letter stands next to it where there may be none.
    fn is_whole(&self, word: usize, text: &str, Range { start, end }: Range<usize>) -> bool {
        let (begins, ends) = self.edges[word];
        let before = start.checked_sub(1).map(|at| text.as_bytes()[at]);
        let after = text.as_bytes().get(end).copied();
        !(begins && before.is_some_and(is_letter) || ends && after.is_some_and(is_letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    #[test]
    fn what_is_left_out_is_not_heard() {
        let cues = [
            vec!["sellers?'?s?", "(my|our) (cash )?buyers?"],
            vec![r"#[0-9]+"],
            vec!["a(b|c)+d|ef"],
            vec!["卖家|业主卖"],
        ];
        let ear = Ear::new(&cues).expect("valid patterns");
        let texts =
            ["", "our buyers", "our cash buyer", "the seller's", "abcd", "abef", "#12 sold", "卖家来了", "nothing"];
        for text in texts {
            let may: Vec<usize> = ear.may_hear(text).collect();
            for (cue, phrases) in cues.iter().enumerate() {
                let is = phrases.iter().any(|phrase| Regex::new(phrase).expect("a valid pattern").is_match(text));
                assert!(!is || may.contains(&cue), "{phrases:?} in {text}");
            }
        }
        assert_eq!(ear.may_hear("your seller").collect::<Vec<_>>(), [0]);
        assert_eq!(ear.may_hear("our cash").count(), 0);
    }
}
