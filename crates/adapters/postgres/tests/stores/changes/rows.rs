//! What revisions make of the brokerage's rows.

use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::destination::{DestinationKind, StorageTable};
use dispatch_routing::unit_queue::UnitQueue;

use super::*;

#[tokio::test]
async fn an_edit_changes_the_mission_instead_of_making_another() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "Book the cat")]).await;
    let unit = world.turn(STRAY).await;
    let before = world.task().await;
    world.hears([edit("c", 0, "Book the car", 60)]).await;
    let again = world.claim_one().await;
    let revision = again.revision.clone().unwrap();
    assert_eq!((again.unit_id, again.attempts, revision.number), (unit.unit_id, 1, 1));
    assert_eq!(
        (revision.made, revision.taken, revision.waiting),
        (vec![StorageTable::DispatchAgentTasks], false, false)
    );
    world.settle(&again, Meaning::Stray(TaskKey::BuyerDeal)).await;
    let after = world.task().await;
    assert_eq!(after["mission_id"], before["mission_id"]);
    assert_eq!((text(&after, "name"), text(&after, "description")), ("Book the car", "Book the car"));
    assert_eq!((text(&after, "mission_status"), text(&after, "standing")), ("OPEN", "open"));
    let facts = world.row("SELECT * FROM dispatch.mission_facts").await;
    assert_eq!((text(&facts, "task_key"), &facts["version"]), ("BUYER_DEAL", &2.into()), "its change is counted");
    assert_eq!(world.count("dispatch.deliveries WHERE kind = 'slack'").await, 1, "one receipt");
    assert_eq!(world.count("dispatch.deliveries WHERE state = 'cancelled'").await, 0, "which still holds");
    let story = world.story(text(&after, "mission_id")).await;
    for event in ["signal.amended", "unit.revised"] {
        assert_eq!(times(&story, event), 1, "{event}");
    }
    assert_eq!(times(&story, "unit.routed"), 2);
    let place = |event: &str| events(&story).iter().position(|one| *one == event);
    assert!(place("signal.amended") < place("unit.revised"), "{:?}", events(&story));
    assert_eq!(story.state, "routed", "the receipt is still to be sent");
}

#[tokio::test]
async fn a_listing_changes_with_its_activities() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "New listing")]).await;
    world.turn(GROUP).await;
    let activities = world.count("dispatch_activities").await;
    world.hears([edit("c", 0, "New lease", 60)]).await;
    let first = world.row("SELECT * FROM dispatch_activities WHERE priority = 10").await;
    world.turn(Meaning::Group(GroupKey::LeaseListing)).await;
    let listing = world.row("SELECT * FROM listings WHERE listing_id NOT LIKE 'listing-%'").await;
    assert_eq!(text(&listing, "notes"), "New lease");
    assert_eq!(world.count("dispatch.mission_facts WHERE group_key = 'SALE_LISTING' AND standing = 'open'").await, 0);
    let still = world.row("SELECT * FROM dispatch_activities WHERE priority = 10").await;
    assert_eq!(still["mission_id"], first["mission_id"], "the first stays the first");
    let live = world.count("dispatch_activities WHERE mission_status = 'OPEN'").await;
    let cancelled = world.count("dispatch_activities WHERE mission_status = 'CANCELLED'").await;
    assert!(live > 0 && live + cancelled >= activities);
    assert_eq!(cancelled, world.count("dispatch.mission_facts WHERE standing = 'closed'").await);
}

