//! Measures the local classifier against labelled messages. It reads, reports and, when told to, fits
//! the weights anew; it never writes a file.

#![allow(clippy::print_stdout)] // a report on stdout is what this program is for

mod corpus;
mod fit;
mod measure;
mod report;

use clap::Parser;
use corpus::Message;
use dispatch_classification::local::{LocalClassifier, Weights};
use dispatch_mission::zone::Zone;
use measure::Judged;
use std::path::PathBuf;
use std::sync::Arc;

/// Accuracy of the local classifier on labelled messages.
#[derive(Parser)]
struct Arguments {
    /// Labelled messages, one JSON object per line [default: the development messages]
    #[arg(long)]
    data: Vec<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// List the messages that are judged wrongly
    #[arg(long)]
    errors: bool,
    /// Judge each of K parts by weights fitted to the others, instead of by the checked-in weights
    #[arg(long, value_name = "K", conflicts_with = "fit")]
    cross_validate: Option<usize>,
    /// Print a weight file fitted to the messages
    #[arg(long)]
    fit: bool,
    /// Judge by the weights before fitting
    #[arg(long)]
    by_hand: bool,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let paths = if arguments.data.is_empty() { vec![data("messages.dev.jsonl")] } else { arguments.data };
    let mut corpus = Vec::new();
    for path in &paths {
        corpus.extend(corpus::read(path)?);
    }
    let classifier = if arguments.by_hand {
        LocalClassifier::with_weights(Zone::toronto(), Arc::new(Weights::by_hand()))
    } else {
        LocalClassifier::new(Zone::toronto())
    };
    if arguments.fit {
        let weights = fit::fit(&fit::examples(&classifier, &corpus).concat());
        println!("# Fitted by the eval example (--fit) to {} messages; do not edit, see weights.toml.\n", corpus.len());
        print!("{}", weights.write());
        return Ok(());
    }
    // The first pass warms the regular expressions' caches, as a server is after its first messages.
    corpus.iter().for_each(|message| drop(measure::judge(&classifier, message)));
    let results: Vec<_> = match arguments.cross_validate {
        Some(parts) => cross_validate(&classifier, &corpus, parts.max(2)),
        None => corpus.iter().map(|message| measure::judge(&classifier, message)).collect(),
    };
    let figures = measure::figures(&results);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        println!("{}: {} messages\n", names.join(", "), results.len());
        report::tables(&figures, &results);
    }
    if arguments.errors {
        report::errors(&results);
    }
    Ok(())
}

/// The file of that name beside the crate, wherever the program is called from.
fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// Every message judged by weights that never saw it: part n is each k-th message.
fn cross_validate<'m>(classifier: &LocalClassifier, corpus: &'m [Message], parts: usize) -> Vec<Judged<'m>> {
    let examples = fit::examples(classifier, corpus);
    let mut judged = Vec::new();
    for part in 0..parts {
        let others: Vec<_> =
            examples.iter().enumerate().filter(|(at, _)| at % parts != part).flat_map(|(_, e)| e.clone()).collect();
        let blind = LocalClassifier::with_weights(Zone::toronto(), Arc::new(fit::fit(&others)));
        judged.extend(corpus.iter().skip(part).step_by(parts).map(|message| measure::judge(&blind, message)));
    }
    judged
}
