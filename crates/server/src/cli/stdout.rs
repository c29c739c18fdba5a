//! Standard output of the commands. Must not know what is said.

use anyhow::{Context, Result};
use std::io::{self, ErrorKind, Write};

/// Writes `text` and ends the line. A reader that went away (`| head`) has what it wanted: that is no error.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}
