//! The words that a pattern cannot do without, read from its syntax. Must not know what they are looked for in.

use regex_syntax::hir::{Class, Hir, HirKind, Look};
use std::ops::RangeInclusive;

/// More words than this in one place are as good as none.
const MOST: usize = 256;
/// So many letters in one place of a pattern are worth telling apart.
const FEW: usize = 4;
/// Stands in a word where no letter may stand next to it.
pub(super) const EDGE: u8 = 0;

/// Words of which one must stand in the text.
pub(super) type Clause = Vec<Vec<u8>>;

/// As `\b` sees it, without Unicode.
pub(super) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// How seldom a clause holds by chance: by its shortest word.
pub(super) fn worth(clause: &Clause) -> usize {
    clause.iter().map(Vec::len).min().unwrap_or(0)
}

/// What must stand in whatever `pattern` matches.
pub(super) fn clauses(pattern: &Hir) -> Vec<Clause> {
    let mut clauses = Vec::new();
    if let Some(all) = spelled(pattern, &mut clauses) {
        push(&mut clauses, all);
    }
    clauses
}

/// All that `pattern` matches, where that is a few words; else none, and what they cannot do without goes to `clauses`.
fn spelled(pattern: &Hir, clauses: &mut Vec<Clause>) -> Option<Clause> {
    match pattern.kind() {
        HirKind::Look(Look::WordAscii) => Some(vec![vec![EDGE]]),
        HirKind::Empty | HirKind::Look(_) => Some(vec![Vec::new()]),
        HirKind::Literal(word) => Some(vec![word.0.to_vec()]),
        HirKind::Class(class) => letters(class),
        HirKind::Capture(inner) => spelled(&inner.sub, clauses),
        HirKind::Repetition(inner) => match (inner.min, inner.max) {
            (0, Some(1)) => spelled(&inner.sub, &mut Vec::new()).map(|mut words| {
                words.push(Vec::new());
                words
            }),
            (0, _) => None,
            _ => {
                let words = spelled(&inner.sub, clauses)?;
                push(clauses, words);
                None
            }
        },
        HirKind::Alternation(options) => one_of(options, clauses),
        HirKind::Concat(parts) => in_a_row(parts, clauses),
    }
}

fn one_of(options: &[Hir], clauses: &mut Vec<Clause>) -> Option<Clause> {
    let (mut words, mut is_spelled, mut is_needed) = (Vec::new(), true, true);
    for option in options {
        let mut own = Vec::new();
        match spelled(option, &mut own) {
            Some(all) => words.extend(all),
            None => {
                is_spelled = false;
                match own.into_iter().max_by_key(worth) {
                    Some(clause) => words.extend(clause),
                    None => is_needed = false,
                }
            }
        }
    }
    if is_spelled && words.len() <= MOST {
        return Some(words);
    }
    if is_needed {
        push(clauses, words);
    }
    None
}

fn in_a_row(parts: &[Hir], clauses: &mut Vec<Clause>) -> Option<Clause> {
    let (mut row, mut is_spelled) = (vec![Vec::new()], true);
    for part in parts {
        // What is repeated ends the words before it and begins those behind it.
        if let Some(words) = repeated(part).filter(|words| words.len() * row.len() <= MOST) {
            is_spelled = false;
            push(clauses, joined(&row, &words));
            row = words;
            continue;
        }
        match spelled(part, clauses) {
            Some(words) if words.len() * row.len() <= MOST => row = joined(&row, &words),
            other => {
                is_spelled = false;
                let edge = if is_gap(part) { vec![EDGE] } else { Vec::new() };
                row.iter_mut().for_each(|word| word.extend(&edge));
                push(clauses, std::mem::replace(&mut row, other.unwrap_or_else(|| vec![edge])));
            }
        }
    }
    if is_spelled {
        return Some(row);
    }
    push(clauses, row);
    None
}

fn joined(heads: &[Vec<u8>], tails: &[Vec<u8>]) -> Vec<Vec<u8>> {
    heads.iter().flat_map(|head| tails.iter().map(move |tail| [&head[..], &tail[..]].concat())).collect()
}

