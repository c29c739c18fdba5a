//! Compares answers with labels and sums up. Must not print.

use crate::corpus::Message;
use dispatch_classification::classification::{Classification, Meaning};
use dispatch_classification::local::LocalClassifier;
use dispatch_classification::taxonomy::{GroupKey, MessageType, TaskKey};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

/// The confidence from which the product acts by itself.
pub const THRESHOLD: f32 = 0.7;
/// Calibration bins of equal width.
const BINS: usize = 10;

/// One answer and which parts of it are right.
pub struct Judged<'m> {
    pub message: &'m Message,
    pub answer: Classification,
    pub due: Option<String>,
    pub micros: u128,
}

/// Counts and shares over a file.
#[derive(Serialize)]
pub struct Figures {
    pub messages: usize,
    pub message_type: f64,
    pub key_of_right_type: f64,
    pub type_and_key: f64,
    pub listing_type: f64,
    pub address: f64,
    pub assignee: f64,
    pub due_date: f64,
    pub everything: f64,
    pub coverage_at_threshold: f64,
    pub precision_at_threshold: f64,
    pub expected_calibration_error: f64,
    pub bins: Vec<Bin>,
    /// What share is at a confidence or above, and how much of it is right.
    pub curve: Vec<Point>,
    pub sources: Vec<Source>,
    pub types: Vec<Class>,
    pub keys: Vec<Class>,
    pub median_micros: u128,
    pub p99_micros: u128,
    pub slowest_micros: u128,
}

/// Confidences of one range against how often they were right.
#[derive(Serialize)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    pub count: usize,
    pub confidence: f64,
    pub accuracy: f64,
}

/// What a threshold would do.
#[derive(Serialize)]
pub struct Point {
    pub threshold: f64,
    pub coverage: f64,
    pub precision: f64,
}

/// How the messages of one source fare, told apart by what their ids begin with.
#[derive(Serialize)]
pub struct Source {
    pub name: String,
    pub messages: usize,
    pub message_type: f64,
    pub type_and_key: f64,
    pub at_threshold: Point,
}

/// How one type or key fares.
#[derive(Clone, Serialize)]
pub struct Class {
    pub name: &'static str,
    pub labelled: usize,
    pub judged: usize,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// Classifies one message.
pub fn judge<'m>(classifier: &LocalClassifier, message: &'m Message) -> Judged<'m> {
    let begun = Instant::now();
    let answer = classifier.classify_unit(std::slice::from_ref(&message.utterance));
    Judged::new(message, answer, begun.elapsed().as_micros())
}

impl<'m> Judged<'m> {
    /// An answer that took this long.
    pub fn new(message: &'m Message, answer: Classification, micros: u128) -> Self {
        let due = answer.due_date.map(|at| {
            let (date, time) = (at.date(), at.time());
            format!("{date}T{:02}:{:02}", time.hour(), time.minute())
        });
        Self { message, answer, due, micros }
    }

    pub fn type_right(&self) -> bool {
        self.answer.meaning.message_type() == self.message.meaning.message_type()
    }

    pub fn meaning_right(&self) -> bool {
        self.answer.meaning == self.message.meaning
    }

    pub fn listing_type_right(&self) -> bool {
        self.answer.listing.kind == self.message.listing_type
    }

    pub fn address_right(&self) -> bool {
        self.answer.listing.address == self.message.address
    }

    pub fn assignee_right(&self) -> bool {
        self.answer.assignee_hint == self.message.assignee
    }

    pub fn due_right(&self) -> bool {
        self.due == self.message.due
    }

    pub fn all_right(&self) -> bool {
        self.meaning_right()
            && self.listing_type_right()
            && self.address_right()
            && self.assignee_right()
            && self.due_right()
    }

    pub fn confidence(&self) -> f32 {
        self.answer.confidence.get()
    }
}

