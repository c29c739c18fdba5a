//! Stories, vitals, the registry of workers and the doorbell.

use dispatch_mission::signal::{Amendment, Change, Disposition};
use dispatch_mission::signal_log::SignalLog;
use dispatch_pipeline::ports::doorbell::Doorbell;
use dispatch_pipeline::ports::stories::{Stories, Story};
use dispatch_pipeline::ports::vitals::{Brokerage, Vitals};
use dispatch_pipeline::ports::worker_registry::WorkerRegistry;
use dispatch_postgres::store::{PgDoorbell, PgStories, PgVitals, PgWorkerRegistry, seed};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::delivery::{AttemptOutcome, DeliveryState};
use dispatch_routing::delivery_queue::{DeliveryQueue, DeliverySettlement, NextStep};
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::plan::{Hold, Verdict};
use dispatch_routing::testing::{AGES, claim_for, message, said, settlement};
use dispatch_routing::unit_queue::UnitQueue;
use serde_json::Value;
use std::time::Duration;

use crate::support::{Replica, listing, text};

fn events(story: &Story) -> Vec<&str> {
    story.entries.iter().map(|entry| entry.event.as_str()).collect()
}

/// Every string of a JSON value that begins like an instant.
fn instants_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let is_date = text.get(..11).is_some_and(|start| {
                start.char_indices().all(|(n, c)| match n {
                    4 | 7 => c == '-',
                    10 => c == 'T' || c == ' ',
                    _ => c.is_ascii_digit(),
                })
            });
            found.extend(is_date.then(|| text.clone()));
        }
        Value::Array(values) => values.iter().for_each(|value| instants_in(value, found)),
        Value::Object(members) => members.values().for_each(|value| instants_in(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_whole_story_by_any_id() {
    let database = TestDatabase::new().await;
    seed::brokerage(&mut database.connect().await).await.unwrap();
    let replica = Replica::of(&database);
    let stories = PgStories::new(database.pool());
    assert_eq!(stories.find("1.000001").await.unwrap(), None);
    assert_eq!(stories.find("ab0c2f6e-0b59-7c3a-8f2a-0123456789ab").await.unwrap(), None);

    let unit = replica.queues().routed("s", vec![listing(Some("12 Main St")), message("s", Some(0))]).await;
    let mut again = said("s", "U1", "1.000001");
    again.keys.event = Some("slack:event:EvOther".to_owned());
    again.provider_event_id = Some("EvOther".to_owned());
    again.trace_id = "0af7651916cd43dd8448eb211c80319c".to_owned();
    replica.signals.append_all(vec![again]).await.unwrap();
    let receipt = replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap().remove(0);
    let attempt = |token, outcome, next| DeliverySettlement {
        delivery_id: receipt.delivery_id,
        token,
        outcome,
        took: Duration::from_millis(31),
        next,
    };
    let refused = AttemptOutcome::Retryable { code: "rate_limited".into(), retry_after: Some(Duration::from_secs(3)) };
    replica.deliveries.settle(vec![attempt(receipt.token, refused, NextStep::Again(Duration::ZERO))]).await.unwrap();
    // The pause is over.
    database.execute("UPDATE dispatch.buckets SET ready_at = now()").await;
    let second = replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap().remove(0);
    let arrived = AttemptOutcome::Delivered { reference: Some("9.000001".into()) };
    replica
        .deliveries
        .settle(vec![attempt(second.token, arrived, NextStep::End(DeliveryState::Delivered))])
        .await
        .unwrap();

    let story = stories.find(&unit.unit_id.to_string()).await.unwrap().unwrap();
    assert_eq!(
        events(&story),
        [
            "signal.received",
            "unit.closed",
            "unit.claimed",
            "unit.classified",
            "unit.routed",
            "delivery.planned",
            "delivery.planned",
            "delivery.attempted",
            "signal.duplicate",
            "delivery.attempted",
            "delivery.attempted",
        ]
    );
    assert_eq!((story.state.as_str(), story.mission_ids.len(), story.event_ids.len()), ("done", 2, 1));
    assert!(story.entries.windows(2).all(|pair| pair[0].at <= pair[1].at), "in order");
    let told = format!("{:?}", story.entries);
    assert!(!told.contains("photographer") && !told.contains("New listing"), "no message's text: {told}");
    let attempts: Vec<_> = story.entries.iter().filter(|entry| entry.event == "delivery.attempted").collect();
    assert_eq!(attempts[0].detail["missions"].as_array().unwrap().len(), 2);
    assert_eq!((&attempts[1].detail["code"], &attempts[1].detail["took_ms"]), (&"rate_limited".into(), &31.into()));
    let mut instants = Vec::new();
    for entry in &story.entries {
        instants_in(&entry.detail.clone().into(), &mut instants);
    }
    assert!(instants.contains(&text(&attempts[1].detail.clone().into(), "next_at").to_owned()), "{instants:?}");
    assert!(instants.len() >= 2, "{instants:?}");
    for instant in &instants {
        let shape: String = instant.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "9999-99-99T99:99:99.999Z", "{instant}");
    }
    assert_eq!(attempts[2].detail["reference"], "9.000001");
    let classified = &story.entries[3].detail;
    assert_eq!((&classified["task_key"], &classified["confidence"]), (&"OPS_MISC_TASK".into(), &0.9.into()));
    assert_eq!(classified["provenance"]["provider"], "local");

    let rows = database.json("SELECT listing_id FROM dispatch.effects LIMIT 1").await;
    let ids = [
        story.event_ids[0].to_string().to_uppercase(),
        story.classification_id.unwrap().to_string(),
        story.dispatch_ids[0].to_string(),
        story.delivery_ids[1].to_string(),
        story.mission_ids[1].to_string(),
        story.mission_ids[0].to_string().to_uppercase(),
        text(&rows[0], "listing_id").to_owned(),
        "1.000001".to_owned(),
        "Evs1.000001".to_owned(),
        "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        "9.000001".to_owned(),
        "EvOther".to_owned(),
        "0AF7651916CD43DD8448EB211C80319C".to_owned(),
    ];
    for id in ids {
        let found = stories.find(&id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&story), "{id}");
    }
}