/// The few words that stand there once or more.
fn repeated(part: &Hir) -> Option<Clause> {
    let HirKind::Repetition(inner) = part.kind() else { return None };
    if inner.min == 0 || is_gap(part) { None } else { spelled(&inner.sub, &mut Vec::new()) }
}

/// Whether it is one or more characters that are no letters.
fn is_gap(part: &Hir) -> bool {
    let HirKind::Repetition(inner) = part.kind() else { return false };
    let HirKind::Class(Class::Unicode(class)) = inner.sub.kind() else { return false };
    let letters = ['0'..='9', 'A'..='Z', 'a'..='z', '_'..='_'];
    let has = |letters: &RangeInclusive<char>| {
        class.iter().any(|range| range.start() <= *letters.end() && range.end() >= *letters.start())
    };
    inner.min > 0 && !letters.iter().any(has)
}

/// Each letter of a small class.
fn letters(class: &Class) -> Option<Clause> {
    let Class::Unicode(class) = class else { return None };
    let letters: Vec<char> = class.iter().flat_map(|range| range.start()..=range.end()).take(FEW + 1).collect();
    (letters.len() <= FEW).then(|| letters.iter().map(|letter| letter.to_string().into_bytes()).collect())
}

/// A clause that holds for any text is none, and a word that holds another adds nothing to it.
fn push(clauses: &mut Vec<Clause>, words: Clause) {
    let mut words: Clause = words.into_iter().map(at_edges).collect();
    words.sort_by_key(Vec::len);
    let mut kept: Clause = Vec::new();
    for word in words {
        if !kept.iter().any(|short| short.is_empty() || word.windows(short.len()).any(|part| part == short)) {
            kept.push(word);
        }
    }
    let tells = |word: &Vec<u8>| word.iter().any(|byte| !b" \n,\0".contains(byte));
    if kept.iter().all(tells) && kept.len() <= MOST {
        clauses.push(kept);
    }
}

/// The longest part between edges, with those edges that a letter stands at: next to anything else one says nothing.
fn at_edges(word: Vec<u8>) -> Vec<u8> {
    let parts = word.split(|byte| *byte == EDGE);
    let Some(part) = parts.max_by_key(|part| part.len()) else { return word };
    let from = part.as_ptr().addr() - word.as_ptr().addr();
    let is_edge = |at: Option<usize>| at.is_some_and(|at| word.get(at) == Some(&EDGE));
    let mut whole = Vec::with_capacity(part.len() + 2);
    if is_edge(from.checked_sub(1)) && part.first().copied().is_some_and(is_letter) {
        whole.push(EDGE);
    }
    whole.extend(part);
    if is_edge(Some(from + part.len())) && part.last().copied().is_some_and(is_letter) {
        whole.push(EDGE);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(pattern: &str) -> Vec<Vec<String>> {
        let text = |word: Vec<u8>| String::from_utf8(word).expect("text").replace('\0', "|");
        let clauses = clauses(&regex_syntax::parse(pattern).expect("a valid pattern"));
        clauses.into_iter().map(|clause| clause.into_iter().map(text).collect()).collect()
    }

    #[test]
    fn what_a_phrase_cannot_do_without() {
        assert_eq!(needs(r"(?-u:\b)signs?(?-u:\b)"), [["|sign|", "|signs|"]]);
        assert_eq!(needs(r"(?-u:\b)sign[a-z]*(?-u:\b)"), [["|sign"]]);
        assert_eq!(needs("(?:my|our)[ ,]+buyers?"), [vec!["my|", "our|"], vec!["|buyer"]]);
        assert_eq!(needs(r"(?-u:\b)lo+l"), [["|lo"], ["ol"]]);
        assert_eq!(needs("offer.{0,40}?accepted"), [["offer"], ["accepted"]]);
        assert_eq!(needs("(?:sold|leased [0-9]+|[0-9]+ gone)"), [["sold", " gone", "leased "]]);
        assert_eq!(needs("[0-9]+k?"), Vec::<Vec<String>>::new());
        assert_eq!(needs("sold|[0-9]+"), Vec::<Vec<String>>::new());
    }
}
