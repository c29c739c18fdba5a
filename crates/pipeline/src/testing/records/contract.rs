//! The contract of [`Records`] on the invented brokerage.

use super::world::NOW;
use crate::ports::records::{
    DeliverySearch, ListingSearch, MissionSearch, Person, Records, RecordsError, SignalSearch, Span, Viewer,
};
use dispatch_mission::ids::{ListingId, RealtorId, StaffId};
use dispatch_mission::mission::MissionKind;
use dispatch_mission::people::{Sight, StaffRole};
use dispatch_mission::signal::Source;
use dispatch_mission::status::MissionStatus;
use time::Duration;

/// What every [`Records`] owes its callers. `records` hold [`world`](super::world()).
///
/// # Panics
/// When the contract is broken.
pub async fn records_contract(records: &dyn Records) {
    missions_by_place(records).await;
    missions_by_everything_else(records).await;
    hidden_missions_stay_hidden(records).await;
    listings(records).await;
    people(records).await;
    messages(records).await;
    held_work_and_deliveries(records).await;
    limits(records).await;
}

fn all() -> Viewer {
    Viewer { sight: Sight::ALL, observes: true, staff: None }
}

async fn ids(records: &dyn Records, viewer: &Viewer, search: MissionSearch) -> Vec<String> {
    let found = records.missions(viewer, &search, 50).await.expect("answers");
    found.items.into_iter().map(|hit| hit.mission.mission_id.0).collect()
}

fn at(address: &str) -> MissionSearch {
    MissionSearch { address: Some(address.to_owned()), ..MissionSearch::default() }
}

async fn missions_by_place(records: &dyn Records) {
    let sorted = async |address| {
        let mut found = ids(records, &all(), at(address)).await;
        found.sort();
        found
    };
    let street = ["m-elm-done", "m-elm-text", "m-flyer", "m-mls", "m-photos"];
    assert_eq!(sorted("12 Elm Street").await, street);
    assert_eq!(sorted("12 ELM st.").await, street, "spelling does not matter");
    assert_eq!(sorted("12 Elm Street, Toronto, Ontario").await.len(), 4, "more than is stored");
    let both = ["m-ave", "m-elm-done", "m-elm-text", "m-flyer", "m-mls", "m-photos"];
    assert_eq!(sorted("12 elm").await, both, "both Elms, and not number 112");
    assert_eq!(sorted("112 Elm").await, ["m-112"]);
    for nothing in ["2 Elm", "12 El", "Oak%", "%", "_", "' OR true --", "12 Elm Street Toronto\\"] {
        let found = sorted(nothing).await;
        assert!(found.is_empty() || nothing.starts_with("12 Elm Street Toronto"), "{nothing}: {found:?}");
    }
    let here = MissionSearch { listing: Some(ListingId("listing-birch".into())), ..MissionSearch::default() };
    let found = records.missions(&all(), &here, 50).await.expect("answers");
    let hit = &found.items[0];
    let names = (hit.address.as_deref(), hit.assignee.as_deref(), hit.realtor.as_deref());
    assert_eq!(names, (Some("44 Birch Road"), Some("Priya Raman"), Some("Amelia Hart")));
}

