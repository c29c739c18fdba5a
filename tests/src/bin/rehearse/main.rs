//! `rehearse`: the whole cut-over on a database of its own, under clients of old and new names, with kills and blockers;
//! prints the acceptance table with what was measured. Started by `cargo xtask cutover rehearse`. Must not know the engine:
//! it runs the binary's stages, and looks from outside.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod act;
mod blueprint;
mod board;
mod clients;
mod identity;
mod latency;
mod locks;
mod probes;
mod sequence;
mod stand;

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Rehearses the cut-over on a throw-away database.
#[derive(Parser)]
#[command(
    name = "cargo xtask cutover rehearse",
    after_help = "Exit code 0 only when every check holds.\n\n\
        Examples:\n  \
        cargo xtask cutover rehearse                       100,000 rows, about two minutes\n  \
        cargo xtask cutover rehearse --rows 1000000        as the figures in docs/BENCHMARKS.md\n  \
        cargo xtask cutover rehearse --blueprint           the copy-and-rename that it replaces: what it loses"
)]
struct Arguments {
    /// Activities; a fifth as many agent tasks
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Fewer kills, shorter runs
    #[arg(long)]
    quick: bool,
    /// Run the blueprint's own SQL instead of the stages: the checks must fail
    #[arg(long)]
    blueprint: bool,
    /// With PostgreSQL's durable settings
    #[arg(long)]
    durable: bool,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
    /// Print the table in Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// The binary to rehearse with
    #[arg(long, default_value = "target/release/dispatch")]
    dispatch: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<bool> {
    let stand = stand::Stand::new(&arguments.dispatch, arguments.rows, arguments.durable).await?;
    let mut board = board::Board::default();
    if arguments.blueprint {
        Box::pin(blueprint::run(&stand, &mut board)).await?;
    } else {
        Box::pin(sequence::run(&stand, &mut board, arguments.quick)).await?;
    }
    stand.finish().await?;
    let told = match (arguments.json, arguments.markdown) {
        (true, _) => board.json(),
        (_, true) => board.markdown(),
        _ => board.table(),
    };
    println!("{told}");
    Ok(board.all_hold())
}
