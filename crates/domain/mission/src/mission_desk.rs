//! The write side of missions: the `MissionDesk` port, what it is asked for and what it may answer instead. Which action is
//! allowed is said in `rules`; whoever implements the port applies them to the row it has locked.

use crate::ids::{ListingId, MissionId, OperationId, RealtorId, StaffId};
use crate::mission::{Mission, MissionKind, MissionType, Visibility};
use crate::people::Sight;
use crate::status::MissionStatus;
use async_trait::async_trait;
use thiserror::Error;
use time::OffsetDateTime;

/// A mission that a person makes.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // one field, one column
pub struct NewMission {
    pub kind: MissionKind,
    pub title: String,
    pub mission_type: Option<MissionType>,
    pub description: Option<String>,
    pub realtor_id: Option<RealtorId>,
    pub listing_id: Option<ListingId>,
    pub priority: i32,
    /// Activities only; everybody when it is not said.
    pub visibility: Option<Visibility>,
    pub due_at: Option<OffsetDateTime>,
}

/// What is done to a mission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MissionAction {
    /// Somebody takes it: this person, or else whoever asks.
    Claim(Option<StaffId>),
    /// Nobody has it any more.
    Unclaim,
    /// This person has it now.
    Assign(StaffId),
    /// It is done.
    Complete,
    /// It is not finished after all.
    Reopen,
    /// It is another sort of work.
    SetType(Option<MissionType>),
    /// It is not shown any more.
    Delete,
}

impl MissionAction {
    /// What happened, as the timeline says it. Also the last part of the key of its effect.
    #[must_use]
    pub fn event(&self) -> &'static str {
        match self {
            Self::Claim(_) => "mission.claimed",
            Self::Unclaim => "mission.unclaimed",
            Self::Assign(_) => "mission.assigned",
            Self::Complete => "mission.completed",
            Self::Reopen => "mission.reopened",
            Self::SetType(_) => "mission.type_changed",
            Self::Delete => "mission.deleted",
        }
    }
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The same text for the same caller, for ever; no address and no number.
    pub principal: String,
    /// Who that is among the staff.
    pub staff_id: Option<StaffId>,
    /// What he or she may do.
    pub authority: Authority,
    /// What he or she may see; the rest is as if it were not there.
    pub sight: Sight,
}

impl Actor {
    /// What stands in `deleted_by`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.staff_id.as_ref().map_or(self.principal.as_str(), |id| id.0.as_str())
    }
}

/// How much an actor may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authority {
    /// Work of one's own.
    Staff,
    /// Also what concerns the work of others.
    Admin,
    /// A service, or the developer at this machine: acts for whomever it concerns.
    Service,
}

/// One request to the desk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Who asks.
    pub actor: Actor,
    /// The request's own id, when a repeat may come: what was done under it is not done again.
    pub operation: Option<OperationId>,
    /// The version that the caller saw; with another one nothing is changed.
    pub seen: Option<i64>,
}

/// Changes missions. Each method is one commit: the row, what Dispatch notes about it, its listing's place in the logbook,
/// the timeline, and the memory of the operation.
#[async_trait]
pub trait MissionDesk: Send + Sync {
    /// Makes a mission. Under an operation that made one before, that one is answered, as it is now.
    ///
    /// # Errors
    /// `Refused` with [`Refusal::Invalid`] for a listing or realtor that does not exist, or one that the database asks for;
    /// otherwise as [`act`](Self::act).
    async fn create(&self, mission: &NewMission, request: &Request) -> Result<Mission, MissionDeskError>;

    /// Does `action` to a mission as `rules::decide` says, and answers it as it is then. What was done under the same
    /// operation before is not done again; neither is what is so already.
    ///
    /// # Errors
    /// `NotFound` for an id that no row has, or none that the actor may see, `Refused` where the rules refuse, `CutoverExpandDue` while the tables have
    /// their old names, `Unavailable` when the database does not answer.
    async fn act(&self, id: &MissionId, action: &MissionAction, request: &Request)
    -> Result<Mission, MissionDeskError>;
}

/// Why the rules say no.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    /// Somebody else has it.
    #[error("somebody else has the mission")]
    Claimed,
    /// Its status does not allow it.
    #[error("the mission is {}: {cure}", .status.as_str())]
    Status {
        /// Where it stands.
        status: MissionStatus,
        /// What has to happen first.
        cure: &'static str,
    },
    /// It is deleted.
    #[error("the mission is deleted")]
    Deleted,
    /// It changed since the caller saw it.
    #[error("the mission is at version {now}")]
    Changed {
        /// Its version.
        now: i64,
    },
    /// Activities keep the type of their template.
    #[error("an activity keeps its type")]
    FixedType,
    /// This is for others.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// Some values cannot be.
    #[error("some values cannot be")]
    Invalid(Vec<Wrong>),
}

impl Refusal {
    /// One value cannot be.
    #[must_use]
    pub fn wrong(field: &'static str, detail: &'static str) -> Self {
        Self::Invalid(vec![Wrong { field, detail }])
    }
}

/// A value that cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// Which one.
    pub field: &'static str,
    /// What is wrong with it.
    pub detail: &'static str,
}

/// What a desk may answer instead.
#[derive(Debug, Error)]
pub enum MissionDeskError {
    /// No row has this id, or none that the actor may see.
    #[error("there is no such mission")]
    NotFound,
    /// The rules say no; the same request will be refused again until something else changes.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The brokerage's tables still have their old names.
    #[error("the brokerage's tables have not been expanded to Dispatch's names yet")]
    CutoverExpandDue,
    /// The database did not answer, or not in time. It may have happened all the same: ask again under the same operation.
    #[error("the mission desk is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl MissionDeskError {
    /// Whether the same call may succeed later without a person's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
