//! What docs/OPERATIONS.md tells people to ask the database: it must run on the tables as they are.

use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::plan::{Hold, Verdict};
use dispatch_routing::testing::{AGES, settlement};
use dispatch_routing::unit_queue::UnitQueue;
use std::path::Path;

use crate::support::{Replica, text};

/// The SQL of a page, block by block.
fn blocks(page: &str) -> Vec<&str> {
    let opened = page.split("```sql").skip(1);
    opened.map(|rest| rest.split_once("```").expect("a block that ends").0.trim()).collect()
}

fn operations() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/OPERATIONS.md");
    std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

#[tokio::test]
async fn every_statement_of_the_page_runs() {
    let database = TestDatabase::new().await;
    let page = operations();
    assert!(!blocks(&page).is_empty(), "the page has no SQL any more, and this test nothing to hold");
    for block in blocks(&page) {
        database.execute(block).await;
    }
}

#[tokio::test]
async fn what_is_held_is_listed_with_its_words() {
    let database = TestDatabase::new().await;
    let page = operations();
    let list = blocks(&page).into_iter().find(|block| block.contains("u.state = 'held'")).expect("the list");
    let list = list.trim_end_matches(';');
    let replica = Replica::of(&database);
    let unit = replica.queues().claimed("hold", AGES).await;
    assert!(database.json(list).await.is_empty());
    let hold = Verdict::Hold(Hold { reason: "below_threshold".into(), expires_after: None });
    replica.units.settle(vec![settlement(&unit, hold)]).await.unwrap();
    let rows = database.json(list).await;
    assert_eq!(rows.len(), 1);
    let told = ["unit_id", "reason", "text"].map(|column| text(&rows[0], column));
    assert_eq!(told, [unit.unit_id.to_string().as_str(), "below_threshold", unit.members[0].text.as_str()]);
}
