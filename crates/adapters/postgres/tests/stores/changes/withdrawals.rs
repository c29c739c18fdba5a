//! What is not wanted any more: another kind of work, chatter, deletions.

use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::destination::DestinationKind;

use super::*;

const OURS: &str = "listings WHERE listing_id NOT LIKE 'listing-%'";

#[tokio::test]
async fn another_kind_of_work_takes_the_old_one_back_and_may_bring_it_again() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "task")]).await;
    world.turn(STRAY).await;
    world.hears([edit("c", 0, "listing", 1)]).await;
    world.turn(GROUP).await;
    let task = world.task().await;
    assert_eq!((text(&task, "mission_status"), text(&task, "standing")), ("CANCELLED", "closed"));
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NULL")).await, 1);
    let activities = world.count("dispatch_activities WHERE mission_status = 'OPEN'").await;
    assert!(activities > 0);
    assert_eq!(world.count("dispatch.deliveries WHERE kind = 'slack' AND reason = 'superseded'").await, 1);

    world.hears([edit("c", 0, "task again", 2)]).await;
    world.turn(STRAY).await;
    let again = world.task().await;
    assert_eq!(again["mission_id"], task["mission_id"], "the same one");
    assert_eq!((text(&again, "mission_status"), text(&again, "standing")), ("OPEN", "open"));
    assert_eq!(text(&again, "description"), "task again");
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NOT NULL")).await, 1);
    assert_eq!(world.count("dispatch_activities WHERE mission_status = 'CANCELLED'").await, activities);

    world.hears([edit("c", 0, "listing again", 3)]).await;
    world.turn(GROUP).await;
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NULL")).await, 1, "the same listing");
    assert_eq!(world.count(OURS).await, 1);
    assert_eq!(world.count("dispatch_activities WHERE mission_status = 'OPEN'").await, activities);
    assert_eq!(world.count("dispatch_activities").await, activities);
}

#[tokio::test]
async fn chatter_takes_everything_back_but_not_what_a_person_put_away() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "task"), says("d", "U1", 0, "put away")]).await;
    world.close().await;
    for unit in world.claim().await {
        world.settle(&unit, STRAY).await;
    }
    world.database.execute("UPDATE dispatch_agent_tasks SET deleted_at = now() WHERE description = 'put away'").await;
    world.hears([edit("c", 0, "never mind", 1), edit("d", 0, "never mind", 1)]).await;
    world.amend().await;
    for unit in world.claim().await {
        world.settle(&unit, CHATTER).await;
    }
    assert_eq!(world.count("dispatch_agent_tasks WHERE mission_status = 'CANCELLED'").await, 1);
    // Who put it away meant it.
    world.hears([edit("c", 0, "do it", 2), edit("d", 0, "do it", 2)]).await;
    world.amend().await;
    for unit in world.claim().await {
        world.settle(&unit, STRAY).await;
    }
    assert_eq!(world.count("dispatch_agent_tasks WHERE mission_status = 'OPEN' AND deleted_at IS NULL").await, 1);
    assert_eq!(world.count("dispatch_agent_tasks").await, 2);
}

#[tokio::test]
async fn a_deleted_message_takes_its_mission_and_its_receipt_with_it() {
    let world = World::new().await;
    for (channel, meaning) in [("task", STRAY), ("listing", GROUP)] {
        world.hears([says(channel, "U1", 0, "please")]).await;
        let unit = world.turn(meaning).await;
        world.hears([deletion(channel, 0, 5)]).await;
        assert_eq!(world.amend().await, 1);
        assert_eq!(world.unit_state(&unit).await, "ignored");
        let story = world.story(&unit.unit_id.to_string()).await;
        for event in ["signal.deleted", "unit.deleted", "delivery.cancelled"] {
            assert_eq!(times(&story, event), 1, "{event}");
        }
        assert_eq!(times(&story, "signal.ignored"), 0, "it was received like any other");
    }
    assert_eq!(world.count("dispatch_agent_tasks WHERE mission_status <> 'CANCELLED'").await, 0);
    assert_eq!(world.count("dispatch_activities WHERE mission_status <> 'CANCELLED'").await, 0);
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NULL")).await, 0);
    assert_eq!(world.count("dispatch.mission_facts WHERE standing <> 'closed'").await, 0);
    let sends = world.replica.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.unwrap();
    assert_eq!(sends.len(), 0, "nothing is said about it any more");
    assert_eq!(world.claim().await.len(), 0);
}

