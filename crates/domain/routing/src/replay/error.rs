//! Why nothing is done once more.

use crate::queue::QueueError;
use dispatch_mission::ids::ClassificationId;
use thiserror::Error;

/// Why nothing was done.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The unit went away.
    #[error("nothing is known under this id")]
    Unknown,
    /// The event has no unit: its burst is open, or nothing is done about it.
    #[error("the event is {state}: there is nothing to replay")]
    NothingYet {
        /// Where it stands.
        state: String,
    },
    /// A worker has the unit now.
    #[error("a worker has the unit")]
    InHand,
    /// The unit is due: a worker will understand it.
    #[error("the unit is due already")]
    Pending,
    /// The unit waits for a person, who decides it by a yes or a no.
    #[error("the unit waits for a person")]
    Held,
    /// The id speaks of a meaning that is not in force any more.
    #[error("the unit is understood another way now")]
    Superseded {
        /// The one in force, if there is one.
        by: Option<ClassificationId>,
    },
    /// The unit has never been understood.
    #[error("the unit has not been understood")]
    NotUnderstood,
    /// The database did not answer; whether something was written will be seen by the next look.
    #[error("replays are unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database refused what was to be written.
    #[error("the replay was refused")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ReplayError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "replay_not_found",
            Self::NothingYet { .. } => "nothing_to_replay",
            Self::InHand => "unit_claimed",
            Self::Pending => "unit_pending",
            Self::Held => "unit_held",
            Self::Superseded { .. } => "classification_superseded",
            Self::NotUnderstood => "not_understood",
            Self::Unavailable(_) => "database_unavailable",
            Self::Rejected(_) => "internal_error",
        }
    }
}

impl From<QueueError> for ReplayError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Unavailable(cause) => Self::Unavailable(cause),
            QueueError::Rejected(cause) => Self::Rejected(cause),
        }
    }
}
