//! Tables that a person may name: one activity on a listing that is there, and the record of Slack messages.

use dispatch_classification::classification::Meaning;
use dispatch_classification::taxonomy::TaskKey;
use dispatch_mission::zone::Zone;
use dispatch_postgres::store::seed;
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::destination::StorageTable;
use dispatch_routing::policy::{Choice, Policy, Wanted};
use dispatch_routing::queue::Settled;
use dispatch_routing::testing::{AGES, message, settlement};
use dispatch_routing::unit::ClaimedUnit;
use dispatch_routing::unit_queue::UnitQueue;
use serde_json::Value;

use crate::support::{Replica, number, text};

struct Desk {
    database: TestDatabase,
    replica: Replica,
}

impl Desk {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        seed::brokerage(&mut database.connect().await).await.unwrap();
        let replica = Replica::of(&database);
        Self { database, replica }
    }

    /// A message in `channel` about this address, sent to these tables, and a receipt after the first of them.
    async fn sends(&self, channel: &str, address: &str, tables: &[StorageTable]) -> ClaimedUnit {
        let unit = self.replica.queues().claimed(channel, AGES).await;
        let mut row = settlement(&unit, dispatch_routing::plan::Verdict::Nothing);
        let meaning = &mut row.classified.classification;
        meaning.listing.address = Some(address.to_owned());
        meaning.meaning = Meaning::Stray(TaskKey::SaleActiveTasks);
        let destinations = Some(tables.iter().map(|table| Wanted::Storage(*table)).collect());
        let choice = Choice { destinations, ..Choice::default() };
        let decision = Policy::default().confirm(&unit, meaning, &Zone::toronto(), "user:ann", &choice).unwrap();
        row.decision = decision;
        if let dispatch_routing::plan::Verdict::Dispatch(plan) = &mut row.decision.verdict {
            plan.push(message(channel, Some(0)));
        }
        assert_eq!(self.replica.units.settle(vec![row]).await.unwrap(), [Settled::Stood]);
        unit
    }

    async fn deliveries(&self, unit: &ClaimedUnit) -> Vec<Value> {
        let query = format!(
            "SELECT kind, state, reason FROM dispatch.deliveries WHERE unit_id = '{}' ORDER BY created_at, delivery_id",
            unit.unit_id
        );
        self.database.json(&query).await
    }
}

#[tokio::test]
async fn an_activity_goes_on_the_listing_at_its_address() {
    let desk = Desk::new().await;
    let unit = desk.sends("c", "9041 Carlaw", &[StorageTable::DispatchActivities]).await;
    let rows = desk.database.json("SELECT * FROM dispatch_activities").await;
    assert_eq!(rows.len(), 1);
    assert_eq!((text(&rows[0], "listing_id"), text(&rows[0], "name")), ("listing-carlaw", "Book the photographer"));
    assert_eq!((text(&rows[0], "mission_type"), text(&rows[0], "visibility_group")), ("MARKETING", "BOTH"));
    assert_eq!(text(&rows[0], "description"), "Please book the photographer");
    let fact = &desk.database.json("SELECT * FROM dispatch.mission_facts").await[0];
    assert_eq!((text(fact, "kind"), text(fact, "task_key")), ("activity", "SALE_ACTIVE_TASKS"));
    assert!(desk.deliveries(&unit).await.iter().all(|one| text(one, "state") != "cancelled"));
    // Nothing is made for a listing that nobody declared, or that is finished.
    for (channel, address) in [("u", "1 Nowhere St"), ("f", "7715 Logan Avenue")] {
        let unit = desk.sends(channel, address, &[StorageTable::DispatchActivities]).await;
        let ended = desk.deliveries(&unit).await;
        assert_eq!((text(&ended[0], "state"), text(&ended[0], "reason")), ("failed", "listing_unknown"));
        assert_eq!(text(&ended[1], "state"), "cancelled", "and nobody is told otherwise");
    }
    assert_eq!(number(&desk.database, "SELECT count(*) AS n FROM dispatch_activities").await, 1);
}

#[tokio::test]
async fn messages_are_recorded_once_with_what_was_made_of_them() {
    let desk = Desk::new().await;
    let both = [StorageTable::Messages, StorageTable::DispatchAgentTasks];
    let unit = desk.sends("c", "9041 Carlaw", &both).await;
    let kept = desk.database.json("SELECT * FROM slack_messages").await;
    assert_eq!(kept.len(), 1);
    let (row, task) = (&kept[0], &desk.database.json("SELECT * FROM dispatch_agent_tasks").await[0]);
    assert_eq!((text(row, "slack_ts"), text(row, "slack_channel_id")), ("1.000001", "c"));
    assert_eq!((text(row, "slack_user_id"), text(row, "message_text")), ("U1", "Please book the photographer"));
    assert_eq!((text(row, "message_type"), text(row, "task_key")), ("STRAY", "SALE_ACTIVE_TASKS"));
    assert_eq!((&row["created_task_id"], text(row, "created_task_type")), (&task["mission_id"], "stray_task"));
    assert_eq!((text(row, "processing_status"), &row["confidence"]), ("processed", &0.9.into()));
    assert_eq!(row["classification"]["listing"]["address"], "9041 Carlaw");
    assert_eq!(text(row, "message_id"), unit.members[0].signal_id.to_string());
    // The old backend was quicker with this one.
    desk.database
        .execute(
            "INSERT INTO slack_messages (message_id, slack_user_id, slack_channel_id, slack_ts, message_text)
             VALUES ('theirs', 'U1', 'd', '2.000001', 'theirs'); UPDATE slack_messages SET slack_ts = '3.000001'
             WHERE message_id <> 'theirs'; UPDATE slack_messages SET slack_ts = '1.000001' WHERE message_id = 'theirs'",
        )
        .await;
    let unit = desk.sends("d", "9041 Carlaw", &[StorageTable::Messages]).await;
    assert_eq!(text(&desk.deliveries(&unit).await[0], "state"), "delivered");
    let theirs = "SELECT count(*) AS n FROM slack_messages WHERE message_id = 'theirs' AND message_text = 'theirs'";
    assert_eq!(number(&desk.database, theirs).await, 1);
    assert_eq!(number(&desk.database, "SELECT count(*) AS n FROM slack_messages").await, 2);
}

#[tokio::test]
async fn where_no_record_is_kept_the_delivery_says_so() {
    let desk = Desk::new().await;
    desk.database.execute("DROP TABLE slack_messages").await;
    let both = [StorageTable::DispatchAgentTasks, StorageTable::Messages];
    let unit = desk.sends("c", "9041 Carlaw", &both).await;
    let ended = desk.deliveries(&unit).await;
    assert_eq!(text(&ended[0], "state"), "delivered", "the task is not kept waiting");
    assert_eq!((text(&ended[1], "state"), text(&ended[1], "reason")), ("failed", "messages_table_missing"));
}
