//! From a question to what is asked. Ordered rules over mended words: the first that fits decides, and what fits none is
//! `Unknown`, never a guess. Must not know records.

mod kinds;
mod machine;
mod missions;
mod names;
mod said;

use super::tokens::{self, Word};
use super::when::{When, when};
use kinds::kind;
use names::free_words;
use said::Said;
use time::Date;

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    pub(crate) kind: Kind,
    pub(crate) ids: Vec<String>,
    pub(crate) address: Option<String>,
    /// Words that may be somebody's name.
    pub(crate) names: Vec<Name>,
    /// Words that say what it is about.
    pub(crate) topics: Vec<String>,
    pub(crate) when: Option<When>,
    /// Whoever asks means their own.
    pub(crate) me: bool,
    /// A number is wanted.
    pub(crate) counts: bool,
    /// `slack` or `sms`.
    pub(crate) source: Option<&'static str>,
    /// It says itself what kind of question it is.
    pub(crate) explicit: bool,
    /// It goes on with the one before: "and tomorrow?".
    pub(crate) follows: bool,
}

impl Asked {
    /// This, read together with the question before: what it does not say itself stays as it was.
    pub(crate) fn follow(self, before: Self, question: &str, today: Date) -> Self {
        let behind = looks_back(before.kind);
        let when = when(&tokens::read(question, today), today, behind).or(self.when);
        let has_place = self.address.is_some() || self.names.iter().any(|name| name.place);
        let explicit = self.explicit;
        Self {
            kind: if explicit { self.kind } else { before.kind },
            ids: if self.ids.is_empty() { before.ids } else { self.ids },
            address: if has_place { self.address } else { before.address },
            me: self.me || (before.me && self.names.is_empty()),
            names: if self.names.is_empty() { before.names } else { self.names },
            topics: if self.topics.is_empty() { before.topics } else { self.topics },
            when: when.or(before.when),
            counts: self.counts || before.counts,
            source: self.source.or(before.source),
            explicit: true,
            follows: true,
        }
    }
}

/// Whether such a question is about what has happened.
fn looks_back(kind: Kind) -> bool {
    matches!(kind, Kind::Messages | Kind::Deeds | Kind::Missions(Set::Claimed | Set::Done | Set::Made))
}

/// What kind of question it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Help,
    Thanks,
    /// Something is to be changed.
    Order,
    Unknown,
    /// What happened to an id.
    Story,
    /// Why something is held, or was decided.
    Why,
    Held,
    /// Held work and one's own missions.
    Waiting,
    /// Whether receipts and other deliveries went out.
    Deliveries(Posted),
    Messages,
    Listings(Stage),
    Person,
    Missions(Set),
    /// All about an address.
    Place,
    /// What somebody did: claimed and completed.
    Deeds,
}

/// Which deliveries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Posted {
    Any,
    /// Those that did not arrive and will not by themselves.
    Failed,
    /// Those that failed or still wait.
    Stuck,
}

/// Which listings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    Any,
    Active,
    New,
    Completed,
}

/// Which missions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Set {
    /// Not done, failed or cancelled.
    Open,
    Overdue,
    Due,
    Unclaimed,
    Claimed,
    InProgress,
    Done,
    Made,
    Cancelled,
    Failed,
    NeedsInfo,
    Any,
}

/// Words that may be a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    /// The question treats it as a person: if nobody is called so, that is the answer.
    pub(crate) sure: bool,
    /// It stands where a place does: "on Carlaw".
    pub(crate) place: bool,
}

/// Reads a question that is asked on `today`.
pub(crate) fn read(question: &str, today: Date) -> Asked {
    let reading = tokens::read(question, today);
    let said = Said::new(&reading);
    let (names, topics) = free_words(&reading.words);
    let (kind, explicit) = kind(&said, &reading, &names, !topics.is_empty());
    let ids =
        if kind == Kind::Story && reading.ids.is_empty() { odd_words(&reading.words) } else { reading.ids.clone() };
    let behind = said.looks_back() || looks_back(kind);
    let source = if said.any(&["sms", "texted", "texts"]) {
        Some("sms")
    } else if said.any(&["slack"]) {
        Some("slack")
    } else {
        None
    };
    Asked {
        kind,
        address: reading.address.clone(),
        names,
        topics,
        when: when(&reading, today, behind),
        me: said.any(&["me", "my", "mine", "i", "myself"]) && !said.asks_politely(),
        counts: said.phrase(&["how many", "number of", "count of", "count the", "total number"]) || said.first("count"),
        source,
        explicit,
        follows: said.follows(),
        ids,
    }
}

/// Words that look like ids of somebody else's making: `m-17`.
fn odd_words(words: &[Word]) -> Vec<String> {
    let odd = |word: &&Word| is_odd(&word.raw);
    words.iter().filter(odd).map(|word| word.raw.clone()).take(3).collect()
}

fn is_odd(word: &str) -> bool {
    !word.starts_with('@')
        && word.chars().count() >= 3
        && word.contains(|c: char| c == '-' || c == '_' || c.is_ascii_digit())
}