async fn missions_by_everything_else(records: &dyn Records) {
    let any = MissionSearch::default;
    let find = async |search| ids(records, &all(), search).await;
    let words = |words: &str| MissionSearch { words: Some(words.to_owned()), ..any() };
    assert_eq!(find(words("LOCKBOX")).await, ["m-lockbox"]);
    assert_eq!(find(words("cafe zoe")).await, ["m-cafe"], "accents do not matter");
    assert_eq!(find(words("100% sure_thing")).await, ["m-cafe"]);
    assert!(find(words("1_0%")).await.is_empty(), "wildcards are letters");
    assert!(find(words("photos lockbox")).await.is_empty(), "all of the words");
    let is = |status| MissionSearch { statuses: vec![status], ..any() };
    assert_eq!(find(is(MissionStatus::NeedsInfo)).await, ["m-elm-text"]);
    assert_eq!(find(is(MissionStatus::Failed)).await, ["m-failed"]);
    assert_eq!(find(is(MissionStatus::Active)).await.len(), 4, "without the deleted one");
    let of = |id: &str| MissionSearch { assigned_to: Some(Some(StaffId(id.into()))), ..any() };
    assert_eq!(find(of("staff-sam")).await, ["m-photos", "m-elm-done"], "the one with a due date first");
    let nobodys = MissionSearch { assigned_to: Some(None), statuses: vec![MissionStatus::Active], ..any() };
    assert_eq!(find(nobodys).await.len(), 4);
    let kind = MissionSearch { kind: Some(MissionKind::AgentTask), ..any() };
    assert_eq!(find(kind).await.len(), 4);
    let realtor = MissionSearch { realtor: Some(RealtorId("realtor-amelia".into())), ..any() };
    assert_eq!(find(realtor).await, ["m-lockbox"]);
    let span = |from, to| Some(Span { from: Some(NOW + Duration::hours(from)), to: Some(NOW + Duration::hours(to)) });
    assert_eq!(find(MissionSearch { due: span(0, 48), ..any() }).await, ["m-mls", "m-lockbox"]);
    assert_eq!(find(MissionSearch { due: span(-1, 5), ..any() }).await, ["m-photos"], "from is in it, to is not");
    assert_eq!(find(MissionSearch { due: Some(Span::default()), ..any() }).await.len(), 4, "any due date");
    assert_eq!(find(MissionSearch { claimed: span(-3, 0), ..any() }).await, ["m-photos"]);
    assert_eq!(find(MissionSearch { completed: span(-24, 0), ..any() }).await, ["m-elm-done"]);
    assert_eq!(find(MissionSearch { created: span(-2, 0), ..any() }).await, ["m-cafe"]);
}

async fn hidden_missions_stay_hidden(records: &dyn Records) {
    for (sight, hidden) in [
        (StaffRole::Marketing.sight(), ["m-mls"].as_slice()),
        (StaffRole::Operations.sight(), &["m-flyer"]),
        (Sight::COMMON, &["m-flyer", "m-mls"]),
        (Sight::ALL, &[]),
    ] {
        let viewer = Viewer { sight, ..all() };
        let seen = ids(records, &viewer, MissionSearch::default()).await;
        assert_eq!(seen.len(), 11 - hidden.len(), "{sight:?}");
        assert!(!seen.iter().any(|id| hidden.contains(&id.as_str()) || id == "m-deleted"), "{sight:?}: {seen:?}");
        for id in hidden {
            let words = if *id == "m-mls" { "MLS" } else { "flyer" };
            let search = MissionSearch {
                words: Some(words.into()),
                address: Some("12 Elm St".into()),
                ..MissionSearch::default()
            };
            assert!(ids(records, &viewer, search).await.is_empty());
        }
        let elm = ListingSearch { address: Some("12 Elm Street".into()), ..ListingSearch::default() };
        let found = records.listings(&viewer, &elm, 50).await.expect("answers");
        assert_eq!(found.items[0].open_missions as usize, 3 - hidden.len(), "only what is seen is counted");
    }
}

async fn listings(records: &dyn Records) {
    let find = async |search: ListingSearch| {
        let found = records.listings(&all(), &search, 50).await.expect("answers");
        let mut ids: Vec<String> = found.items.into_iter().map(|hit| hit.listing_id.0).collect();
        ids.sort();
        ids
    };
    let any = ListingSearch::default;
    assert_eq!(find(any()).await.len(), 5);
    assert_eq!(
        find(ListingSearch { address: Some("12 elm".into()), ..any() }).await,
        ["listing-elm", "listing-elm-ave"]
    );
    assert_eq!(find(ListingSearch { address: Some("9 oak tree".into()), ..any() }).await, ["listing-oak"]);
    let amelias = ListingSearch { realtor: Some(RealtorId("realtor-amelia".into())), ..any() };
    assert_eq!(find(amelias.clone()).await, ["listing-birch", "listing-elm"]);
    let active = ListingSearch { statuses: vec!["new".into(), "in_progress".into()], ..amelias };
    assert_eq!(find(active).await, ["listing-elm"]);
}

async fn people(records: &dyn Records) {
    let find = async |name: &str| {
        let found = records.people(name, 10).await.expect("answers");
        found.items.into_iter().map(|hit| format!("{hit:?}")).collect::<Vec<_>>()
    };
    let sams = find("sam").await;
    assert_eq!(sams.len(), 2, "Samira too, and nobody who left: {sams:?}");
    assert!(find("whitfield SAM").await[0].contains("staff-sam"));
    assert!(find("Amelia Hart").await[0].contains("realtor-amelia"));
    assert_eq!(find("alex").await.len(), 2);
    for nobody in ["", " ", "%", "_am", "nobody", "Sam Hart", "hitfield"] {
        assert!(find(nobody).await.is_empty(), "{nobody}");
    }
}

