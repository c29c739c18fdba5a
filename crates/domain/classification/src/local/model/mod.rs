//! The small trained model: softmax regression over named features and grams, first for the type, then for the key given
//! the type. Must not know how it was trained, nor read text itself.

mod format;
mod grams;

use super::evidence::Row;
use crate::classification::Meaning;
use crate::taxonomy::{GroupKey, MessageType, TaskKey};
pub use format::Parts;
use format::Read;
use grams::each_word;
pub(super) use grams::{PLACEHOLDER, each_gram};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// Types, then group keys, then task keys: one column of weights each.
pub const OUTCOMES: usize = MessageType::ALL.len() + GroupKey::ALL.len() + TaskKey::ALL.len();
const GROUPS: usize = MessageType::ALL.len();
const TASKS: usize = GROUPS + GroupKey::ALL.len();

/// One number per outcome.
pub type Scores = [f32; OUTCOMES];

/// A word that weighs less for an outcome is not worth telling.
const TELLING: f32 = 0.12;
/// Words that say something to the model, beside others, but nothing to people.
const SMALL: [&str; 40] = [
    "about", "after", "also", "been", "before", "can't", "come", "could", "does", "don't", "down", "from", "going",
    "have", "here", "into", "just", "like", "make", "more", "much", "need", "only", "over", "please", "some",
    "someone", "still", "take", "that", "them", "then", "there", "they", "this", "want", "were", "what", "will",
    "with",
];
/// All grams of a message together weigh at most so much: what matters is the direction, not the length.
const GRAMS: f32 = 5.0;

const CHECKED_IN: &str = include_str!("../model.txt");

/// What the model is asked about: features, and the hashes of all different grams.
#[derive(Clone, Debug)]
pub(super) struct Signals {
    pub(super) row: Row,
    pub(super) grams: Vec<u64>,
}

impl Signals {
    pub(super) fn new(row: Row, folded: &str) -> Self {
        let mut grams = Vec::with_capacity(folded.len() * 4);
        each_gram(folded, &mut |gram| grams.push(format::hash(gram)));
        grams.sort_unstable();
        grams.dedup();
        Self { row, grams }
    }
}

/// How much one gram weighs in a text of `count` different ones.
#[must_use]
pub fn gram_weight(count: usize) -> f32 {
    GRAMS / (count.max(1) as f32).sqrt()
}

/// The likeliest meaning, and how likely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) meaning: Meaning,
    pub(super) confidence: f32,
    /// The next likely one, for explanations.
    pub(super) runner_up: Meaning,
}

/// A model that was read.
#[derive(Debug)]
pub struct Model(Read);

