//! Every status, every action, every sort of caller.

use super::*;
use crate::ids::MissionId;
use crate::people::Sight;
use time::macros::datetime;

fn mission(status: MissionStatus, holder: Option<&str>) -> Mission {
    Mission {
        mission_id: MissionId("m".into()),
        kind: MissionKind::AgentTask,
        mission_type: Some(MissionType::Admin),
        status,
        title: "Order a yard sign".into(),
        description: None,
        realtor_id: None,
        listing_id: None,
        priority: 0,
        visibility: None,
        assigned_to: holder.map(staff),
        due_at: None,
        claimed_at: None,
        completed_at: None,
        created_at: datetime!(2026-11-20 14:03 UTC),
        updated_at: datetime!(2026-11-20 14:03 UTC),
        deleted_at: None,
        deleted_by: None,
        version: 3,
        confidence: None,
        routing_decision: None,
        incomplete: None,
    }
}

fn staff(id: &str) -> StaffId {
    StaffId(id.into())
}

fn by(id: &str, authority: Authority) -> Request {
    let staff_id = (authority != Authority::Service).then(|| staff(id));
    let actor = Actor { principal: format!("user:{id}"), staff_id, authority, sight: Sight::ALL };
    Request { actor, operation: None, seen: None }
}

fn ann() -> Request {
    by("ann", Authority::Staff)
}

fn admin() -> Request {
    by("boss", Authority::Admin)
}

const ANN: Option<&str> = Some("ann");
const BOB: Option<&str> = Some("bob");

#[test]
fn the_rules_of_the_app() {
    use MissionAction::{Assign, Claim, Complete, Delete, Reopen, Unclaim};
    use MissionStatus::{Active, Cancelled, Claimed, Done, InProgress, NeedsInfo};
    let taken = |id| Ok(Some(Change::TakenBy(staff(id))));
    let opened = Ok(Some(Change::Opened));
    let service = by("", Authority::Service);
    let nobody = "nobody may";
    let refused = Err(Refusal::NotAllowed(nobody));
    let closed = |status| Err(Refusal::Status { status, cure: nobody });
    for (status, holder, action, request, expected) in [
        (Active, None, Claim(None), ann(), taken("ann")),
        (NeedsInfo, None, Claim(None), ann(), taken("ann")),
        (Active, None, Claim(Some(staff("ann"))), ann(), taken("ann")),
        (Active, None, Claim(Some(staff("bob"))), ann(), refused.clone()),
        (Active, None, Claim(Some(staff("bob"))), admin(), taken("bob")),
        (Claimed, ANN, Claim(None), ann(), Ok(None)),
        (InProgress, ANN, Claim(None), ann(), Ok(None)),
        (Claimed, BOB, Claim(None), ann(), Err(Refusal::Claimed)),
        (Claimed, BOB, Claim(None), admin(), Err(Refusal::Claimed)),
        (Active, BOB, Claim(None), ann(), Err(Refusal::Claimed)),
        (Active, ANN, Claim(None), ann(), taken("ann")),
        (Done, ANN, Claim(None), ann(), closed(Done)),
        (Claimed, ANN, Unclaim, ann(), opened.clone()),
        (InProgress, ANN, Unclaim, admin(), opened.clone()),
        (Claimed, BOB, Unclaim, ann(), refused.clone()),
        (Claimed, None, Unclaim, ann(), refused.clone()),
        (Active, None, Unclaim, ann(), Ok(None)),
        (Active, BOB, Unclaim, admin(), opened.clone()),
        (Done, ANN, Unclaim, ann(), closed(Done)),
        (Active, None, Assign(staff("bob")), admin(), taken("bob")),
        (Claimed, ANN, Assign(staff("bob")), ann(), taken("bob")),
        (InProgress, ANN, Assign(staff("bob")), admin(), taken("bob")),
        (Claimed, ANN, Assign(staff("ann")), admin(), Ok(None)),
        (Active, None, Assign(staff("ann")), ann(), refused.clone()),
        (Done, ANN, Assign(staff("bob")), admin(), closed(Done)),
        (Claimed, ANN, Complete, ann(), Ok(Some(Change::Done))),
        (InProgress, ANN, Complete, ann(), Ok(Some(Change::Done))),
        (Claimed, ANN, Complete, admin(), refused.clone()),
        (Claimed, ANN, Complete, service.clone(), Ok(Some(Change::Done))),
        (Active, None, Complete, ann(), closed(Active)),
        (Done, ANN, Complete, ann(), Ok(None)),
        (Cancelled, ANN, Complete, ann(), closed(Cancelled)),
        (Done, ANN, Reopen, ann(), opened.clone()),
        (Cancelled, None, Reopen, admin(), opened.clone()),
        (Done, BOB, Reopen, ann(), refused.clone()),
        (Claimed, ANN, Reopen, ann(), closed(Claimed)),
        (Active, None, Reopen, ann(), Ok(None)),
        (Claimed, ANN, Delete, ann(), refused.clone()),
        (Claimed, ANN, Delete, admin(), Ok(Some(Change::DeletedBy("boss".into())))),
        (Active, None, Delete, service, Ok(Some(Change::DeletedBy("user:".into())))),
    ] {
        // The words are for people; only the kind of refusal is the rule.
        let decided = decide(&mission(status, holder), &action, &request).map_err(|refusal| match refusal {
            Refusal::NotAllowed(_) => Refusal::NotAllowed(nobody),
            Refusal::Status { status, .. } => Refusal::Status { status, cure: nobody },
            other => other,
        });
        assert_eq!(decided, expected, "{status:?} of {holder:?}: {action:?} by {request:?}");
    }
}

