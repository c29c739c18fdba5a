//! Why there is no connection. Every message names its cure; none holds a password, at any depth.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::error::SqlState;

/// Why there is no connection to PostgreSQL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be read.
    #[error(
        "DATABASE_URL cannot be read: {why}; it should look like \
         postgresql://user:password@host:5432/database?sslmode=verify-full&sslrootcert=/path/ca.pem"
    )]
    Url {
        /// What is wrong with it, without any part that may be secret.
        why: String,
    },

    /// The certificates that TLS needs cannot be read.
    #[error("no certificate could be read from {from}; correct sslrootcert in DATABASE_URL")]
    Certificates {
        /// The file, or the system's store.
        from: String,
        /// What the system said.
        #[source]
        source: Option<io::Error>,
    },

    /// Nobody answers there.
    #[error("no PostgreSQL answers at {target}; check that it runs and that host and port in DATABASE_URL are right")]
    Unreachable {
        /// Host, port and database.
        target: String,
        /// What the system said.
        #[source]
        source: tokio_postgres::Error,
    },

    /// The server does not prove that it is the one it should be, or speaks no TLS.
    #[error("TLS with {target} failed ({why}); check sslmode and sslrootcert in DATABASE_URL")]
    Tls {
        /// Host, port and database.
        target: String,
        /// The innermost cause.
        why: String,
        /// The whole chain.
        #[source]
        source: tokio_postgres::Error,
    },

    /// The server answers and says no.
    #[error("PostgreSQL at {target} refuses the connection ({code}): {message}")]
    Refused {
        /// Host, port and database.
        target: String,
        /// The SQLSTATE.
        code: String,
        /// The server's words.
        message: String,
        /// The whole answer.
        #[source]
        source: tokio_postgres::Error,
    },

    /// The connection broke while it was being prepared.
    #[error("PostgreSQL at {target} broke off while the connection was set up; try again, and see the server's log")]
    SetUp {
        /// Host, port and database.
        target: String,
        /// What happened.
        #[source]
        source: diesel::ConnectionError,
    },

    /// No answer in time.
    #[error("PostgreSQL at {target} does not answer within {limit:?}; check the network and the server's load")]
    TimedOut {
        /// Host, port and database.
        target: String,
        /// How long it was waited for.
        limit: Duration,
    },

    /// All connections are in use.
    #[error("all {size} database connections are in use for {waited:?}; run more replicas or raise the pool's size")]
    Busy {
        /// The pool's size.
        size: usize,
        /// How long it was waited for.
        waited: Duration,
    },

    /// A pooler that hands each transaction to another session.
    #[error(
        "{target} is a transaction pooler, which breaks LISTEN, advisory locks and prepared statements; use the direct \
         connection or the pooler's session mode in DATABASE_URL (Supabase: port 5432 instead of 6543; PgBouncer: \
         pool_mode = session)"
    )]
    Pooler {
        /// Host, port and database.
        target: String,
    },

    /// The connection pool has been closed.
    #[error("the connection pool is closed, for the program is ending")]
    Closed,
}

impl ConnectError {
    /// Whether another try may succeed without anybody changing the configuration.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::SetUp { .. } | Self::TimedOut { .. } | Self::Busy { .. } => true,
            // 53: out of connections or memory; 57P03: starting up or shutting down.
            Self::Refused { code, .. } => code.starts_with("53") || code.starts_with("57P"),
            _ => false,
        }
    }

    pub(super) fn unreadable(why: impl Into<String>) -> Self {
        Self::Url { why: why.into() }
    }

    pub(super) fn certificates(path: &Path, source: Option<io::Error>) -> Self {
        Self::Certificates { from: path.display().to_string(), source }
    }

    /// Sorts what the driver reports.
    pub(super) fn of_driver(target: String, source: tokio_postgres::Error) -> Self {
        if let Some(answer) = source.as_db_error() {
            let (code, message) = (answer.code(), answer.message().to_owned());
            let no_encryption =
                *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION && message.contains("no encryption");
            let hint = if no_encryption { "; set sslmode=require or stronger in DATABASE_URL" } else { "" };
            return Self::Refused { target, code: code.code().to_owned(), message: message + hint, source };
        }
        // The driver does not export its kinds of errors; their text is all there is.
        let text = source.to_string();
        if text.contains("TLS") {
            return Self::Tls { target, why: innermost(&source), source };
        }
        if text.contains("authentication") || text.contains("configuration") {
            let message = innermost(&source);
            return Self::Refused { target, code: "client".to_owned(), message, source };
        }
        Self::Unreachable { target, source }
    }
}

fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
