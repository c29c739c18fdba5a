//! One listing per address: messages about it add to it, whoever made it and however many come at once.

use dispatch_mission::signal_log::SignalLog;
use dispatch_postgres::store::seed;
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::plan::{Content, PlannedDelivery, Verdict};
use dispatch_routing::queue::Settled;
use dispatch_routing::storage::{ListingWork, StorageItem};
use dispatch_routing::testing::{AGES, AT_ONCE, claim_for, message, said, settlement};
use dispatch_routing::unit::ClaimedUnit;
use dispatch_routing::unit_queue::UnitQueue;
use serde_json::Value;
use time::macros::datetime;

use crate::support::{Replica, listing, number, task, text};

const OURS: &str = "listings WHERE listing_id NOT LIKE 'listing-%' AND listing_id NOT LIKE 'hand-%'";

async fn seeded() -> (TestDatabase, Replica) {
    let database = TestDatabase::new().await;
    seed::brokerage(&mut database.connect().await).await.unwrap();
    let replica = Replica::of(&database);
    (database, replica)
}

/// A listing at this address with activities of these names.
fn declares(address: &str, names: &[&str], change: impl FnOnce(&mut ListingWork)) -> PlannedDelivery {
    let mut planned = listing(Some(address));
    let Content::Storage(work) = &mut planned.content else { unreachable!() };
    let StorageItem::Listing(item) = &mut work.item else { unreachable!() };
    let template = item.activities[0].clone();
    let named = |name: &&str| {
        let mut activity = template.clone();
        (*name).clone_into(&mut activity.name);
        activity
    };
    item.activities = names.iter().map(named).collect();
    item.notes = format!("about {address}");
    change(item);
    planned
}

fn plain(address: &str) -> PlannedDelivery {
    declares(address, &["Take listing photos", "Create MLS listing"], |_| {})
}

async fn count(database: &TestDatabase, query: &str) -> i64 {
    number(database, &format!("SELECT count(*) AS n FROM {query}")).await
}

async fn row(database: &TestDatabase, query: &str) -> Value {
    let mut rows = database.json(query).await;
    assert_eq!(rows.len(), 1, "{query}");
    rows.remove(0)
}

#[tokio::test]
async fn a_second_message_adds_to_the_listing_and_its_author_is_told_so() {
    let (database, replica) = seeded().await;
    replica.queues().routed("a", vec![plain("12 Elm St"), message("a", Some(0))]).await;
    let more = declares("12 elm street, Toronto", &["take LISTING photos!", "Order yard sign"], |work| {
        work.listing_type = Some(dispatch_classification::taxonomy::ListingType::Lease);
        work.due_at = Some(datetime!(2026-12-04 22:00 UTC));
    });
    let second = replica.queues().routed("b", vec![more, message("b", Some(0))]).await;
    let there = row(&database, &format!("SELECT *, due_date AT TIME ZONE 'UTC' AS due FROM {OURS}")).await;
    assert_eq!((text(&there, "address_string"), text(&there, "notes")), ("12 Elm St", "about 12 Elm St"));
    assert_eq!((text(&there, "type"), text(&there, "due")), ("SALE", "2026-12-04T22:00:00"), "only what was empty");
    let names = database.json("SELECT name FROM dispatch_activities ORDER BY name").await;
    let names: Vec<&str> = names.iter().map(|row| text(row, "name")).collect();
    assert_eq!(names, ["Create MLS listing", "Order yard sign", "Take listing photos"]);
    let note = row(&database, "SELECT * FROM listing_notes").await;
    assert_eq!((&note["listing_id"], text(&note, "content")), (&there["listing_id"], "about 12 elm street, Toronto"));
    let said = database
        .json("SELECT content ->> 'text' AS said FROM dispatch.deliveries WHERE kind = 'slack' ORDER BY created_at")
        .await;
    assert!(text(&said[0], "said").contains("added to your queue"), "the first one's receipt is as ever");
    assert_eq!(text(&said[1], "said"), "Added to it");
    let story = row(
        &database,
        &format!(
            "SELECT detail FROM dispatch.timeline WHERE event = 'delivery.attempted' AND unit_id = '{}'",
            second.unit_id
        ),
    )
    .await;
    assert_eq!(story["detail"]["listing"], "updated");
    assert_eq!(story["detail"]["missions"].as_array().unwrap().len(), 1, "one of its own");
}

#[tokio::test]
async fn what_waited_is_added_too_and_its_receipt_says_so() {
    let (database, replica) = seeded().await;
    replica.queues().routed("a", vec![plain("12 Elm St")]).await;
    database.execute("ALTER TABLE dispatch_activities RENAME TO elsewhere").await;
    replica.queues().routed("b", vec![plain("12 Elm"), message("b", Some(0))]).await;
    database.execute("ALTER TABLE elsewhere RENAME TO dispatch_activities").await;
    assert_eq!(replica.deliveries.release_held(10).await.unwrap(), 1);
    let waiting = replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
    replica.deliveries.store(&waiting[0]).await.unwrap();
    let receipt = replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap().remove(0);
    assert_eq!(receipt.content, Content::Message { text: "Added to it".into() });
    assert_eq!((count(&database, OURS).await, count(&database, "dispatch_activities").await), (1, 2));
}

