//! The words of an address, and which of them are written in several ways. It must not know what they mean in an address.

/// Words that are written in several ways, each with its short form.
pub const SPELLINGS: [(&str, &str); 72] = [
    ("street", "st"),
    ("str", "st"),
    ("saint", "st"),
    ("avenue", "ave"),
    ("av", "ave"),
    ("road", "rd"),
    ("drive", "dr"),
    ("boulevard", "blvd"),
    ("boul", "blvd"),
    ("court", "ct"),
    ("crt", "ct"),
    ("lane", "ln"),
    ("crescent", "cres"),
    ("cr", "cres"),
    ("crs", "cres"),
    ("place", "pl"),
    ("square", "sq"),
    ("terrace", "terr"),
    ("ter", "terr"),
    ("parkway", "pkwy"),
    ("pky", "pkwy"),
    ("highway", "hwy"),
    ("circle", "cir"),
    ("circ", "cir"),
    ("trail", "trl"),
    ("grove", "grv"),
    ("heights", "hts"),
    ("gardens", "gdns"),
    ("sideroad", "sdrd"),
    ("mount", "mt"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
    ("northeast", "ne"),
    ("northwest", "nw"),
    ("southeast", "se"),
    ("southwest", "sw"),
    ("first", "1st"),
    ("second", "2nd"),
    ("third", "3rd"),
    ("fourth", "4th"),
    ("fifth", "5th"),
    ("sixth", "6th"),
    ("seventh", "7th"),
    ("eighth", "8th"),
    ("ninth", "9th"),
    ("tenth", "10th"),
    ("eleventh", "11th"),
    ("twelfth", "12th"),
    ("thirteenth", "13th"),
    ("fourteenth", "14th"),
    ("fifteenth", "15th"),
    ("sixteenth", "16th"),
    ("seventeenth", "17th"),
    ("eighteenth", "18th"),
    ("nineteenth", "19th"),
    ("twentieth", "20th"),
    ("floor", "fl"),
    ("flr", "fl"),
    ("lvl", "level"),
    ("basement", "bsmt"),
    ("penthouse", "ph"),
    ("townhouse", "th"),
    ("suite", "unit"),
    ("ste", "unit"),
    ("apt", "unit"),
    ("apartment", "unit"),
    ("units", "unit"),
    ("app", "unit"),
    ("bureau", "unit"),
    ("concession", "conc"),
];

/// The short forms of what a street is.
pub(super) const KINDS: [&str; 29] = [
    "st", "ave", "rd", "dr", "blvd", "ct", "ln", "cres", "pl", "sq", "terr", "pkwy", "hwy", "cir", "trl", "way",
    "gate", "grv", "hts", "gdns", "close", "path", "line", "mews", "row", "walk", "quay", "sdrd", "chase",
];

/// The short forms of directions.
pub(super) const DIRECTIONS: [&str; 8] = ["n", "s", "e", "w", "ne", "nw", "se", "sw"];

/// An address's words: lower case, without marks and punctuation, in their short form.
#[must_use]
pub fn words(address: &str) -> Vec<String> {
    even(address)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| short(word).to_owned())
        .collect()
}

/// The short form of a word.
pub(super) fn short(word: &str) -> &str {
    SPELLINGS.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| short)
}

/// Lower case, and the letters of our languages without their marks.
pub(super) fn even(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(plain).collect()
}

fn plain(letter: char) -> char {
    match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}
