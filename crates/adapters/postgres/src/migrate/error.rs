//! Why a migration did not happen. Every message names its cure.

use std::time::Duration;

use crate::connect::ConnectError;

/// Why a database is not in the state that this build expects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Another replica has been migrating for too long.
    #[error("another process has held the migration lock for {0:?}; see pg_locks for who it is, or try again later")]
    Locked(Duration),
    /// A migration failed; it was rolled back.
    #[error("migration {name} failed and was rolled back; mend the cause and run dispatch migrate again")]
    Failed {
        /// Which one.
        name: String,
        /// What the database said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bookkeeping failed.
    #[error(
        "the migrations' own records in schema dispatch cannot be read or written; grant this role CREATE on the database"
    )]
    Records(#[source] diesel::result::Error),
    /// The work was cut off.
    #[error("migrating was interrupted")]
    Interrupted,
}
