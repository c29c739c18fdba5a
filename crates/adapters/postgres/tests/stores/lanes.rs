//! Many destinations at once: replicas share what a lane allows, and who is dead, rests or hangs delays nobody else.

use async_trait::async_trait;
use dispatch_pipeline::agents::Meter;
use dispatch_pipeline::deliver::Deliver;
use dispatch_pipeline::ports::stories::Stories;
use dispatch_pipeline::ports::vitals::Vitals;
use dispatch_postgres::store::{PgDeliveryQueue, PgStories, PgVitals};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::backoff::Retries;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use dispatch_routing::delivery_queue::{Bounds, DeliveryQueue, DeliverySettlement, NextStep};
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::limits::{Limits, Rate};
use dispatch_routing::queue::ClaimRule;
use dispatch_routing::testing::{AGES, breaking, claim_for, message_to};
use futures_util::future::join_all;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::support::{Replica, number, text};

const SLACK: DestinationKind = DestinationKind::Slack;

/// `each` deliveries to each of these workspaces, all due.
async fn waiting(database: &TestDatabase, replica: &Replica, workspaces: &[String], each: u32) {
    replica.queues().routed(&workspaces[0], vec![message_to("seed", "C1")]).await;
    let names = workspaces.join("','");
    database
        .execute(&format!(
            "INSERT INTO dispatch.deliveries (delivery_id, dispatch_id, unit_id, kind, destination, content, state, lane, channel)
             SELECT gen_random_uuid(), dispatch_id, unit_id, kind, jsonb_set(destination, '{{workspace}}', to_jsonb(name)), content,
                 'pending', 'slack/' || name, channel
             FROM dispatch.deliveries, unnest(ARRAY['{names}']) AS name, generate_series(1, {each}) WHERE lane = 'slack/seed';
             DELETE FROM dispatch.deliveries WHERE lane = 'slack/seed'",
        ))
        .await;
}

fn workspaces(name: &str, many: usize) -> Vec<String> {
    (0..many).map(|n| format!("{name}{n:02}")).collect()
}

fn settlement(delivery: &ClaimedDelivery, outcome: AttemptOutcome, next: NextStep) -> DeliverySettlement {
    let (delivery_id, token) = (delivery.delivery_id, delivery.token);
    DeliverySettlement { delivery_id, token, outcome, took: Duration::from_millis(3), next }
}

fn arrived(delivery: &ClaimedDelivery) -> DeliverySettlement {
    let outcome = AttemptOutcome::Delivered { reference: None };
    settlement(delivery, outcome, NextStep::End(DeliveryState::Delivered))
}

fn timed_out(delivery: &ClaimedDelivery) -> DeliverySettlement {
    settlement(delivery, AttemptOutcome::Ambiguous { code: "timeout".into() }, NextStep::Again(AGES))
}

fn up_to(limit: u32) -> ClaimRule {
    ClaimRule { limit, ..claim_for(AGES) }
}

/// Opens the breaker before each of these.
async fn open(queue: &PgDeliveryQueue, workspaces: usize) {
    let each = Bounds { each: Some(1), ..Bounds::default() };
    let claimed = queue.claim_within(SLACK, up_to(1000), &each).await.unwrap();
    assert_eq!(claimed.len(), workspaces);
    queue.settle(claimed.iter().map(timed_out).collect()).await.unwrap();
}

#[tokio::test]
async fn replicas_share_what_a_lane_allows() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    waiting(&database, &replica, &workspaces("T", 4), 100).await;
    let rates = BTreeMap::from([("slack".to_owned(), Rate::new(0.001, 20).unwrap())]);
    let limits = Limits { rates, ..Limits::unlimited() };
    let replicas: Vec<_> = (0..4).map(|_| PgDeliveryQueue::new(database.pool()).within(limits.clone())).collect();
    let mut taken = HashMap::new();
    for _ in 0..6 {
        for claimed in join_all(replicas.iter().map(|queue| queue.claim(SLACK, up_to(7)))).await {
            for delivery in claimed.unwrap() {
                *taken.entry(delivery.destination.lane().destination).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(taken.len(), 4);
    assert!(taken.values().all(|taken| *taken == 20), "exactly what each lane allows: {taken:?}");
}

#[tokio::test]
async fn replicas_share_a_breaker_and_one_of_them_asks() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    waiting(&database, &replica, &workspaces("T", 1), 50).await;
    let replicas: Vec<_> = (0..6).map(|_| PgDeliveryQueue::new(database.pool()).within(breaking(3, 0))).collect();
    let failing = replicas[0].claim(SLACK, up_to(3)).await.unwrap();
    // Each fault is another replica's.
    let faults = failing.iter().zip(&replicas).map(|(delivery, queue)| queue.settle(vec![timed_out(delivery)]));
    assert!(join_all(faults).await.iter().all(Result::is_ok));
    for _ in 0..4 {
        let asked = join_all(replicas.iter().map(|queue| queue.claim(SLACK, up_to(10)))).await;
        let asked: Vec<_> = asked.into_iter().flat_map(Result::unwrap).collect();
        assert_eq!(asked.len(), 1, "one of six asks, with one");
        replicas[5].settle(vec![timed_out(&asked[0])]).await.unwrap();
    }
    let asked = replicas[1].claim(SLACK, up_to(10)).await.unwrap();
    replicas[2].settle(vec![arrived(&asked[0])]).await.unwrap();
    assert_eq!(replicas[3].claim(SLACK, up_to(50)).await.unwrap().len(), 50 - 3 - 4 - 1);
    assert_eq!(number(&database, "SELECT openings AS n FROM dispatch.breakers").await, 0);
}

#[tokio::test]
async fn claims_for_the_living_are_never_empty_handed() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    waiting(&database, &replica, &workspaces("dead", 10), 1_000).await;
    let queue = PgDeliveryQueue::new(database.pool()).within(breaking(1, 3600));
    open(&queue, 10).await;
    waiting(&database, &replica, &workspaces("live", 40), 20).await;
    for round in 0..20 {
        let claimed = queue.claim(SLACK, up_to(40)).await.unwrap();
        let lanes: HashMap<_, _> = claimed.iter().map(|one| (one.destination.lane().destination, ())).collect();
        assert_eq!((claimed.len(), lanes.len()), (40, 40), "round {round}: one of each");
        queue.settle(claimed.iter().map(arrived).collect()).await.unwrap();
    }
    assert!(queue.claim(SLACK, up_to(40)).await.unwrap().is_empty());
    let vitals = PgVitals::new(database.pool()).take().await.unwrap();
    let kept = vitals.queues.iter().find(|queue| queue.stage == "breaker_open").map(|queue| queue.depth);
    assert_eq!(kept, Some(10_000 - 10), "they are kept, and counted; ten wait for their next attempt");
}

