//! Shortcuts to tools that live in other crates. Must not know what those tools do.

use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use crate::{process, term};

/// A tool of another crate: how cargo starts it, up to the arguments of the user. Cargo says what it builds, which may take
/// minutes, on stderr; stdout is the tool's alone, for whoever reads it as data.
pub struct Tool {
    name: &'static str,
    cargo: &'static [&'static str],
}

pub const EVAL: Tool =
    Tool { name: "eval", cargo: &["run", "--release", "-p", "dispatch-classification", "--example", "eval", "--"] };

pub const TRAIN: Tool =
    Tool { name: "train", cargo: &["run", "--release", "-p", "dispatch-classification", "--example", "train", "--"] };

pub const DEMO: Tool =
    Tool { name: "demo", cargo: &["run", "--release", "-p", "dispatch-tests", "--bin", "demo", "--"] };

pub const BENCH: Tool =
    Tool { name: "bench", cargo: &["run", "--release", "-p", "dispatch-tests", "--bin", "bench", "--"] };

/// What is measured: by itself, for what is built for tests has more in it.
pub const SERVER: Tool =
    Tool { name: "bench", cargo: &["build", "--release", "-p", "dispatch-server", "--bin", "dispatch"] };

/// What parity is asked of.
pub const SERVED: Tool = Tool { name: "parity", cargo: &["build", "-q", "-p", "dispatch-server", "--bin", "dispatch"] };

pub const PARITY: Tool =
    Tool { name: "parity", cargo: &["run", "-q", "-p", "dispatch-tests", "--bin", "parity", "--"] };

pub const MIGRATE: Tool =
    Tool { name: "migrate", cargo: &["run", "-p", "dispatch-server", "--bin", "dispatch", "--", "migrate"] };

pub const CUTOVER: Tool =
    Tool { name: "cutover", cargo: &["run", "-p", "dispatch-server", "--bin", "dispatch", "--", "cutover"] };

pub const REHEARSE: Tool =
    Tool { name: "cutover rehearse", cargo: &["run", "--release", "-p", "dispatch-tests", "--bin", "rehearse", "--"] };

/// Build one, then run the other.
pub fn after_building(root: &Path, built: &Tool, tool: &Tool, args: &[OsString]) -> ExitCode {
    match to(root, built, &[]) {
        ExitCode::SUCCESS => to(root, tool, args),
        failed => failed,
    }
}

/// Run the tool with the terminal as its own; its exit code is ours.
pub fn to(root: &Path, tool: &Tool, args: &[OsString]) -> ExitCode {
    let mut command = process::cargo(root);
    command.args(tool.cargo).args(args).stdin(Stdio::inherit());
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            let failed = process::shown(&command);
            eprintln!("{} `cargo xtask {}` ended with {status}: {failed}", term::red("error:"), tool.name);
            ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }
        Err(error) => {
            eprintln!("{} cannot start cargo: {error}. Is it on the PATH?", term::red("error:"));
            ExitCode::FAILURE
        }
    }
}
