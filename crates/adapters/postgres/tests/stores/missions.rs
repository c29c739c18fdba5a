//! Missions as a list: filters, statuses, pages.

use dispatch_mission::ids::{ListingId, MissionId, StaffId};
use dispatch_mission::mission::{MissionKind, MissionType};
use dispatch_mission::mission_store::{Deleted, MissionFilter, MissionOrder, MissionStore};
use dispatch_mission::people::{Sight, StaffRole};
use dispatch_mission::status::MissionStatus;
use dispatch_postgres::store::{PgMissionStore, seed};
use dispatch_postgres::testing::TestDatabase;

const ROWS: &str = "
INSERT INTO dispatch_activities (mission_id, listing_id, name, mission_type, mission_status, created_at, deleted_at)
SELECT 'a' || n, 'listing-logan', 'activity ' || n, CASE WHEN n % 2 = 0 THEN 'PHOTO' END, 'OPEN',
    timestamptz '2026-11-01' + n * interval '1 hour', CASE WHEN n = 9 THEN now() END
FROM generate_series(1, 9) AS n;
INSERT INTO dispatch_agent_tasks (mission_id, name, mission_type, mission_status, assigned_staff_id, created_at)
SELECT 't' || n, 'task ' || n, 'ADMIN', CASE WHEN n = 1 THEN 'CLAIMED' ELSE 'OPEN' END,
    CASE WHEN n = 1 THEN 'staff-sam' END, timestamptz '2026-11-01' + n * interval '1 hour'
FROM generate_series(1, 9) AS n;
INSERT INTO dispatch.mission_facts (mission_id, kind, confidence, auto_dispatch, reason, needs_info)
VALUES ('t2', 'agent_task', 0.8, true, 'Above 0.7 threshold', 'which day');";

async fn store() -> (TestDatabase, PgMissionStore) {
    let database = TestDatabase::new().await;
    seed::brokerage(&mut database.connect().await).await.unwrap();
    database.execute(ROWS).await;
    let store = PgMissionStore::new(database.pool());
    (database, store)
}

async fn ids(store: &PgMissionStore, filter: MissionFilter) -> Vec<String> {
    let page = store.list(Sight::ALL, &filter, MissionOrder::Newest, None, 100).await.unwrap();
    page.items.into_iter().map(|mission| mission.mission_id.0).collect()
}

#[tokio::test]
async fn pages_have_neither_gaps_nor_repeats() {
    let (_database, store) = store().await;
    let filter = MissionFilter::default();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(Sight::ALL, &filter, MissionOrder::Newest, after.as_ref(), 4).await.unwrap();
        assert!(page.items.len() <= 4);
        seen.extend(page.items.into_iter().map(|mission| mission.mission_id.0));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let whole = ids(&store, filter).await;
    assert_eq!(whole.len(), 17, "without the deleted one");
    assert_eq!(seen, whole);
    assert_eq!(&whole[..3], ["t9", "t8", "a8"], "newest first, the id breaks ties");
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let (_database, store) = store().await;
    let any = MissionFilter::default;
    let count = async |filter| ids(&store, filter).await.len();
    assert_eq!(count(MissionFilter { kind: Some(MissionKind::AgentTask), ..any() }).await, 9);
    assert_eq!(count(MissionFilter { deleted: Deleted::Only, ..any() }).await, 1);
    assert_eq!(count(MissionFilter { deleted: Deleted::Include, ..any() }).await, 18);
    assert_eq!(count(MissionFilter { types: vec![None], ..any() }).await, 4);
    assert_eq!(count(MissionFilter { types: vec![Some(MissionType::Photo), None], ..any() }).await, 8);
    assert_eq!(count(MissionFilter { listing_id: Some(ListingId("listing-logan".into())), ..any() }).await, 8);
    let sams = MissionFilter { assigned_to: Some(StaffId("staff-sam".into())), ..any() };
    assert_eq!(ids(&store, sams).await, ["t1"]);
    let waiting = MissionFilter { statuses: vec![MissionStatus::NeedsInfo], ..any() };
    assert_eq!(ids(&store, waiting).await, ["t2"]);
    let both = MissionFilter { statuses: vec![MissionStatus::NeedsInfo, MissionStatus::Claimed], ..any() };
    assert_eq!(ids(&store, both).await, ["t2", "t1"]);
    let open = MissionFilter { statuses: vec![MissionStatus::Active], ..any() };
    assert_eq!(count(open).await, 15);
    let hostile = MissionFilter { listing_id: Some(ListingId("' OR true --".into())), ..any() };
    assert_eq!(count(hostile).await, 0);
}

#[tokio::test]
async fn one_mission_is_found_deleted_or_not() {
    let (database, store) = store().await;
    let find = async |id: &str| store.find(Sight::ALL, &MissionId(id.to_owned())).await.unwrap();
    let waiting = find("t2").await.unwrap();
    assert_eq!((waiting.status, waiting.version), (MissionStatus::NeedsInfo, 1));
    assert!((waiting.confidence.unwrap() - 0.8).abs() < 1e-6);
    assert_eq!(waiting.routing_decision.unwrap().reason, "Above 0.7 threshold");
    assert!(find("a9").await.unwrap().deleted_at.is_some());
    assert_eq!(find("nothing").await, None);
    database.execute("UPDATE dispatch_activities SET mission_id = 'ab0c2f6e-0b59-7c3a-8f2a-0123456789ab' WHERE mission_id = 'a1'").await;
    assert!(find("AB0C2F6E-0B59-7C3A-8F2A-0123456789AB").await.is_some(), "as Swift writes it");
}

#[tokio::test]
async fn the_most_recently_changed_come_first_when_asked_for() {
    let (database, store) = store().await;
    database.execute("UPDATE dispatch_activities SET name = 'changed' WHERE mission_id = 'a3'").await;
    let page = store.list(Sight::ALL, &MissionFilter::default(), MissionOrder::Updated, None, 1).await.unwrap();
    assert_eq!((page.items[0].mission_id.0.as_str(), page.items[0].version), ("a3", 2));
    assert_eq!(page.next.unwrap().mission_id.0, "a3");
}

#[tokio::test]
async fn groups_see_their_own_activities_and_those_for_all() {
    let (database, store) = store().await;
    database
        .execute(
            "UPDATE dispatch_activities SET visibility_group = 'AGENT' WHERE mission_id = 'a1';
             UPDATE dispatch_activities SET visibility_group = 'MARKETING' WHERE mission_id = 'a2';",
        )
        .await;
    for (sight, seen) in [
        (Sight::ALL, ["a1", "a2", "a3"].as_slice()),
        (StaffRole::Operations.sight(), &["a1", "a3"]),
        (StaffRole::Marketing.sight(), &["a2", "a3"]),
        (Sight::COMMON, &["a3"]),
    ] {
        let page = store.list(sight, &MissionFilter::default(), MissionOrder::Newest, None, 100).await.unwrap();
        assert_eq!(page.items.len(), 14 + seen.len(), "tasks are for all: {sight:?}");
        for id in ["a1", "a2", "a3"] {
            let listed = page.items.iter().any(|mission| mission.mission_id.0 == id);
            let found = store.find(sight, &MissionId(id.to_owned())).await.unwrap().is_some();
            assert_eq!((listed, found), (seen.contains(&id), seen.contains(&id)), "{id} {sight:?}");
        }
    }
}
