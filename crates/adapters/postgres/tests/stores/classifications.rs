//! Kept classifications: the port's contract, and those of units beside them.

use dispatch_mission::ids::ClassificationId;
use dispatch_pipeline::ports::classifications::ClassificationStore;
use dispatch_pipeline::testing::classifications_contract;
use dispatch_postgres::store::PgClassifications;
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::plan::{Hold, Verdict};
use dispatch_routing::testing::{AGES, agent_task, settlement};
use dispatch_routing::unit_queue::UnitQueue;

use crate::support::Replica;

#[tokio::test]
async fn classifications() {
    let database = TestDatabase::new().await;
    classifications_contract(&PgClassifications::new(database.pool())).await;
}

#[tokio::test]
async fn a_units_meaning_is_found_with_the_decision_that_was_made() {
    let database = TestDatabase::new().await;
    let (replica, store) = (Replica::of(&database), PgClassifications::new(database.pool()));
    let held = Verdict::Hold(Hold { reason: "below_threshold".into(), expires_after: None });
    for (channel, verdict) in
        [("routed", Verdict::Dispatch(vec![agent_task()])), ("held", held), ("ignored", Verdict::Nothing)]
    {
        let unit = replica.queues().claimed(channel, AGES).await;
        let settled = settlement(&unit, verdict);
        replica.units.settle(vec![settled.clone()]).await.unwrap();
        let found = store.find(settled.classification_id).await.unwrap().expect("there");
        assert_eq!(found.classified, settled.classified, "{channel}");
        assert_eq!((found.unit_id, found.principal), (Some(unit.unit_id), None));
        let preview = found.preview.expect("a decision was made");
        assert_eq!((preview.routing, preview.rule), (settled.decision.routing, settled.decision.rule), "{channel}");
    }
    assert_eq!(store.find(ClassificationId::mint()).await.unwrap(), None);
}
