//! `bench`: measures a release server from outside, against the database's own limit. Started by `cargo xtask bench`.
//! Must not know the insides of the server: it speaks HTTP and reads tables; only claims are asked of the stores themselves.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks")]

mod backlog;
mod figures;
mod intake;
mod kill;
mod load;
mod pgbench;
mod prepared;
mod record;
mod route;
mod server;
mod sink;
mod sql;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures a release server from outside.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Durable intake against pgbench's single-row insert of the same row, in turn, on one database
    #[command(after_help = "Needs pgbench (Debian and Ubuntu: package postgresql; macOS: brew install postgresql).\n\
        Everything shares this machine: quote the ratios, not the absolutes.\n\n\
        Examples:\n  \
        cargo xtask bench intake             the whole: about two minutes\n  \
        cargo xtask bench intake --quick     one short round, to see that it works\n  \
        cargo xtask bench intake --kill      kill -9 of server and database under load; nothing may be lost\n  \
        cargo xtask bench intake --record    writes docs/BENCHMARKS.md")]
    Intake(IntakeArguments),
    /// Routing: from a signed message to its effects, a backlog, and claims over a long history
    #[command(after_help = "Needs pgbench and psql, and 10 GB of disk for the long history.\n\
        Everything shares this machine: quote the ratios, not the absolutes.\n\n\
        Examples:\n  \
        cargo xtask bench route              the whole: about a quarter of an hour\n  \
        cargo xtask bench route --quick      one short round, to see that it works\n  \
        cargo xtask bench route --only drain\n  \
        cargo xtask bench route --record     writes docs/BENCHMARKS.md")]
    Route(route::RouteArguments),
    /// Sends prepared, signed requests and prints what came back as JSON; a process of its own
    #[command(hide = true)]
    Load(load::Arguments),
}

/// How intake is measured.
#[derive(Args)]
pub struct IntakeArguments {
    /// One pair, two seconds a run
    #[arg(long)]
    quick: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Write them into docs/BENCHMARKS.md
    #[arg(long, conflicts_with = "quick")]
    record: bool,
    /// Kill server and database under load instead, and look for what was acknowledged
    #[arg(long)]
    kill: bool,
    /// Pairs of runs
    #[arg(long, default_value_t = 3)]
    pairs: usize,
    /// Seconds a run
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Connections
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// The server to measure
    #[arg(long, default_value = "target/release/dispatch")]
    server: PathBuf,
    /// Where the database and all else that is made for it is kept
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().what {
        What::Intake(arguments) => intake::run(&arguments),
        What::Route(arguments) => route::run(&arguments),
        What::Load(arguments) => load::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
