//! The command line.
use std::process::ExitCode;
/// Runs.
#[allow(clippy::print_stdout)]
#[must_use]
pub fn run() -> ExitCode {
    print!("{}", crate::openapi::json());
    ExitCode::SUCCESS
}
