#![doc = include_str!("../README.md")]

pub mod cli;
pub mod compose;
pub mod config;
pub mod http;
pub mod openapi;
pub mod telemetry;

#[cfg(test)]
mod testing;

/// The whole program.
#[must_use]
pub fn main() -> std::process::ExitCode {
    telemetry::log_panics();
    cli::run()
}