#[tokio::test]
async fn messages_of_one_batch_share_a_listing_and_their_tasks_find_it() {
    let (database, replica) = seeded().await;
    let spellings = ["12 Elm St", "12 ELM STREET", "12 elm st., Toronto", "12 Elm"];
    let mut settlements = Vec::new();
    for (place, spelling) in spellings.into_iter().enumerate() {
        let unit = replica.queues().claimed(&format!("c{place}"), AGES).await;
        settlements.push(settlement(&unit, Verdict::Dispatch(vec![plain(spelling)])));
    }
    let unit = replica.queues().claimed("task", AGES).await;
    let about = task(|work| {
        if let StorageItem::AgentTask(item) = &mut work.item {
            item.address = Some("12 elm str".to_owned());
        }
    });
    settlements.push(settlement(&unit, Verdict::Dispatch(vec![about])));
    let nowhere = replica.queues().claimed("nowhere", AGES).await;
    settlements.push(settlement(&nowhere, Verdict::Dispatch(vec![listing(None)])));
    replica.units.settle(settlements).await.unwrap();
    assert_eq!(count(&database, OURS).await, 2, "one of them has no address");
    let there = row(&database, &format!("SELECT * FROM {OURS} AND address_string = '12 Elm St'")).await;
    let of = |table: &str| format!("{table} WHERE listing_id = '{}'", text(&there, "listing_id"));
    assert_eq!(count(&database, &of("dispatch_activities")).await, 2);
    assert_eq!(
        (count(&database, &of("listing_notes")).await, count(&database, &of("dispatch_agent_tasks")).await),
        (3, 1)
    );
}

#[tokio::test]
async fn listings_that_others_made_are_found_but_for_the_finished_and_the_deleted() {
    let (database, replica) = seeded().await;
    database
        .execute(
            "INSERT INTO listings (listing_id, address_string, status, created_at, deleted_at) VALUES
             ('hand-old', '12 Elm Street', 'new', now() - interval '3 days', NULL),
             ('hand-new', '12 ELM st, Toronto', 'in_progress', now() - interval '2 days', NULL),
             ('hand-gone', '12 Elm St', 'new', now() - interval '1 day', now()),
             ('hand-done', '14 Elm St', 'completed', now(), NULL),
             ('hand-4', 'Unit 4, 12 Elm St', 'new', now(), NULL)",
        )
        .await;
    replica.queues().routed("a", vec![plain("12 Elm St")]).await;
    replica.queues().routed("b", vec![plain("4-12 Elm")]).await;
    assert_eq!(count(&database, OURS).await, 0, "both were there");
    let on = |listing: &str| format!("dispatch_activities WHERE listing_id = '{listing}'");
    assert_eq!((count(&database, &on("hand-new")).await, count(&database, &on("hand-4")).await), (2, 2));
    replica.queues().routed("c", vec![plain("14 Elm St")]).await;
    assert_eq!(count(&database, OURS).await, 1, "what is finished is not gone on with");
    // Renamed by a person: our own row says where it was, the listing says where it is.
    database.execute("UPDATE listings SET address_string = '90 Oak Ave' WHERE listing_id = 'hand-new'").await;
    database.execute("UPDATE listings SET deleted_at = now() WHERE listing_id = 'hand-old'").await;
    replica.queues().routed("d", vec![plain("12 Elm St")]).await;
    assert_eq!((count(&database, OURS).await, count(&database, &on("hand-new")).await), (2, 2));
    replica.queues().routed("e", vec![plain("90 Oak")]).await;
    assert_eq!((count(&database, OURS).await, count(&database, &on("hand-new")).await), (2, 2));
    assert_eq!(count(&database, "listing_notes WHERE listing_id = 'hand-new'").await, 2);
}

#[tokio::test]
async fn an_activity_that_a_person_finished_or_put_away_is_not_added_again() {
    let (database, replica) = seeded().await;
    replica.queues().routed("a", vec![plain("12 Elm St")]).await;
    database
        .execute(
            "UPDATE dispatch_activities SET mission_status = 'DONE' WHERE name = 'Take listing photos';
             UPDATE dispatch_activities SET mission_status = 'CANCELLED' WHERE name = 'Create MLS listing'",
        )
        .await;
    replica.queues().routed("b", vec![plain("12 Elm St")]).await;
    assert_eq!(count(&database, "dispatch_activities").await, 2);
}

#[tokio::test]
async fn without_a_table_of_notes_the_listing_keeps_them() {
    let (database, replica) = seeded().await;
    database.execute("DROP TABLE listing_notes").await;
    for (channel, address) in [("a", "12 Elm St"), ("b", "12 Elm"), ("c", "12 elm street")] {
        replica.queues().routed(channel, vec![plain(address)]).await;
    }
    let there = row(&database, &format!("SELECT * FROM {OURS}")).await;
    assert_eq!(text(&there, "notes"), "about 12 Elm St\n\nabout 12 Elm\n\nabout 12 elm street");
}