async fn messages(records: &dyn Records) {
    let find = async |search: SignalSearch| {
        let found = records.signals(&all(), &search, 50).await.expect("answers");
        found.items.into_iter().map(|hit| hit.excerpt.chars().take(6).collect::<String>()).collect::<Vec<_>>()
    };
    let any = SignalSearch::default;
    assert_eq!(find(any()).await, ["LOCKBO", "Please", "maybe "], "newest first");
    assert_eq!(find(SignalSearch { words: Some("lockbox 100%".into()), ..any() }).await, ["LOCKBO"]);
    assert!(find(SignalSearch { words: Some("lock_ox".into()), ..any() }).await.is_empty());
    assert_eq!(find(SignalSearch { source: Some(Source::Sms), ..any() }).await, ["LOCKBO"]);
    let day = Span { from: Some(NOW - Duration::hours(12)), to: Some(NOW) };
    assert_eq!(find(SignalSearch { received: Some(day), ..any() }).await.len(), 2);
    let by = |author| SignalSearch { author: Some(author), ..any() };
    assert_eq!(find(by(Person::Realtor(RealtorId("realtor-amelia".into())))).await, ["Please"]);
    assert_eq!(find(by(Person::Staff(StaffId("staff-samira".into())))).await, ["maybe "]);
    assert!(find(by(Person::Staff(StaffId("nobody".into())))).await.is_empty());
    let hit = records
        .signals(&all(), &by(Person::Staff(StaffId("staff-samira".into()))), 1)
        .await
        .expect("answers")
        .items
        .remove(0);
    assert_eq!((hit.author.as_deref(), hit.state.as_str()), (Some("Samira Noor"), "held"));
}

async fn held_work_and_deliveries(records: &dyn Records) {
    let held = records.held(&all(), 50).await.expect("answers").items;
    assert_eq!(
        (held.len(), held[0].reason.as_str(), held[0].key.as_deref()),
        (1, "below_threshold", Some("OPS_MISC_TASK"))
    );
    assert_eq!((held[0].explanations.len(), held[0].excerpt.as_str()), (1, "maybe something with Birch?"));
    assert!((held[0].confidence.expect("classified") - 0.43).abs() < 1e-6);
    let find = async |search: DeliverySearch| records.deliveries(&all(), &search, 50).await.expect("answers").items;
    assert_eq!(find(DeliverySearch::default()).await.len(), 4);
    let failed =
        find(DeliverySearch { states: vec!["exhausted".into(), "failed".into()], ..DeliverySearch::default() }).await;
    assert_eq!((failed.len(), failed[0].kind.as_str(), failed[0].reason.as_deref()), (1, "sms", Some("http_503")));
    let unit = DeliverySearch { unit: Some(failed[0].unit_id), ..DeliverySearch::default() };
    assert_eq!(find(unit).await.len(), 2);
    let old = Span { from: None, to: Some(NOW - Duration::minutes(90)) };
    assert_eq!(find(DeliverySearch { created: Some(old), ..DeliverySearch::default() }).await.len(), 2);
    let guest = Viewer { observes: false, ..all() };
    let refused = [
        records.signals(&guest, &SignalSearch::default(), 1).await.err(),
        records.held(&guest, 1).await.err(),
        records.deliveries(&guest, &DeliverySearch::default(), 1).await.err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, Some(RecordsError::Forbidden))), "{refused:?}");
}

async fn limits(records: &dyn Records) {
    let some = records.missions(&all(), &MissionSearch::default(), 2).await.expect("answers");
    assert_eq!((some.items.len(), some.more), (2, true));
    assert_eq!(some.items[0].mission.mission_id.0, "m-photos", "the most urgent first");
    let one = MissionSearch { words: Some("lockbox".into()), ..MissionSearch::default() };
    assert!(!records.missions(&all(), &one, 1).await.expect("answers").more);
    let most = records.missions(&all(), &MissionSearch::default(), u32::MAX).await.expect("answers");
    assert_eq!((most.items.len(), most.more), (11, false));
}

#[tokio::test]
async fn the_one_in_memory_keeps_the_contract() {
    records_contract(&super::MemoryRecords(super::world())).await;
}
