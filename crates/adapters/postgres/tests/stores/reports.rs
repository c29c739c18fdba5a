//! What providers report after taking a message: the port's contract, and what the story says of it.

use async_trait::async_trait;
use dispatch_mission::ids::DeliveryId;
use dispatch_pipeline::ports::stories::Stories;
use dispatch_postgres::store::{PgDeliveryReports, PgStories};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::delivery::{AttemptOutcome, DeliveryState};
use dispatch_routing::delivery_queue::{DeliveryQueue, DeliverySettlement, NextStep};
use dispatch_routing::delivery_reports::{DeliveryReport, DeliveryReports, ReportedStatus};
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::queue::QueueError;
use dispatch_routing::testing::{AGES, SeenDeliveries, claim_for, delivery_reports_contract, message};
use futures_util::future::join_all;
use std::time::Duration;

use crate::support::{Replica, number, text};

struct Seen(TestDatabase);

#[async_trait]
impl SeenDeliveries for Seen {
    async fn state_of(&self, delivery: DeliveryId) -> (DeliveryState, Option<String>) {
        let query = format!("SELECT state, reason FROM dispatch.deliveries WHERE delivery_id = '{delivery}'");
        let rows = self.0.json(&query).await;
        let state = DeliveryState::parse(text(&rows[0], "state")).unwrap();
        (state, rows[0]["reason"].as_str().map(str::to_owned))
    }
}

#[tokio::test]
async fn contract() {
    let seen = Seen(TestDatabase::new().await);
    let replica = Replica::of(&seen.0);
    delivery_reports_contract(replica.queues(), &PgDeliveryReports::new(seen.0.pool()), &seen).await;
}

fn report(reference: &str, status: ReportedStatus, error_code: Option<&str>) -> DeliveryReport {
    let error_code = error_code.map(str::to_owned);
    DeliveryReport { reference: reference.into(), delivery_id: None, status, error_code }
}

/// One message that arrived under `reference`.
async fn delivered(replica: &Replica, reference: &str) {
    replica.queues().routed(reference, vec![message(reference, None)]).await;
    let claimed = replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap().remove(0);
    let settlement = DeliverySettlement {
        delivery_id: claimed.delivery_id,
        token: claimed.token,
        outcome: AttemptOutcome::Delivered { reference: Some(reference.into()) },
        took: Duration::from_millis(80),
        next: NextStep::End(DeliveryState::Delivered),
    };
    replica.deliveries.settle(vec![settlement]).await.unwrap();
}

#[tokio::test]
async fn a_report_stands_in_the_story_which_is_found_by_the_providers_name() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    delivered(&replica, "SM1").await;
    let reports = PgDeliveryReports::new(database.pool());
    reports.record(report("SM1", ReportedStatus::Sent, None)).await.unwrap();
    reports.record(report("SM1", ReportedStatus::Undelivered, Some("30003"))).await.unwrap();
    reports.record(report("SM1", ReportedStatus::Sending, None)).await.unwrap();

    let story = PgStories::new(database.pool()).find("SM1").await.unwrap().unwrap();
    let told: Vec<_> = story.entries.iter().filter(|entry| entry.event == "delivery.reported").collect();
    assert_eq!(told.len(), 2, "what is no news is not told");
    assert_eq!((&told[0].detail["status"], told[0].detail.get("state")), (&"sent".into(), None));
    let last = &told[1].detail;
    assert_eq!((&last["error_code"], &last["state"]), (&"30003".into(), &"failed".into()));
    assert_eq!(story.state, "dead", "a receipt that did not arrive is somebody's to look at");
}

#[tokio::test]
async fn the_last_word_is_the_same_in_whatever_order_they_come_at_once() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    delivered(&replica, "SM2").await;
    let reports = PgDeliveryReports::new(database.pool());
    let all = ReportedStatus::ALL.into_iter().filter(|status| {
        // One end, for of two the first counts.
        !matches!(status, ReportedStatus::Undelivered | ReportedStatus::Failed)
    });
    let at_once = all.flat_map(|status| [status; 3]).map(|status| reports.record(report("SM2", status, None)));
    for recorded in join_all(at_once).await {
        recorded.unwrap();
    }
    let rows = database.json("SELECT status FROM dispatch.delivery_reports").await;
    assert_eq!((rows.len(), text(&rows[0], "status")), (1, "read"));
    let delivered = "SELECT count(*) AS n FROM dispatch.deliveries WHERE state = 'delivered'";
    assert_eq!(number(&database, delivered).await, 1);
}

#[tokio::test]
async fn a_report_that_cannot_be_stored_is_refused() {
    let database = TestDatabase::new().await;
    let refused = PgDeliveryReports::new(database.pool()).record(report("S\0M", ReportedStatus::Sent, None)).await;
    assert!(matches!(refused, Err(QueueError::Rejected(_))), "{refused:?}");
}
