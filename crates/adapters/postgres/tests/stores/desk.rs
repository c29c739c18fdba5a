//! Missions changed by people: the contract, the logbook, the story, and a database that began elsewhere.

use dispatch_mission::ids::{ListingId, MissionId, OperationId, StaffId};
use dispatch_mission::mission::MissionType;
use dispatch_mission::mission_desk::{MissionAction, MissionDesk, MissionDeskError, NewMission, Refusal, Request};
use dispatch_mission::people::StaffRole;
use dispatch_mission::status::MissionStatus;
use dispatch_mission::testing::{KnownRows, asked_by, mission_desk_contract, new_activity, new_task, under};
use dispatch_pipeline::ports::idempotency::{Claim, Fingerprint, IdempotencyStore, ScopeKey};
use dispatch_postgres::migrate::{self, Which};
use dispatch_postgres::store::{PgIdempotency, PgMissionDesk, seed};
use dispatch_postgres::testing::TestDatabase;
use serde_json::Value;
use std::time::Duration;

use crate::support::{number, text};

fn known() -> KnownRows {
    KnownRows {
        listing: ListingId("listing-logan".into()),
        ann: StaffId("staff-nadine".into()),
        bob: StaffId("staff-beatriz".into()),
    }
}

fn ann() -> Request {
    asked_by(&known().ann, StaffRole::Operations)
}

fn admin() -> Request {
    asked_by(&known().bob, StaffRole::Admin)
}

async fn desk() -> (TestDatabase, PgMissionDesk) {
    let database = TestDatabase::new().await;
    seed::brokerage(&mut database.connect().await).await.unwrap();
    let desk = PgMissionDesk::new(database.pool());
    (database, desk)
}

async fn listing(database: &TestDatabase) -> (String, bool) {
    let rows = database.json("SELECT status, completed_at FROM listings WHERE listing_id = 'listing-logan'").await;
    (text(&rows[0], "status").to_owned(), rows[0]["completed_at"] != Value::Null)
}

/// Two activities of one listing, both claimed by Ann.
async fn two_claimed(desk: &PgMissionDesk) -> [MissionId; 2] {
    let mut ids = Vec::new();
    for title in ["Take photos", "Create MLS listing"] {
        let made = desk.create(&new_activity(&known().listing, title), &ann()).await.unwrap();
        desk.act(&made.mission_id, &MissionAction::Claim(None), &ann()).await.unwrap();
        ids.push(made.mission_id);
    }
    [ids[0].clone(), ids[1].clone()]
}

#[tokio::test]
async fn the_desk_keeps_the_contract() {
    let (_database, desk) = desk().await;
    mission_desk_contract(&desk, &known()).await;
}

#[tokio::test]
async fn a_listing_moves_to_the_logbook_and_back() {
    let (database, desk) = desk().await;
    let [first, second] = two_claimed(&desk).await;
    let before = listing(&database).await;
    desk.act(&first, &MissionAction::Complete, &ann()).await.unwrap();
    assert_eq!(listing(&database).await, before, "one is left to do");
    desk.act(&second, &MissionAction::Complete, &ann()).await.unwrap();
    assert_eq!(listing(&database).await, ("completed".to_owned(), true));
    desk.act(&first, &MissionAction::Reopen, &ann()).await.unwrap();
    assert_eq!(listing(&database).await, ("in_progress".to_owned(), false));
    desk.act(&first, &MissionAction::Delete, &admin()).await.unwrap();
    assert_eq!(listing(&database).await, ("completed".to_owned(), true), "what was left is deleted");
    desk.create(&new_activity(&known().listing, "Order a sign"), &ann()).await.unwrap();
    assert_eq!(listing(&database).await, ("in_progress".to_owned(), false), "there is something to do again");
}

#[tokio::test]
async fn two_who_finish_at_once_complete_the_listing() {
    let (database, desk) = desk().await;
    for _ in 0..5 {
        let [first, second] = two_claimed(&desk).await;
        let (complete, ann) = (MissionAction::Complete, ann());
        let (one, other) = tokio::join!(desk.act(&first, &complete, &ann), desk.act(&second, &complete, &ann));
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(listing(&database).await, ("completed".to_owned(), true));
    }
}