#[test]
fn nothing_leaves_the_status_machine_and_nobody_takes_from_another() {
    let actions = [
        MissionAction::Claim(None),
        MissionAction::Unclaim,
        MissionAction::Assign(staff("carl")),
        MissionAction::Complete,
        MissionAction::Reopen,
    ];
    let mut changes = 0;
    for status in MissionStatus::ALL {
        for holder in [None, ANN, BOB] {
            for action in &actions {
                for request in [ann(), admin(), by("", Authority::Service)] {
                    let Ok(Some(change)) = decide(&mission(status, holder), action, &request) else { continue };
                    let next = change.status().expect("each of these has one");
                    let open = matches!(status, MissionStatus::Active | MissionStatus::NeedsInfo);
                    // Who has it, and a name on an open mission, may change without a step.
                    let stays = next == status || open && next == MissionStatus::Active;
                    assert!(stays || status.may_become(next), "{status:?} to {next:?} by {action:?}");
                    let anns = holder == ANN || holder.is_none() && matches!(action, MissionAction::Claim(_));
                    assert!(request != ann() || anns, "{status:?} of {holder:?}: {action:?}");
                    changes += 1;
                }
            }
        }
    }
    assert!(changes > 50, "{changes}");
}

#[test]
fn types_of_agent_tasks_toggle_and_activities_keep_theirs() {
    let typed = |kind, to| {
        let mut row = mission(MissionStatus::Active, None);
        row.kind = kind;
        decide(&row, &MissionAction::SetType(to), &ann())
    };
    let marketing = Some(MissionType::Marketing);
    assert_eq!(typed(MissionKind::AgentTask, marketing), Ok(Some(Change::Typed(marketing))));
    assert_eq!(typed(MissionKind::AgentTask, None), Ok(Some(Change::Typed(None))));
    assert_eq!(typed(MissionKind::AgentTask, Some(MissionType::Admin)), Ok(None), "it is already");
    assert_eq!(typed(MissionKind::Activity, marketing), Err(Refusal::FixedType));
    assert!(matches!(typed(MissionKind::AgentTask, Some(MissionType::Photo)), Err(Refusal::Invalid(_))));
}

#[test]
fn what_was_seen_must_still_be_so_and_what_is_deleted_stays_deleted() {
    let row = mission(MissionStatus::Active, None);
    let seen = |version| Request { seen: Some(version), ..ann() };
    assert!(decide(&row, &MissionAction::Claim(None), &seen(3)).is_ok());
    assert_eq!(decide(&row, &MissionAction::Claim(None), &seen(2)), Err(Refusal::Changed { now: 3 }));
    let deleted = Mission { deleted_at: Some(row.created_at), ..row };
    assert_eq!(decide(&deleted, &MissionAction::Claim(None), &ann()), Err(Refusal::Deleted));
    assert_eq!(decide(&deleted, &MissionAction::Delete, &admin()), Ok(None));
}

#[test]
fn whoever_is_not_staff_says_for_whom() {
    let service = by("", Authority::Service);
    let row = mission(MissionStatus::Active, None);
    let refused = decide(&row, &MissionAction::Claim(None), &service).expect_err("for whom?");
    assert!(matches!(refused, Refusal::Invalid(wrong) if wrong[0].field == "staff_id"));
    assert!(decide(&row, &MissionAction::Claim(Some(staff("ann"))), &service).is_ok());
}

#[test]
fn a_new_mission_is_told_all_that_is_wrong_with_it() {
    let sound = NewMission {
        kind: MissionKind::AgentTask,
        title: "Order a yard sign".into(),
        mission_type: None,
        description: None,
        realtor_id: None,
        listing_id: None,
        priority: 0,
        visibility: None,
        due_at: None,
    };
    assert_eq!(check(&sound), Ok(()));
    let due = |at| check(&NewMission { due_at: Some(at), ..sound.clone() });
    for at in [datetime!(1970-01-01 0:00 UTC), datetime!(9998-12-31 23:59 -23:59)] {
        assert_eq!(due(at), Ok(()), "{at}");
    }
    for at in [datetime!(0000-01-01 0:00 UTC), datetime!(0001-01-01 0:00 +23:59), datetime!(9999-12-31 23:59 -23:59)] {
        assert!(due(at).is_err(), "{at}: no database and no client agrees about it");
    }
    let wrong = NewMission { kind: MissionKind::Activity, title: " ".into(), priority: 11, ..sound.clone() };
    let fields = |new: &NewMission| -> Vec<&str> {
        match check(new).expect_err("wrong") {
            Refusal::Invalid(wrong) => wrong.iter().map(|wrong| wrong.field).collect(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fields(&wrong), ["title", "priority", "listing_id"]);
    let wrong = NewMission {
        title: "x".repeat(LONGEST_TITLE + 1),
        description: Some("a\0b".into()),
        visibility: Some(crate::mission::Visibility::Agent),
        ..sound
    };
    assert_eq!(fields(&wrong), ["title", "description", "visibility"]);
}
