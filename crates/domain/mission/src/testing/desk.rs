//! What every `MissionDesk` owes its callers.

use crate::ids::{ListingId, MissionId, OperationId, RealtorId, StaffId};
use crate::mission::{Mission, MissionKind, MissionType, Visibility};
use crate::mission_desk::{
    Actor, Authority, MissionAction, MissionDesk, MissionDeskError, NewMission, Refusal, Request,
};
use crate::people::StaffRole;
use crate::status::MissionStatus;

/// Rows that a desk under test knows: a listing and two active members of staff.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct KnownRows {
    pub listing: ListingId,
    pub ann: StaffId,
    pub bob: StaffId,
}

/// A new agent task with nothing optional.
#[must_use]
pub fn new_task(title: &str) -> NewMission {
    NewMission {
        kind: MissionKind::AgentTask,
        title: title.into(),
        mission_type: None,
        description: None,
        realtor_id: None,
        listing_id: None,
        priority: 0,
        visibility: None,
        due_at: None,
    }
}

/// A new activity of this listing.
#[must_use]
pub fn new_activity(listing: &ListingId, title: &str) -> NewMission {
    NewMission { kind: MissionKind::Activity, listing_id: Some(listing.clone()), ..new_task(title) }
}

/// A request by a member of staff, of no operation.
#[must_use]
pub fn asked_by(staff: &StaffId, role: StaffRole) -> Request {
    let authority = if role == StaffRole::Admin { Authority::Admin } else { Authority::Staff };
    let (principal, sight) = (format!("user:{staff}"), role.sight());
    Request { actor: Actor { principal, staff_id: Some(staff.clone()), authority, sight }, operation: None, seen: None }
}

/// The same request under an operation.
#[must_use]
pub fn under(operation: OperationId, request: Request) -> Request {
    Request { operation: Some(operation), ..request }
}

/// What every [`MissionDesk`] owes its callers.
///
/// # Panics
/// When the desk breaks the contract.
pub async fn mission_desk_contract(desk: &dyn MissionDesk, known: &KnownRows) {
    makes_one_mission_for_one_operation(desk, known).await;
    knows_what_a_mission_points_at(desk, known).await;
    does_one_thing_for_one_operation(desk, known).await;
    lets_one_of_many_claim(desk, known).await;
    changes_nothing_that_changed_meanwhile(desk, known).await;
    hides_what_may_not_be_seen(desk, known).await;
}

fn ann(known: &KnownRows) -> Request {
    asked_by(&known.ann, StaffRole::Operations)
}

fn admin(known: &KnownRows) -> Request {
    asked_by(&known.bob, StaffRole::Admin)
}

async fn done(desk: &dyn MissionDesk, id: &MissionId, action: MissionAction, request: &Request) -> Mission {
    desk.act(id, &action, request).await.expect("allowed")
}

/// The one value that is refused.
fn field(error: MissionDeskError) -> &'static str {
    match error {
        MissionDeskError::Refused(Refusal::Invalid(wrong)) if wrong.len() == 1 => wrong[0].field,
        other => panic!("{other:?}"),
    }
}

async fn makes_one_mission_for_one_operation(desk: &dyn MissionDesk, known: &KnownRows) {
    let operation = OperationId::mint();
    let request = under(operation, ann(known));
    let full = NewMission {
        mission_type: Some(MissionType::Showing),
        description: Some("After five".into()),
        priority: 7,
        due_at: Some(time::macros::datetime!(2026-11-27 17:00 -5)),
        ..new_task("  Book a showing ")
    };
    let made = desk.create(&full, &request).await.expect("made");
    assert_eq!((made.title.as_str(), made.status, made.priority), ("Book a showing", MissionStatus::Active, 7));
    assert_eq!((made.mission_type, made.due_at, made.version), (full.mission_type, full.due_at, 1));
    assert_eq!((&made.assigned_to, &made.incomplete), (&None, &None));
    done(desk, &made.mission_id, MissionAction::Claim(None), &ann(known)).await;
    let again = desk.create(&full, &request).await.expect("found");
    assert_eq!((&again.mission_id, again.status), (&made.mission_id, MissionStatus::Claimed), "as it is now");
    let other = desk.create(&full, &under(OperationId::mint(), ann(known))).await.expect("made");
    assert_ne!(other.mission_id, made.mission_id);
}

