//! Who may do what to a mission, and what it changes: pure, one decision for one row as it is. The same outcome asked for
//! twice is no change and no fault. Must not know a database or a caller's credentials.

#[cfg(test)]
mod tests;

use crate::ids::StaffId;
use crate::mission::{Mission, MissionKind, MissionType};
use crate::mission_desk::{Actor, Authority, MissionAction, NewMission, Refusal, Request, Wrong};
use crate::status::MissionStatus;
use std::ops::RangeInclusive;

/// Longest title, in characters.
pub const LONGEST_TITLE: usize = 500;
/// Longest description, in characters.
pub const LONGEST_DESCRIPTION: usize = 10_000;
/// Years in which work is due. Databases and clients disagree about what lies far outside.
const DUE_YEARS: RangeInclusive<i32> = 1970..=9998;

/// What becomes of a row. `now` stands for the moment of the change, by the clock of whoever stores it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// This person has it from now on.
    TakenBy(StaffId),
    /// Nobody has it: open, with neither `claimed_at` nor `completed_at`.
    Opened,
    /// Done, now.
    Done,
    /// Of this type.
    Typed(Option<MissionType>),
    /// Deleted, now, by this one.
    DeletedBy(String),
}

impl Change {
    /// The status that it leaves the mission in, when it has one of its own.
    #[must_use]
    pub fn status(&self) -> Option<MissionStatus> {
        match self {
            Self::TakenBy(_) => Some(MissionStatus::Claimed),
            Self::Opened => Some(MissionStatus::Active),
            Self::Done => Some(MissionStatus::Done),
            Self::Typed(_) | Self::DeletedBy(_) => None,
        }
    }
}

/// What `action` changes about `mission`; nothing when all of it is so already.
///
/// # Errors
/// [`Refusal`].
pub fn decide(mission: &Mission, action: &MissionAction, request: &Request) -> Result<Option<Change>, Refusal> {
    if mission.deleted_at.is_some() {
        return if *action == MissionAction::Delete { Ok(None) } else { Err(Refusal::Deleted) };
    }
    if request.seen.is_some_and(|seen| seen != mission.version) {
        return Err(Refusal::Changed { now: mission.version });
    }
    let (case, actor) = (Case { mission, actor: &request.actor }, &request.actor);
    match action {
        MissionAction::Claim(who) => case.claim(who.as_ref()),
        MissionAction::Unclaim => case.unclaim(),
        MissionAction::Assign(who) => case.assign(who),
        MissionAction::Complete => case.complete(),
        MissionAction::Reopen => case.reopen(),
        MissionAction::SetType(kind) => case.set_type(*kind),
        MissionAction::Delete if actor.authority == Authority::Staff => {
            Err(Refusal::NotAllowed("Only an admin may delete a mission."))
        }
        MissionAction::Delete => Ok(Some(Change::DeletedBy(actor.name().to_owned()))),
    }
}

/// One mission, and who asks something of it.
struct Case<'a> {
    mission: &'a Mission,
    actor: &'a Actor,
}

type Decision = Result<Option<Change>, Refusal>;

