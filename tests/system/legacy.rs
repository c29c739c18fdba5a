//! A database that began as Operations Center: Dispatch works beside it, and storage waits for the new names.

use crate::BINARY;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, SlackMessage, System};
use reqwest::StatusCode;
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;

/// The old tables, short of what this test does not ask for.
pub const OPERATIONS_CENTER: &str = "
CREATE TABLE realtors (realtor_id text PRIMARY KEY, email text, name text, phone text, slack_user_id text UNIQUE,
    status text, deleted_at timestamptz);
INSERT INTO realtors VALUES ('01JC0REALTOR0000000000A', 'amelia@example.com', 'Amelia Hart', NULL, 'U1', 'active');
CREATE TABLE listings (listing_id text PRIMARY KEY, address_string text, status text, realtor_id text, type text,
    notes text, due_date timestamptz, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz);
CREATE TABLE activities (task_id text PRIMARY KEY, listing_id text NOT NULL REFERENCES listings, realtor_id text,
    name text, description text, task_category text, status text NOT NULL DEFAULT 'OPEN', priority int DEFAULT 0,
    visibility_group text DEFAULT 'BOTH', assigned_staff_id text, due_date timestamptz, claimed_at timestamptz,
    completed_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, deleted_by text);
CREATE TABLE agent_tasks (task_id text PRIMARY KEY, realtor_id text NOT NULL REFERENCES realtors, task_key text,
    name text, description text, task_category text, listing_id text, status text NOT NULL DEFAULT 'OPEN',
    priority int DEFAULT 0, assigned_staff_id text, due_date timestamptz, claimed_at timestamptz,
    completed_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, deleted_by text, notes text,
    UNIQUE (realtor_id, task_key));
INSERT INTO agent_tasks (task_id, realtor_id, name) VALUES ('01JC0TASK00000000000000A', '01JC0REALTOR0000000000A', 'Old');";

/// What the cut-over comes to in the end.
const RENAMES: &str = "
ALTER TABLE activities RENAME COLUMN task_id TO mission_id;
ALTER TABLE activities RENAME COLUMN task_category TO mission_type;
ALTER TABLE activities RENAME COLUMN status TO mission_status;
ALTER TABLE activities RENAME TO dispatch_activities;
ALTER TABLE agent_tasks RENAME COLUMN task_id TO mission_id;
ALTER TABLE agent_tasks RENAME COLUMN task_category TO mission_type;
ALTER TABLE agent_tasks RENAME COLUMN status TO mission_status;
ALTER TABLE agent_tasks RENAME TO dispatch_agent_tasks;";

/// Columns, constraints, policies and privileges of everything outside Dispatch's own schema.
const PUBLIC_CATALOGUE: &str = "
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS kind, a.attnotnull, c.relacl::text,
    (SELECT count(*) FROM pg_constraint WHERE conrelid = c.oid) AS constraints,
    (SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) AS triggers
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1, a.attnum";

#[tokio::test]
async fn storage_waits_until_the_tables_have_their_new_names() {
    let system = System::on_legacy(BINARY, OPERATIONS_CENTER).await;
    let before = system.ledger().rows(PUBLIC_CATALOGUE).await;
    let (migrated, said) = system.launch().run(&["migrate"]).await;
    assert!(migrated && said.contains("cut-over"), "{said}");
    assert_eq!(system.ledger().rows(PUBLIC_CATALOGUE).await, before, "nothing of theirs was touched");

    let server = system.serve().await;
    let event_id = system.say(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    let held = "SELECT count(*) AS n FROM dispatch.deliveries WHERE state = 'held' AND reason = 'cutover_expand_due'";
    system.eventually("the storage delivery waits", async || system.ledger().count(held).await == 1).await;
    let (status, problem) = system.get(&server, "/missions").await;
    assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &"cutover_expand_due".into()));
    let (status, health) = system.get(&server, "/observe/health").await;
    assert_eq!(status, StatusCode::OK, "intake, reason and observe work: {health}");
    assert!(health.to_string().contains("cutover_expand_due"));
    assert_eq!(system.slack.calls(), 0, "no receipt for a mission that is not stored");

    system.database.execute(RENAMES).await;
    system.settled().await;
    let (status, page) = system.get(&server, "/missions").await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (StatusCode::OK, 2), "{page}");
    let (_, story) = system.get(&server, &format!("/observe/logs/{event_id}")).await;
    assert_eq!((story["state"].clone(), system.slack.posted().len()), ("done".into(), 1), "{story}");
    system.finish().await;
}

