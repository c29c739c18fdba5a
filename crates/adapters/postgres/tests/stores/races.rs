//! Two replicas at once, and commits that come late.

use diesel_async::SimpleAsyncConnection;
use dispatch_mission::signal_log::SignalLog;
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::plan::Verdict;
use dispatch_routing::queue::{ClaimRule, Settled};
use dispatch_routing::testing::{AGES, AT_ONCE, agent_task, claim_for, message, said, settlement};
use dispatch_routing::unit::{BurstRule, ClaimedUnit};
use dispatch_routing::unit_queue::UnitQueue;
use std::collections::HashSet;
use std::time::Duration;

use crate::support::{Replica, number, text};

#[tokio::test]
async fn two_replicas_never_make_two_units_of_one_burst() {
    let database = TestDatabase::new().await;
    let (one, two) = (Replica::of(&database), Replica::of(&database));
    for round in 0..10 {
        let mut batch = Vec::new();
        for author in 0..20 {
            for n in 0..3 {
                batch.push(said(
                    &format!("c{}", author % 4),
                    &format!("U{author}"),
                    &format!("{round}.{author:03}{n:03}"),
                ));
            }
        }
        one.signals.append_all(batch).await.unwrap();
        let mut made = 0;
        while made < 20 {
            let (a, b) = tokio::join!(one.units.close_bursts(AT_ONCE, 7), two.units.close_bursts(AT_ONCE, 7));
            made += a.unwrap() + b.unwrap();
        }
        assert_eq!(made, 20);
    }
    let split = number(
        &database,
        "SELECT count(*) AS n FROM (SELECT unit_id FROM dispatch.signals GROUP BY unit_id HAVING count(*) <> 3) AS odd",
    );
    assert_eq!(split.await, 0, "every burst is whole");
}

#[tokio::test]
async fn what_several_close_and_claim_at_once_is_in_one_hand_and_in_order() {
    let database = TestDatabase::new().await;
    let replicas = [Replica::of(&database), Replica::of(&database), Replica::of(&database)];
    let mut batch = Vec::new();
    for author in 0..60 {
        for n in 0..3 {
            batch.push(said(&format!("c{}", author % 12), &format!("U{author}"), &format!("1.{author:03}{n:03}")));
        }
    }
    replicas[0].signals.append_all(batch).await.unwrap();
    let rule = ClaimRule { limit: 7, lease: AGES, max_attempts: 5 };
    let mut finished = 0;
    while finished < 60 {
        // One closes and claims, one does only the first, one only the second; each settles what it has.
        let (a, _, c) = tokio::join!(
            replicas[0].units.claim_bursts(AT_ONCE, rule),
            replicas[1].units.close_bursts(AT_ONCE, 3),
            replicas[2].units.claim(rule),
        );
        let (a, c) = (a.unwrap(), c.unwrap());
        let conversations: HashSet<&str> = a.iter().chain(&c).map(|unit| unit.conversation.channel.as_str()).collect();
        assert_eq!(conversations.len(), a.len() + c.len(), "one of each conversation, in one hand");
        assert!(a.iter().chain(&c).all(|unit| unit.members.len() == 3 && unit.attempts == 1), "every burst is whole");
        for (replica, units) in [(&replicas[0], a), (&replicas[2], c)] {
            let all: Vec<_> = units.iter().map(|unit| settlement(unit, Verdict::Nothing)).collect();
            let settled = replica.units.settle(all).await.unwrap();
            assert!(settled.iter().all(|one| *one == Settled::Stood));
            finished += settled.len();
        }
    }
    let out_of_order = number(
        &database,
        "SELECT count(*) AS n FROM (SELECT settled_at < lag(settled_at) OVER (PARTITION BY conversation ORDER BY ordinal) AS odd
         FROM dispatch.units) AS pairs WHERE odd",
    );
    assert_eq!(out_of_order.await, 0, "a conversation is understood in order");
}

#[tokio::test]
async fn whoever_still_writes_takes_nobodys_place() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    let writes = ["1.000001", "2.000001", "3.000001"].map(|ts| said("busy", "U1", ts));
    let waits = said("quiet", "U2", "4.000001");
    replica.signals.append_all([&writes[..], &[waits]].concat()).await.unwrap();
    let mut connection = database.connect().await;
    connection
        .batch_execute(
            "UPDATE dispatch.signals SET received_at = now() - CASE message_ref WHEN '1.000001' THEN interval '60 minutes'
                 WHEN '2.000001' THEN '59 minutes' WHEN '3.000001' THEN '0' ELSE '58 minutes' END",
        )
        .await
        .unwrap();
    let rule = BurstRule { quiet: Duration::from_secs(1_800), max: 10 };
    let one = ClaimRule { limit: 1, lease: AGES, max_attempts: 5 };
    let claimed = replica.units.claim_bursts(rule, one).await.unwrap();
    assert_eq!(claimed.iter().map(|unit| unit.author.as_str()).collect::<Vec<_>>(), ["U2"]);
}

