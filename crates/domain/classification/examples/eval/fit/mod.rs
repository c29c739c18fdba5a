//! Trains the model: softmax regression with an L2 pull to nothing, one for the type and one for the keys of each type that
//! has keys. Must not read text, nor judge.

mod descent;

use crate::corpus::Message;
use dispatch_classification::classification::Meaning;
use dispatch_classification::local::{FEATURES, OUTCOMES, Parts, Row, Scores, gram_weight, signals};
use dispatch_classification::taxonomy::{GroupKey, MessageType, TaskKey};
use dispatch_mission::zone::Zone;
use std::collections::{BTreeMap, BTreeSet};

/// The larger, the closer the weights follow the messages.
const FREEDOM: f64 = 4.0;
/// A gram of fewer messages is not learned: it would be learned by heart.
const LEAST: usize = 2;
/// Runs of letters are many and say little each.
const LEAST_OF_RUNS: usize = 3;
/// The constant's place among the features; it alone is free of the pull.
const BIAS: &str = "bias";

/// What training goes by besides messages: with another of these the same messages make another model.
#[allow(dead_code)] // for training and its test; the eval example has no use for it
pub fn rules() -> String {
    let grams = [FREEDOM, LEAST as f64, LEAST_OF_RUNS as f64, f64::from(gram_weight(1))];
    format!("{grams:?} {:?} {:?} {OUTCOMES} {FEATURES:?}", [SURE, PROMISE], descent::rules())
}

/// One message as the model sees it.
pub struct Example {
    pub row: Row,
    pub grams: BTreeSet<String>,
    pub meaning: Meaning,
}

/// Reads the messages, in their order, on all processors.
pub fn examples(corpus: &[Message]) -> Vec<Example> {
    let zone = Zone::toronto();
    let example = |message: &Message| {
        let (row, grams) = signals(&zone, std::slice::from_ref(&message.utterance));
        Example { row, grams, meaning: message.meaning }
    };
    let lanes = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let chunks = corpus.chunks(corpus.len().div_ceil(lanes).max(1));
        let read: Vec<_> =
            chunks.map(|chunk| scope.spawn(move || chunk.iter().map(example).collect::<Vec<_>>())).collect();
        read.into_iter().flat_map(|lane| lane.join().expect("reading does not panic")).collect()
    })
}

/// The model that `examples` suggest, not yet calibrated.
pub fn fit(examples: &[&Example]) -> Parts {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for gram in examples.iter().flat_map(|example| &example.grams) {
        *counts.entry(gram).or_default() += 1;
    }
    let often = |gram: &str, count: usize| count >= if gram.starts_with("c ") { LEAST_OF_RUNS } else { LEAST };
    let grams: Vec<&str> =
        counts.into_iter().filter(|(gram, count)| often(gram, *count)).map(|(gram, _)| gram).collect();
    let mut rows = vec![[0.0_f32; OUTCOMES]; FEATURES.len() + grams.len()];
    let kind = |meaning: Meaning| MessageType::ALL.iter().position(|kind| *kind == meaning.message_type());
    let group = |meaning: Meaning| GroupKey::ALL.iter().position(|key| Some(*key) == meaning.group_key());
    let task = |meaning: Meaning| TaskKey::ALL.iter().position(|key| Some(*key) == meaning.task_key());
    let (groups, tasks) = (MessageType::ALL.len(), MessageType::ALL.len() + GroupKey::ALL.len());
    head(examples, &grams, &mut rows, 0..groups, &kind);
    head(examples, &grams, &mut rows, groups..tasks, &group);
    head(examples, &grams, &mut rows, tasks..OUTCOMES, &task);
    let learned = rows.split_off(FEATURES.len());
    Parts {
        digest: "none".to_owned(),
        messages: examples.len(),
        calibration: [1.0, 0.0],
        features: rows,
        grams: grams.iter().map(|gram| (*gram).to_owned()).zip(learned).collect(),
    }
}

/// One message as a short list of columns and values, with its outcome.
struct Case {
    values: Vec<(usize, f64)>,
    outcome: usize,
}

