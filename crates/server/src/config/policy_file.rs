//! A policy file on disk: read, checked, and known by its digest. Must not know which variable names it.

use dispatch_routing::policy::{BUILT_IN, Policy, PolicyError};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io;
use thiserror::Error;
use time::OffsetDateTime;

/// A policy, and where it is from.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// The policy.
    pub policy: Policy,
    /// Where it is from.
    pub origin: PolicyOrigin,
}

/// Where a policy is from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyOrigin {
    /// The file; none for the built-in policy.
    pub path: Option<String>,
    /// SHA-256 of its text, in hex.
    pub sha256: String,
    /// When it was read.
    pub loaded_at: OffsetDateTime,
}

/// Why a policy file cannot be used.
#[derive(Debug, Error)]
pub enum PolicyFileError {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// Something in it is wrong.
    #[error("{}", placed(.path, .error))]
    Invalid {
        /// The file.
        path: String,
        /// What.
        error: PolicyError,
    },
}

/// `policy.toml:3:5: …`, as editors understand it; one line each, below a line that counts them.
fn placed(path: &str, error: &PolicyError) -> String {
    let count = error.0.len();
    let mistakes = if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") };
    let lines = error.0.iter().map(|problem| format!("\n{path}:{}:{}: {}", problem.line, problem.column, problem.what));
    mistakes + &lines.collect::<String>()
}

impl PolicyFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`PolicyFileError`].
    pub fn load(path: &str) -> Result<Self, PolicyFileError> {
        let text = std::fs::read_to_string(path)?;
        let invalid = |error| PolicyFileError::Invalid { path: path.to_owned(), error };
        let policy = Policy::parse(&text).map_err(invalid)?;
        Ok(Self { policy, origin: PolicyOrigin::of(Some(path.to_owned()), &text) })
    }

    /// The policy of this build.
    #[must_use]
    pub fn built_in() -> Self {
        Self { policy: Policy::default(), origin: PolicyOrigin::of(None, BUILT_IN) }
    }
}

impl PolicyOrigin {
    fn of(path: Option<String>, text: &str) -> Self {
        let sha256 = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { path, sha256, loaded_at: OffsetDateTime::now_utc() }
    }
}

impl fmt::Display for PolicyOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path.as_deref().unwrap_or("built in"))
    }
}
