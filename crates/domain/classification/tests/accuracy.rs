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
    assert_eq!(Model::checked_in().digest(), today, "data or rules changed: cargo xtask train");
}

#[test]
fn accuracy_on_messages_that_were_never_learned_stays_above_its_floor() {
    let messages = corpus::read(&corpus::data("heldout.jsonl")).unwrap();
    let figures = measure::figures(&judge(&messages));
    assert!(figures.message_type >= 0.85, "type {}", figures.message_type);
    assert!(figures.type_and_key >= 0.75, "type and key {}", figures.type_and_key);
    assert!(figures.precision_at_threshold >= 0.92, "precision {}", figures.precision_at_threshold);
    assert!(figures.coverage_at_threshold >= 0.45, "coverage {}", figures.coverage_at_threshold);
    for (field, right) in [("address", figures.address), ("due", figures.due_date), ("assignee", figures.assignee)] {
        assert!(right >= 0.90, "{field} {right}");
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
