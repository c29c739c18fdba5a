//! The mission status machine and its stored spelling. Stored values are the contract of old clients and never change.

use serde::{Deserialize, Serialize};

/// Where a mission stands, as the API spells it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissionStatus {
    /// Open: nobody has claimed it yet.
    Active,
    /// Somebody took it.
    Claimed,
    /// Somebody is working on it.
    InProgress,
    /// Finished.
    Done,
    /// Tried and not possible.
    Failed,
    /// No longer wanted.
    Cancelled,
    /// Open, but a question must be answered first.
    NeedsInfo,
}

impl MissionStatus {
    /// All of them, in the order of a mission's life.
    pub const ALL: [Self; 7] =
        [Self::Active, Self::Claimed, Self::InProgress, Self::Done, Self::Failed, Self::Cancelled, Self::NeedsInfo];

    /// The API's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Claimed => "claimed",
            Self::InProgress => "in_progress",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NeedsInfo => "needs_info",
        }
    }

    /// Reads the API's spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// The value in column `mission_status`. `needs_info` is stored as OPEN: the reason stands in Dispatch's own
    /// table, because the brokerage's CHECK does not know NEEDS_INFO.
    #[must_use]
    pub fn stored(self) -> &'static str {
        match self {
            Self::Active | Self::NeedsInfo => "OPEN",
            Self::Claimed => "CLAIMED",
            Self::InProgress => "IN_PROGRESS",
            Self::Done => "DONE",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Reads a stored value; `waiting` says whether Dispatch knows an open question about the mission.
    #[must_use]
    pub fn from_stored(stored: &str, waiting: bool) -> Option<Self> {
        Some(match stored {
            "OPEN" if waiting => Self::NeedsInfo,
            "OPEN" => Self::Active,
            "CLAIMED" => Self::Claimed,
            "IN_PROGRESS" => Self::InProgress,
            "DONE" => Self::Done,
            "FAILED" => Self::Failed,
            "CANCELLED" => Self::Cancelled,
            "NEEDS_INFO" => Self::NeedsInfo,
            _ => return None,
        })
    }

    /// Whether a mission may go from here to `next` by one action of a person or of Dispatch.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use MissionStatus::{Active, Cancelled, Claimed, Done, Failed, InProgress, NeedsInfo};
        matches!(
            (self, next),
            (NeedsInfo, Active | Claimed | Cancelled)
                | (Active, Claimed | Cancelled | NeedsInfo)
                | (Claimed, Active | InProgress | Done | Failed | Cancelled)
                | (InProgress, Active | Claimed | Done | Failed | Cancelled)
                | (Done | Failed | Cancelled, Active)
        )
    }

    /// Whether nothing more is expected unless somebody reopens it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_round_trip() {
        for status in MissionStatus::ALL {
            assert_eq!(MissionStatus::parse(status.as_str()), Some(status));
            let waiting = status == MissionStatus::NeedsInfo;
            assert_eq!(MissionStatus::from_stored(status.stored(), waiting), Some(status));
        }
        assert_eq!(MissionStatus::from_stored("SOMEDAY", false), None);
    }

    #[test]
    fn every_step_keeps_the_rules_of_the_app() {
        for from in MissionStatus::ALL {
            for to in MissionStatus::ALL.into_iter().filter(|to| from.may_become(*to)) {
                assert_ne!(from, to, "nothing becomes itself");
                if from.is_final() {
                    assert_eq!(to, MissionStatus::Active, "a final status is left only by reopening");
                }
                if to == MissionStatus::Done {
                    assert!(matches!(from, MissionStatus::Claimed | MissionStatus::InProgress), "nobody did {from:?}");
                }
            }
        }
    }
}
