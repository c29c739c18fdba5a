//! Takes an address apart, from its ends to its middle: unit, number, street, and what follows.
//!
//! It must not know a city nor a street by name.

use super::words::{DIRECTIONS, KINDS, SPELLINGS, even, short};
use super::{Address, TO_BE_CONFIRMED};

/// A piece of what stands between two commas.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Word(String),
    /// What joins a unit with a number: a dash, "at".
    Joint,
    /// `#`.
    Hash,
}

impl Piece {
    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Joint | Self::Hash => None,
        }
    }
}

pub(super) fn read(text: &str) -> Option<Address> {
    let mut parts = parts(text);
    let mut unit = None;
    for part in &mut parts {
        take_unit(part, &mut unit);
    }
    parts.retain(|part| part.iter().any(|piece| piece.word().is_some()));
    let mut parts = parts.into_iter().peekable();
    let mut head = parts.next()?;
    // "12-B, 401 Logan"
    if head.iter().all(|piece| piece.word().is_none_or(is_bare)) && parts.peek().is_some_and(|next| has_number(next)) {
        let bare: String = head.iter().filter_map(Piece::word).collect();
        unit = unit.or_else(|| unit_of(&bare));
        head = parts.next()?;
    }
    let Some(number) = take_number(&mut head, &mut unit) else {
        let pieces: Vec<Piece> = head.into_iter().chain(parts.flatten()).collect();
        return named(&pieces, unit, text);
    };
    let mut street = spoken(&head);
    if street.is_empty() {
        street = spoken(&parts.next()?);
    }
    numbered(number, street, unit, parts.map(|part| spoken(&part)).collect())
}

/// By commas and the like; each by words, dashes and number signs.
fn parts(text: &str) -> Vec<Vec<Piece>> {
    let mut parts = vec![Vec::new()];
    let mut word = String::new();
    for c in even(text).chars().chain([',']) {
        if c.is_alphanumeric() {
            word.push(c);
            continue;
        }
        // "O'Connor" is one word.
        if matches!(c, '\'' | '’' | '`') {
            continue;
        }
        if !word.is_empty() {
            parts.last_mut().expect("never empty").push(Piece::Word(short(&word).to_owned()));
            word.clear();
        }
        match c {
            ',' | ';' | '\n' | '(' | ')' => parts.push(Vec::new()),
            '-' | '–' | '—' | '@' | '/' => parts.last_mut().expect("never empty").push(Piece::Joint),
            '#' => parts.last_mut().expect("never empty").push(Piece::Hash),
            '&' | '+' => parts.last_mut().expect("never empty").push(Piece::Word("and".to_owned())),
            _ => {}
        }
    }
    for part in &mut parts {
        for at in 0..part.len() {
            if matches!(part[at].word(), Some("at" | "of")) && part.get(at + 1).is_some_and(starts) {
                part[at] = Piece::Joint;
            }
        }
    }
    parts
}

