//! What the checked-in model owes: it belongs to the labelled files and the rules, holds a floor on messages that it never
//! learned, and keeps errors mended that were found. How good it is stands in docs/BENCHMARKS.md.
#![allow(dead_code, missing_docs, clippy::unwrap_used)] // shares its files with the eval example

#[path = "../examples/eval/corpus.rs"]
mod corpus;
#[path = "../examples/train/digest.rs"]
mod digest;
#[path = "../examples/eval/fit/mod.rs"]
mod fit;
#[path = "../examples/eval/measure.rs"]
mod measure;

use corpus::Message;
use dispatch_classification::local::{LocalClassifier, Model};
use dispatch_mission::zone::Zone;
use measure::Judged;

fn judge(messages: &[Message]) -> Vec<Judged<'_>> {
    let classifier = LocalClassifier::new(Zone::toronto());
    messages.iter().map(|message| measure::judge(&classifier, message)).collect()
}

#[test]
fn the_model_belongs_to_the_data_and_the_rules() {
    let read = |path: &std::path::PathBuf| corpus::read(path).unwrap();
    let corpus: Vec<Message> = corpus::labelled().unwrap().iter().flat_map(read).collect();
    let today = digest::digest(&fit::examples(&corpus));
    assert_eq!(Model::checked_in().digest(), today, "data, rules or constants changed: cargo xtask train");
}

/// What the product was promised: of all that is at 0.7 or above 95 % are right, and that is half of the messages or more.
#[test]
fn accuracy_on_messages_that_were_never_learned_stays_above_its_floor() {
    for file in ["heldout.jsonl", "examination.jsonl"] {
        let messages = corpus::read(&corpus::data(file)).unwrap();
        let figures = measure::figures(&judge(&messages));
        for (what, share, floor) in [
            ("type", figures.message_type, 0.92),
            ("type and key", figures.type_and_key, 0.88),
            ("right at 0.7", figures.precision_at_threshold, 0.95),
            ("messages at 0.7", figures.coverage_at_threshold, 0.50),
            ("address", figures.address, 0.93),
            ("due", figures.due_date, 0.93),
            ("assignee", figures.assignee, 0.93),
        ] {
            assert!(share >= floor, "{file}: {what} {share:.3}, below {floor}");
        }
    }
}

#[test]
fn where_the_promise_cannot_be_kept_nothing_is_sure() {
    // The surest of all is wrong, and what follows does not make up for it.
    let outcomes: Vec<(f64, bool)> = std::iter::once((0.999, false)).chain(vec![(0.9, true); 10]).collect();
    let [slope, offset] = fit::calibrate(&outcomes).map(f64::from);
    for (p, _) in outcomes {
        let confidence = 1.0 / (1.0 + (-(slope * (p / (1.0 - p)).ln() + offset)).exp());
        assert!(confidence < fit::SURE, "{p} became {confidence}");
    }
}

#[test]
fn errors_that_were_mended_stay_mended() {
    let messages = corpus::read(&corpus::data("regressions.jsonl")).unwrap();
    let wrong: Vec<String> = judge(&messages)
        .iter()
        .filter(|judged| !judged.all_right())
        .map(|judged| format!("{}: {:?}", judged.message.id, judged.answer))
        .collect();
    assert!(!messages.is_empty() && wrong.is_empty(), "{}", wrong.join("\n"));
}