#[tokio::test]
async fn a_signal_that_is_committed_after_its_burst_was_closed_gets_a_unit_of_its_own() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    // The late one: inserted first, committed last.
    let mut late = database.connect().await;
    late.batch_execute(
        "BEGIN; INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text,
             message_ref, content_key, state, occurred_at, payload)
         VALUES (gen_random_uuid(), 'slack', 'T1', 'late', 'slack/T1/late/-', 'U1', 'late', '0.000001', 'late', 'queued',
             now() - interval '1 minute', '{}')",
    )
    .await
    .unwrap();
    replica.signals.append_all(vec![said("late", "U1", "1.000001")]).await.unwrap();
    assert_eq!(replica.units.close_bursts(AT_ONCE, 10).await.unwrap(), 1);
    late.batch_execute("COMMIT").await.unwrap();
    assert_eq!(replica.units.close_bursts(AT_ONCE, 10).await.unwrap(), 1, "still due");
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch.signals WHERE unit_id IS NULL").await, 0);
    assert_eq!(number(&database, "SELECT count(DISTINCT unit_id) AS n FROM dispatch.signals").await, 2);
}

#[tokio::test]
async fn two_replicas_never_hold_the_same_unit_nor_two_of_a_conversation() {
    let database = TestDatabase::new().await;
    let (one, two) = (Replica::of(&database), Replica::of(&database));
    for n in 0..60 {
        let author = format!("U{n}");
        one.signals.append_all(vec![said(&format!("c{}", n % 6), &author, &format!("1.{n:06}"))]).await.unwrap();
    }
    while one.units.close_bursts(AT_ONCE, 100).await.unwrap() > 0 {}
    let mut seen = HashSet::new();
    let mut order: Vec<(String, String)> = Vec::new();
    while seen.len() < 60 {
        let (a, b) = tokio::join!(one.units.claim(claim_for(AGES)), two.units.claim(claim_for(AGES)));
        let claimed: Vec<_> = a.unwrap().into_iter().chain(b.unwrap()).collect();
        assert!(!claimed.is_empty(), "{} of 60 were handed out", seen.len());
        let conversations: HashSet<_> = claimed.iter().map(|unit| unit.conversation.key()).collect();
        assert_eq!(conversations.len(), claimed.len(), "one of a conversation at a time");
        for unit in &claimed {
            assert!(seen.insert(unit.unit_id), "handed out twice");
            order.push((unit.conversation.key(), unit.members[0].message_ref.clone()));
        }
        let all = claimed.iter().map(|unit| settlement(unit, Verdict::Nothing)).collect();
        one.units.settle(all).await.unwrap();
    }
    let mut sorted = order.clone();
    sorted.sort();
    order.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(order, sorted, "each conversation in its order");
}

#[tokio::test]
async fn one_busy_conversation_does_not_hide_the_others() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    database
        .execute(
            "INSERT INTO dispatch.units (unit_id, source, workspace, channel, conversation, author, opened_at)
             SELECT gen_random_uuid(), 'slack', 'T1', 'busy', 'slack/T1/busy/-', 'U' || n, now()
             FROM generate_series(1, 5000) AS n;
             INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text,
                 message_ref, content_key, state, unit_id, occurred_at, payload)
             SELECT gen_random_uuid(), 'slack', 'T1', 'busy', conversation, author, 'x', ordinal::text,
                 ordinal::text, 'queued', unit_id, now(), '{}' FROM dispatch.units",
        )
        .await;
    let settle = async |units: &[ClaimedUnit]| {
        let all = units.iter().map(|unit| settlement(unit, Verdict::Nothing)).collect();
        replica.units.settle(all).await.unwrap();
    };
    let first = replica.units.claim(claim_for(AGES)).await.unwrap();
    assert_eq!(first.len(), 1, "its first");
    for channel in ["quiet", "quieter"] {
        replica.signals.append_all(vec![said(channel, "U1", "1.000001")]).await.unwrap();
    }
    replica.units.close_bursts(AT_ONCE, 10).await.unwrap();
    // With its head settled the busy one has something to give at every turn.
    settle(&first).await;
    let next = replica.units.claim(claim_for(AGES)).await.unwrap();
    assert_eq!(channels(&next), ["busy", "quiet", "quieter"]);
    settle(&next).await;
    // And while its head is in somebody's hands, it gives nothing.
    let held = replica.units.claim(claim_for(AGES)).await.unwrap();
    assert_eq!(channels(&held), ["busy"]);
    replica.signals.append_all(vec![said("quiet", "U1", "2.000001")]).await.unwrap();
    replica.units.close_bursts(AT_ONCE, 10).await.unwrap();
    assert_eq!(channels(&replica.units.claim(claim_for(AGES)).await.unwrap()), ["quiet"]);
}

