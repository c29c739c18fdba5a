//! Fits the weights to labelled messages: softmax regression that is pulled towards the weights by hand, so that few
//! messages move them little, and in which cues are left out at random, so that no single one is relied on. Must not know
//! text.

use crate::corpus::Message;
use dispatch_classification::classification::Meaning;
use dispatch_classification::local::{FEATURES, LocalClassifier, Row, Weights};

/// How strongly the weights by hand hold, for types and for keys.
const PULL: f32 = 3.0;
/// How often each message is read with cues left out, and how many of a hundred are.
const DEAF: usize = 6;
const LEFT_OUT: u64 = 30;
/// Messages from new sittings were right less often than fitted weights believed; this much less.
const CALM: f32 = 1.1;
const STEPS: usize = 300;
const RATE: f32 = 0.04;

/// One message as the weights see it.
#[derive(Clone, Copy)]
pub struct Example {
    features: Row,
    meaning: Meaning,
}

/// Reads the features off each message: once as they are, and as often as [`DEAF`] with some cues left out.
pub fn examples(classifier: &LocalClassifier, corpus: &[Message]) -> Vec<Vec<Example>> {
    let read = |message: &Message, hears: &dyn Fn(&str) -> bool| Example {
        features: classifier.features(std::slice::from_ref(&message.utterance), hears),
        meaning: message.meaning,
    };
    let all = |message: &Message| {
        let deaf = (0..DEAF).map(|draw| read(message, &|cue| !left_out(&message.id, cue, draw)));
        std::iter::once(read(message, &|_| true)).chain(deaf).collect()
    };
    corpus.iter().map(all).collect()
}

/// A coin that falls the same way everywhere and every time (FNV-1a).
fn left_out(message: &str, cue: &str, draw: usize) -> bool {
    let bytes = message.bytes().chain(cue.bytes()).chain([u8::try_from(draw).unwrap_or(u8::MAX)]);
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) % 100 < LEFT_OUT
}

/// The weights that `examples` suggest.
pub fn fit(examples: &[Example]) -> Weights {
    let mut weights = Weights::by_hand();
    descend(&mut weights.kinds, examples, |meaning| Some(meaning.message_type()));
    descend(&mut weights.groups, examples, Meaning::group_key);
    descend(&mut weights.tasks, examples, Meaning::task_key);
    calm(&mut weights.kinds);
    calm(&mut weights.groups);
    calm(&mut weights.tasks);
    weights
}

fn calm<K>(rows: &mut [(K, Row)]) {
    rows.iter_mut().flat_map(|(_, row)| row).for_each(|weight| *weight /= CALM);
}

/// Gradient descent on cross-entropy plus the pull towards where it started.
fn descend<K: Copy + PartialEq>(rows: &mut [(K, Row)], examples: &[Example], outcome: impl Fn(Meaning) -> Option<K>) {
    let start: Vec<Row> = rows.iter().map(|(_, row)| *row).collect();
    let mut speed = vec![[0.0_f32; FEATURES.len()]; rows.len()];
    let labelled: Vec<(usize, &Row)> = examples
        .iter()
        .filter_map(|example| {
            let key = outcome(example.meaning)?;
            Some((rows.iter().position(|(row, _)| *row == key)?, &example.features))
        })
        .collect();
    for _ in 0..STEPS {
        let mut slope: Vec<Row> = rows.iter().zip(&start).map(|((_, row), from)| pull(row, from)).collect();
        for (right, features) in &labelled {
            let likely = softmax(rows, features);
            for (at, p) in likely.iter().enumerate() {
                let error = p - f32::from(u8::from(at == *right));
                slope[at].iter_mut().zip(features.iter()).for_each(|(slope, x)| *slope += error * x);
            }
        }
        for ((_, row), (speed, slope)) in rows.iter_mut().zip(speed.iter_mut().zip(&slope)) {
            for ((weight, speed), slope) in row.iter_mut().zip(speed.iter_mut()).zip(slope) {
                *speed = 0.9 * *speed - RATE * slope / labelled.len() as f32;
                *weight += *speed;
            }
        }
    }
}

fn pull(row: &Row, from: &Row) -> Row {
    std::array::from_fn(|at| PULL * (1 + DEAF) as f32 * (row[at] - from[at]))
}

fn softmax<K>(rows: &[(K, Row)], features: &Row) -> Vec<f32> {
    let scores: Vec<f32> = rows.iter().map(|(_, row)| row.iter().zip(features).map(|(w, x)| w * x).sum()).collect();
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let parts: Vec<f32> = scores.iter().map(|score| (score - highest).exp()).collect();
    let whole: f32 = parts.iter().sum();
    parts.iter().map(|part| part / whole).collect()
}
