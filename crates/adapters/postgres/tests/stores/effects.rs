//! What storage deliveries write into the brokerage's tables.

use diesel_async::AsyncPgConnection;
use dispatch_postgres::store::seed;
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::storage::StorageItem;
use dispatch_routing::testing::{AGES, claim_for, message};
use time::macros::datetime;

use crate::support::{Replica, listing, number, task, text};

async fn seeded() -> (TestDatabase, Replica) {
    let database = TestDatabase::new().await;
    let mut connection: AsyncPgConnection = database.connect().await;
    seed::brokerage(&mut connection).await.unwrap();
    seed::brokerage(&mut connection).await.unwrap();
    let replica = Replica::of(&database);
    (database, replica)
}

#[tokio::test]
async fn the_seed_is_sown_once() {
    let (database, _) = seeded().await;
    for (table, rows) in [("staff", 8), ("realtors", 7), ("listings", 5)] {
        assert_eq!(number(&database, &format!("SELECT count(*) AS n FROM {table}")).await, rows, "{table}");
    }
}

#[tokio::test]
async fn a_listing_comes_with_its_activities_in_order_of_importance() {
    let (database, replica) = seeded().await;
    let mut with_address = listing(Some("41 Harbour Square"));
    if let dispatch_routing::plan::Content::Storage(work) = &mut with_address.content {
        work.author = "U01REAL002".to_owned();
    }
    let unit = replica.queues().routed("l", vec![with_address]).await;
    replica.queues().routed("m", vec![listing(None)]).await;
    let rows = database.json("SELECT * FROM listings WHERE listing_id NOT LIKE 'listing-%' ORDER BY created_at").await;
    assert_eq!(text(&rows[0], "address_string"), "41 Harbour Square");
    assert_eq!((text(&rows[0], "type"), text(&rows[0], "status")), ("SALE", "new"));
    assert_eq!(text(&rows[0], "realtor_id"), "realtor-daniel");
    assert_eq!(text(&rows[0], "notes"), "New listing at Main");
    assert_eq!(text(&rows[1], "address_string"), "Address to be confirmed");
    let activities = database
        .json(&format!(
            "SELECT * FROM dispatch_activities WHERE listing_id = '{}' ORDER BY priority DESC",
            text(&rows[0], "listing_id")
        ))
        .await;
    let of = |member: &str| activities.iter().map(|row| row[member].clone()).collect::<Vec<_>>();
    assert_eq!(of("name"), ["Take listing photos", "Create MLS listing"]);
    assert_eq!(of("priority"), [10, 9]);
    assert_eq!(of("mission_type"), ["MARKETING", "ADMIN"]);
    assert_eq!(of("visibility_group"), ["BOTH", "AGENT"]);
    assert_eq!(of("mission_status"), ["OPEN", "OPEN"]);
    assert!(
        activities.iter().all(|row| row["claimed_at"].is_null() && row["assigned_staff_id"].is_null()),
        "unclaimed"
    );
    let facts =
        database.json(&format!("SELECT * FROM dispatch.mission_facts WHERE unit_id = '{}'", unit.unit_id)).await;
    assert_eq!(facts.len(), 2);
    assert!(facts.iter().all(|fact| fact["group_key"] == "SALE_LISTING" && fact["version"] == 1));
}

#[tokio::test]
async fn an_agent_task_finds_its_realtor_and_its_listing() {
    let (database, replica) = seeded().await;
    let planned = task(|work| {
        work.assignee_hint = Some("Amelia".to_owned());
        work.author = "U01REAL002".to_owned();
        if let StorageItem::AgentTask(item) = &mut work.item {
            item.address = Some("9041 carlaw ave., toronto".to_owned());
            item.due_at = Some(datetime!(2026-12-04 22:00 UTC));
            item.needs_info = Some("which day".to_owned());
        }
    });
    replica.queues().routed("t", vec![planned]).await;
    let row = &database.json("SELECT *, due_date AT TIME ZONE 'UTC' AS due FROM dispatch_agent_tasks").await[0];
    assert_eq!(text(row, "realtor_id"), "realtor-amelia");
    assert_eq!(text(row, "listing_id"), "listing-carlaw");
    assert_eq!((text(row, "name"), text(row, "mission_type")), ("Book the photographer", "ADMIN"));
    assert_eq!(text(row, "due"), "2026-12-04T22:00:00");
    assert!(row["task_key"].is_null(), "its key allows one task per realtor");
    let fact = &database.json("SELECT * FROM dispatch.mission_facts").await[0];
    assert_eq!((text(fact, "task_key"), text(fact, "needs_info")), ("OPS_MISC_TASK", "which day"));
    assert_eq!(text(fact, "reason"), "Above 0.7 threshold");
}