fn starts(piece: &Piece) -> bool {
    piece.word().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether a house number comes first, perhaps behind a unit's.
fn has_number(part: &[Piece]) -> bool {
    part.iter().find(|piece| piece.word().is_some()).is_some_and(starts)
}

/// A number or a letter, and no name.
fn is_bare(word: &str) -> bool {
    word.len() == 1 || word.starts_with(|c: char| c.is_ascii_digit()) && !word.ends_with(['t', 'd', 'h'])
}

/// As units are written on doors: without zeros in front.
fn unit_of(text: &str) -> Option<String> {
    let letters = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = text[letters.len()..].trim_start_matches('0');
    let bare = if letters.is_empty() { text.trim_start_matches('0').to_owned() } else { format!("{letters}{digits}") };
    (!bare.is_empty()).then_some(bare)
}

/// Takes out "unit 4", "#4", "PH 2" and "ph08"; the first one counts.
fn take_unit(part: &mut Vec<Piece>, unit: &mut Option<String>) {
    let mut at = 0;
    while at < part.len() {
        let Some((found, end)) = unit_at(part, at) else {
            at += 1;
            continue;
        };
        part.drain(at..end);
        *unit = unit.take().or(found);
    }
}

/// The unit that stands here, and where it ends.
fn unit_at(part: &[Piece], at: usize) -> Option<(Option<String>, usize)> {
    let (prefix, sign) = match &part[at] {
        Piece::Hash => ("", true),
        Piece::Word(word) => match word.as_str() {
            "unit" => ("", false),
            "ph" => ("ph", false),
            "th" => ("th", false),
            one => {
                let digits = one.strip_prefix("ph").or_else(|| one.strip_prefix("th"))?;
                let is_one = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
                return is_one.then(|| (unit_of(one), at + 1));
            }
        },
        Piece::Joint => return None,
    };
    let mut next = at + 1;
    while matches!(part.get(next), Some(Piece::Hash)) {
        next += 1;
    }
    let signed = sign || next > at + 1;
    let value = part.get(next).and_then(Piece::word).filter(|word| signed || is_value(word));
    let Some(value) = value else {
        // "PH, 88 Harbour": there is but one.
        let alone = prefix == "ph" || sign;
        return alone.then(|| ((!prefix.is_empty()).then(|| prefix.to_owned()), next));
    };
    // "unit 12-B"
    let letter = match (part.get(next + 1), part.get(next + 2)) {
        (Some(Piece::Joint), Some(Piece::Word(letter))) if letter.len() == 1 && !starts(&part[next + 2]) => {
            Some(letter.as_str())
        }
        _ => None,
    };
    let end = if letter.is_some() { next + 3 } else { next + 1 };
    Some((unit_of(&format!("{prefix}{value}{}", letter.unwrap_or_default())), end))
}

/// `4`, `b`, `b12`: what a unit goes by.
fn is_value(word: &str) -> bool {
    let letters = word.chars().take_while(char::is_ascii_alphabetic).count();
    let rest = &word[letters..];
    (letters == 1 && rest.is_empty())
        || (letters <= 2 && rest.starts_with(|c: char| c.is_ascii_digit()) && !word.ends_with(['t', 'd', 'h']))
}

/// Takes the house number off, and the unit in front of it: "4-12 Elm", "1507 at 18 Yonge".
fn take_number(head: &mut Vec<Piece>, unit: &mut Option<String>) -> Option<String> {
    while matches!(head.first(), Some(Piece::Joint)) {
        head.remove(0);
    }
    if !head.first().is_some_and(starts) {
        return None;
    }
    let first = head.remove(0).word()?.to_owned();
    if !(matches!(head.first(), Some(Piece::Joint)) && head.get(1).is_some_and(starts)) {
        return Some(first);
    }
    head.remove(0);
    let second = head.remove(0).word()?.to_owned();
    if unit.is_some() {
        return Some(format!("{first}-{second}"));
    }
    *unit = unit_of(&first);
    Some(second)
}

fn spoken(part: &[Piece]) -> Vec<String> {
    part.iter().filter_map(Piece::word).map(str::to_owned).collect()
}

/// A lot or a building: all of its words count.
fn named(pieces: &[Piece], unit: Option<String>, text: &str) -> Option<Address> {
    let mut street = spoken(pieces);
    while street.len() > 1 && matches!(street[0].as_str(), "at" | "of" | "in") {
        street.remove(0);
    }
    let end = street.iter().rposition(|word| !DIRECTIONS.contains(&word.as_str()))?;
    let is_only_a_street = KINDS.contains(&street[end].as_str());
    let is_one_word = street.len() == 1 && unit.is_none();
    let street = street.join(" ");
    if is_only_a_street || is_one_word || street == super::words(TO_BE_CONFIRMED).join(" ") {
        return None;
    }
    let lower = text.to_lowercase();
    let one_spelling = |word: &&str| !SPELLINGS.iter().any(|(long, short)| long == word || short == word);
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(one_spelling);
    let sought = words.max_by_key(|word| word.len()).unwrap_or_default().to_owned();
    Some(Address { number: None, street, kind: None, direction: None, unit, city: None, sought })
}

/// A house on a street, in `words`; then what follows after commas.
fn numbered(number: String, words: Vec<String>, unit: Option<String>, after: Vec<Vec<String>>) -> Option<Address> {
    let sought = number.split('-').next().unwrap_or_default().to_owned();
    let mut address =
        Address { number: Some(number), street: String::new(), kind: None, direction: None, unit, city: None, sought };
    let mut street = words;
    let mut tail = Vec::new();
    if let Some(at) = kind(&street) {
        tail = street.split_off(at + 1);
        address.kind = street.pop();
        if tail.first().is_some_and(|word| DIRECTIONS.contains(&word.as_str())) {
            address.direction = Some(tail.remove(0));
        }
    } else {
        take_end(&mut street, &mut address);
    }
    address.street = street.join(" ");
    for part in std::iter::once(tail).chain(after) {
        follow(part, &mut address);
    }
    (!address.street.is_empty()).then_some(address)
}

/// Where it says what the street is: the last such word behind a name, but in "12 Elm Ave St Catharines" the first.
fn kind(words: &[String]) -> Option<usize> {
    let mut found = None;
    for (at, word) in words.iter().enumerate().skip(1).filter(|(_, word)| KINDS.contains(&word.as_str())) {
        let next = words.get(at + 1).filter(|next| !DIRECTIONS.contains(&next.as_str()));
        if found.is_none() || word != "st" || next.is_none() {
            found = Some(at);
        }
    }
    found
}

/// The end of a street that does not say what it is: "629 king w 812", "418 markham main fl".
fn take_end(street: &mut Vec<String>, address: &mut Address) {
    take_level(street, address, 1);
    let is_road =
        |word: &String| matches!(word.as_str(), "hwy" | "line" | "conc" | "rr" | "county" | "regional" | "sdrd");
    let is_unit = |word: &String| (3..=4).contains(&word.len()) && word.chars().all(|c| c.is_ascii_digit());
    if street.len() > 1 && street.last().is_some_and(is_unit) && !street.iter().any(is_road) && address.unit.is_none() {
        address.unit = street.pop();
    }
    if street.len() > 1 && street.last().is_some_and(|word| DIRECTIONS.contains(&word.as_str())) {
        address.direction = street.pop();
    }
}

/// "main fl", "2nd fl", "upper": a part of a house is a unit of it.
fn take_level(words: &mut Vec<String>, address: &mut Address, least: usize) {
    let is_level = |word: &String| matches!(word.as_str(), "fl" | "level" | "upper" | "lower" | "bsmt");
    if words.len() <= least || !words.last().is_some_and(is_level) {
        return;
    }
    let mut level = words.pop().unwrap_or_default();
    let is_which = |word: &String| {
        matches!(word.as_str(), "main" | "upper" | "lower") || word.starts_with(|c: char| c.is_ascii_digit())
    };
    if matches!(level.as_str(), "fl" | "level") && words.len() > least && words.last().is_some_and(is_which) {
        level = format!("{}{level}", words.pop().unwrap_or_default());
    }
    address.unit.get_or_insert(level);
}

/// What stands behind the street: a unit, a city, a province, a postal code.
fn follow(mut part: Vec<String>, address: &mut Address) {
    take_level(&mut part, address, 0);
    if let [only] = part.as_slice()
        && only.chars().all(|c| c.is_ascii_digit())
    {
        let unit = unit_of(only);
        address.unit = address.unit.take().or(unit);
        return;
    }
    let city: Vec<&str> = (0..part.len()).filter(|at| !is_postal(&part, *at)).map(|at| part[at].as_str()).collect();
    let is_land = |word: &&str| matches!(*word, "on" | "ont" | "ontario" | "canada");
    let end = city.iter().rposition(|word| !is_land(word)).map_or(0, |last| last + 1);
    if end > 0 && address.city.is_none() {
        address.city = Some(city[..end].join(" "));
    }
}

/// A postal code, in one word or two.
fn is_postal(words: &[String], at: usize) -> bool {
    let like = |word: &str, pattern: &str| {
        word.len() == pattern.len()
            && word.chars().zip(pattern.chars()).all(|(c, kind)| match kind {
                'a' => c.is_ascii_alphabetic(),
                _ => c.is_ascii_digit(),
            })
    };
    let is = |at: usize, pattern: &str| words.get(at).is_some_and(|word| like(word, pattern));
    is(at, "a0a0a0") || is(at, "a0a") && is(at + 1, "0a0") || at > 0 && is(at - 1, "a0a") && is(at, "0a0")
}
