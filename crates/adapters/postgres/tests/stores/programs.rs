//! Programs: what an agent answers is routed on once; one that says 410 is left alone until somebody switches it on.

use dispatch_classification::classification::TaskTitle;
use dispatch_mission::mission::MissionType;
use dispatch_mission::signal::Recipient;
use dispatch_pipeline::ports::switches::EndpointSwitches;
use dispatch_postgres::store::{PgEndpointSwitches, seed};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::answer::{AgentAnswer, AnsweredMission};
use dispatch_routing::backoff::RetrySchedule;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::delivery_queue::{DeliveryQueue, DeliverySettlement};
use dispatch_routing::destination::{AgentDestination, Destination, DestinationKind, WebhookDestination};
use dispatch_routing::plan::{Content, PlannedDelivery};
use dispatch_routing::queue::Settled;
use dispatch_routing::testing::{AGES, claim_for};
use dispatch_routing::testing_courier::event_of;
use std::collections::HashMap;
use std::time::Duration;

use crate::support::{Replica, number};

fn told(destination: Destination) -> PlannedDelivery {
    PlannedDelivery { destination, content: Content::Event(Box::new(event_of("x"))), after: None, quota: None }
}

fn agent() -> PlannedDelivery {
    told(Destination::Agent(AgentDestination { target: "photos".into() }))
}

fn webhook() -> PlannedDelivery {
    told(Destination::Webhook(WebhookDestination { target: "crm".into() }))
}

async fn claimed(replica: &Replica, kind: DestinationKind) -> ClaimedDelivery {
    replica.deliveries.claim(kind, claim_for(AGES)).await.unwrap().remove(0)
}

fn settled(claimed: &ClaimedDelivery, outcome: AttemptOutcome) -> DeliverySettlement {
    let next = RetrySchedule::default().after(claimed.attempts, &outcome, 0.5);
    let (delivery_id, token, took) = (claimed.delivery_id, claimed.token, Duration::from_millis(80));
    DeliverySettlement { delivery_id, token, outcome, took, next }
}

fn answer() -> AttemptOutcome {
    let mission = |title: &str| AnsweredMission {
        title: TaskTitle::from_text(title).unwrap(),
        description: "At nine".into(),
        mission_type: MissionType::Marketing,
        address: None,
        due_at: None,
    };
    let answer = AgentAnswer {
        messages: vec!["Booked".into()],
        missions: vec![mission("Open up"), mission("Lock up")],
        agents: Vec::new(),
    };
    AttemptOutcome::Answered { answer: Ok(Box::new(answer)) }
}

async fn count(database: &TestDatabase, what: &str) -> i64 {
    number(database, &format!("SELECT count(*) AS n FROM {what}")).await
}

#[tokio::test]
async fn an_answer_is_routed_on_once_whatever_comes_back() {
    let database = TestDatabase::new().await;
    seed::brokerage(&mut database.connect().await).await.unwrap();
    let replica = Replica::of(&database);
    replica.queues().routed("c", vec![agent()]).await;
    let first = claimed(&replica, DestinationKind::Agent).await;
    let twice = vec![settled(&first, answer()), settled(&first, answer())];
    assert_eq!(replica.deliveries.settle(twice).await.unwrap(), [Settled::Stood, Settled::Lost]);
    assert_eq!(count(&database, "dispatch_agent_tasks WHERE mission_type = 'MARKETING'").await, 2);
    assert_eq!(count(&database, "dispatch.dispatches WHERE rule = 'agent_answer' AND answer_of IS NOT NULL").await, 1);
    assert_eq!(count(&database, "dispatch.deliveries WHERE kind = 'slack'").await, 1);
    assert_eq!(count(&database, "dispatch.timeline WHERE event = 'agent.answered'").await, 1);

    // Somebody has it sent once more, and the agent says the same.
    database
        .execute("UPDATE dispatch.deliveries SET state = 'pending', next_attempt_at = now() WHERE kind = 'agent'")
        .await;
    let again = claimed(&replica, DestinationKind::Agent).await;
    assert_eq!(replica.deliveries.settle(vec![settled(&again, answer())]).await.unwrap(), [Settled::Stood]);
    assert_eq!(count(&database, "dispatch.dispatches WHERE answer_of IS NOT NULL").await, 1);
    assert_eq!(count(&database, "dispatch_agent_tasks").await, 2);
}

#[tokio::test]
async fn whose_claim_is_lost_routes_nothing_on() {
    let database = TestDatabase::new().await;
    let replica = Replica::of(&database);
    replica.queues().routed("c", vec![agent()]).await;
    let slow = replica.deliveries.claim(DestinationKind::Agent, claim_for(Duration::ZERO)).await.unwrap().remove(0);
    claimed(&replica, DestinationKind::Agent).await;
    assert_eq!(replica.deliveries.settle(vec![settled(&slow, answer())]).await.unwrap(), [Settled::Lost]);
    assert_eq!(count(&database, "dispatch.dispatches").await, 1);
}

#[tokio::test]
async fn one_that_says_410_waits_until_it_is_switched_on() {
    let database = TestDatabase::new().await;
    let (replica, switches) = (Replica::of(&database), PgEndpointSwitches::new(database.pool()));
    let crm = Recipient::webhook("crm");
    for channel in ["a", "b"] {
        replica.queues().routed(channel, vec![webhook()]).await;
        let delivery = claimed(&replica, DestinationKind::Webhook).await;
        replica.deliveries.settle(vec![settled(&delivery, AttemptOutcome::Disabled)]).await.unwrap();
    }
    let refusals = replica.deliveries.refusals(&[Recipient::agent("crm"), crm.clone()]).await.unwrap();
    let off = HashMap::from([(crm.clone(), "endpoint_disabled".to_owned())]);
    assert_eq!(refusals, off, "an agent of the same name is on");
    assert_eq!(count(&database, "dispatch.timeline WHERE event = 'endpoint.disabled'").await, 1, "news once");
    let off = switches.off().await.unwrap();
    assert_eq!(off.iter().map(|one| (&one.recipient, one.waiting)).collect::<Vec<_>>(), [(&crm, 2)]);
    assert_eq!(replica.deliveries.release_held(10).await.unwrap(), 0);

    assert!(!switches.switch_on(&Recipient::agent("crm"), "cli:ann").await.unwrap());
    assert!(switches.switch_on(&crm, "cli:ann").await.unwrap());
    assert!(!switches.switch_on(&crm, "cli:ann").await.unwrap(), "it is on");
    assert!(switches.off().await.unwrap().is_empty());
    assert_eq!(
        count(&database, "dispatch.timeline WHERE event = 'endpoint.enabled' AND detail ->> 'by' = 'cli:ann'").await,
        1
    );
    assert_eq!(replica.deliveries.release_held(10).await.unwrap(), 2);
    let delivery = claimed(&replica, DestinationKind::Webhook).await;
    assert_eq!(delivery.attempts, 1, "it begins anew");
    assert!(replica.deliveries.refusals(&[crm]).await.unwrap().is_empty());
}