/// Units of these channels, claimed.
async fn units(replica: &Replica, channels: impl Iterator<Item = String>) -> Vec<ClaimedUnit> {
    let signals: Vec<_> = channels.map(|channel| said(&channel, "U1", "1.000001")).collect();
    let expected = signals.len();
    replica.signals.append_all(signals).await.unwrap();
    while replica.units.close_bursts(AT_ONCE, 100).await.unwrap() > 0 {}
    let mut units = Vec::new();
    while units.len() < expected {
        units.append(&mut replica.units.claim(claim_for(AGES)).await.unwrap());
    }
    units
}

/// Stores what found a street busy for too long, as the worker does later.
async fn store_the_rest(database: &TestDatabase, replica: &Replica) {
    database.execute("UPDATE dispatch.deliveries SET next_attempt_at = now() WHERE state = 'pending'").await;
    loop {
        let due = replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
        if due.is_empty() {
            return;
        }
        for delivery in due {
            replica.deliveries.store(&delivery).await.unwrap();
        }
    }
}

#[tokio::test]
async fn two_replicas_and_one_new_address_make_one_listing() {
    let (database, one) = seeded().await;
    let two = Replica::of(&database);
    for round in 0..15 {
        let address = format!("{} Elm St", 100 + round);
        let claimed = units(&one, (0..2).map(|n| format!("r{round}-{n}"))).await;
        let settle =
            |place: usize, spelling: String| settlement(&claimed[place], Verdict::Dispatch(vec![plain(&spelling)]));
        let (a, b) = tokio::join!(
            one.units.settle(vec![settle(0, address.clone())]),
            two.units.settle(vec![settle(1, address.to_uppercase())]),
        );
        assert_eq!((a.unwrap(), b.unwrap()), (vec![Settled::Stood], vec![Settled::Stood]));
        assert_eq!(count(&database, OURS).await, round + 1);
    }
    store_the_rest(&database, &one).await;
    assert_eq!(count(&database, "dispatch_activities").await, 30);
    assert_eq!(count(&database, "listing_notes").await, 15);
    assert_eq!(count(&database, "dispatch.deliveries WHERE state <> 'delivered'").await, 0);
}

#[tokio::test]
async fn many_addresses_in_opposite_order_do_not_stand_in_each_others_way() {
    let (database, one) = seeded().await;
    let two = Replica::of(&database);
    for round in 0..5 {
        let claimed = units(&one, (0..40).map(|n| format!("r{round}-{n}"))).await;
        let settle = |place: usize, number: usize| {
            settlement(&claimed[place], Verdict::Dispatch(vec![plain(&format!("{} Oak Ave", 1000 * round + number))]))
        };
        let up = (0..20).map(|n| settle(n, 100 + n)).collect();
        let down = (0..20).map(|n| settle(20 + n, 119 - n)).collect();
        let (a, b) = tokio::join!(one.units.settle(up), two.units.settle(down));
        assert!(a.unwrap().into_iter().chain(b.unwrap()).all(|settled| settled == Settled::Stood));
    }
    store_the_rest(&database, &one).await;
    let listed = format!("(SELECT address_string FROM {OURS} GROUP BY address_string HAVING count(*) = 1) AS single");
    assert_eq!((count(&database, OURS).await, count(&database, &listed).await), (100, 100));
    assert_eq!(count(&database, "dispatch_activities").await, 200);
    assert_eq!(count(&database, "dispatch.deliveries WHERE state <> 'delivered'").await, 0);
}

#[tokio::test]
async fn one_by_one_they_take_the_streets_in_the_same_order() {
    let (database, one) = seeded().await;
    let two = Replica::of(&database);
    // In each batch one row is refused, so that all the others go alone.
    database.execute("ALTER TABLE listings ADD CONSTRAINT no_moon CHECK (notes <> 'about 1 Moon St')").await;
    let claimed = units(&one, (0..42).map(|n| format!("c{n}"))).await;
    let settle = |place: usize, address: &str| settlement(&claimed[place], Verdict::Dispatch(vec![plain(address)]));
    let up = (0..20).map(|n| settle(n, &format!("{} Oak Ave", 100 + n))).chain([settle(40, "1 Moon St")]).collect();
    let down =
        (0..20).map(|n| settle(20 + n, &format!("{} Oak Ave", 119 - n))).chain([settle(41, "1 Moon St")]).collect();
    let (a, b) = tokio::join!(one.units.settle(up), two.units.settle(down));
    assert!(a.unwrap().into_iter().chain(b.unwrap()).all(|settled| settled == Settled::Stood));
    store_the_rest(&database, &one).await;
    assert_eq!(count(&database, OURS).await, 20);
    assert_eq!(count(&database, "dispatch.deliveries WHERE state = 'failed'").await, 2);
    assert_eq!(count(&database, "dispatch.deliveries WHERE state = 'pending'").await, 0);
}
