//! The command line: its words, the help that teaches them, and where each is carried out. No behaviour of its own.

mod cutover;
mod dev;
mod doctor;
mod dotenv;
mod endpoint;
mod flag;
mod key;
mod migrate;
mod policy;
mod replay;
mod retain;
mod send;
mod serve;
mod server;
mod state;
mod stdout;
mod trace;

use crate::config::{Config, Role, process_env};
use crate::telemetry;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Messages come in, missions come out, and everyone can see why.
#[derive(Parser)]
#[command(
    name = "dispatch",
    version,
    after_help = "First steps, on one machine and without any preparation:\n  \
        dispatch dev                                    server, worker and a PostgreSQL of its own\n  \
        dispatch send \"Please order a yard sign for 12 Elm St by Friday\"\n  \
        dispatch trace ID                               what became of it\n\n\
        Settings are environment variables; `dispatch doctor` lists them and what is missing."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine: server, worker, PostgreSQL. Nothing to prepare; nobody else can reach it
    Dev(dev::Arguments),
    /// Serve HTTP, with a worker in the same process
    Serve(serve::Arguments),
    /// Work without serving HTTP
    #[command(after_help = "Any number of workers may share one database. Each takes what is due and leaves the rest.")]
    Worker,
    /// Bring the database of DATABASE_URL to the state that this build expects
    #[command(after_help = "Safe to repeat, safe beside a running server, safe when several run at once.\n\
        On a database that began as Operations Center it adds schema `dispatch` and touches nothing else.")]
    Migrate,
    /// Rename the brokerage's tables under its clients, step by step, with a way back at any time
    Cutover(Box<cutover::Arguments>),
    /// Send a signed Slack or text message to a running server
    Send(Box<send::Arguments>),
    /// Show what became of a message, by any id you hold
    Trace(trace::Arguments),
    /// Do once more what an id stands for, or show what that would come to
    Replay(replay::Arguments),
    /// Make, list and revoke API keys
    Key(key::Arguments),
    /// Show or set which contract the unprefixed legacy paths speak
    Flag(flag::Arguments),
    /// Show whom the policy file names, and switch on again who answered 410
    Endpoint(endpoint::Arguments),
    /// Remove what has been kept for its time, or show what would go
    Retain(retain::Arguments),
    /// Check a policy file, and explain what it makes of a message
    Policy(policy::Arguments),
    /// Look at configuration, clock, database and migrations, and say what is missing
    Doctor(doctor::Arguments),
    /// Print the OpenAPI document
    #[command(
        after_help = "Needs no database. The checked-in copies are openapi/dispatch.json and openapi/operations.json (`cargo xtask spec write`)."
    )]
    Openapi {
        /// That of the old contract
        #[arg(long)]
        operations: bool,
    },
}

/// Reads the command line and carries it out.
#[must_use]
#[allow(clippy::print_stderr)] // an error that ends the program is for whoever started it
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Openapi { operations } => openapi(operations),
        command => on_runtime(command),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

async fn carry_out(command: Command) -> Result<ExitCode> {
    match command {
        Command::Dev(arguments) => dev::run(&arguments).await,
        Command::Serve(arguments) => serve::run(&arguments).await,
        Command::Worker => serve::work().await,
        Command::Migrate => migrate::run().await,
        Command::Cutover(arguments) => cutover::run(&arguments).await,
        Command::Send(arguments) => send::run(*arguments).await,
        Command::Trace(arguments) => trace::run(arguments).await,
        Command::Replay(arguments) => replay::run(arguments).await,
        Command::Key(arguments) => key::run(arguments).await,
        Command::Flag(arguments) => flag::run(arguments).await,
        Command::Endpoint(arguments) => endpoint::run(arguments).await,
        Command::Retain(arguments) => retain::run(arguments).await,
        Command::Policy(arguments) => policy::run(arguments).await,
        Command::Doctor(arguments) => doctor::run(&arguments).await,
        Command::Openapi { operations } => openapi(operations),
    }
}

fn on_runtime(command: Command) -> Result<ExitCode> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = built.context("cannot start the runtime")?;
    let outcome = runtime.block_on(Box::pin(carry_out(command)));
    // What did not end when it was told to is not waited for any longer.
    runtime.shutdown_background();
    outcome
}

fn openapi(operations: bool) -> Result<ExitCode> {
    stdout::say(&if operations { crate::openapi::operations::json() } else { crate::openapi::json() })?;
    Ok(ExitCode::SUCCESS)
}

/// The configuration of a command that runs for long: checked whole, and logging started.
fn configured(role: Role) -> Result<Config> {
    let config = Config::from_env(&process_env, role)?;
    begin(&config);
    Ok(config)
}

/// Logging starts, and says what is questionable about the configuration.
fn begin(config: &Config) {
    telemetry::start(&config.telemetry);
    for warning in config.routing.policy.warnings() {
        tracing::warn!(policy = %config.routing.origin, rule = warning.rule, "{warning}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
