//! Trains the local classifier's model on every labelled file of `data` and writes `src/local/model.txt`. The same files and
//! rules give the same bytes.

#![allow(clippy::print_stdout)] // says what it did
#![allow(dead_code)] // shares its files with the eval example

#[path = "../eval/corpus.rs"]
mod corpus;
mod digest;
#[path = "../eval/fit/mod.rs"]
mod fit;
#[path = "../eval/measure.rs"]
mod measure;
#[path = "../eval/validate.rs"]
mod validate;

use clap::Parser;
use corpus::Message;
use std::path::PathBuf;

/// Train the local classifier's model on the labelled messages of the project
#[derive(Parser)]
struct Arguments {
    /// Where to write the model [default: the checked-in file]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let files: Vec<Vec<Message>> =
        corpus::labelled()?.iter().map(|path| corpus::read(path)).collect::<Result<_, _>>()?;
    let parts: Vec<usize> =
        files.iter().enumerate().flat_map(|(at, file)| std::iter::repeat_n(at, file.len())).collect();
    let corpus: Vec<Message> = files.into_iter().flatten().collect();
    let examples = fit::examples(&corpus);
    // Whoever writes tomorrow is none of today's authors: what each file came to without itself is what to expect.
    let unseen = validate::uncalibrated(&corpus, &examples, &parts)?;
    let mut model = fit::fit(&examples.iter().collect::<Vec<_>>());
    model.calibration = fit::calibrate(&validate::outcomes(&unseen, &parts, None));
    model.digest = digest::digest(&examples);
    let path = arguments.out.unwrap_or_else(|| corpus::data("../src/local/model.txt"));
    let text = model.write();
    std::fs::write(&path, &text)?;
    println!("{}: {} messages, {} bytes", path.display(), corpus.len(), text.len());
    Ok(())
}