#[tokio::test]
async fn whose_work_it_is_is_asked_when_it_turns_out_that_nobody_can_tell() {
    let system = System::on_legacy(BINARY, OPERATIONS_CENTER).await;
    assert!(system.launch().run(&["migrate"]).await.0);
    let server = system.serve().await;
    system.say(&server, &SlackMessage::new("U99", CLEAR_TASK)).await;
    let held = "SELECT count(*) AS n FROM dispatch.deliveries WHERE state = 'held' AND reason = 'cutover_expand_due'";
    system.eventually("the storage delivery waits", async || system.ledger().count(held).await == 1).await;
    assert!(system.slack.posted().is_empty(), "nothing is to be asked as long as nobody knows that nobody knows");
    system.database.execute(RENAMES).await;
    let waits = "SELECT count(*) AS n FROM dispatch.units WHERE state = 'held' AND reason = 'realtor_unresolved'";
    system.eventually("it waits for a person", async || system.ledger().count(waits).await == 1).await;
    system.eventually("it is asked about", async || system.slack.posted().len() == 1).await;
    let asked = system.slack.posted();
    assert!(asked[0].text.contains("Who is the realtor?") && asked[0].blocks.is_array(), "{asked:?}");
    let (_, page) = system.get(&server, "/route/held").await;
    assert_eq!(page["items"][0]["reason"], "realtor_unresolved", "{page}");
    let kept = "SELECT count(*) AS n FROM dispatch.dispatches WHERE question IS NOT NULL";
    assert_eq!(system.ledger().count(kept).await, 0, "asked once");
    let no = format!("{}/route/held/{}/dismiss", server.base(), page["items"][0]["unit_id"].as_str().unwrap());
    let said = system.client.post(no).bearer_auth(service_bearer()).json(&serde_json::json!({})).send().await.unwrap();
    assert_eq!(said.status(), StatusCode::OK);
    system.settled().await;
    system.finish().await;
}

/// Messages before and after; between them the server is killed, so many milliseconds after the first was accepted: before
/// its burst is over, or while it is on its way into a table.
async fn killed(system: &System, server: Server, first: &SlackMessage, after_ms: u64) -> Server {
    system.say(&server, first).await;
    tokio::time::sleep(Duration::from_millis(after_ms)).await;
    server.kill().await;
    let server = system.serve().await;
    system.say(&server, &SlackMessage::new("U1", CLEAR_TASK).in_channel("C-after")).await;
    server
}

/// Everything that was accepted is stored once, in its own table, under both names where there are two; each is answered once.
async fn stored(system: &System, server: &Server, tasks: usize, listings: usize, what: &str) {
    system.settled().await;
    let (status, page) = system.get(server, "/missions?limit=100").await;
    let stored = page["items"].as_array().map_or(0, Vec::len);
    assert_eq!((status, stored), (StatusCode::OK, 1 + tasks + ACTIVITIES * listings), "{what}: {page}");
    let counts = "SELECT (SELECT count(*) FROM dispatch_agent_tasks) AS tasks, (SELECT count(*) FROM dispatch_activities) AS
        activities, (SELECT count(DISTINCT name) FROM dispatch_activities) AS names, (SELECT count(*) FROM listings) AS listings,
        (SELECT count(*) FROM dispatch.signals) AS messages";
    let activities = ACTIVITIES * listings;
    let wanted = json!({ "tasks": 1 + tasks, "activities": activities, "names": activities, "listings": listings,
        "messages": tasks + listings });
    assert_eq!(system.ledger().rows(counts).await[0], wanted, "{what}");
    let old = "SELECT (to_regclass('activities') IS NOT NULL)::int AS n";
    if system.ledger().count(old).await == 1 {
        let both = "SELECT (SELECT count(*) FROM agent_tasks) + (SELECT count(*) FROM activities) AS n";
        assert_eq!(system.ledger().count(both).await, (1 + tasks + activities) as i64, "{what}, by the old names");
    }
    let receipts = system.slack.posted();
    let distinct: HashSet<_> = receipts.iter().map(|receipt| receipt.delivery_id.clone()).collect();
    assert_eq!((receipts.len(), distinct.len()), (tasks + listings, tasks + listings), "{what}: each is one receipt");
}

