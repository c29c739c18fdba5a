//! A question as words: plain letters, mended typing errors, and stand-ins for ids, addresses and days, so that "what's ovedue on
//! 12 Elm?" reads like "what is overdue on @address". Must not know what is asked.

use super::vocabulary;
use dispatch_classification::local::reading;
use regex::Regex;
use std::sync::LazyLock;
use time::Date;

/// A question is read up to here, in characters.
const MOST_CHARS: usize = 600;

/// One word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    /// In lower case, mended; or a stand-in: `@id`, `@address`, `@day`.
    pub(super) text: String,
    /// As it was written.
    pub(super) raw: String,
    /// It was written with a capital.
    pub(super) capital: bool,
    /// It had an `'s`.
    pub(super) possessive: bool,
}

/// A question, read as far as words go.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Reading {
    pub(super) words: Vec<Word>,
    pub(super) ids: Vec<String>,
    pub(super) address: Option<String>,
    pub(super) days: Vec<reading::NamedDay>,
}

static ID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i-u)\b(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}|(?:sm|mm)[0-9a-f]{32}",
        r"|[0-9]{10}\.[0-9]{3,6}|ev[0-9][a-z0-9]{7,}|[0-9][0-9a-hjkmnp-tv-z]{25}",
        r"|(?:mission|listing|staff|realtor|event|evt|task|activity|unit|delivery)-[a-z0-9][a-z0-9_-]*)\b",
    ))
});
static QUOTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"`([^`\s]{1,128})`"));
static BARE_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)(?:^|[\s(])((?:(?:unit|apt|suite|#)\s?[a-z0-9]{1,5}[\s,-]+)?[0-9]{1,5}[a-z]?(?:-[0-9]{1,5})?\s+[a-z][a-z']+",
        r"(?:\s+(?:street|st|avenue|ave|road|rd|drive|dr|boulevard|blvd|crescent|cres|court|crt|ct|lane|ln|way|place|pl|square|sq",
        r"|terrace|parkway|pkwy|highway|hwy|trail|circle|gate|grove)\b\.?)?(?:\s+(?:north|south|east|west|[nsew])\b)?)",
    ))
});
static STREET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\b(?:on|at|for|in|along|of)\s+([a-z][a-z']+\s+(?:street|st|avenue|ave|road|rd|drive|boulevard|blvd|crescent|cres|court|crt",
        r"|lane|ln|place|square|terrace|parkway|highway|trail|grove)\b\.?)",
    ))
});

fn pattern(expression: &str) -> Regex {
    Regex::new(expression).expect("a valid pattern")
}

/// Reads a question that is asked on `today`.
pub(super) fn read(question: &str, today: Date) -> Reading {
    let mut text = plain(question);
    let mut reading = Reading::default();
    take_ids(&mut text, &mut reading);
    take_address(&mut text, &mut reading);
    take_days(&mut text, today, &mut reading);
    reading.words = words(&text);
    reading
}

/// Plain letters, quotes and spaces; capitals stay.
fn plain(question: &str) -> String {
    let mut text = String::new();
    for c in question.chars().take(MOST_CHARS) {
        if c == '`' {
            text.push(c);
            continue;
        }
        let folded = reading::folded(&c.to_string());
        match folded.chars().next() {
            Some(plain) if c.is_uppercase() => text.extend(plain.to_uppercase()),
            Some(_) => text.push_str(&folded),
            None if c.is_whitespace() && !text.ends_with(' ') => text.push(' '),
            None => {}
        }
    }
    text
}

fn take_ids(text: &mut String, reading: &mut Reading) {
    for pattern in [&*QUOTED, &*ID] {
        while let Some(found) = pattern.captures(text) {
            let (Some(whole), Some(id)) = (found.get(0), found.get(1).or(found.get(0))) else { break };
            let (range, id) = (whole.range(), id.as_str().to_owned());
            if !reading.ids.contains(&id) {
                reading.ids.push(id);
            }
            text.replace_range(range, " @id ");
        }
    }
}

