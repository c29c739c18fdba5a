//! Measures a classifier against labelled messages: reads, judges, reports. It never writes a file but the plot asked for.

#![allow(clippy::print_stdout)] // a report on stdout is what this program is for

mod corpus;
mod fit;
mod measure;
mod mind;
mod plot;
mod report;
mod validate;

use clap::{Parser, ValueEnum};
use corpus::Message;
use measure::Judged;
use std::path::PathBuf;

/// Accuracy and calibration of a classifier on labelled messages.
#[derive(Parser)]
struct Arguments {
    /// Whom to ask
    #[arg(long, value_enum, default_value_t = Who::Local)]
    classifier: Who,
    /// Labelled messages, one JSON object per line [default: all that the model is trained on]
    #[arg(long, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// List the messages that are judged wrongly
    #[arg(long)]
    errors: bool,
    /// Draw confidence against accuracy into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Judge each of K parts by a model trained on the others, instead of by the checked-in model
    #[arg(long, value_name = "K", conflicts_with = "leave_one_file_out")]
    cross_validate: Option<usize>,
    /// Judge each file by a model trained on the other files
    #[arg(long)]
    leave_one_file_out: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Who {
    /// The classifier in the program
    Local,
    /// The language model that the environment names
    Llm,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    // For calls to language models alone.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _within = runtime.enter();
    let paths = if arguments.data.is_empty() { corpus::labelled()? } else { arguments.data.clone() };
    let files: Vec<Vec<Message>> = paths.iter().map(|path| corpus::read(path)).collect::<Result<_, _>>()?;
    let parts = parts(&files, &arguments);
    let corpus: Vec<Message> = files.into_iter().flatten().collect();
    let results = results(&arguments, &corpus, parts.as_deref())?;
    let figures = measure::figures(&results);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        let names: Vec<_> =
            paths.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy()).collect();
        println!("{}: {} messages\n", names.join(", "), results.len());
        report::tables(&figures, &results);
    }
    if arguments.errors {
        report::errors(&results);
    }
    if let Some(path) = &arguments.svg {
        std::fs::write(path, plot::reliability(&figures))?;
    }
    Ok(())
}

/// Which part each message belongs to, when models are to be trained that have not seen it.
fn parts(files: &[Vec<Message>], arguments: &Arguments) -> Option<Vec<usize>> {
    let sizes = files.iter().map(Vec::len);
    match arguments.cross_validate {
        Some(count) => Some((0..sizes.sum()).map(|at| at % count.max(2)).collect()),
        None if arguments.leave_one_file_out => {
            Some(sizes.enumerate().flat_map(|(at, size)| std::iter::repeat_n(at, size)).collect())
        }
        None => None,
    }
}

fn results<'m>(
    arguments: &Arguments,
    corpus: &'m [Message],
    parts: Option<&[usize]>,
) -> Result<Vec<Judged<'m>>, Failure> {
    match (arguments.classifier, parts) {
        (Who::Llm, Some(_)) => Err("only the local classifier can be trained".into()),
        (Who::Llm, None) => mind::ask(mind::llm()?.as_ref(), corpus),
        (Who::Local, Some(parts)) => Ok(validate::blind(corpus, &fit::examples(corpus), parts)?),
        (Who::Local, None) => {
            let local = mind::local();
            // The first pass warms the regular expressions' caches, as a server is after its first messages.
            mind::ask(&local, corpus)?;
            mind::ask(&local, corpus)
        }
    }
}