#[tokio::test]
async fn a_shorter_template_cancels_what_is_beyond_it_and_a_longer_one_brings_it_back() {
    use crate::support::listing;
    use dispatch_routing::plan::{Content, Verdict};
    use dispatch_routing::storage::StorageItem;
    let world = World::new().await;
    let plan = |unit: &ClaimedUnit, activities: usize| {
        let mut planned = listing(Some("12 Main St"));
        let Content::Storage(work) = &mut planned.content else { unreachable!() };
        work.revision = unit.revision.as_ref().map_or(0, |revision| revision.number);
        let StorageItem::Listing(item) = &mut work.item else { unreachable!() };
        item.activities = (0..activities)
            .map(|n| {
                let mut activity = item.activities[0].clone();
                activity.name = format!("Step {n} of {activities}");
                activity
            })
            .collect();
        settlement(unit, Verdict::Dispatch(vec![planned]))
    };
    world.hears([says("c", "U1", 0, "listing")]).await;
    for (at, activities, open, cancelled) in [(1, 3, 3, 0), (2, 1, 1, 2), (3, 4, 4, 0)] {
        if at > 1 {
            world.hears([edit("c", 0, &format!("listing {at}"), at)]).await;
        }
        let unit = world.claim_one().await;
        world.replica.units.settle(vec![plan(&unit, activities)]).await.unwrap();
        let like = format!("dispatch_activities WHERE name LIKE '%of {activities}' AND mission_status = 'OPEN'");
        assert_eq!(world.count(&like).await, open);
        assert_eq!(world.count("dispatch_activities WHERE mission_status = 'CANCELLED'").await, cancelled);
    }
    assert_eq!(world.count("listings WHERE listing_id NOT LIKE 'listing-%'").await, 1);
    assert_eq!(world.count("dispatch_activities").await, 4);
    assert_eq!(world.count("(SELECT DISTINCT listing_id FROM dispatch_activities) AS one").await, 1);
}

#[tokio::test]
async fn what_is_not_sure_changes_only_the_words() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "Book the cat")]).await;
    world.turn(STRAY).await;
    world.hears([edit("c", 0, "Hm", 60)]).await;
    let unit = world.claim_one().await;
    world.replica.units.settle(vec![decided(&unit, CHATTER, 0.1)]).await.unwrap();
    let task = world.task().await;
    assert_eq!((text(&task, "description"), text(&task, "name")), ("Hm", "Book the cat"));
    assert_eq!((text(&task, "mission_status"), text(&task, "task_key")), ("OPEN", "OPS_MISC_TASK"));
    assert_eq!(world.unit_state(&unit).await, "routed", "nobody has to decide");
}

#[tokio::test]
async fn a_mission_that_somebody_took_is_left() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "Book the cat")]).await;
    world.turn(STRAY).await;
    world.database.execute("UPDATE dispatch_agent_tasks SET mission_status = 'CLAIMED', claimed_at = now()").await;
    world.hears([edit("c", 0, "Book the car", 60)]).await;
    let unit = world.claim_one().await;
    assert!(unit.revision.as_ref().unwrap().taken);
    world.settle(&unit, STRAY).await;
    assert_eq!(text(&world.task().await, "description"), "Book the cat");
    assert_eq!(
        world.count("dispatch.deliveries WHERE kind = 'slack' AND state = 'pending'").await,
        1,
        "one word of it"
    );
}

#[tokio::test]
async fn a_mission_that_is_taken_at_the_last_moment_is_left_and_the_story_says_so() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "Book the cat")]).await;
    world.turn(STRAY).await;
    world.hears([edit("c", 0, "Book the car", 60)]).await;
    let unit = world.claim_one().await;
    world
        .database
        .execute("UPDATE dispatch_agent_tasks SET assigned_staff_id = (SELECT min(staff_id) FROM staff)")
        .await;
    world.settle(&unit, STRAY).await;
    assert_eq!(text(&world.task().await, "description"), "Book the cat");
    let story = world.story(&unit.unit_id.to_string()).await;
    let left = story.entries.iter().filter(|entry| entry.detail.get("left") == Some(&Value::from("taken")));
    assert_eq!(left.count(), 1);
    assert_eq!(world.count("dispatch.mission_facts WHERE standing = 'taken'").await, 1);
}

