//! A database that began as Operations Center: before the cut-over's expand, and after.

use dispatch_mission::mission_store::{MissionFilter, MissionOrder, MissionStore, MissionStoreError};
use dispatch_mission::people::Sight;
use dispatch_pipeline::ports::vitals::{Brokerage, Vitals};
use dispatch_postgres::migrate::{self, Which};
use dispatch_postgres::store::{PgMissionStore, PgVitals};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::testing::{AGES, claim_for, message};

use crate::support::{Replica, listing, number, task, text};

/// The old tables in the shape of a real one: a column less here, a NOT NULL more there.
const OPERATIONS_CENTER: &str = "
CREATE TABLE public.realtors (realtor_id text PRIMARY KEY, name text, email text, slack_user_id text, deleted_at timestamptz);
CREATE TABLE public.listings (listing_id text PRIMARY KEY, address_string text, status text, realtor_id text, type text,
    created_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz);
CREATE TABLE public.activities (task_id text PRIMARY KEY, listing_id text NOT NULL REFERENCES public.listings,
    realtor_id text, name text NOT NULL, task_category text, status text NOT NULL DEFAULT 'OPEN',
    priority int NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 10), visibility_group text NOT NULL DEFAULT 'BOTH',
    due_date timestamptz, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz, assigned_staff_id text);
CREATE TABLE public.agent_tasks (task_id text PRIMARY KEY, realtor_id text NOT NULL REFERENCES public.realtors,
    task_key text, name text NOT NULL, description text, task_category text NOT NULL DEFAULT 'OTHER', listing_id text,
    status text NOT NULL DEFAULT 'OPEN', due_date timestamptz, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz, assigned_staff_id text,
    UNIQUE (realtor_id, task_key));
INSERT INTO public.realtors VALUES ('01JC0000000000000000REAL', 'Amelia Hart', 'a@example.com', 'U01REAL001', NULL);
INSERT INTO public.agent_tasks (task_id, realtor_id, name, task_category, status)
VALUES ('01JC0000000000000000TASK', '01JC0000000000000000REAL', 'Old work', 'ADMIN_TASKS', 'pending');";

/// What the cut-over's expand and switch come to.
const VIEWS: &str = "
CREATE VIEW public.dispatch_activities WITH (security_invoker = true) AS
    SELECT task_id AS mission_id, listing_id, realtor_id, name, task_category AS mission_type, status AS mission_status,
        priority, visibility_group, due_date, created_at, updated_at, deleted_at, assigned_staff_id FROM public.activities;
CREATE VIEW public.dispatch_agent_tasks WITH (security_invoker = true) AS
    SELECT task_id AS mission_id, realtor_id, task_key, name, description, task_category AS mission_type, listing_id,
        status AS mission_status, due_date, created_at, updated_at, deleted_at, assigned_staff_id FROM public.agent_tasks;";
const RENAMES: &str = "
ALTER TABLE activities RENAME TO dispatch_activities;
ALTER TABLE dispatch_activities RENAME COLUMN task_id TO mission_id;
ALTER TABLE dispatch_activities RENAME COLUMN task_category TO mission_type;
ALTER TABLE dispatch_activities RENAME COLUMN status TO mission_status;
ALTER TABLE agent_tasks RENAME TO dispatch_agent_tasks;
ALTER TABLE dispatch_agent_tasks RENAME COLUMN task_id TO mission_id;
ALTER TABLE dispatch_agent_tasks RENAME COLUMN task_category TO mission_type;
ALTER TABLE dispatch_agent_tasks RENAME COLUMN status TO mission_status;";

async fn waits_then_works(expand: &str) -> (TestDatabase, Replica) {
    let database = TestDatabase::legacy(OPERATIONS_CENTER).await;
    let report = migrate::run(database.url(), Which::All).await.unwrap();
    assert_eq!(report.brokerage, migrate::Brokerage::LegacyExpandDue);
    let replica = Replica::of(&database);
    let mine = || task(|work| work.author = "U01REAL001".to_owned());
    let unit = replica.queues().routed("t", vec![mine(), message("t", Some(0))]).await;
    replica.queues().routed("l", vec![listing(Some("12 Main St"))]).await;

    let rows = database.json("SELECT state, reason, attempts FROM dispatch.deliveries WHERE kind = 'storage'").await;
    for row in &rows {
        assert_eq!((text(row, "state"), text(row, "reason")), ("held", "cutover_expand_due"));
        assert_eq!(row["attempts"], 0, "waiting is no attempt");
    }
    assert!(replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap().is_empty());
    assert_eq!(replica.deliveries.release_held(10).await.unwrap(), 0, "not yet");
    let missions = PgMissionStore::new(database.pool());
    let all = MissionFilter::default();
    let list = || missions.list(Sight::ALL, &all, MissionOrder::Newest, None, 10);
    assert!(matches!(list().await.unwrap_err(), MissionStoreError::CutoverExpandDue));
    let vitals = PgVitals::new(database.pool());
    assert_eq!(vitals.take().await.unwrap().brokerage, Brokerage::ExpandDue);

    database.execute(expand).await;
    assert_eq!(vitals.take().await.unwrap().brokerage, Brokerage::Ready);
    assert_eq!(replica.deliveries.release_held(10).await.unwrap(), 2);
    let storage = replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
    assert_eq!(storage.len(), 2);
    for delivery in &storage {
        let stored = replica.deliveries.store(delivery).await.unwrap();
        assert_eq!(stored.state, DeliveryState::Delivered, "{stored:?}");
    }
    let receipts = replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap();
    assert_eq!((receipts.len(), receipts[0].unit_id), (1, unit.unit_id));

    let page = list().await.unwrap();
    assert_eq!(page.items.len(), 4, "the old one, a task and two activities");
    let old = page.items.iter().find(|mission| mission.title == "Old work").unwrap();
    assert!(old.incomplete.as_deref().unwrap().contains("pending"), "{old:?}");
    (database, replica)
}