#[tokio::test]
async fn one_operation_at_the_same_moment_makes_one_mission() {
    let (database, desk) = desk().await;
    let request = under(OperationId::mint(), ann());
    let new = new_task("Once");
    let (one, other) = tokio::join!(desk.create(&new, &request), desk.create(&new, &request));
    assert_eq!(one.unwrap(), other.unwrap());
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch_agent_tasks").await, 1);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let (database, desk) = desk().await;
    let nowhere = NewMission { listing_id: Some(ListingId("nowhere".into())), ..new_task("x") };
    desk.create(&nowhere, &under(OperationId::mint(), ann())).await.unwrap_err();
    let id = desk.create(&new_task("x"), &ann()).await.unwrap().mission_id;
    let operation = under(OperationId::mint(), ann());
    let refused = desk.act(&id, &MissionAction::Complete, &operation).await.unwrap_err();
    assert!(matches!(refused, MissionDeskError::Refused(Refusal::Status { .. })));
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch.effects").await, 0);
    desk.act(&id, &MissionAction::Claim(None), &ann()).await.unwrap();
    let done = desk.act(&id, &MissionAction::Complete, &operation).await.unwrap();
    assert_eq!(done.status, MissionStatus::Done, "a refusal was no effect");
}

#[tokio::test]
async fn the_story_names_ids_and_nobody_else() {
    let (database, desk) = desk().await;
    let new = NewMission { description: Some("call +14165550101".into()), ..new_task("Call Maria") };
    let request = under(OperationId::mint(), ann());
    let id = desk.create(&new, &request).await.unwrap().mission_id;
    desk.act(&MissionId(id.0.to_uppercase()), &MissionAction::Claim(None), &ann()).await.unwrap();
    desk.act(&id, &MissionAction::Claim(None), &ann()).await.unwrap();
    let told = database.json("SELECT step, event, subject, detail FROM dispatch.timeline ORDER BY entry").await;
    assert_eq!(told.len(), 2, "what was so already is no news: {told:?}");
    assert_eq!((text(&told[0], "step"), text(&told[0], "event")), ("mission", "mission.created"));
    assert_eq!((text(&told[1], "event"), text(&told[1], "subject")), ("mission.claimed", id.0.as_str()));
    let detail = &told[1]["detail"];
    assert_eq!((text(detail, "by"), text(detail, "from")), ("user:staff-nadine", "active"));
    assert_eq!(text(detail, "has"), "staff-nadine");
    let all = serde_json::to_string(&told).unwrap();
    assert!(!all.contains("Maria") && !all.contains("416") && !all.contains('@'), "{all}");
}

#[tokio::test]
async fn a_question_that_was_open_stays_open_until_the_mission_is_done() {
    let (database, desk) = desk().await;
    let id = desk.create(&new_task("Which day?"), &ann()).await.unwrap().mission_id;
    let asks = format!(
        "INSERT INTO dispatch.mission_facts (mission_id, kind, needs_info) VALUES ('{id}', 'agent_task', 'which day')"
    );
    database.execute(&asks).await;
    for (action, status) in [
        (MissionAction::Claim(None), MissionStatus::Claimed),
        (MissionAction::Unclaim, MissionStatus::NeedsInfo),
        (MissionAction::Claim(None), MissionStatus::Claimed),
        (MissionAction::Complete, MissionStatus::Done),
        (MissionAction::Reopen, MissionStatus::Active),
    ] {
        assert_eq!(desk.act(&id, &action, &ann()).await.unwrap().status, status, "{action:?}");
    }
}

#[tokio::test]
async fn what_was_done_under_a_key_is_forgotten_with_it() {
    let (database, desk) = desk().await;
    let keys = PgIdempotency::new(database.pool());
    let (scope, asked) = (ScopeKey("s".into()), Fingerprint("f".into()));
    let Claim::Claimed(operation) = keys.claim(&scope, &asked, Duration::from_secs(1)).await.unwrap() else {
        panic!("it is new")
    };
    desk.create(&new_task("x"), &under(operation, ann())).await.unwrap();
    desk.create(&new_task("y"), &under(OperationId::mint(), ann())).await.unwrap();
    assert_eq!(keys.purge(10).await.unwrap(), 0);
    database.execute("UPDATE dispatch.idempotency_keys SET expires_at = now()").await;
    assert_eq!(keys.purge(10).await.unwrap(), 1);
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch.effects").await, 1, "not the other's");
}

