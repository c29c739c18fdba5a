//! A floor under the local classifier's accuracy, well below what was measured (docs/BENCHMARKS.md): it catches a rule that
//! breaks others, not a point won or lost.
#![allow(dead_code, missing_docs, clippy::unwrap_used)] // shares its files with the eval example

#[path = "../examples/eval/corpus.rs"]
mod corpus;
#[path = "../examples/eval/measure.rs"]
mod measure;

use dispatch_classification::local::LocalClassifier;
use dispatch_mission::zone::Zone;
use std::path::Path;

fn figures(file: &str) -> measure::Figures {
    let corpus = corpus::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file)).unwrap();
    let classifier = LocalClassifier::new(Zone::toronto());
    measure::figures(&corpus.iter().map(|message| measure::judge(&classifier, message)).collect::<Vec<_>>())
}

#[test]
fn accuracy_stays_above_its_floor() {
    for (file, everything) in [("messages.dev.jsonl", 0.88), ("natural.jsonl", 0.80)] {
        let figures = figures(file);
        assert!(figures.message_type >= 0.93, "{file}: type {}", figures.message_type);
        assert!(figures.type_and_key >= 0.90, "{file}: type and key {}", figures.type_and_key);
        assert!(figures.everything >= everything, "{file}: everything {}", figures.everything);
        assert!(figures.precision_at_threshold >= 0.95, "{file}: precision {}", figures.precision_at_threshold);
        assert!(figures.coverage_at_threshold >= 0.60, "{file}: coverage {}", figures.coverage_at_threshold);
    }
}
