//! `cargo xtask …`: the project's chores, in Rust so that they run the same everywhere.
//!
//! It shells out to cargo and reads files. It must not know any crate of the workspace: a broken server must never keep
//! `cargo xtask tidy` from saying why.
#![allow(clippy::print_stdout, reason = "a command-line tool talks on stdout")]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod cli;
mod deny;
mod forward;
mod metadata;
mod process;
mod spec;
mod term;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// The rehearsal is a tool of its own; everything else is the binary's.
fn cutover(root: &std::path::Path, args: &[std::ffi::OsString]) -> ExitCode {
    match args.split_first() {
        Some((first, rest)) if first == "rehearse" => {
            forward::after_building(root, &forward::SERVER, &forward::REHEARSE, rest)
        }
        _ => forward::to(root, &forward::CUTOVER, args),
    }
}

fn main() -> ExitCode {
    let root = process::workspace_root();
    let outcome = match Cli::parse().command {
        Command::Test(args) => test::run(&root, &args),
        Command::Tidy => tidy::run(&root),
        Command::Deny => deny::run(&root).map(|note| println!("{note}")),
        Command::Spec { command } => spec::run(&root, &command),
        Command::Eval(args) => return forward::to(&root, &forward::EVAL, &args.args),
        Command::Train(args) => return forward::to(&root, &forward::TRAIN, &args.args),
        Command::Demo(args) => return forward::to(&root, &forward::DEMO, &args.args),
        Command::Bench(args) => return forward::after_building(&root, &forward::SERVER, &forward::BENCH, &args.args),
        Command::Cutover(args) => return cutover(&root, &args.args),
        Command::Parity(args) => return forward::after_building(&root, &forward::SERVED, &forward::PARITY, &args.args),
        Command::Migrate(args) => return forward::to(&root, &forward::MIGRATE, &args.args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error:#}", term::red("error:"));
            ExitCode::FAILURE
        }
    }
}
