//! Words go before the rows, and whatever reads them knows.

use dispatch_mission::ids::ClassificationId;
use dispatch_mission::signal::{Amendment, Change, Disposition};
use dispatch_mission::signal_log::SignalLog;
use dispatch_pipeline::ports::retention::Matter;
use dispatch_pipeline::ports::stories::Stories;
use dispatch_postgres::store::{PgDispatchStatuses, PgHeldWork, PgReplays, PgStories};
use dispatch_routing::dispatch_status::DispatchStatuses;
use dispatch_routing::held_work::{HeldWork, HeldWorkError};
use dispatch_routing::plan::{Content, Verdict};
use dispatch_routing::replay::{ReplayError, Replays};
use dispatch_routing::storage::StorageItem;
use dispatch_routing::testing::{AGES, AT_ONCE, agent_task, claim_for, held, message, said, settlement};
use dispatch_routing::unit_queue::UnitQueue;

use super::{DAY, World};
use crate::support::task;

#[tokio::test]
async fn the_words_of_what_is_finished_go_and_the_story_stays() {
    let world = World::new().await;
    let unit = world.task("C1").await;
    held(world.replica.queues(), "held", "below_threshold").await;
    let dead = world.replica.queues().claimed("dead", std::time::Duration::ZERO).await;
    let bury =
        format!("UPDATE dispatch.units SET state = 'dead', settled_at = now() WHERE unit_id = '{}'", dead.unit_id);
    world.database.execute(&bury).await;
    let stories = PgStories::new(world.database.pool());
    world.pass(world.ages.bodies + DAY).await;
    assert_eq!(world.removes(Matter::Bodies).await.total(), 0, "an open mission may be asked about");
    world.missions("mission_status = 'DONE'").await;
    let before = stories.find(&unit.unit_id.to_string()).await.unwrap().unwrap();
    assert_eq!(world.removes(Matter::Bodies).await.0, [("signals".to_owned(), 1)].into());
    let rows = world
        .database
        .json("SELECT channel, text, payload, emptied_at IS NULL AS whole FROM dispatch.signals ORDER BY channel")
        .await;
    let words = |n: usize| (rows[n]["channel"].as_str().unwrap(), rows[n]["text"].as_str().unwrap());
    assert_eq!(
        [words(0), words(1), words(2)],
        [("C1", ""), ("dead", "Please book the photographer"), ("held", "Please book the photographer")]
    );
    assert_eq!((&rows[0]["payload"], &rows[0]["whole"]), (&serde_json::json!({}), &false.into()));
    assert_eq!(stories.find(&unit.unit_id.to_string()).await.unwrap().unwrap(), before, "no word is in it");
}

/// Two messages of one author, understood together long ago, the mission done.
async fn emptied(world: &World) {
    let mut second = said("C1", "U1", "2.000001");
    second.text = "And the stager".to_owned();
    world.replica.signals.append_all(vec![said("C1", "U1", "1.000001"), second]).await.unwrap();
    world.replica.units.close_bursts(AT_ONCE, 10).await.unwrap();
    let units = world.replica.units.claim(claim_for(AGES)).await.unwrap();
    let waiting = task(|work| {
        if let StorageItem::AgentTask(task) = &mut work.item {
            task.needs_info = Some("Which listing?".to_owned());
        }
    });
    assert!(matches!(waiting.content, Content::Storage(_)));
    let settled = settlement(&units[0], Verdict::Dispatch(vec![waiting]));
    world.replica.units.settle(vec![settled]).await.unwrap();
    world.missions("mission_status = 'CANCELLED'").await;
    world.pass(world.ages.bodies + DAY).await;
    assert_eq!(world.removes(Matter::Bodies).await.total(), 2);
}

#[tokio::test]
async fn a_change_of_a_message_whose_words_are_gone_has_no_effect() {
    let world = World::new().await;
    emptied(&world).await;
    for (change, at) in [(Change::Edit, 60), (Change::Delete, 61)] {
        let mut amendment = said("C1", "U1", "2.000001");
        let of = amendment.keys.content.clone();
        amendment.keys.content = format!("{of}/{}/{at}", change.as_str());
        amendment.keys.event = Some(format!("slack:event:T1/Ev{at}"));
        amendment.text = "And two stagers".to_owned();
        amendment.disposition = Disposition::Amend(Amendment { of, change });
        world.replica.signals.append_all(vec![amendment]).await.unwrap();
        assert_eq!(world.replica.units.amend(10).await.unwrap(), 1);
    }
    assert!(world.replica.units.claim(claim_for(AGES)).await.unwrap().is_empty(), "it is not understood by half");
    assert_eq!(world.count("units WHERE state = 'routed' AND revision = 0").await, 1);
    assert_eq!(world.count("signals WHERE state = 'applied'").await, 2);
}