impl Model {
    /// Reads a model file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: impl Into<Cow<'static, str>>) -> Result<Self, String> {
        Read::new(text.into()).map(Self)
    }

    /// The model that is part of the program.
    #[must_use]
    pub fn checked_in() -> Arc<Self> {
        static READ: LazyLock<Arc<Model>> =
            LazyLock::new(|| Arc::new(Model::read(CHECKED_IN).expect("checked by a test")));
        READ.clone()
    }

    /// What it was trained on.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// How many grams it knows.
    #[must_use]
    pub fn grams(&self) -> usize {
        self.0.len()
    }

    pub(super) fn judge(&self, signals: &Signals) -> Verdict {
        let scores = self.scores(signals);
        let (types, rest) = scores.split_at(GROUPS);
        let (groups, tasks) = rest.split_at(TASKS - GROUPS);
        let (groups, tasks) = (likely(&GroupKey::ALL, groups), likely(&TaskKey::ALL, tasks));
        let mut options: Vec<(Meaning, f32)> = Vec::with_capacity(OUTCOMES);
        for (kind, p) in likely(&MessageType::ALL, types) {
            match kind {
                MessageType::Group => options.extend(groups.iter().map(|(key, q)| (Meaning::Group(*key), p * q))),
                MessageType::Stray => options.extend(tasks.iter().map(|(key, q)| (Meaning::Stray(*key), p * q))),
                MessageType::InfoRequest => options.push((Meaning::InfoRequest, p)),
                MessageType::Ignore => options.push((Meaning::Ignore, p)),
            }
        }
        options.sort_by(|a, b| b.1.total_cmp(&a.1));
        Verdict { meaning: options[0].0, confidence: self.calibrated(options[0].1), runner_up: options[1].0 }
    }

    /// The words of `folded` that speak most for `meaning`, strongest first.
    pub(super) fn telling(&self, folded: &str, meaning: Meaning) -> Vec<String> {
        let mut words: Vec<(f32, String)> = Vec::new();
        each_word(folded, &mut |gram, word| {
            let mut scores = [0.0; OUTCOMES];
            let known = self.0.add(format::hash(gram), 1.0, &mut scores);
            let speaks = columns(meaning).map(|column| scores[column]).sum::<f32>();
            let telling = word.chars().count() > 3 || !word.is_ascii();
            if known
                && telling
                && speaks > TELLING
                && SMALL.binary_search(&word).is_err()
                && !words.iter().any(|(_, heard)| heard == word)
            {
                words.push((speaks, word.to_owned()));
            }
        });
        words.sort_by(|a, b| b.0.total_cmp(&a.0));
        words.into_iter().map(|(_, word)| word).collect()
    }

    fn scores(&self, signals: &Signals) -> Scores {
        let mut scores = [0.0; OUTCOMES];
        for (weights, value) in self.0.features.iter().zip(&signals.row).filter(|(_, value)| **value != 0.0) {
            scores.iter_mut().zip(weights).for_each(|(score, weight)| *score += weight * value);
        }
        let weight = gram_weight(signals.grams.len());
        for gram in &signals.grams {
            self.0.add(*gram, weight, &mut scores);
        }
        scores
    }

    /// What a softmax believes against how often it was right with messages it had not seen.
    fn calibrated(&self, p: f32) -> f32 {
        let [slope, offset] = self.0.calibration;
        let p = p.clamp(1e-4, 1.0 - 1e-4);
        1.0 / (1.0 + (-(slope * (p / (1.0 - p)).ln() + offset)).exp())
    }
}

/// The columns that decide for `meaning`: its type's and its key's.
fn columns(meaning: Meaning) -> impl Iterator<Item = usize> {
    let kind = MessageType::ALL.iter().position(|kind| *kind == meaning.message_type());
    let group = GroupKey::ALL.iter().position(|key| Some(*key) == meaning.group_key()).map(|at| GROUPS + at);
    let task = TaskKey::ALL.iter().position(|key| Some(*key) == meaning.task_key()).map(|at| TASKS + at);
    kind.into_iter().chain(group).chain(task)
}

/// Softmax over the outcomes' scores.
fn likely<K: Copy>(outcomes: &[K], scores: &[f32]) -> Vec<(K, f32)> {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let parts: Vec<f32> = scores.iter().map(|score| (score - highest).exp()).collect();
    let whole: f32 = parts.iter().sum();
    outcomes.iter().zip(parts).map(|(key, part)| (*key, part / whole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::FEATURES;

    #[test]
    fn the_checked_in_model_is_readable_and_small() {
        let model = Model::checked_in();
        assert!(model.grams() > 1000 && model.0.features.len() == FEATURES.len());
        assert!(CHECKED_IN.len() < 1_500_000, "{} bytes", CHECKED_IN.len());
    }

    #[test]
    fn small_words_are_in_order() {
        assert!(SMALL.is_sorted());
    }

    #[test]
    fn confidence_is_between_none_and_all() {
        let model = Model::checked_in();
        for text in ["", "sold 77 placeholder firm!!", "lol"] {
            let mut row = [0.0; FEATURES.len()];
            row[0] = 4.0;
            let verdict = model.judge(&Signals::new(row, text));
            assert!(verdict.confidence > 0.0 && verdict.confidence < 1.0 && verdict.meaning != verdict.runner_up);
        }
    }
}
