//! Whoever sits at the terminal: asked before each step, and for what no machine knows. It must not know what the steps are.

use crate::cli::server::printable;
use dispatch_cutover::Stop;
use std::io::{IsTerminal, Write};
use tokio::sync::oneshot;

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
    pub async fn agrees(self, question: &str) -> Result<bool, Stop> {
        if self.yes {
            return Ok(true);
        }
        let answer = self.answer(&format!("{question} Type yes to go on:")).await?;
        Ok(answer.eq_ignore_ascii_case("yes"))
    }

    /// An answer in words. Without one there is no going on. Whoever is tired of waiting for it may leave.
    pub async fn answer(self, question: &str) -> Result<String, Stop> {
        let failed = |error: std::io::Error| Stop::Failed(format!("the terminal is gone: {error}"));
        asked(question).map_err(failed)?;
        let (tell, told) = oneshot::channel();
        // A thread of its own: the runtime would wait for one of its own until somebody has typed.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = std::io::stdin().read_line(&mut line).map(|_| line);
            drop(tell.send(read));
        });
        let read = told.await.unwrap_or_else(|_| Err(std::io::ErrorKind::UnexpectedEof.into()));
        Ok(printable(read.map_err(failed)?.trim()))
    }
}

// On standard error, so that standard output stays what others may read.
fn asked(question: &str) -> std::io::Result<()> {
    let mut out = std::io::stderr().lock();
    write!(out, "\n{question} ")?;
    out.flush()
}