/// Sums up.
pub fn figures<'m>(results: &[Judged<'m>]) -> Figures {
    let share = |right: fn(&Judged<'m>) -> bool| ratio(results.iter().filter(|r| right(r)).count(), results.len());
    let typed: Vec<_> = results.iter().filter(|r| r.type_right()).collect();
    let at_threshold = point(results, THRESHOLD);
    let bins = bins(results);
    let error = bins.iter().map(|bin| ratio(bin.count, results.len()) * (bin.confidence - bin.accuracy).abs()).sum();
    let mut micros: Vec<u128> = results.iter().map(|r| r.micros).collect();
    micros.sort_unstable();
    let slowest_but = |percent: usize| micros.get((micros.len() * percent / 100).min(micros.len().max(1) - 1));
    Figures {
        messages: results.len(),
        message_type: share(Judged::type_right),
        key_of_right_type: ratio(typed.iter().filter(|r| r.meaning_right()).count(), typed.len()),
        type_and_key: share(Judged::meaning_right),
        listing_type: share(Judged::listing_type_right),
        address: share(Judged::address_right),
        assignee: share(Judged::assignee_right),
        due_date: share(Judged::due_right),
        everything: share(Judged::all_right),
        coverage_at_threshold: at_threshold.coverage,
        precision_at_threshold: at_threshold.precision,
        expected_calibration_error: error,
        bins,
        curve: (10..20).map(|step| point(results, step as f32 / 20.0)).collect(),
        sources: sources(results),
        types: MessageType::ALL.map(|kind| class(results, kind.as_str(), |m| m.message_type() == kind)).to_vec(),
        keys: keys(results),
        median_micros: slowest_but(50).copied().unwrap_or(0),
        p99_micros: slowest_but(99).copied().unwrap_or(0),
        slowest_micros: micros.last().copied().unwrap_or(0),
    }
}

fn sources(results: &[Judged<'_>]) -> Vec<Source> {
    let mut by_name: BTreeMap<&str, Vec<&Judged<'_>>> = BTreeMap::new();
    for result in results {
        let id = result.message.id.as_str();
        by_name.entry(id.rsplit_once('-').map_or(id, |(name, _)| name)).or_default().push(result);
    }
    let source = |(name, results): (&str, Vec<&Judged<'_>>)| Source {
        name: name.to_owned(),
        messages: results.len(),
        message_type: ratio(results.iter().filter(|r| r.type_right()).count(), results.len()),
        type_and_key: ratio(results.iter().filter(|r| r.meaning_right()).count(), results.len()),
        at_threshold: point(&results, THRESHOLD),
    };
    by_name.into_iter().map(source).collect()
}

fn keys(results: &[Judged<'_>]) -> Vec<Class> {
    let groups = GroupKey::ALL.map(|key| class(results, key.as_str(), |m| m.group_key() == Some(key)));
    let tasks = TaskKey::ALL.map(|key| class(results, key.as_str(), |m| m.task_key() == Some(key)));
    groups.into_iter().chain(tasks).collect()
}

fn class(results: &[Judged<'_>], name: &'static str, of: impl Fn(Meaning) -> bool) -> Class {
    let labelled = results.iter().filter(|r| of(r.message.meaning)).count();
    let judged = results.iter().filter(|r| of(r.answer.meaning)).count();
    let right = results.iter().filter(|r| of(r.message.meaning) && of(r.answer.meaning)).count();
    let (precision, recall) = (ratio(right, judged), ratio(right, labelled));
    let f1 = if right == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
    Class { name, labelled, judged, precision, recall, f1 }
}

fn point<'m>(results: &[impl std::borrow::Borrow<Judged<'m>>], threshold: f32) -> Point {
    let sure: Vec<&Judged<'m>> =
        results.iter().map(std::borrow::Borrow::borrow).filter(|r| r.confidence() >= threshold).collect();
    Point {
        threshold: f64::from(threshold),
        coverage: ratio(sure.len(), results.len()),
        precision: ratio(sure.iter().filter(|r| r.meaning_right()).count(), sure.len()),
    }
}

fn bins(results: &[Judged<'_>]) -> Vec<Bin> {
    let bin_of = |r: &Judged<'_>| ((r.confidence() * BINS as f32) as usize).min(BINS - 1);
    (0..BINS)
        .map(|at| {
            let inside: Vec<_> = results.iter().filter(|r| bin_of(r) == at).collect();
            let confidence: f64 = inside.iter().map(|r| f64::from(r.confidence())).sum();
            Bin {
                from: at as f64 / BINS as f64,
                to: (at + 1) as f64 / BINS as f64,
                count: inside.len(),
                confidence: confidence / inside.len().max(1) as f64,
                accuracy: ratio(inside.iter().filter(|r| r.meaning_right()).count(), inside.len()),
            }
        })
        .collect()
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