#[tokio::test]
async fn storage_waits_for_the_new_names_as_views() {
    let (database, replica) = waits_then_works(VIEWS).await;
    // The version is counted on the table behind the view, whichever name a change comes by.
    assert_eq!(number(&database, "SELECT dispatch.install_mission_triggers() AS n").await, 2);
    assert_eq!(number(&database, "SELECT dispatch.install_mission_triggers() AS n").await, 0);
    let change = "UPDATE agent_tasks SET status = 'CLAIMED' WHERE name = 'Book the photographer';
        UPDATE dispatch_agent_tasks SET mission_status = 'DONE' WHERE name = 'Book the photographer'";
    database.execute(change).await;
    let versions = "SELECT max(version) AS n FROM dispatch.mission_facts WHERE kind = 'agent_task'";
    assert_eq!(number(&database, versions).await, 3);
    // A realtor is required here, and nobody knows this one.
    let unit = replica.queues().routed("stranger", vec![task(|_| {})]).await;
    let held =
        database.json(&format!("SELECT state, reason FROM dispatch.units WHERE unit_id = '{}'", unit.unit_id)).await;
    assert_eq!((text(&held[0], "state"), text(&held[0], "reason")), ("held", "realtor_unresolved"));
}

#[tokio::test]
async fn storage_waits_for_the_new_names_as_tables() {
    let (database, _) = waits_then_works(RENAMES).await;
    assert_eq!(number(&database, "SELECT dispatch.install_mission_triggers() AS n").await, 2);
}

#[tokio::test]
async fn revisions_reach_the_old_tables_through_their_new_names() {
    use dispatch_mission::signal::{Amendment, Change, Disposition};
    use dispatch_mission::signal_log::SignalLog;
    use dispatch_routing::plan::{Content, Verdict};
    use dispatch_routing::storage::StorageItem;
    use dispatch_routing::testing::{said, settlement};
    use dispatch_routing::unit_queue::UnitQueue;
    let (database, replica) = waits_then_works(VIEWS).await;
    let change = async |channel: &str, change: Change, at: u64| {
        let mut signal = said(channel, "U1", "1.000001");
        let of = signal.keys.content.clone();
        signal.keys.content = format!("{of}/{at}");
        signal.keys.event = Some(signal.keys.content.clone());
        signal.text = format!("edit {at}");
        signal.occurred_at += std::time::Duration::from_secs(at);
        signal.disposition = Disposition::Amend(Amendment { of, change });
        replica.signals.append_all(vec![signal]).await.unwrap();
        assert_eq!(replica.units.amend(10).await.unwrap(), 1);
    };
    let standing = "SELECT count(*) AS n FROM dispatch.mission_facts WHERE standing = ";
    // Without the triggers too, which the cut-over puts there a little later.
    for (at, installed) in [(1, 2), (2, 0)] {
        change("t", Change::Edit, at).await;
        let unit = replica.units.claim(claim_for(AGES)).await.unwrap().remove(0);
        let mut planned = task(|work| work.revision = u32::try_from(at).unwrap());
        if let Content::Storage(work) = &mut planned.content {
            work.author = "U9".to_owned();
            if let StorageItem::AgentTask(item) = &mut work.item {
                item.description = unit.text();
            }
        }
        replica.units.settle(vec![settlement(&unit, Verdict::Dispatch(vec![planned]))]).await.unwrap();
        let row = &database.json("SELECT * FROM agent_tasks WHERE name <> 'Old work'").await[0];
        assert_eq!(text(row, "description"), format!("edit {at}"));
        assert_eq!(text(row, "realtor_id"), "01JC0000000000000000REAL", "it keeps the one it has");
        assert_eq!(number(&database, "SELECT dispatch.install_mission_triggers() AS n").await, installed);
    }
    change("l", Change::Delete, 3).await;
    assert_eq!(number(&database, "SELECT count(*) AS n FROM activities WHERE status = 'CANCELLED'").await, 2);
    assert_eq!(number(&database, "SELECT count(*) AS n FROM listings WHERE deleted_at IS NULL").await, 0);
    assert_eq!(number(&database, &format!("{standing} 'closed'")).await, 2);
    assert_eq!(number(&database, &format!("{standing} 'open'")).await, 1);
}
