//! Compares answers with labels and sums up. Must not print.

use crate::corpus::Message;
use dispatch_classification::classification::Classification;
use dispatch_classification::local::LocalClassifier;
use serde::Serialize;
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
    pub mean_micros: f64,
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

/// Classifies one message.
pub fn judge<'m>(classifier: &LocalClassifier, message: &'m Message) -> Judged<'m> {
    let begun = Instant::now();
    let answer = classifier.classify_unit(std::slice::from_ref(&message.utterance));
    let micros = begun.elapsed().as_micros();
    let due = answer.due_date.map(|at| {
        let (date, time) = (at.date(), at.time());
        format!("{date}T{:02}:{:02}", time.hour(), time.minute())
    });
    Judged { message, answer, due, micros }
}

impl Judged<'_> {
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
    let sure: Vec<_> = results.iter().filter(|r| r.confidence() >= THRESHOLD).collect();
    let bins = bins(results);
    let error = bins.iter().map(|bin| ratio(bin.count, results.len()) * (bin.confidence - bin.accuracy).abs()).sum();
    let micros: u128 = results.iter().map(|r| r.micros).sum();
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
        coverage_at_threshold: ratio(sure.len(), results.len()),
        precision_at_threshold: ratio(sure.iter().filter(|r| r.meaning_right()).count(), sure.len()),
        expected_calibration_error: error,
        bins,
        mean_micros: micros as f64 / results.len().max(1) as f64,
        slowest_micros: results.iter().map(|r| r.micros).max().unwrap_or(0),
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
