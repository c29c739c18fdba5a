//! The lexicon: cues as data, each a few phrases and what hearing one of them suggests. Must not know how suggestions
//! are weighed against each other.

mod ear;
mod needs;

use ear::Ear;
use regex::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a cue can suggest. The names are the ones in the TOML files.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aspect {
    /// A sale rather than a lease.
    Sale,
    /// A lease rather than a sale.
    Lease,
    /// Offered for sale and for lease at once.
    Both,
    /// We act for the seller or the landlord.
    Ours,
    /// We act for the buyer or the tenant.
    Client,
    /// The property is on the market.
    Active,
    /// An offer is accepted or being made.
    Deal,
    /// The deal closes, or someone moves in.
    Closing,
    /// The property is up again after a first listing ended.
    Relist,
    /// Bought from a builder.
    Precon,
    /// Both sides walk away.
    Release,
    /// Arlyn's lease listings, which have a process of their own.
    Arlyn,
    /// A whole marketing campaign.
    Campaign,
    /// Says that we have, or change, a listing.
    Listed,
    /// Says that our listing has a deal.
    Done,
    /// Says that our client got a place.
    Won,
    /// Mentions a deal or listing as background of something else.
    Background,
    /// Asks for something.
    Ask,
    /// Names a concrete piece of work.
    Task,
    /// Belongs to the business of the brokerage.
    Estate,
    /// Office work without a property.
    Office,
    /// Leaves open what or which is meant.
    Vague,
    /// Small talk, thanks, automatic messages.
    Chat,
    /// Its first words are the news of a listing or a deal.
    News,
}

impl Aspect {
    /// How many there are.
    pub(super) const COUNT: usize = Self::News as usize + 1;
}

/// Weight per aspect.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Scores([f32; Aspect::COUNT]);

impl Scores {
    pub(super) const ZERO: Self = Self([0.0; Aspect::COUNT]);

    pub(super) fn at(&self, index: usize) -> f32 {
        self.0[index]
    }

    pub(super) fn add(&mut self, aspect: Aspect, weight: f32) {
        self.0[aspect as usize] += weight;
    }
}

impl std::ops::Index<Aspect> for Scores {
    type Output = f32;

    fn index(&self, aspect: Aspect) -> &f32 {
        &self.0[aspect as usize]
    }
}

/// One cue, compiled.
pub(super) struct Cue {
    /// What people call it; shown in explanations.
    pub(super) name: String,
    pub(super) gives: BTreeMap<Aspect, f32>,
    pattern: Regex,
}

/// All cues.
struct Lexicon {
    cues: Vec<Cue>,
    ear: Ear,
}

/// The cues heard in `folded`, in the order of the files, each with the words.
pub(super) fn heard(folded: &str) -> impl Iterator<Item = (&'static Cue, &str)> {
    let Lexicon { cues, ear } = &*LEXICON;
    ear.may_hear(folded).filter_map(move |at| {
        let cue = &cues[at];
        cue.pattern.find(folded).map(|found| (cue, found.as_str()))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cue: Vec<RawCue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCue {
    name: String,
    any: Vec<String>,
    gives: BTreeMap<Aspect, f32>,
}

const FILES: [(&str, &str); 6] = [
    ("sides", include_str!("lexicon/sides.toml")),
    ("listings", include_str!("lexicon/listings.toml")),
    ("deals", include_str!("lexicon/deals.toml")),
    ("work", include_str!("lexicon/work.toml")),
    ("vague", include_str!("lexicon/vague.toml")),
    ("chatter", include_str!("lexicon/chatter.toml")),
];

/// All cues, compiled on first use.
static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let of_file =
        |(name, text): (&str, &str)| read(text).unwrap_or_else(|error| panic!("lexicon/{name}.toml: {error}"));
    let (cues, phrases): (Vec<Cue>, Vec<_>) = FILES.into_iter().flat_map(of_file).unzip();
    Lexicon { cues, ear: Ear::new(&phrases).expect("phrases that were compiled") }
});

/// The files' text, for the words in it.
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(_, text)| *text)
}