fn channels(units: &[ClaimedUnit]) -> Vec<&str> {
    units.iter().map(|unit| unit.conversation.channel.as_str()).collect()
}

#[tokio::test]
async fn storage_that_ends_its_worker_ends_alone() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    replica.queues().routed("s", (0..5).map(|_| agent_task()).collect()).await;
    let again = "UPDATE dispatch.deliveries SET state = 'pending', attempts = 0, next_attempt_at = now()";
    database.execute(again).await;
    let claim = async || replica.deliveries.claim(DestinationKind::Storage, claim_for(Duration::ZERO)).await.unwrap();
    let batch = claim().await;
    assert_eq!(batch.len(), 5, "new ones together");
    let poison = batch[2].delivery_id;
    loop {
        let claimed = claim().await;
        let Some(delivery) = claimed.first() else { break };
        assert_eq!((claimed.len(), delivery.attempts), (1, 2));
        if delivery.delivery_id != poison {
            replica.deliveries.store(delivery).await.unwrap();
        }
    }
    let rows = database.json("SELECT delivery_id FROM dispatch.deliveries WHERE state <> 'delivered'").await;
    assert_eq!((rows.len(), text(&rows[0], "delivery_id")), (1, poison.to_string().as_str()), "only the culprit");
}

#[tokio::test]
async fn a_settlement_after_the_lease_was_lost_writes_nothing() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    let slow = replica.queues().claimed("lost", Duration::ZERO).await;
    let quick = replica.units.claim(claim_for(AGES)).await.unwrap().remove(0);
    let plan = || Verdict::Dispatch(vec![agent_task(), message("lost", Some(0))]);
    let (first, second) = tokio::join!(
        replica.units.settle(vec![settlement(&slow, plan())]),
        replica.units.settle(vec![settlement(&quick, plan())]),
    );
    assert_eq!((first.unwrap(), second.unwrap()), (vec![Settled::Lost], vec![Settled::Stood]));
    for (table, rows) in [
        ("dispatch.classifications", 1),
        ("dispatch.dispatches", 1),
        ("dispatch.deliveries", 2),
        ("dispatch.effects", 1),
        ("public.dispatch_agent_tasks", 1),
    ] {
        assert_eq!(number(&database, &format!("SELECT count(*) AS n FROM {table}")).await, rows, "{table}");
    }
}

#[tokio::test]
async fn effects_happen_once_however_often_a_delivery_is_stored() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    for channel in 0..5 {
        replica
            .queues()
            .routed(&format!("c{channel}"), vec![crate::support::listing(Some("12 Main St")), agent_task()])
            .await;
    }
    let counts = "SELECT (SELECT count(*) FROM listings) + 100 * (SELECT count(*) FROM dispatch_activities)
        + 10000 * (SELECT count(*) FROM dispatch_agent_tasks) AS n";
    let once = number(&database, counts).await;
    assert_eq!(once, 1 + 100 * 2 + 10_000 * 5, "one address");
    // As if their settlements had been lost after the rows were made, twice over.
    for _ in 0..2 {
        database
            .execute("UPDATE dispatch.deliveries SET state = 'pending', attempts = 0, next_attempt_at = now()")
            .await;
        let claimed = replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
        assert_eq!(claimed.len(), 10);
        for delivery in &claimed {
            let (one, two) = tokio::join!(replica.deliveries.store(delivery), replica.deliveries.store(delivery));
            let (one, two) = (one.unwrap(), two.unwrap());
            let stood: Vec<_> = [&one, &two].into_iter().filter(|o| o.settled == Settled::Stood).collect();
            assert_eq!(stood.len(), 1, "{one:?} {two:?}");
            assert_eq!(stood[0].state, DeliveryState::Delivered);
        }
    }
    assert_eq!(number(&database, counts).await, once);
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch.effects").await, 20);
}

#[tokio::test]
async fn two_workers_that_make_the_same_effect_make_it_once() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    // Two dispatches of one unit, as a replay leaves them, stored at the same moment.
    replica.queues().routed("twice", vec![agent_task()]).await;
    database
        .execute(
            "DELETE FROM dispatch.effects; DELETE FROM dispatch.mission_facts; DELETE FROM dispatch_agent_tasks;
             UPDATE dispatch.deliveries SET state = 'pending', attempts = 0, next_attempt_at = now();
             INSERT INTO dispatch.deliveries (delivery_id, dispatch_id, unit_id, kind, destination, content, state)
             SELECT gen_random_uuid(), dispatch_id, unit_id, kind, destination, content, 'pending' FROM dispatch.deliveries",
        )
        .await;
    let claimed = replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
    let (one, two) = tokio::join!(replica.deliveries.store(&claimed[0]), replica.deliveries.store(&claimed[1]));
    assert_eq!((one.unwrap().state, two.unwrap().state), (DeliveryState::Delivered, DeliveryState::Delivered));
    assert_eq!(number(&database, "SELECT count(*) AS n FROM dispatch_agent_tasks").await, 1);
}
