//! Who decides about a unit takes it first and then its deliveries. Whoever works on a delivery takes them in the same order, so
//! that the two never wait for each other: a deadlock would end one of them with an error, and who asked would be told to come again.

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use dispatch_classification::classification::TaskTitle;
use dispatch_mission::mission::MissionType;
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::answer::{AgentAnswer, AnsweredMission};
use dispatch_routing::delivery::{AttemptOutcome, DeliveryState};
use dispatch_routing::delivery_queue::{DeliveryQueue, DeliverySettlement, NextStep};
use dispatch_routing::destination::{AgentDestination, Destination, DestinationKind};
use dispatch_routing::queue::Settled;
use dispatch_routing::testing::{AGES, claim_for, message};
use std::time::Duration;

use crate::support::{Replica, number, task};

const WAITS: &str = "
SELECT count(*) AS n FROM pg_locks AS l JOIN pg_database AS d ON d.oid = (
    SELECT datid FROM pg_stat_activity AS a WHERE a.pid = l.pid)
WHERE NOT l.granted AND d.datname = current_database()";

/// A brokerage in which no task may be without a realtor, and where there is none: every unit comes to wait for a person.
async fn nobodys() -> (TestDatabase, Replica) {
    let database = TestDatabase::new().await;
    database.execute("ALTER TABLE public.dispatch_agent_tasks ALTER COLUMN realtor_id SET NOT NULL").await;
    let replica = Replica::of(&database);
    (database, replica)
}

/// Somebody who decides about `unit`: he has the unit, and will want its deliveries.
async fn decider(database: &TestDatabase, unit: &str) -> AsyncPgConnection {
    let mut connection = database.connect().await;
    let lock = format!("BEGIN; SELECT FROM dispatch.units WHERE unit_id = '{unit}' FOR UPDATE");
    connection.batch_execute(&lock).await.unwrap();
    connection
}

async fn someone_waits(database: &TestDatabase) {
    while number(database, WAITS).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// He takes them, and is done.
async fn decides(mut decider: AsyncPgConnection, unit: &str) {
    let take = format!(
        "UPDATE dispatch.deliveries SET state = 'cancelled', claim_token = NULL, settled_at = now()
         WHERE unit_id = '{unit}' AND state = 'pending'; COMMIT"
    );
    decider.batch_execute(&take).await.expect("nobody holds what he wants");
}

#[tokio::test]
async fn what_is_stored_while_somebody_decides_waits_for_nothing_that_he_needs() {
    let (database, replica) = nobodys().await;
    let unit = replica.queues().routed("C1", vec![task(|_| {}), message("then", Some(0))]).await;
    database
        .execute(
            "UPDATE dispatch.units SET state = 'routed', reason = NULL;
             UPDATE dispatch.deliveries SET state = 'pending', reason = NULL, next_attempt_at = now() WHERE kind = 'storage'",
        )
        .await;
    let claimed = replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    let unit = unit.unit_id.to_string();
    let decider = decider(&database, &unit).await;
    let (stored, ()) = tokio::join!(replica.deliveries.store(&claimed[0]), async {
        someone_waits(&database).await;
        decides(decider, &unit).await;
    });
    assert_eq!(stored.unwrap().settled, Settled::Lost, "he was first");
}

#[tokio::test]
async fn an_agents_answer_while_somebody_decides_waits_for_nothing_that_he_needs() {
    let (database, replica) = nobodys().await;
    let mut asks = message("asks", None);
    asks.destination = Destination::Agent(AgentDestination { target: "photos".into() });
    let unit = replica.queues().routed("C1", vec![asks]).await;
    let claimed = replica.deliveries.claim(DestinationKind::Agent, claim_for(AGES)).await.unwrap();
    let mission = AnsweredMission {
        title: TaskTitle::from_text("Open the house").unwrap(),
        description: "At nine".into(),
        mission_type: MissionType::Admin,
        address: None,
        due_at: None,
    };
    let answer = AgentAnswer { missions: vec![mission], ..AgentAnswer::default() };
    let settlement = DeliverySettlement {
        delivery_id: claimed[0].delivery_id,
        token: claimed[0].token,
        outcome: AttemptOutcome::Answered { answer: Ok(Box::new(answer)) },
        took: Duration::from_millis(3),
        next: NextStep::End(DeliveryState::Delivered),
    };
    let unit = unit.unit_id.to_string();
    let decider = decider(&database, &unit).await;
    let (settled, ()) = tokio::join!(replica.deliveries.settle(vec![settlement]), async {
        someone_waits(&database).await;
        decides(decider, &unit).await;
    });
    assert_eq!(settled.unwrap(), [Settled::Lost], "he was first");
}