#[tokio::test]
async fn work_of_nobody_known_is_kept_or_held_as_the_table_allows() {
    let (database, replica) = seeded().await;
    let stranger = || task(|work| work.assignee_hint = Some("Nadine".to_owned()));
    replica.queues().routed("kept", vec![stranger(), message("kept", Some(0))]).await;
    let row = &database.json("SELECT * FROM dispatch_agent_tasks").await[0];
    assert!(row["realtor_id"].is_null() && row["assigned_staff_id"].is_null());

    database
        .execute("DELETE FROM dispatch_agent_tasks; ALTER TABLE dispatch_agent_tasks ALTER realtor_id SET NOT NULL")
        .await;
    let unit = replica.queues().routed("held", vec![stranger(), message("held", Some(0))]).await;
    let rows = database
        .json(&format!(
            "SELECT kind, state, reason FROM dispatch.deliveries WHERE unit_id = '{}' ORDER BY kind DESC",
            unit.unit_id
        ))
        .await;
    assert_eq!((text(&rows[0], "state"), text(&rows[0], "reason")), ("held", "realtor_unresolved"));
    assert_eq!(text(&rows[1], "state"), "pending", "the receipt waits");
    let held =
        database.json(&format!("SELECT state, reason FROM dispatch.units WHERE unit_id = '{}'", unit.unit_id)).await;
    assert_eq!((text(&held[0], "state"), text(&held[0], "reason")), ("held", "realtor_unresolved"));
    let slack = replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap();
    assert!(slack.iter().all(|delivery| delivery.unit_id != unit.unit_id));
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch_agent_tasks").await, 0);
}

#[tokio::test]
async fn a_refusal_of_the_database_fails_its_delivery_alone() {
    let (database, replica) = seeded().await;
    database.execute("ALTER TABLE dispatch_agent_tasks ADD CONSTRAINT no_photos CHECK (name <> 'Forbidden')").await;
    let forbidden = task(|work| {
        if let StorageItem::AgentTask(item) = &mut work.item {
            item.title = "Forbidden".to_owned();
        }
    });
    let units = replica.queues();
    let bad = units.routed("bad", vec![forbidden, message("bad", Some(0))]).await;
    let rows = database
        .json(&format!(
            "SELECT kind, state, reason FROM dispatch.deliveries WHERE unit_id = '{}' ORDER BY kind DESC",
            bad.unit_id
        ))
        .await;
    assert_eq!((text(&rows[0], "state"), text(&rows[0], "reason")), ("failed", "storage_check_violation"));
    assert_eq!((text(&rows[1], "state"), text(&rows[1], "reason")), ("cancelled", "dependency_failed"));
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch.effects").await, 0, "no key without its row");
}

#[tokio::test]
async fn one_bad_row_does_not_keep_the_rest_of_a_batch() {
    use dispatch_mission::signal_log::SignalLog;
    use dispatch_routing::plan::Verdict;
    use dispatch_routing::testing::{AT_ONCE, said, settlement};
    use dispatch_routing::unit_queue::UnitQueue;
    let (database, replica) = seeded().await;
    database.execute("ALTER TABLE dispatch_agent_tasks ADD CONSTRAINT no_photos CHECK (name <> 'Forbidden')").await;
    for channel in ["a", "b", "c"] {
        replica.signals.append_all(vec![said(channel, "U1", "1.000001")]).await.unwrap();
    }
    replica.units.close_bursts(AT_ONCE, 10).await.unwrap();
    let units = replica.units.claim(claim_for(AGES)).await.unwrap();
    let settlements = units
        .iter()
        .map(|unit| {
            let planned = task(|work| {
                if let StorageItem::AgentTask(item) = &mut work.item {
                    item.title = if unit.conversation.channel == "b" { "Forbidden" } else { "Fine" }.to_owned();
                }
            });
            settlement(unit, Verdict::Dispatch(vec![planned]))
        })
        .collect();
    replica.units.settle(settlements).await.unwrap();
    let states =
        database.json("SELECT state, count(*) AS n FROM dispatch.deliveries GROUP BY state ORDER BY state").await;
    assert_eq!((text(&states[0], "state"), &states[0]["n"]), ("delivered", &2.into()));
    assert_eq!((text(&states[1], "state"), &states[1]["n"]), ("failed", &1.into()));
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch_agent_tasks").await, 2);
}