impl Case<'_> {
    fn claim(&self, who: Option<&StaffId>) -> Decision {
        let who = who.or(self.actor.staff_id.as_ref());
        let who = who.ok_or(Refusal::wrong("staff_id", "is needed: the caller is not one of the staff"))?;
        if self.actor.authority == Authority::Staff && self.actor.staff_id.as_ref() != Some(who) {
            return Err(Refusal::NotAllowed("Only an admin may claim a mission for somebody else."));
        }
        match &self.mission.assigned_to {
            Some(holder) if holder == who && !self.is_open() && !self.mission.status.is_final() => Ok(None),
            Some(holder) if holder != who && !self.mission.status.is_final() => Err(Refusal::Claimed),
            _ => self.to(Change::TakenBy(who.clone()), "reopen it first"),
        }
    }

    fn unclaim(&self) -> Decision {
        if self.is_open() && self.mission.assigned_to.is_none() {
            return Ok(None);
        }
        self.must_be_theirs("Only the person who has a mission, or an admin, may give it back.")?;
        if self.is_open() {
            // Old clients wrote a name on open missions.
            return Ok(Some(Change::Opened));
        }
        if self.mission.status.is_final() {
            return self.not_from_here("reopen it instead");
        }
        self.to(Change::Opened, "reopen it instead")
    }

    fn assign(&self, who: &StaffId) -> Decision {
        self.must_be_theirs("Only the person who has a mission, or an admin, may hand it over.")?;
        if self.mission.assigned_to.as_ref() == Some(who) && !self.is_open() && !self.mission.status.is_final() {
            return Ok(None);
        }
        if self.mission.status == MissionStatus::Claimed {
            return Ok(Some(Change::TakenBy(who.clone())));
        }
        self.to(Change::TakenBy(who.clone()), "reopen it first")
    }

    fn complete(&self) -> Decision {
        if self.is_open() {
            return self.not_from_here("claim it first");
        }
        if self.actor.authority != Authority::Service && !self.is_theirs() {
            return Err(Refusal::NotAllowed("Only the person who has a mission may complete it."));
        }
        if self.mission.status == MissionStatus::Done {
            return Ok(None);
        }
        self.to(Change::Done, "reopen it first")
    }

    fn reopen(&self) -> Decision {
        if self.is_open() && self.mission.assigned_to.is_none() {
            return Ok(None);
        }
        self.must_be_theirs("Only the person who had a mission, or an admin, may reopen it.")?;
        if !self.mission.status.is_final() {
            return self.not_from_here("unclaim it instead");
        }
        self.to(Change::Opened, "unclaim it instead")
    }

    fn set_type(&self, kind: Option<MissionType>) -> Decision {
        if self.mission.kind == MissionKind::Activity {
            return Err(Refusal::FixedType);
        }
        if !matches!(kind, None | Some(MissionType::Admin | MissionType::Marketing)) {
            return Err(Refusal::wrong("mission_type", "must be ADMIN or MARKETING, or absent for none"));
        }
        Ok((self.mission.mission_type != kind).then_some(Change::Typed(kind)))
    }

    /// The change, if the status machine allows it from here.
    fn to(&self, change: Change, cure: &'static str) -> Decision {
        match change.status() {
            Some(next) if !self.mission.status.may_become(next) => self.not_from_here(cure),
            _ => Ok(Some(change)),
        }
    }

    fn not_from_here(&self, cure: &'static str) -> Decision {
        Err(Refusal::Status { status: self.mission.status, cure })
    }

    fn is_open(&self) -> bool {
        matches!(self.mission.status, MissionStatus::Active | MissionStatus::NeedsInfo)
    }

    fn is_theirs(&self) -> bool {
        self.actor.staff_id.is_some() && self.actor.staff_id == self.mission.assigned_to
    }

    fn must_be_theirs(&self, words: &'static str) -> Result<(), Refusal> {
        let may = self.actor.authority != Authority::Staff || self.is_theirs();
        if may { Ok(()) } else { Err(Refusal::NotAllowed(words)) }
    }
}

/// Everything about a new mission that can be told without looking anything up.
///
/// # Errors
/// [`Refusal::Invalid`] with all that is wrong.
pub fn check(new: &NewMission) -> Result<(), Refusal> {
    let is_activity = new.kind == MissionKind::Activity;
    let described = new.description.as_deref().unwrap_or_default();
    let wrong = [
        (new.title.trim().is_empty(), "title", "must say something"),
        (new.title.chars().count() > LONGEST_TITLE, "title", "must have at most 500 characters"),
        (described.chars().count() > LONGEST_DESCRIPTION, "description", "must have at most 10000 characters"),
        (new.title.contains('\0'), "title", "must not contain NUL"),
        (described.contains('\0'), "description", "must not contain NUL"),
        (!(0..=10).contains(&new.priority), "priority", "must be from 0 to 10"),
        (new.due_at.is_some_and(|at| !DUE_YEARS.contains(&at.year())), "due_at", "must be in a year from 1970 to 9998"),
        (is_activity && new.listing_id.is_none(), "listing_id", "is needed: an activity belongs to a listing"),
        (!is_activity && new.visibility.is_some(), "visibility", "is for activities only"),
    ];
    let wrong: Vec<Wrong> =
        wrong.into_iter().filter(|(wrong, ..)| *wrong).map(|(_, field, detail)| Wrong { field, detail }).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::Invalid(wrong)) }
}

/// Where a listing stands, by its undeleted activities: finished when one of them is done and nothing is left to do.
#[must_use]
pub fn is_for_the_logbook(left: u32, done: u32) -> bool {
    left == 0 && done > 0
}
