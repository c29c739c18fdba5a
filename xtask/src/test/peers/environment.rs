//! An environment of somebody else's programs: made once for each list of what is wanted, beside its place, and moved there
//! whole, so that neither a killed run nor two at once leave half of one. Must not know any language.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// One environment and how it comes about.
pub struct Environment<'a> {
    /// Its place.
    pub home: PathBuf,
    /// The list that it is made from.
    pub wanted: String,
    /// Whether what stands in a folder can be used.
    pub works: &'a dyn Fn(&Path) -> bool,
    /// Makes it in a folder that is not there yet.
    pub make: &'a dyn Fn(&Path) -> Result<()>,
}

impl Environment<'_> {
    /// Sees to it that it is there; answers whether it had to be made.
    pub fn ready(&self) -> Result<bool> {
        if self.is_current() {
            return Ok(false);
        }
        let draft = self.home.with_extension(std::process::id().to_string());
        let outcome = self.fill(&draft).and_then(|()| self.replace(&draft));
        if draft.exists() {
            std::fs::remove_dir_all(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
        }
        outcome.map(|()| true)
    }

    fn is_current(&self) -> bool {
        let made_from = std::fs::read_to_string(stamp(&self.home)).unwrap_or_default();
        // It may have been made by another user, from programs that this one cannot reach.
        made_from == self.wanted && (self.works)(&self.home)
    }

    fn fill(&self, draft: &Path) -> Result<()> {
        (self.make)(draft)?;
        std::fs::write(stamp(draft), &self.wanted).with_context(|| format!("cannot write in {}", draft.display()))
    }

    fn replace(&self, draft: &Path) -> Result<()> {
        let home = &self.home;
        if home.exists() && !self.is_current() {
            std::fs::remove_dir_all(home)
                .with_context(|| format!("cannot replace {}; remove it as the user who made it", home.display()))?;
        }
        match std::fs::rename(draft, home) {
            // Another run was quicker; its environment is as good.
            Err(_) if self.is_current() => Ok(()),
            moved => moved.with_context(|| format!("cannot move the environment to {}", home.display())),
        }
    }
}

fn stamp(home: &Path) -> PathBuf {
    home.join("made-from.txt")
}

/// Whether the program starts and is content with `arguments`.
pub fn starts(program: &OsStr, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs it; when it fails, its own words are part of the error.
pub fn said(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    bail!("{}", String::from_utf8_lossy(&words).trim())
}
