//! What several tests need: the stores of one database, and work to store.

use dispatch_classification::taxonomy::{GroupKey, ListingType};
use dispatch_mission::mission::{MissionType, Visibility};
use dispatch_postgres::store::{PgDeliveryQueue, PgSignalLog, PgUnitQueue};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::destination::{Destination, StorageDestination, StorageTable};
use dispatch_routing::plan::{Content, PlannedDelivery};
use dispatch_routing::storage::{ActivityTemplate, ListingWork, StorageItem, StorageWork};
use dispatch_routing::testing::{Queues, agent_task};
use serde_json::Value;

/// The queues of one database, as one replica holds them.
pub struct Replica {
    pub signals: PgSignalLog,
    pub units: PgUnitQueue,
    pub deliveries: PgDeliveryQueue,
}

impl Replica {
    pub fn of(database: &TestDatabase) -> Self {
        let pool = database.pool();
        Self {
            signals: PgSignalLog::new(pool.clone()),
            units: PgUnitQueue::new(pool.clone()),
            deliveries: PgDeliveryQueue::new(pool),
        }
    }

    pub fn queues(&self) -> Queues<'_> {
        Queues { signals: &self.signals, units: &self.units, deliveries: &self.deliveries }
    }
}

/// The single number that `query` answers as `n`.
pub async fn number(database: &TestDatabase, query: &str) -> i64 {
    database.json(query).await[0]["n"].as_i64().unwrap()
}

/// An agent task with changes.
pub fn task(change: impl FnOnce(&mut StorageWork)) -> PlannedDelivery {
    let mut planned = agent_task();
    if let Content::Storage(work) = &mut planned.content {
        change(work);
    }
    planned
}

/// A listing with two activities.
pub fn listing(address: Option<&str>) -> PlannedDelivery {
    let activity =
        |name: &str, mission_type, visibility| ActivityTemplate { name: name.to_owned(), mission_type, visibility };
    let mut planned = task(|work| {
        work.item = StorageItem::Listing(ListingWork {
            group_key: GroupKey::SaleListing,
            listing_type: Some(ListingType::Sale),
            address: address.map(str::to_owned),
            notes: "New listing at Main".to_owned(),
            due_at: None,
            activities: vec![
                activity("Take listing photos", MissionType::Marketing, Visibility::Both),
                activity("Create MLS listing", MissionType::Admin, Visibility::Agent),
            ],
            receipt_updated: Some("Added to it".to_owned()),
        });
    });
    planned.destination = Destination::Storage(StorageDestination { table: StorageTable::Listings });
    planned
}

/// A member of a JSON row as text.
pub fn text<'a>(row: &'a Value, member: &str) -> &'a str {
    row[member].as_str().unwrap_or_default()
}