#[tokio::test]
async fn an_answer_to_what_is_not_known_any_more_is_a_message_of_its_own() {
    let world = World::new().await;
    emptied(&world).await;
    world.missions("mission_status = 'OPEN'").await;
    assert_eq!(world.count("mission_facts WHERE needs_info IS NOT NULL AND standing = 'open'").await, 1);
    let mut answer = said("C1", "U1", "3.000001");
    answer.conversation.thread = Some("1.000001".to_owned());
    world.replica.signals.append_all(vec![answer]).await.unwrap();
    world.replica.units.close_bursts(AT_ONCE, 10).await.unwrap();
    let units = world.replica.units.claim(claim_for(AGES)).await.unwrap();
    assert_eq!((units.len(), units[0].members.len()), (1, 1));
    assert!(units[0].revision.is_none());
}

#[tokio::test]
async fn all_words_of_a_unit_go_at_once() {
    let world = World::new().await;
    world.task("C1").await;
    world.missions("mission_status = 'DONE'").await;
    world.pass(world.ages.bodies + DAY).await;
    let young = "INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text,
            message_ref, content_key, state, unit_id, occurred_at, payload)
        SELECT gen_random_uuid(), source, workspace, channel, conversation, author, 'later', '9.9', 'later', 'queued', unit_id,
            now(), '{}' FROM dispatch.signals";
    world.database.execute(young).await;
    assert_eq!(world.removes(Matter::Bodies).await.total(), 0, "one of its messages is young");
    world.pass(world.ages.bodies + DAY).await;
    assert_eq!(world.removes(Matter::Bodies).await.total(), 2);
}

#[tokio::test]
async fn what_deliveries_carried_goes_with_the_words_and_never_before() {
    let world = World::new().await;
    let plan = vec![agent_task(), message("told", Some(0))];
    let unit = world.replica.queues().routed("C1", plan.clone()).await;
    world.replica.queues().routed("C2", plan).await;
    let done = "UPDATE dispatch.deliveries SET state = 'delivered', settled_at = now() WHERE kind = 'slack'";
    world.database.execute(done).await;
    let one_is_over = format!(
        "UPDATE public.dispatch_agent_tasks SET mission_status = 'DONE' WHERE mission_id IN (
            SELECT mission_id FROM dispatch.mission_facts WHERE unit_id = '{}')",
        unit.unit_id
    );
    world.database.execute(&one_is_over).await;
    world.pass(world.ages.bodies + DAY).await;
    assert_eq!(
        world.removes(Matter::Contents).await.total(),
        0,
        "its words are there, so that it can be done once more"
    );
    assert_eq!(world.removes(Matter::Bodies).await.total(), 1);
    assert_eq!(world.removes(Matter::Contents).await.0, [("deliveries".to_owned(), 2)].into());
    assert_eq!(world.removes(Matter::Contents).await.total(), 0, "once");
    assert_eq!(world.count("deliveries WHERE content = '{\"content\": \"message\", \"text\": \"\"}'").await, 2);
    assert_eq!(
        world.count("deliveries WHERE content ->> 'content' = 'storage'").await,
        1,
        "an open mission keeps its own"
    );

    let replays = PgReplays::new(world.database.pool());
    let refused = replays.find(unit.unit_id.0).await.unwrap_err();
    assert!(matches!(refused, ReplayError::NothingYet { ref state } if state == "emptied"), "{refused:?}");
    let status = PgDispatchStatuses::new(world.database.pool());
    let delivery =
        world.database.json("SELECT delivery_id FROM dispatch.deliveries WHERE content ->> 'text' = '' LIMIT 1").await;
    let delivery = delivery[0]["delivery_id"].as_str().unwrap().parse().unwrap();
    assert!(status.find(delivery).await.unwrap().is_some(), "what became of it can still be asked");
    let meaning = world
        .database
        .json(&format!("SELECT classification_id FROM dispatch.units WHERE unit_id = '{}'", unit.unit_id))
        .await;
    let meaning = ClassificationId(meaning[0]["classification_id"].as_str().unwrap().parse().unwrap());
    let further = PgHeldWork::new(world.database.pool()).routed(meaning).await.unwrap_err();
    assert!(matches!(further, HeldWorkError::NotHeld { ref state, .. } if state == "emptied"), "{further:?}");
}
