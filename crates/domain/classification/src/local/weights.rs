//! The linear model that weighs evidence: readable weights, one score per type and per key. Must not know text.

use super::evidence::FEATURES;
use crate::classification::Meaning;
use crate::taxonomy::{GroupKey, MessageType, TaskKey};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Feature name to weight; what is not named weighs nothing.
type Named = BTreeMap<String, f32>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kinds: BTreeMap<MessageType, Named>,
    groups: BTreeMap<GroupKey, Named>,
    tasks: BTreeMap<TaskKey, Named>,
}

/// Weights of one outcome, in the order of [`FEATURES`].
type Row = [f32; FEATURES.len()];

/// The weights of all outcomes.
pub(super) struct Weights {
    kinds: Vec<(MessageType, Row)>,
    groups: Vec<(GroupKey, Row)>,
    tasks: Vec<(TaskKey, Row)>,
}

/// The weights in use.
pub(super) static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    Weights::read(include_str!("weights.toml")).unwrap_or_else(|error| panic!("weights.toml: {error}"))
});

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
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self {
            kinds: rows(&MessageType::ALL, &file.kinds)?,
            groups: rows(&GroupKey::ALL, &file.groups)?,
            tasks: rows(&TaskKey::ALL, &file.tasks)?,
        })
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