#[tokio::test]
async fn a_deletion_leaves_what_somebody_took() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "listing")]).await;
    let unit = world.turn(GROUP).await;
    let take = "UPDATE dispatch_activities SET mission_status = 'IN_PROGRESS', claimed_at = now()
        WHERE priority = (SELECT max(priority) FROM dispatch_activities)";
    world.database.execute(take).await;
    world.hears([deletion("c", 0, 5)]).await;
    assert_eq!(world.amend().await, 1);
    assert_eq!(world.count("dispatch_activities WHERE mission_status = 'CANCELLED'").await, 0);
    assert_eq!(world.count(&format!("{OURS} AND deleted_at IS NULL")).await, 1);
    assert_eq!(world.unit_state(&unit).await, "routed");
    let story = world.story(&unit.unit_id.to_string()).await;
    let told = story.entries.iter().find(|entry| entry.event == "signal.deleted").unwrap();
    assert_eq!(told.detail["left"], "taken");
    assert_eq!(world.claim().await.len(), 0, "there is nothing to understand");
}

#[tokio::test]
async fn a_deletion_waits_for_a_table_that_somebody_has_locked() {
    use diesel_async::SimpleAsyncConnection as _;
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "task")]).await;
    let unit = world.turn(STRAY).await;
    let mut other = world.database.connect().await;
    other.batch_execute("BEGIN; LOCK TABLE dispatch_agent_tasks").await.unwrap();
    world.hears([deletion("c", 0, 5)]).await;
    assert_eq!(world.amend().await, 0);
    assert_eq!(world.unit_state(&unit).await, "routed", "whole or not at all");
    assert_eq!(world.count("dispatch.signals WHERE ignored_reason = 'deleted'").await, 0);
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(world.look_again().await, 1);
    assert_eq!(text(&world.task().await, "mission_status"), "CANCELLED");
}

#[tokio::test]
async fn one_deleted_message_of_several_revises_the_rest() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "Book the car"), says("c", "U1", 1, "and the cat")]).await;
    world.turn(STRAY).await;
    world.hears([deletion("c", 1, 5)]).await;
    let unit = world.turn(STRAY).await;
    assert_eq!((unit.members.len(), unit.revision.unwrap().number), (1, 1));
    assert_eq!(text(&world.task().await, "description"), "Book the car");
    world.hears([edit("c", 0, "Book the bus", 8), deletion("c", 0, 9)]).await;
    assert_eq!(world.amend().await, 2, "both at once");
    assert_eq!(text(&world.task().await, "mission_status"), "CANCELLED");
    assert_eq!(world.claim().await.len(), 0);
}

#[tokio::test]
async fn what_was_not_stored_yet_is_stored_once_as_it_is_said_now() {
    let world = World::new().await;
    world.database.execute("ALTER TABLE dispatch_agent_tasks RENAME TO elsewhere").await;
    world.hears([says("c", "U1", 0, "old")]).await;
    let unit = world.turn(STRAY).await;
    let storage = "dispatch.deliveries WHERE kind = 'storage' AND state";
    assert_eq!(world.count(&format!("{storage} = 'held'")).await, 1);
    world.hears([edit("c", 0, "new", 5)]).await;
    world.amend().await;
    assert_eq!(world.count(&format!("{storage} = 'cancelled' AND reason = 'superseded'")).await, 1);
    assert_eq!(world.count("dispatch.deliveries WHERE kind = 'slack' AND reason = 'superseded'").await, 1);
    world.database.execute("ALTER TABLE elsewhere RENAME TO dispatch_agent_tasks").await;
    assert_eq!(world.replica.deliveries.release_held(10).await.unwrap(), 0, "nothing old comes back");
    let again = world.turn(STRAY).await;
    assert_eq!((again.unit_id, again.revision.unwrap().made), (unit.unit_id, Vec::new()));
    assert_eq!(text(&world.task().await, "description"), "new");
    assert_eq!(world.count("dispatch.deliveries WHERE kind = 'slack' AND state = 'pending'").await, 1, "one receipt");
}
