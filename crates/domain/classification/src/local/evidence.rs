//! Everything the classifier goes by, as named numbers: what the lexicon heard and what the text looks like. Must not
//! know the taxonomy.

use super::lexicon::{self, Aspect, Scores};
use regex::Regex;
use std::sync::LazyLock;

/// What stands in a text besides cues.
#[derive(Clone, Debug, Default)]
pub(super) struct Particulars {
    pub(super) address: bool,
    pub(super) due: bool,
    pub(super) deadline: bool,
    pub(super) assignee: bool,
    /// A client or a place goes by a name.
    pub(super) named: bool,
}

/// A cue that was heard, with the words.
pub(super) struct Heard {
    pub(super) cue: &'static str,
    pub(super) words: String,
    pub(super) aspect: Aspect,
    pub(super) weight: f32,
}

/// The evidence in one text.
pub(super) struct Evidence {
    pub(super) scores: Scores,
    pub(super) features: Row,
    pub(super) heard: Vec<Heard>,
}

/// Names of the features, as the model file spells them. The aspects come first, in their own order.
pub const FEATURES: [&str; Aspect::COUNT + 17] = [
    "sale",
    "lease",
    "both",
    "ours",
    "client",
    "active",
    "deal",
    "closing",
    "relist",
    "precon",
    "release",
    "arlyn",
    "campaign",
    "listed",
    "done",
    "won",
    "background",
    "ask",
    "task",
    "estate",
    "office",
    "vague",
    "chat",
    "news",
    "bias",
    "address",
    "reference",
    "price",
    "question",
    "due",
    "deadline",
    "assignee",
    "named",
    "unplaced",
    "quiet",
    "words2",
    "words4",
    "words7",
    "words12",
    "words20",
    "words40",
];

/// One number per feature, in the order of [`FEATURES`].
pub type Row = [f32; FEATURES.len()];

/// Texts of at most so many words have the feature.
const LENGTHS: [usize; 6] = [2, 4, 7, 12, 20, 40];

/// How large a point of an aspect and a flag are beside the grams: the larger, the more training relies on them.
const POINT: f32 = 0.35;
const FLAG: f32 = 0.7;

/// No amount of repetition counts for more than this.
const CEILING: f32 = 4.0;

static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?-u:\b)[cewxns][0-9]{7,8}(?-u:\b)|mls ?#? ?[0-9]{6,}|file (?:no|number|#)\.? ?[a-z]?-?[0-9]+|(?-u:\b)l-[0-9]{3,}")
        .expect("a valid pattern")
});
static PRICE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$ ?[0-9]|(?-u:\b)[0-9]{3,4}k(?-u:\b)|(?-u:\b)[0-9](?:\.[0-9]+)?m(?:il|illion)?(?-u:\b)|(?-u:\b)[0-9]\.[0-9]{1,3}(?-u:\b)|[0-9]{1,3},[0-9]{3}|[0-9] 000|[0-9]+ ?万").expect("a valid pattern")
});

/// Listens to `folded`; `particulars` were read from the same text.
pub(super) fn evidence(folded: &str, particulars: &Particulars) -> Evidence {
    let mut scores = Scores::ZERO;
    let mut heard = Vec::new();
    for (cue, words) in lexicon::heard(folded) {
        for (aspect, weight) in &cue.gives {
            scores.add(*aspect, *weight);
            heard.push(Heard { cue: &cue.name, words: words.to_owned(), aspect: *aspect, weight: *weight });
        }
    }
    let reference = REFERENCE.is_match(folded);
    let business = scores[Aspect::Estate] + scores[Aspect::Ask] + scores[Aspect::Task] + scores[Aspect::Office];
    let placed = particulars.address || particulars.named || reference;
    let words = folded.split_whitespace().count();
    let flag = |set: bool| if set { FLAG } else { 0.0 };
    let mut features = [0.0; FEATURES.len()];
    for (at, feature) in features.iter_mut().take(Aspect::COUNT).enumerate() {
        *feature = scores.at(at).clamp(-CEILING, CEILING) * POINT;
    }
    let rest = [
        1.0,
        flag(particulars.address),
        flag(reference),
        flag(PRICE.is_match(folded)),
        flag(folded.contains('?')),
        flag(particulars.due),
        flag(particulars.deadline),
        flag(particulars.assignee),
        flag(particulars.named),
        flag(business > 0.0 && !placed),
        flag(business <= 0.0 && scores[Aspect::Vague] <= 0.0),
    ];
    let lengths = LENGTHS.map(|length| flag(words <= length));
    features[Aspect::COUNT..].copy_from_slice(&[rest.as_slice(), &lengths].concat());
    Evidence { scores, features, heard }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_named_in_order() {
        let scores = evidence("the sellers signed", &Particulars { address: true, ..Particulars::default() });
        let at = |name: &str| FEATURES.iter().position(|feature| *feature == name).expect("a feature");
        assert_eq!(at("news"), Aspect::News as usize);
        assert!(scores.features[at("sale")] > 0.0 && scores.features[at("address")] > 0.0);
        assert!(scores.features[at("bias")] > 0.0 && scores.features[at("lease")] == 0.0);
    }
}
