//! Who may decide, and what is said to whom who comes too late. What an answer leads to is tested in the whole system.

use super::*;
use dispatch_mission::ids::{ClassificationId, OperationId, RealtorId, UnitId};
use dispatch_routing::queue::ClaimToken;
use uuid::Uuid;

fn answer(workspace: &str, person: &str, is_known: bool) -> ClaimedAnswer {
    ClaimedAnswer {
        answer_id: OperationId::mint(),
        token: ClaimToken(Uuid::nil()),
        attempts: 1,
        unit_id: UnitId::mint(),
        classification_id: ClassificationId::mint(),
        asked_in: "T1".into(),
        author: "U1".into(),
        workspace: workspace.into(),
        person: person.into(),
        says: Says::Confirm,
        is_known,
        realtor: Some(RealtorId("r-1".into())),
    }
}

#[test]
fn the_brokerage_decides_and_whoever_wrote_it() {
    for (workspace, person, is_known, may) in [
        ("T1", "U2", true, true),
        ("T1", "U1", false, true),
        ("T1", "U2", false, false),
        ("T2", "U1", false, false),
        ("T2", "U2", true, false),
        ("", "U1", false, false),
    ] {
        assert_eq!(may_decide(&answer(workspace, person, is_known)), may, "{workspace} {person} {is_known}");
    }
}

#[test]
fn who_comes_too_late_hears_the_truth() {
    let late = |state: &str, decided: Option<(&str, bool)>| {
        let decided = decided.map(|(by, yes)| (by.to_owned(), yes));
        too_late(Standing { state: Some(state.to_owned()), decided }, "slack:T1/U2", "T1")
    };
    let (outcome, tell, ends) = late("routed", Some(("slack:T1/U3", true)));
    let tell = tell.expect("told");
    assert_eq!((tell.text.as_str(), tell.person.as_deref()), ("{person} has confirmed this already.", Some("U3")));
    assert_eq!((outcome, ends), ("decided_before", Some(End::Decided("slack:T1/U3".into(), true))));
    let (_, tell, _) = late("dismissed", Some(("user:ann", false)));
    assert_eq!(tell, Some(Remark::plain("a colleague has ignored this already.")));
    let (_, tell, _) = late("routed", Some(("slack:T1/U2", true)));
    assert_eq!(tell, None, "a second click of one's own");
    for (state, code) in [("pending", "changed"), ("held", "changed"), ("expired", "lapsed"), ("ignored", "changed")] {
        let (outcome, tell, _) = late(state, None);
        assert!(outcome == code && tell.is_some(), "{state}");
    }
}