#[tokio::test]
async fn a_story_begins_with_its_first_signal_and_shows_where_it_waits() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    let stories = PgStories::new(database.pool());
    let mut bot = said("bot", "", "7.000001");
    bot.disposition = dispatch_mission::signal::Disposition::Ignore("bot_message");
    replica.signals.append_all(vec![said("q", "U1", "1.000001"), bot]).await.unwrap();
    let queued = stories.find("1.000001").await.unwrap().unwrap();
    assert_eq!((queued.state.as_str(), queued.unit_id, events(&queued)), ("queued", None, vec!["signal.received"]));
    let ignored = stories.find("7.000001").await.unwrap().unwrap();
    assert_eq!((ignored.state.as_str(), events(&ignored)), ("ignored", vec!["signal.ignored"]));
    assert_eq!(ignored.entries[0].detail["ignored_reason"], "bot_message");

    replica.units.close_bursts(dispatch_routing::testing::AT_ONCE, 10).await.unwrap();
    let unit = replica.units.claim(claim_for(AGES)).await.unwrap().remove(0);
    let hold = Verdict::Hold(Hold { reason: "below_threshold".into(), expires_after: Some(Duration::ZERO) });
    replica.units.settle(vec![settlement(&unit, hold)]).await.unwrap();
    assert_eq!(stories.find("1.000001").await.unwrap().unwrap().state, "held");
    replica.units.expire_held(10).await.unwrap();
    let expired = stories.find("1.000001").await.unwrap().unwrap();
    assert_eq!((expired.state.as_str(), *events(&expired).last().unwrap()), ("expired", "unit.expired"));
}

#[tokio::test]
async fn vitals_tell_depths_and_workers() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    let vitals = PgVitals::new(database.pool());
    let empty = vitals.take().await.unwrap();
    assert_eq!(empty.brokerage, Brokerage::Ready);
    assert!(empty.pending_migrations.is_empty() && empty.workers.is_empty());
    assert_eq!(
        empty.queues.iter().map(|q| (q.stage, q.depth)).collect::<Vec<_>>(),
        [("bursts", 0), ("units", 0), ("deliveries", 0), ("breaker_open", 0), ("held", 0), ("dead_letters", 0),]
    );

    replica.queues().routed("v", vec![message("v", None), message("v", Some(0))]).await;
    replica.signals.append_all(vec![said("w", "U1", "2.000001"), said("w", "U1", "3.000001")]).await.unwrap();
    let mut edit = said("w", "U1", "4.000001");
    let change = Amendment { of: "slack:message:T1/w/1.000001".into(), change: Change::Edit };
    edit.disposition = Disposition::Amend(change);
    replica.signals.append_all(vec![edit]).await.unwrap();
    database
        .execute("UPDATE dispatch.signals SET received_at = now() - interval '90 seconds' WHERE unit_id IS NULL")
        .await;
    let registry = PgWorkerRegistry::new(database.pool());
    registry.beat("w1").await.unwrap();
    registry.beat("w1").await.unwrap();
    registry.beat("w2").await.unwrap();
    registry.leave("w2").await.unwrap();
    let signs = vitals.take().await.unwrap();
    let depth = |stage: &str| signs.queues.iter().find(|queue| queue.stage == stage).unwrap().depth;
    assert_eq!(
        (depth("bursts"), depth("units"), depth("deliveries")),
        (3, 0, 1),
        "an edit waits, too; one delivery waits for the other"
    );
    assert!(signs.queues[0].oldest_age_seconds >= 90.0);
    assert_eq!(signs.workers.len(), 1);
    assert!(signs.workers[0].age_seconds < 10.0);

    database.execute("INSERT INTO dispatch.workers VALUES ('old', now() - interval '2 hours')").await;
    registry.beat("w1").await.unwrap();
    assert_eq!(vitals.take().await.unwrap().workers.len(), 1, "the silent one is forgotten");
}

#[tokio::test]
async fn vitals_of_a_database_without_our_schema() {
    let database = TestDatabase::empty().await;
    let signs = PgVitals::new(database.pool()).take().await.unwrap();
    assert!(!signs.pending_migrations.is_empty() && signs.queues.is_empty());
    assert_eq!(signs.brokerage, Brokerage::Absent);
    database.refuse_connections(true).await;
    PgVitals::new(database.pool()).take().await.unwrap_err();
}

#[tokio::test]
async fn the_doorbell_rings_for_a_commit_and_after_a_broken_connection() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    let bell = PgDoorbell::new(database.pool());
    let soon = async || tokio::time::timeout(Duration::from_secs(20), bell.rung()).await.expect("it rings");
    soon().await;
    replica.signals.append_all(vec![said("d", "U1", "1.000001")]).await.unwrap();
    soon().await;
    let silence = tokio::time::timeout(Duration::from_millis(300), bell.rung()).await;
    assert!(silence.is_err(), "one ring for one batch");
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dispatch listener' AND datname = current_database() AND pid <> pg_backend_pid()").await;
    soon().await;
    replica.signals.append_all(vec![said("d", "U1", "2.000001")]).await.unwrap();
    soon().await;
}