/// As the classifier reads addresses; else a number and a word that is no measure: "12 elm".
fn take_address(text: &mut String, reading: &mut Reading) {
    let found = reading::address(text)
        .and_then(|address| Some((text.find(&address)?, address)))
        .filter(|(_, address)| !is_measure(address))
        .or_else(|| {
            let all = BARE_ADDRESS.captures_iter(text).filter_map(|found| found.get(1));
            let mut all = all.filter(|found| !is_measure(found.as_str()));
            all.next().map(|found| (found.start(), found.as_str().trim_end_matches('.').to_owned()))
        })
        .or_else(|| {
            let found = STREET.captures(text)?.get(1)?;
            let first = found.as_str().split_whitespace().next().unwrap_or_default().to_lowercase();
            let is_name = !vocabulary::is_known(&first);
            is_name.then(|| (found.start(), found.as_str().trim_end_matches('.').to_owned()))
        });
    if let Some((at, address)) = found {
        text.replace_range(at..at + address.len(), " @address ");
        reading.address = Some(address.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

/// "3 missions", "10 am", "5 open", "20 Nov".
fn is_measure(address: &str) -> bool {
    const MEASURES: [&str; 22] = [
        "am", "pm", "min", "mins", "minute", "minutes", "hour", "hours", "hr", "hrs", "month", "months", "year",
        "years", "days", "weeks", "people", "percent", "others", "or", "and", "to",
    ];
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let words: Vec<String> = address.split_whitespace().map(str::to_lowercase).collect();
    let number = words.iter().position(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let Some(name) = number.and_then(|at| words.get(at + 1)) else { return false };
    let has_suffix = words.len() > number.map_or(0, |at| at + 2);
    if has_suffix {
        return MEASURES.contains(&name.as_str());
    }
    MEASURES.contains(&name.as_str())
        || MONTHS.iter().any(|month| name.starts_with(month) && name.len() <= 9 && reading_month(name))
        || vocabulary::is_known(name)
        || vocabulary::mended(name).is_some()
}

fn reading_month(name: &str) -> bool {
    const LONG: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    LONG.iter().any(|long| long.starts_with(name)) || name == "sept"
}

fn take_days(text: &mut String, today: Date, reading: &mut Reading) {
    *text = text
        .split(' ')
        .map(|word| {
            let bare = word.trim_end_matches(['?', '!', '.', ',']);
            vocabulary::mended_day(&bare.to_lowercase()).map_or_else(|| word.to_owned(), str::to_owned)
        })
        .collect::<Vec<_>>()
        .join(" ");
    let folded = text.to_ascii_lowercase();
    let mut days = reading::days(&folded, today);
    // "may" and "sat" are words too: "who may see it".
    days.retain(|day| folded.is_char_boundary(day.start) && folded.is_char_boundary(day.end));
    for day in days.iter().rev() {
        text.replace_range(day.start..day.end, " @day ");
    }
    reading.days = days;
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for raw in text.split(|c: char| c.is_whitespace() || ",;:!?()[]\"<>/*".contains(c)) {
        let raw = raw.trim_matches(|c: char| ".-_'".contains(c));
        if raw.is_empty() {
            continue;
        }
        if raw.starts_with('@') && ["@id", "@address", "@day"].contains(&raw) {
            words.push(Word { text: raw.to_owned(), raw: raw.to_owned(), capital: false, possessive: false });
            continue;
        }
        let raw = raw.trim_start_matches('@');
        expand(raw, &mut words);
    }
    join_open_house(&mut words);
    words
}

/// Two words, one thing.
fn join_open_house(words: &mut Vec<Word>) {
    while let Some(at) =
        words.windows(2).position(|two| two[0].text == "open" && matches!(two[1].text.as_str(), "house" | "houses"))
    {
        words.remove(at + 1);
        words[at].text = vocabulary::OPEN_HOUSE.to_owned();
    }
}

/// "what's" is two words, "Sam's" one that owns something.
fn expand(raw: &str, words: &mut Vec<Word>) {
    const TWO: [(&str, &[&str]); 30] = [
        ("what's", &["what", "is"]),
        ("whats", &["what", "is"]),
        ("wat's", &["what", "is"]),
        ("wats", &["what", "is"]),
        ("wut's", &["what", "is"]),
        ("who's", &["who", "is"]),
        ("whos", &["who", "is"]),
        ("where's", &["where", "is"]),
        ("how's", &["how", "is"]),
        ("hows", &["how", "is"]),
        ("there's", &["there", "is"]),
        ("that's", &["that", "is"]),
        ("it's", &["it", "is"]),
        ("i'm", &["i", "am"]),
        ("im", &["i", "am"]),
        ("i've", &["i", "have"]),
        ("ive", &["i", "have"]),
        ("we've", &["we", "have"]),
        ("isn't", &["is", "not"]),
        ("isnt", &["is", "not"]),
        ("aren't", &["are", "not"]),
        ("arent", &["are", "not"]),
        ("hasn't", &["has", "not"]),
        ("hasnt", &["has", "not"]),
        ("haven't", &["have", "not"]),
        ("havent", &["have", "not"]),
        ("didn't", &["did", "not"]),
        ("didnt", &["did", "not"]),
        ("wasn't", &["was", "not"]),
        ("anything's", &["anything", "is"]),
    ];
    let lower = raw.to_lowercase();
    if let Some((_, parts)) = TWO.iter().find(|(one, _)| *one == lower) {
        words.extend(parts.iter().map(|part| word(part, false)));
        return;
    }
    let owner = lower.strip_suffix("'s").or_else(|| lower.strip_suffix("s'"));
    match owner {
        Some(owner) if !owner.is_empty() && raw.is_char_boundary(owner.len()) => {
            words.push(word(&raw[..owner.len().min(raw.len())], true));
        }
        _ => words.push(word(raw, false)),
    }
}

fn word(raw: &str, possessive: bool) -> Word {
    let capital = raw.starts_with(char::is_uppercase) && !raw.chars().all(|c| !c.is_alphabetic() || c.is_uppercase());
    let lower = raw.to_lowercase();
    // A name in the middle of a question is no slip of the finger.
    let mended = if possessive { None } else { vocabulary::mended(&lower) };
    Word { text: mended.map_or(lower, str::to_owned), raw: raw.to_owned(), capital, possessive }
}
