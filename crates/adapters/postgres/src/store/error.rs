//! From what the database said to what the ports may say: is it away, or does it refuse this row?
//!
//! diesel hides the SQLSTATE of most errors, so that classes it does not name are told by the server's words. These may be
//! in another language: what is not recognised means that the same statement may succeed later. It must
//! not know any table.

use diesel::result::{DatabaseErrorKind, Error};
use serde_json::error::Category;

use crate::connect::ConnectError;

/// What may go wrong inside a store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Not `transparent`: the server quotes values it refuses, and a value may be a message.
    #[error("{}", without_values(.0))]
    Database(Error),
    /// A row that this build cannot write or read.
    #[error("a row cannot be read or written: {0}")]
    Row(Unreadable),
}

/// What is known about JSON that does not fit, without the value: serde quotes it, and it may be a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{category} at {line}:{column}")]
pub(crate) struct Unreadable {
    category: &'static str,
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        let category = match error.classify() {
            Category::Io => "io",
            Category::Syntax => "syntax",
            Category::Data => "data",
            Category::Eof => "eof",
        };
        Self::Row(Unreadable { category, line: error.line(), column: error.column() })
    }
}

/// What the server says when the same statement may succeed later (SQLSTATE 40P01, 53, 55P03, 57, 58).
const PASSING: [&str; 12] = [
    "deadlock detected",
    "canceling statement due to",
    "terminating connection",
    "the database system is",
    "too many clients",
    "remaining connection slots",
    "could not obtain lock",
    "No space left",
    "out of memory",
    "out of shared memory",
    "connection closed",
    "error communicating with the server",
];

/// What the server says when it would take the statement once somebody has set it right: a privilege (SQLSTATE 42501),
/// or a table or column that a migration brings (42P01, 42703).
const NOT_PERMITTED: [&str; 2] = ["permission denied", "violates row-level security policy"];
const MISSING: [&str; 3] = ["relation \"", "column ", "schema \""];

/// What the server says when a value cannot be stored (SQLSTATE 22, 54).
const BAD_VALUE: [&str; 9] = [
    "invalid byte sequence",
    "unsupported Unicode escape sequence",
    "invalid input syntax",
    "out of range",
    "value too long",
    "field overflow",
    "maximum",
    "cannot be converted to text",
    "malformed",
];

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// The server's words up to the value it quotes: `invalid input syntax for type uuid: "…"`.
fn without_values(error: &Error) -> String {
    let words = error.to_string();
    words.split_once(": \"").map_or(words.as_str(), |(before, _)| before).to_owned()
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            Self::Row(_) => false,
            Self::Database(error) => is_passing(error),
        }
    }

    /// Whether the connection is gone, so that nothing more can be done on it.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            Self::Row(_) => false,
            Self::Database(Error::DatabaseError(kind, info)) => {
                matches!(kind, DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection)
                    || info.message().contains("terminating connection")
            }
            Self::Database(error) => {
                matches!(error, Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. })
            }
        }
    }

    /// Whether the values themselves are at fault.
    pub(crate) fn is_bad_value(&self) -> bool {
        match self {
            Self::Connect(_) => false,
            Self::Row(_) => true,
            Self::Database(Error::DatabaseError(kind, info)) => {
                constraint(kind).is_some()
                    || (!self.is_passing() && BAD_VALUE.iter().any(|words| info.message().contains(words)))
            }
            Self::Database(error) => matches!(error, Error::SerializationError(_) | Error::QueryBuilderError(_)),
        }
    }

    /// The kind of constraint that refused a row, as a stable code.
    pub(crate) fn constraint(&self) -> Option<&'static str> {
        match self {
            Self::Database(Error::DatabaseError(kind, _)) => constraint(kind),
            _ => None,
        }
    }

    /// What somebody has to set right before the same statement can succeed, as a stable code.
    pub(crate) fn condition(&self) -> Option<&'static str> {
        let Self::Database(Error::DatabaseError(DatabaseErrorKind::Unknown, info)) = self else { return None };
        let words = info.message();
        if NOT_PERMITTED.iter().any(|known| words.contains(known)) {
            Some("not_permitted")
        } else if words.ends_with("does not exist") && MISSING.iter().any(|known| words.starts_with(known)) {
            Some("table_differs")
        } else {
            None
        }
    }

    /// The column that must not be null, when that is what went wrong.
    pub(crate) fn missing_column(&self) -> Option<&str> {
        match self {
            Self::Database(Error::DatabaseError(DatabaseErrorKind::NotNullViolation, info)) => info.column_name(),
            _ => None,
        }
    }

    pub(crate) fn boxed(self) -> Box<dyn std::error::Error + Send + Sync> {
        Box::new(self)
    }
}

fn is_passing(error: &Error) -> bool {
    match error {
        Error::DatabaseError(
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::SerializationFailure
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        ) => true,
        Error::DatabaseError(_, info) => PASSING.iter().any(|words| info.message().contains(words)),
        Error::BrokenTransactionManager => true,
        Error::RollbackErrorOnCommit { rollback_error, commit_error } => {
            is_passing(rollback_error) || is_passing(commit_error)
        }
        _ => false,
    }
}

fn constraint(kind: &DatabaseErrorKind) -> Option<&'static str> {
    Some(match kind {
        DatabaseErrorKind::UniqueViolation => "unique_violation",
        DatabaseErrorKind::ForeignKeyViolation => "foreign_key_violation",
        DatabaseErrorKind::NotNullViolation => "not_null_violation",
        DatabaseErrorKind::CheckViolation => "check_violation",
        DatabaseErrorKind::ExclusionViolation => "exclusion_violation",
        DatabaseErrorKind::RestrictViolation => "restrict_violation",
        _ => return None,
    })
}

impl From<StoreError> for dispatch_mission::signal_log::SignalLogError {
    /// In doubt the provider is told to come again: a message is lost otherwise.
    fn from(error: StoreError) -> Self {
        if error.is_bad_value() { Self::Rejected(error.boxed()) } else { Self::Unavailable(error.boxed()) }
    }
}

impl From<StoreError> for dispatch_routing::queue::QueueError {
    /// In doubt no row is at fault: what is refused is a dead letter for good, and a missing privilege or migration
    /// refuses every row. A row that is at fault after all comes back alone until its attempts are used up.
    fn from(error: StoreError) -> Self {
        if error.is_bad_value() { Self::Rejected(error.boxed()) } else { Self::Unavailable(error.boxed()) }
    }
}

impl From<StoreError> for dispatch_mission::mission_store::MissionStoreError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.boxed())
    }
}

impl From<StoreError> for dispatch_pipeline::ports::classifications::ClassificationStoreError {
    fn from(error: StoreError) -> Self {
        if error.is_bad_value() { Self::Rejected(error.boxed()) } else { Self::Unavailable(error.boxed()) }
    }
}

impl From<StoreError> for dispatch_pipeline::ports::StoreUnavailable {
    fn from(error: StoreError) -> Self {
        Self(error.boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_does_not_fit_is_not_quoted() {
        let error = serde_json::from_value::<u8>(serde_json::json!("Please book the photographer")).unwrap_err();
        assert!(error.to_string().contains("photographer"), "serde does: {error}");
        let error = StoreError::from(error);
        let told = format!("{error} {error:?}");
        assert!(told.contains("data at 0:0") && !told.contains("photographer"), "{told}");
    }
}