#[tokio::test]
async fn an_older_revision_after_a_newer_one_and_a_repeat_change_nothing() {
    let world = World::new().await;
    for (channel, meaning) in [("task", STRAY), ("listing", GROUP)] {
        world.hears([says(channel, "U1", 0, "zero")]).await;
        world.turn(meaning).await;
        for at in 1..=2 {
            world.hears([edit(channel, 0, &format!("edit {at}"), at)]).await;
            world.turn(meaning).await;
        }
    }
    let all = "SELECT (SELECT jsonb_agg(t ORDER BY t.mission_id) FROM dispatch_agent_tasks t) AS tasks,
        (SELECT jsonb_agg(t ORDER BY t.mission_id) FROM dispatch_activities t) AS activities,
        (SELECT jsonb_agg(t ORDER BY t.listing_id) FROM listings t) AS listings,
        (SELECT jsonb_agg(t ORDER BY t.mission_id) FROM dispatch.mission_facts t) AS facts,
        (SELECT jsonb_agg(t ORDER BY t.effect_key) FROM dispatch.effects t) AS effects";
    let before = world.row(all).await;
    // A part of the listing that a newer revision does not know of must not come back with an older one.
    let sql = "UPDATE dispatch.deliveries SET state = 'pending', attempts = 0, next_attempt_at = now(),
            content = CASE WHEN content #> '{activities,0}' IS NULL THEN content
                ELSE jsonb_set(content, '{activities}', (content -> 'activities') || (content -> 'activities')) END
        WHERE kind = 'storage' AND content ->> 'revision' <> '2';
        UPDATE dispatch.deliveries SET state = 'pending', attempts = 0, next_attempt_at = now()
        WHERE kind = 'storage'";
    world.database.execute(sql).await;
    let claimed = world.replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap();
    assert_eq!(claimed.len(), 6);
    for delivery in claimed {
        assert_eq!(world.replica.deliveries.store(&delivery).await.unwrap().state, DeliveryState::Delivered);
    }
    assert_eq!(world.row(all).await, before);
}

#[tokio::test]
async fn a_worker_that_is_just_storing_what_was_said_before_stores_nothing() {
    let world = World::new().await;
    world.database.execute("ALTER TABLE dispatch_agent_tasks RENAME TO elsewhere").await;
    world.hears([says("c", "U1", 0, "old")]).await;
    world.turn(STRAY).await;
    world.database.execute("ALTER TABLE elsewhere RENAME TO dispatch_agent_tasks").await;
    assert_eq!(world.replica.deliveries.release_held(10).await.unwrap(), 1);
    let slow = world.replica.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.unwrap().remove(0);
    world.hears([edit("c", 0, "new", 5)]).await;
    assert_eq!(world.amend().await, 1);
    let unit = world.claim_one().await;
    assert_eq!(world.replica.deliveries.store(&slow).await.unwrap().settled, dispatch_routing::queue::Settled::Lost);
    world.settle(&unit, STRAY).await;
    assert_eq!(text(&world.task().await, "description"), "new");
}

#[tokio::test]
async fn a_change_waits_for_a_delivery_in_somebodys_hands() {
    use diesel_async::SimpleAsyncConnection as _;
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "old")]).await;
    let unit = world.turn(STRAY).await;
    let mut other = world.database.connect().await;
    other.batch_execute("BEGIN; SELECT FROM dispatch.deliveries FOR UPDATE").await.unwrap();
    world.hears([edit("c", 0, "new", 5)]).await;
    assert_eq!((world.amend().await, world.unit_state(&unit).await.as_str()), (0, "routed"), "nobody is waited for");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(world.look_again().await, 1);
    assert_eq!(world.turn(STRAY).await.text(), "new");
}

#[tokio::test]
async fn what_an_agent_made_stays_when_the_words_change_and_goes_with_them() {
    use dispatch_mission::ids::DeliveryId;
    use dispatch_routing::plan::Verdict;
    use dispatch_routing::storage::AnswerItem;
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "Book the cat")]).await;
    let unit = world.claim_one().await;
    let answered =
        crate::support::task(|work| work.answer = Some(AnswerItem { delivery_id: DeliveryId::mint(), place: 0 }));
    let plan = vec![crate::support::task(|_| ()), answered];
    world.replica.units.settle(vec![settlement(&unit, Verdict::Dispatch(plan))]).await.unwrap();
    let open = "dispatch_agent_tasks WHERE mission_status = 'OPEN'";
    assert_eq!(world.count(open).await, 2, "each is an effect of its own");
    world.hears([edit("c", 0, "Book the car", 60)]).await;
    world.turn(STRAY).await;
    assert_eq!(world.count("dispatch_agent_tasks WHERE description = 'Book the car'").await, 1, "the message's own");
    assert_eq!(world.count(open).await, 2);
    world.hears([edit("c", 0, "Nice cat", 120)]).await;
    world.turn(CHATTER).await;
    assert_eq!(world.count(open).await, 0, "nothing is wanted any more");
}