/// Fits the outcomes of one head to the messages that have one, and writes its columns of the weights.
fn head(
    examples: &[&Example],
    grams: &[&str],
    rows: &mut [Scores],
    columns: std::ops::Range<usize>,
    outcome: &dyn Fn(Meaning) -> Option<usize>,
) {
    let cases: Vec<Case> = examples
        .iter()
        .filter_map(|example| Some(Case { outcome: outcome(example.meaning)?, values: values(example, grams) }))
        .collect();
    let (width, count) = (rows.len(), columns.len());
    let bias = FEATURES.iter().position(|name| *name == BIAS);
    // weights[outcome * width + column]
    let weights = descent::descend(vec![0.0; width * count], &mut |weights, slope| {
        let mut height = 0.0;
        for (at, (weight, slope)) in weights.iter().zip(slope.iter_mut()).enumerate() {
            let pull = if Some(at % width) == bias { 0.0 } else { weight / FREEDOM };
            *slope = pull;
            height += pull * weight / 2.0;
        }
        cases.iter().map(|case| case.weigh(weights, width, count, slope)).sum::<f64>() + height
    });
    for (at, column) in columns.enumerate() {
        for (row, weight) in rows.iter_mut().zip(&weights[at * width..(at + 1) * width]) {
            row[column] = *weight as f32;
        }
    }
}

fn values(example: &Example, grams: &[&str]) -> Vec<(usize, f64)> {
    let features = example.row.iter().enumerate().filter(|(_, value)| **value != 0.0);
    let features = features.map(|(at, value)| (at, f64::from(*value)));
    let weight = f64::from(gram_weight(example.grams.len()));
    let known = example.grams.iter().filter_map(|gram| grams.binary_search(&gram.as_str()).ok());
    features.chain(known.map(|at| (FEATURES.len() + at, weight))).collect()
}

impl Case {
    /// Adds its part of the gradient to `slope` and returns its part of the height.
    fn weigh(&self, weights: &[f64], width: usize, count: usize, slope: &mut [f64]) -> f64 {
        let row = |at: usize| &weights[at * width..(at + 1) * width];
        let scores: Vec<f64> =
            (0..count).map(|at| self.values.iter().map(|(column, x)| row(at)[*column] * x).sum()).collect();
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let whole: f64 = scores.iter().map(|score| (score - highest).exp()).sum();
        for (at, score) in scores.iter().enumerate() {
            let p = (score - highest).exp() / whole;
            let error = if at == self.outcome { p - 1.0 } else { p };
            let slope = &mut slope[at * width..(at + 1) * width];
            self.values.iter().for_each(|(column, x)| slope[*column] += error * x);
        }
        highest + whole.ln() - scores[self.outcome]
    }
}

/// From this confidence on the product acts by itself ...
pub const SURE: f64 = 0.7;
/// ... and of what it does then, so much shall be right, with messages by people whom training never read.
const PROMISE: f64 = 0.96;
/// So far above the surest of all, in odds, that nothing is sure.
const NEVER: f64 = 1.0;

/// Slope and offset of the odds for which a confidence keeps the promise. First they are made true: logistic regression of
/// "was right" on the odds of the softmax (Platt). Then they are lowered until the promise is kept: where it is kept from no
/// confidence on, until none is sure.
pub fn calibrate(outcomes: &[(f64, bool)]) -> [f32; 2] {
    let outcomes: Vec<(f64, bool)> = outcomes.iter().map(|(p, right)| (odds(*p), *right)).collect();
    let at = descent::descend(vec![1.0, 0.0], &mut |at, slope| {
        slope.fill(0.0);
        let mut height = 0.0;
        for (odds, right) in &outcomes {
            let believed = 1.0 / (1.0 + (-(at[0] * odds + at[1])).exp());
            let error = believed - f64::from(u8::from(*right));
            slope[0] += error * odds;
            slope[1] += error;
            height -= (if *right { believed } else { 1.0 - believed }).max(1e-12).ln();
        }
        height
    });
    let believed = |odds: f64| at[0] * odds + at[1];
    let surest = outcomes.iter().map(|(odds, _)| believed(*odds)).fold(f64::NEG_INFINITY, f64::max);
    let lowest = lowest_sure(outcomes).map_or(surest + NEVER, believed);
    [at[0] as f32, (at[1] - (lowest - odds(SURE)).max(0.0)) as f32]
}

fn odds(p: f64) -> f64 {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}

/// The lowest odds at which, with all that are higher, the promise is still kept; none where it never is.
fn lowest_sure(mut outcomes: Vec<(f64, bool)>) -> Option<f64> {
    outcomes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut right = 0;
    let kept = outcomes.iter().enumerate().filter(|(at, outcome)| {
        right += usize::from(outcome.1);
        right as f64 >= PROMISE * (at + 1) as f64
    });
    kept.last().map(|(_, outcome)| outcome.0)
}