async fn knows_what_a_mission_points_at(desk: &dyn MissionDesk, known: &KnownRows) {
    let activity = desk.create(&new_activity(&known.listing, "Take photos"), &ann(known)).await.expect("made");
    assert_eq!((activity.kind, activity.listing_id.as_ref()), (MissionKind::Activity, Some(&known.listing)));
    assert_eq!(activity.visibility, Some(Visibility::Both));
    let nowhere = new_activity(&ListingId("nowhere".into()), "Take photos");
    let nobody = NewMission { realtor_id: Some(RealtorId("nobody".into())), ..new_task("x") };
    for (new, wrong) in [(nowhere, "listing_id"), (nobody, "realtor_id")] {
        let refused = desk.create(&new, &ann(known)).await.expect_err("points nowhere");
        assert_eq!(field(refused), wrong);
    }
    let stranger = MissionAction::Assign(StaffId("stranger".into()));
    let refused = desk.act(&activity.mission_id, &stranger, &admin(known)).await.expect_err("is no staff");
    assert_eq!(field(refused), "staff_id");
    let none = desk.act(&MissionId("none".into()), &MissionAction::Unclaim, &admin(known)).await;
    assert!(matches!(none, Err(MissionDeskError::NotFound)));
    assert!(desk.act(&activity.mission_id, &MissionAction::Delete, &ann(known)).await.is_err(), "no admin");
    let deleted = done(desk, &activity.mission_id, MissionAction::Delete, &admin(known)).await;
    assert_eq!((deleted.deleted_at.is_some(), deleted.deleted_by.as_deref()), (true, Some(known.bob.0.as_str())));
}

async fn does_one_thing_for_one_operation(desk: &dyn MissionDesk, known: &KnownRows) {
    let id = desk.create(&new_task("Once"), &ann(known)).await.expect("made").mission_id;
    let claimed = done(desk, &id, MissionAction::Claim(None), &ann(known)).await;
    assert_eq!((claimed.status, &claimed.assigned_to), (MissionStatus::Claimed, &Some(known.ann.clone())));
    assert!(claimed.claimed_at.is_some() && claimed.version == 2, "{claimed:?}");
    let completion = under(OperationId::mint(), ann(known));
    let finished = done(desk, &id, MissionAction::Complete, &completion).await;
    assert_eq!((finished.status, finished.completed_at.is_some()), (MissionStatus::Done, true));
    let opened = done(desk, &id, MissionAction::Reopen, &ann(known)).await;
    assert_eq!((opened.status, &opened.assigned_to), (MissionStatus::Active, &None));
    assert_eq!((opened.claimed_at, opened.completed_at), (None, None));
    let repeated = done(desk, &id, MissionAction::Complete, &completion).await;
    assert_eq!(repeated, opened, "a repeat of what was done finds the mission as it is");
    let typed = done(desk, &id, MissionAction::SetType(Some(MissionType::Marketing)), &ann(known)).await;
    assert_eq!(typed.mission_type, Some(MissionType::Marketing));
    let handed = done(desk, &id, MissionAction::Assign(known.bob.clone()), &admin(known)).await;
    assert_eq!((handed.status, &handed.assigned_to), (MissionStatus::Claimed, &Some(known.bob.clone())));
    let given_back = done(desk, &id, MissionAction::Unclaim, &admin(known)).await;
    assert_eq!((given_back.status, given_back.claimed_at), (MissionStatus::Active, None));
}

async fn lets_one_of_many_claim(desk: &dyn MissionDesk, known: &KnownRows) {
    let id = desk.create(&new_task("Wanted"), &ann(known)).await.expect("made").mission_id;
    let (ann, bob) = (ann(known), asked_by(&known.bob, StaffRole::Marketing));
    let claim = MissionAction::Claim(None);
    let (one, other) = futures_util::future::join(desk.act(&id, &claim, &ann), desk.act(&id, &claim, &bob)).await;
    let refused = [one, other].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(refused[..], [MissionDeskError::Refused(Refusal::Claimed)]), "{refused:?}");
}

async fn changes_nothing_that_changed_meanwhile(desk: &dyn MissionDesk, known: &KnownRows) {
    let made = desk.create(&new_task("Seen"), &ann(known)).await.expect("made");
    let seen = Request { seen: Some(made.version), ..ann(known) };
    done(desk, &made.mission_id, MissionAction::Claim(None), &seen).await;
    let refused = desk.act(&made.mission_id, &MissionAction::Unclaim, &seen).await.expect_err("it has changed");
    assert!(matches!(refused, MissionDeskError::Refused(Refusal::Changed { now: 2 })), "{refused:?}");
}

async fn hides_what_may_not_be_seen(desk: &dyn MissionDesk, known: &KnownRows) {
    let new = NewMission { visibility: Some(Visibility::Marketing), ..new_activity(&known.listing, "Flyer") };
    let made = desk.create(&new, &ann(known)).await.expect("made, though its maker may not see it");
    let hidden = desk.act(&made.mission_id, &MissionAction::Claim(None), &ann(known)).await;
    assert!(matches!(hidden, Err(MissionDeskError::NotFound)));
    done(desk, &made.mission_id, MissionAction::Delete, &admin(known)).await;
}