/// A message that comes to a listing, and its channel; how many activities come of that.
const LISTING: (&str, &str) = ("New listing at 44 Birch Ave, going live Friday, $899k", "C-listing");
const ACTIVITIES: usize = 5;

/// The engine's own stages, with the server at work throughout, and killed in the middle of most.
#[tokio::test]
async fn the_server_works_at_every_stage_of_the_cut_over_and_is_killed_within_them() {
    let system = System::on_legacy(BINARY, OPERATIONS_CENTER).await;
    let stage = async |words: &[&str]| {
        let (done, said) = system.launch().run(&[&["cutover"], words].concat()).await;
        assert!(done, "{words:?}: {said}");
    };
    assert!(system.launch().run(&["migrate"]).await.0);
    let mut server = system.serve().await;
    // Before anything: what is accepted waits for `expand`, also through a kill.
    server = killed(&system, server, &SlackMessage::new("U1", CLEAR_TASK), 330).await;
    let held = "SELECT count(*) AS n FROM dispatch.deliveries WHERE state = 'held' AND reason = 'cutover_expand_due'";
    system.eventually("the storage deliveries wait", async || system.ledger().count(held).await == 2).await;
    let (mut tasks, mut listings) = (2, 0);
    for (words, kill) in [
        (&["expand"][..], Some(0)),
        (&["verify"], None),
        (&["switch"], Some(320)),
        (&["rollback"], Some(340)),
        (&["switch"], None),
        (&["contract", "--hold", "0s", "--yes"], Some(380)),
        (&["rollback"], Some(360)),
    ] {
        let declares = listings == 0 && words == ["switch"];
        let first = if declares { LISTING } else { (CLEAR_TASK, "C1") };
        let first = SlackMessage::new("U1", first.0).in_channel(first.1);
        match kill {
            Some(after) => ((), server) = tokio::join!(stage(words), killed(&system, server, &first, after)),
            None => {
                stage(words).await;
                system.say(&server, &first).await;
            }
        }
        listings += usize::from(declares);
        tasks += usize::from(kill.is_some()) + usize::from(!declares);
        stored(&system, &server, tasks, listings, &format!("after {words:?}")).await;
        let (migrated, said) = system.launch().run(&["migrate"]).await;
        assert!(migrated && said.contains("under the new names"), "after {words:?}: {said}");
    }
    let versions = "SELECT count(*) AS n FROM pg_trigger WHERE tgname = 'dispatch_note_mission_change'";
    assert_eq!(system.ledger().count(versions).await, 2, "expand put Dispatch's own trigger on both tables");
    system.finish().await;
}

#[tokio::test]
async fn killed_while_it_stores_what_waited_it_stores_once() {
    let system = System::on_legacy(BINARY, OPERATIONS_CENTER).await;
    assert!(system.launch().run(&["migrate"]).await.0);
    let mut doomed = system.serve_until("storage.claimed").await;
    system.say(&doomed, &SlackMessage::new("U1", CLEAR_TASK)).await;
    let held = "SELECT count(*) AS n FROM dispatch.deliveries WHERE state = 'held'";
    system.eventually("the storage delivery waits", async || system.ledger().count(held).await == 1).await;
    system.database.execute(RENAMES).await;
    assert!(!doomed.ended().await.success());
    let _server = system.serve().await;
    system.settled().await;
    assert_eq!((system.ledger().agent_tasks().await, system.slack.posted().len()), (2, 1), "the old one and ours");
    system.finish().await;
}
