//! Whoever sits at the terminal: asked before each step, and for what no machine knows. It must not know what the steps are.

use crate::cli::server::printable;
use dispatch_cutover::Stop;
use std::io::{IsTerminal, Write};

/// Who can be asked, and who has said yes to everything.
#[derive(Clone, Copy)]
pub struct Person {
    yes: bool,
    terminal: bool,
}

impl Person {
    pub fn here(yes: bool) -> Self {
        Self { yes, terminal: std::io::stdin().is_terminal() }
    }

    /// Whether nobody can answer and nobody has said yes beforehand.
    pub fn is_absent(self) -> bool {
        !self.yes && !self.terminal
    }

    /// Whether questions can be asked at all.
    pub fn can_answer(self) -> bool {
        self.terminal
    }

    /// Whether to go on.
    pub fn agrees(self, question: &str) -> Result<bool, Stop> {
        if self.yes {
            return Ok(true);
        }
        let answer = self.answer(&format!("{question} Type yes to go on:"))?;
        Ok(answer.eq_ignore_ascii_case("yes"))
    }

    /// An answer in words. Without one there is no going on.
    pub fn answer(self, question: &str) -> Result<String, Stop> {
        let failed = |error: std::io::Error| Stop::Failed(format!("the terminal is gone: {error}"));
        // On standard error, so that standard output stays what others may read.
        let mut out = std::io::stderr().lock();
        write!(out, "\n{question} ").and_then(|()| out.flush()).map_err(failed)?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map_err(failed)?;
        Ok(printable(line.trim()))
    }
}
