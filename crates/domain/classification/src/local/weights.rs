//! The linear model that weighs evidence: readable weights, one score per type and per key. Must not know text, nor how
//! the weights were found.

use super::evidence::FEATURES;
use crate::classification::Meaning;
use crate::taxonomy::{GroupKey, MessageType, TaskKey};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

/// Feature name to weight; what is not named weighs nothing.
type Named = BTreeMap<String, f32>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kinds: BTreeMap<MessageType, Named>,
    groups: BTreeMap<GroupKey, Named>,
    tasks: BTreeMap<TaskKey, Named>,
}

/// One number per feature, in the order of [`FEATURES`].
pub type Row = [f32; FEATURES.len()];

/// The weights of all outcomes.
#[derive(Clone, PartialEq, Debug)]
pub struct Weights {
    /// One row per message type.
    pub kinds: Vec<(MessageType, Row)>,
    /// One row per group key, given that the message is a GROUP.
    pub groups: Vec<(GroupKey, Row)>,
    /// One row per task key, given that it is a STRAY.
    pub tasks: Vec<(TaskKey, Row)>,
}

/// The weights that stand for experience: written by hand, and where fitting starts from.
const BY_HAND: &str = include_str!("weights.toml");
/// The weights in use: fitted, never far from those by hand.
const FITTED: &str = include_str!("weights.fitted.toml");

/// The likeliest meaning, and how likely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) meaning: Meaning,
    pub(super) confidence: f32,
    /// The next likely one, for explanations.
    pub(super) runner_up: Meaning,
}

impl Weights {
    /// Reads the weight file; every type and key must have its section.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self {
            kinds: rows(&MessageType::ALL, &file.kinds)?,
            groups: rows(&GroupKey::ALL, &file.groups)?,
            tasks: rows(&TaskKey::ALL, &file.tasks)?,
        })
    }

    /// The checked-in weights, as fitted.
    #[must_use]
    pub fn fitted() -> Arc<Self> {
        static READ: LazyLock<Arc<Weights>> =
            LazyLock::new(|| Arc::new(Weights::read(FITTED).expect("checked by a test")));
        READ.clone()
    }

    /// The checked-in weights before fitting.
    ///
    /// # Panics
    /// Never: a test reads the same text.
    #[must_use]
    pub fn by_hand() -> Self {
        Self::read(BY_HAND).expect("checked by a test")
    }

    /// The weight file these weights come from: what weighs nothing is left out.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = String::new();
        section(&mut text, "kinds", self.kinds.iter().map(|(key, row)| (key.as_str(), row)));
        section(&mut text, "groups", self.groups.iter().map(|(key, row)| (key.as_str(), row)));
        section(&mut text, "tasks", self.tasks.iter().map(|(key, row)| (key.as_str(), row)));
        text
    }

    /// Weighs the features.
    pub(super) fn judge(&self, features: &Row) -> Verdict {
        let group = likely(&self.groups, features);
        let task = likely(&self.tasks, features);
        let mut options: Vec<(Meaning, f32)> = Vec::new();
        for (kind, p) in likely(&self.kinds, features) {
            match kind {
                MessageType::Group => options.extend(group.iter().map(|(key, q)| (Meaning::Group(*key), p * q))),
                MessageType::Stray => options.extend(task.iter().map(|(key, q)| (Meaning::Stray(*key), p * q))),
                MessageType::InfoRequest => options.push((Meaning::InfoRequest, p)),
                MessageType::Ignore => options.push((Meaning::Ignore, p)),
            }
        }
        options.sort_by(|a, b| b.1.total_cmp(&a.1));
        Verdict { meaning: options[0].0, confidence: options[0].1, runner_up: options[1].0 }
    }
}

fn section<'r>(text: &mut String, table: &str, rows: impl Iterator<Item = (&'r str, &'r Row)>) {
    for (key, row) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[{table}.{key}]");
        for (name, weight) in FEATURES.iter().zip(row).filter(|(_, weight)| weight.abs() >= 0.005) {
            let _ = writeln!(text, "{name} = {weight:.2}");
        }
        text.push('\n');
    }
}

fn rows<K: Copy + Ord + std::fmt::Debug>(all: &[K], named: &BTreeMap<K, Named>) -> Result<Vec<(K, Row)>, String> {
    all.iter()
        .map(|key| {
            let weights = named.get(key).ok_or_else(|| format!("{key:?} has no section"))?;
            let mut row = [0.0; FEATURES.len()];
            for (name, weight) in weights {
                let at = FEATURES
                    .iter()
                    .position(|feature| feature == name)
                    .ok_or_else(|| format!("{key:?}: no feature {name}"))?;
                row[at] = *weight;
            }
            Ok((*key, row))
        })
        .collect()
}

/// Softmax over the outcomes' scores.
fn likely<K: Copy>(rows: &[(K, Row)], features: &Row) -> Vec<(K, f32)> {
    let scores: Vec<f32> = rows.iter().map(|(_, row)| row.iter().zip(features).map(|(w, x)| w * x).sum()).collect();
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let parts: Vec<f32> = scores.iter().map(|score| (score - highest).exp()).collect();
    let whole: f32 = parts.iter().sum();
    rows.iter().zip(parts).map(|((key, _), part)| (*key, part / whole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_files_are_sound() {
        for text in [BY_HAND, FITTED] {
            let weights = Weights::read(text).expect("readable");
            let again = Weights::read(&weights.write()).expect("readable as written");
            assert_eq!(again.kinds.len() + again.groups.len() + again.tasks.len(), 28);
        }
        assert_eq!(Weights::read(FITTED).expect("readable").write(), FITTED.split_once("\n\n").expect("a head").1);
    }

    #[test]
    fn likelihoods_add_up() {
        let mut features = [0.0; FEATURES.len()];
        features[0] = 4.0;
        let verdict = Weights::fitted().judge(&features);
        assert!(verdict.confidence > 0.0 && verdict.confidence <= 1.0 && verdict.meaning != verdict.runner_up);
    }
}