/// The old tables in the shape of a real one, and the cut-over's views in front of them.
const OPERATIONS_CENTER: &str = "
CREATE TABLE public.realtors (realtor_id text PRIMARY KEY, name text);
CREATE TABLE public.listings (listing_id text PRIMARY KEY, address_string text, status text NOT NULL DEFAULT 'new');
CREATE TABLE public.activities (task_id text PRIMARY KEY, listing_id text NOT NULL REFERENCES public.listings,
    name text NOT NULL, task_category text, status text NOT NULL DEFAULT 'OPEN', created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, assigned_staff_id text, claimed_at timestamptz,
    visibility_group text, completed_at timestamptz);
CREATE TABLE public.agent_tasks (task_id text PRIMARY KEY, realtor_id text NOT NULL REFERENCES public.realtors,
    name text NOT NULL, task_category text CHECK (task_category IN ('ADMIN', 'MARKETING')), status text NOT NULL DEFAULT 'OPEN', created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, assigned_staff_id text);
INSERT INTO public.realtors VALUES ('01JC0000000000000000REAL', 'Amelia Hart');
INSERT INTO public.listings VALUES ('01JC0000000000000000LIST', '12 Elm St');";

const VIEWS: &str = "
CREATE VIEW public.dispatch_activities WITH (security_invoker = true) AS
    SELECT task_id AS mission_id, listing_id, name, task_category AS mission_type, status AS mission_status, created_at,
        updated_at, deleted_at, assigned_staff_id, claimed_at, visibility_group, completed_at FROM public.activities;
CREATE VIEW public.dispatch_agent_tasks WITH (security_invoker = true) AS
    SELECT task_id AS mission_id, realtor_id, name, task_category AS mission_type, status AS mission_status, created_at,
        updated_at, deleted_at, assigned_staff_id FROM public.agent_tasks;
SELECT dispatch.install_mission_triggers();";

#[tokio::test]
async fn a_database_that_began_elsewhere_is_written_as_far_as_it_goes() {
    let database = TestDatabase::legacy(OPERATIONS_CENTER).await;
    migrate::run(database.url(), Which::All).await.unwrap();
    let desk = PgMissionDesk::new(database.pool());
    let due = desk.create(&new_task("x"), &ann()).await.unwrap_err();
    assert!(matches!(due, MissionDeskError::CutoverExpandDue));
    database.execute(VIEWS).await;

    let realtor = dispatch_mission::ids::RealtorId("01JC0000000000000000REAL".into());
    let new = NewMission { realtor_id: Some(realtor), description: Some("no column for it".into()), ..new_task("x") };
    let unknown = NewMission { mission_type: Some(MissionType::Showing), ..new.clone() };
    for (new, field) in [(&new_task("x"), "realtor_id"), (&unknown, "mission_type")] {
        let refused = desk.create(new, &ann()).await.unwrap_err();
        assert!(matches!(&refused, MissionDeskError::Refused(Refusal::Invalid(wrong)) if wrong[0].field == field));
    }
    let made = desk.create(&new, &ann()).await.unwrap();
    let claimed = desk.act(&made.mission_id, &MissionAction::Claim(None), &ann()).await.unwrap();
    assert_eq!((claimed.status, claimed.claimed_at, claimed.version), (MissionStatus::Claimed, None, 2));

    let here = ListingId("01JC0000000000000000LIST".into());
    let activity = desk.create(&new_activity(&here, "Take photos"), &ann()).await.unwrap().mission_id;
    desk.act(&activity, &MissionAction::Claim(None), &ann()).await.unwrap();
    let done = desk.act(&activity, &MissionAction::Complete, &ann()).await.unwrap();
    assert!(done.completed_at.is_some());
    let stored = database
        .json("SELECT a.status AS a, l.status AS l FROM activities AS a JOIN listings AS l USING (listing_id)")
        .await;
    assert_eq!((text(&stored[0], "a"), text(&stored[0], "l")), ("DONE", "completed"));
}