/// The cues of one file, each with the patterns of its phrases.
fn read(text: &str) -> Result<Vec<(Cue, Vec<String>)>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    file.cue
        .into_iter()
        .map(|raw| {
            let phrases: Vec<String> = raw.any.iter().map(|phrase| expression(phrase)).collect();
            let pattern = Regex::new(&phrases.join("|")).map_err(|error| format!("{}: {error}", raw.name))?;
            Ok((Cue { name: raw.name, gives: raw.gives, pattern }, phrases))
        })
        .collect()
}

/// A phrase as a regular expression. `*` is the rest of a word, `#` a number, `..` a few words of the same sentence;
/// groups, `?` and `\` mean what they mean everywhere. A phrase begins and ends at the edge of a word.
fn expression(phrase: &str) -> String {
    let mut expression = String::new();
    let mut rest = phrase;
    while let Some(c) = rest.chars().next() {
        let (piece, used) = match c {
            // Unicode's idea of words and digits makes the expressions a hundred times larger; folded text needs none.
            '\\' => match rest.as_bytes().get(1) {
                Some(b'w') => ("[0-9a-z_]", 2),
                Some(b'W') => ("[^0-9a-z_]", 2),
                Some(b'd') => ("[0-9]", 2),
                Some(b's') => ("[ \\n]", 2),
                _ => (&rest[..rest.len().min(2)], 2.min(rest.len())),
            },
            '.' if rest.starts_with("..") => (r"(?:[ -~&&[^.!?]]|\.[0-9]){0,40}?", 2),
            '*' => ("[a-z']*", 1),
            '#' => (r"(?:\$?[0-9][0-9,.]*[km]?)", 1),
            ' ' => (r"(?:[ \n,]+)", 1),
            _ => (&rest[..c.len_utf8()], c.len_utf8()),
        };
        expression.push_str(piece);
        rest = &rest[used..];
    }
    let edge = |c: Option<char>| {
        if c.is_some_and(|c| c.is_ascii_alphanumeric() || "()*#?".contains(c)) { r"(?-u:\b)" } else { "" }
    };
    let opening = if phrase.starts_with("(^") { None } else { phrase.chars().next() };
    let (before, after) = (edge(opening), edge(phrase.chars().last()));
    format!("{before}(?:{expression}){after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_data_is_sound() {
        let mut names = BTreeSet::new();
        for (file, text) in FILES {
            for (cue, _) in read(text).unwrap_or_else(|error| panic!("{file}: {error}")) {
                assert!(names.insert(cue.name.clone()), "{file}: {} stands twice", cue.name);
                assert!(!cue.gives.is_empty(), "{}: gives nothing", cue.name);
                assert!(cue.gives.values().all(|w| (-4.0..=4.0).contains(w) && *w != 0.0), "{}: weight", cue.name);
                assert!(!cue.pattern.is_match(""), "{}: hears silence", cue.name);
            }
        }
    }

    /// To look at fewer cues may change nothing.
    #[test]
    fn no_cue_is_missed() {
        let messages = [include_str!("../../data/heldout.jsonl"), include_str!("../../data/natural.jsonl")];
        let texts = messages.iter().flat_map(|file| file.lines()).map(super::super::text::folded);
        for text in texts.chain(["".to_owned(), "k".to_owned(), "+1".to_owned(), "lol".to_owned(), "收到".to_owned()])
        {
            let all = LEXICON.cues.iter().filter_map(|cue| Some((&cue.name, cue.pattern.find(&text)?.as_str())));
            let quick = heard(&text).map(|(cue, words)| (&cue.name, words));
            assert_eq!(quick.collect::<Vec<_>>(), all.collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn phrases_are_whole_words_with_sugar() {
        let hears = |phrase: &str, text: &str| Regex::new(&expression(phrase)).expect("valid").is_match(text);
        assert!(hears("sign*", "two signs up") && !hears("sign", "signs"));
        assert!(hears("offer .. accepted", "offer was finally accepted"));
        assert!(!hears("offer .. accepted", "the offer. accepted"));
        assert!(hears("drop to #", "drop to $1,099,000") && !hears("sold", "unsold"));
    }
}
