//! Measures the local classifier against labelled messages. Must not tune anything: it only reads and reports.

#![allow(clippy::print_stdout)] // a report on stdout is what this program is for

mod corpus;
mod measure;
mod report;

use clap::Parser;
use dispatch_classification::local::LocalClassifier;
use dispatch_mission::zone::Zone;
use std::path::PathBuf;

/// Accuracy of the local classifier on labelled messages.
#[derive(Parser)]
struct Arguments {
    /// Labelled messages, one JSON object per line [default: the development messages]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// List the messages that are judged wrongly
    #[arg(long)]
    errors: bool,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/messages.dev.jsonl");
    let path = arguments.data.unwrap_or(default);
    let corpus = corpus::read(&path)?;
    let classifier = LocalClassifier::new(Zone::toronto());
    let results: Vec<_> = corpus.iter().map(|message| measure::judge(&classifier, message)).collect();
    let figures = measure::figures(&results);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        println!("{}: {} messages\n", path.display(), results.len());
        report::tables(&figures, &results);
    }
    if arguments.errors {
        report::errors(&results);
    }
    Ok(())
}