/// Takes what the living get, and never answers for the others.
struct Peers(Mutex<HashMap<String, u32>>);

#[async_trait]
impl Courier for Peers {
    fn serves(&self) -> DestinationKind {
        SLACK
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        let lane = delivery.destination.lane().destination;
        *self.0.lock().unwrap().entry(lane.clone()).or_default() += 1;
        if lane.contains("dead") {
            std::future::pending::<()>().await;
        }
        AttemptOutcome::Delivered { reference: None }
    }
}

#[tokio::test]
async fn ten_thousand_to_fifty_of_which_ten_hang() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    waiting(&database, &replica, &[workspaces("dead", 10), workspaces("live", 40)].concat(), 200).await;
    let peers = Peers(Mutex::default());
    let queue = Arc::new(PgDeliveryQueue::new(database.pool()));
    let deliver = Deliver::new(queue, Retries::default(), up_to(50), Arc::new(Meter::default()));
    let stop = CancellationToken::new();
    let left = "SELECT count(*) AS n FROM dispatch.deliveries WHERE state = 'pending' AND lane LIKE 'slack/live%'";
    let living_are_served = async {
        while number(&database, left).await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        turn = deliver.send_turn(&peers, &stop) => panic!("the dead are still under way: {turn:?}"),
        () = living_are_served => {}
    }
    let seen = peers.0.into_inner().unwrap();
    let (dead, live): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(lane, _)| lane.contains("dead"));
    assert_eq!(live.len(), 40);
    assert!(live.iter().all(|(_, sends)| *sends == 200), "each once: {live:?}");
    assert!(dead.iter().all(|(_, sends)| *sends <= 16), "each has places of its own: {dead:?}");
    let kept = "SELECT count(*) AS n FROM dispatch.deliveries WHERE state = 'pending' AND lane LIKE 'slack/dead%'";
    assert_eq!(number(&database, kept).await, 2_000, "none of the others is lost");
}

#[tokio::test]
async fn a_story_says_until_when_a_delivery_is_held_and_why() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    let queue = PgDeliveryQueue::new(database.pool()).within(breaking(1, 3600));
    let stories = PgStories::new(database.pool());
    let unit = replica.queues().routed("held", vec![message_to("T9", "C1"), message_to("T9", "C1")]).await;
    let planned = async || {
        let story = stories.find(&unit.unit_id.to_string()).await.unwrap().unwrap();
        let planned = story.entries.into_iter().filter(|entry| entry.event == "delivery.planned");
        planned.map(|entry| serde_json::Value::from(entry.detail)).collect::<Vec<_>>()
    };
    assert!(planned().await.iter().all(|detail| detail.get("held_until").is_none()), "it is due");
    let first = queue.claim(SLACK, up_to(1)).await.unwrap();
    queue.settle(vec![timed_out(&first[0])]).await.unwrap();
    let held: Vec<_> = planned().await.into_iter().filter(|detail| detail.get("held_until").is_some()).collect();
    assert_eq!((held.len(), text(&held[0], "reason")), (1, "breaker_open"), "the other waits for its next attempt");
    database
        .execute(
            "DELETE FROM dispatch.breakers;
             INSERT INTO dispatch.buckets VALUES ('slack/T9', 'C1', now(), now() + interval '3 hours')",
        )
        .await;
    let held = planned().await;
    assert!(held.iter().all(|detail| text(detail, "reason") == "rate_limited"), "{held:?}");
}

#[tokio::test]
async fn what_is_past_its_deadline_ends_and_says_so() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    waiting(&database, &replica, &workspaces("T", 2), 3).await;
    database
        .execute("UPDATE dispatch.deliveries SET due_since = now() - interval '2 days' WHERE lane = 'slack/T00'")
        .await;
    let bounds = Bounds { deadline: Some(Duration::from_secs(24 * 3600)), ..Bounds::default() };
    let claimed = replica.deliveries.claim_within(SLACK, up_to(10), &bounds).await.unwrap();
    assert_eq!(claimed.len(), 3);
    assert!(claimed.iter().all(|delivery| delivery.age < Duration::from_secs(3600)));
    let ended = database.json("SELECT state, reason, attempts FROM dispatch.deliveries WHERE lane = 'slack/T00'").await;
    for row in &ended {
        assert_eq!(
            (text(row, "state"), text(row, "reason"), &row["attempts"]),
            ("exhausted", "deadline_passed", &0.into())
        );
    }
    let told = "SELECT count(*) AS n FROM dispatch.timeline WHERE event = 'delivery.ended' AND detail ->> 'reason' = 'deadline_passed'";
    assert_eq!(number(&database, told).await, 3);
}