#[tokio::test]
async fn a_busy_table_leaves_the_delivery_due() {
    let (database, replica) = seeded().await;
    // A deadlock, a lock or a full disk look alike from here: the same statement may succeed later.
    database
        .execute(
            "CREATE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS
             $$BEGIN RAISE EXCEPTION 'could not obtain lock on row' USING ERRCODE = '55P03'; END$$;
             CREATE TRIGGER busy BEFORE INSERT ON dispatch_agent_tasks FOR EACH ROW EXECUTE FUNCTION busy()",
        )
        .await;
    let unit = replica.queues().routed("busy", vec![task(|_| {}), message("busy", Some(0))]).await;
    let row = &database.json("SELECT * FROM dispatch.deliveries WHERE kind = 'storage'").await[0];
    assert_eq!((text(row, "state"), text(row, "reason"), &row["attempts"]), ("pending", "storage_busy", &1.into()));
    database.execute("DROP TRIGGER busy ON dispatch_agent_tasks; UPDATE dispatch.deliveries SET next_attempt_at = now() WHERE kind = 'storage'").await;
    let claimed = replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
    assert_eq!((claimed.len(), claimed[0].unit_id), (1, unit.unit_id));
    assert_eq!(replica.deliveries.store(&claimed[0]).await.unwrap().state, DeliveryState::Delivered);
    let slack = replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap();
    assert_eq!(slack.len(), 1, "now the receipt may go");
}

#[tokio::test]
async fn a_settlement_that_cannot_be_written_is_refused_whole() {
    use dispatch_routing::plan::Verdict;
    use dispatch_routing::queue::{QueueError, Settled};
    use dispatch_routing::testing::settlement;
    use dispatch_routing::unit_queue::UnitQueue;
    let (database, replica) = seeded().await;
    database.execute("ALTER TABLE dispatch.classifications ADD CONSTRAINT no_moon CHECK (address <> 'The Moon')").await;
    let good = replica.queues().claimed("good", AGES).await;
    let bad = replica.queues().claimed("bad", AGES).await;
    let mut unwritable = settlement(&bad, Verdict::Nothing);
    unwritable.classified.classification.listing.address = Some("The Moon".to_owned());
    let sound = settlement(&good, Verdict::Dispatch(vec![task(|_| {})]));
    let error = replica.units.settle(vec![sound.clone(), unwritable]).await.unwrap_err();
    assert!(matches!(error, QueueError::Rejected(_)), "{error:?}");
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch_agent_tasks").await, 0);
    assert_eq!(replica.units.settle(vec![sound]).await.unwrap(), [Settled::Stood], "alone it stands");
}

#[tokio::test]
async fn what_a_model_wrote_with_a_nul_in_it_is_stored() {
    use dispatch_classification::classification::TaskTitle;
    use dispatch_routing::plan::Verdict;
    use dispatch_routing::queue::Settled;
    use dispatch_routing::testing::settlement;
    use dispatch_routing::unit_queue::UnitQueue;
    let (database, replica) = seeded().await;
    let unit = replica.queues().claimed("nul", AGES).await;
    let planned = task(|work| {
        if let StorageItem::AgentTask(item) = &mut work.item {
            item.title = "Call\0Sam".to_owned();
        }
    });
    let mut row = settlement(&unit, Verdict::Dispatch(vec![planned]));
    let meaning = &mut row.classified.classification;
    meaning.listing.address = Some("12 Main\0St".to_owned());
    meaning.assignee_hint = Some("S\0m".to_owned());
    meaning.task_title = TaskTitle::from_text("Call\0Sam");
    meaning.explanations = vec!["said\0so".to_owned()];
    row.classified.provenance.model = "model\0one".to_owned();
    assert_eq!(replica.units.settle(vec![row]).await.unwrap(), [Settled::Stood]);
    let kept = &database.json("SELECT address, explanations ->> 0 AS said FROM dispatch.classifications").await[0];
    assert_eq!((text(kept, "address"), text(kept, "said")), ("12 Main\u{fffd}St", "said\u{fffd}so"));
    assert_eq!(text(&database.json("SELECT name FROM dispatch_agent_tasks").await[0], "name"), "Call\u{fffd}Sam");
}
