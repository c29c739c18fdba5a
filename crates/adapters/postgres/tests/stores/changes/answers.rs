//! Replies to a question of ours.

use dispatch_mission::signal::Source;

use super::*;

async fn asked() -> (World, ClaimedUnit) {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "Can you do the thing")]).await;
    let unit = world.turn(QUESTION).await;
    assert!(!world.task().await["needs_info"].is_null());
    (world, unit)
}

#[tokio::test]
async fn an_answer_completes_the_mission_that_waits_for_it() {
    let (world, unit) = asked().await;
    let before = world.task().await;
    let reply = replies("c", "U1", 0, 60, "Photos at 12 Main St");
    let reply_id = reply.signal_id;
    world.hears([reply]).await;
    assert_eq!(world.close().await, 1);
    assert_eq!(world.close().await, 0);
    let again = world.claim_one().await;
    assert_eq!(again.unit_id, unit.unit_id);
    assert!(again.revision.as_ref().unwrap().waiting);
    assert_eq!(again.text(), "Can you do the thing\nPhotos at 12 Main St");
    world.settle(&again, STRAY).await;
    let after = world.task().await;
    assert_eq!(after["mission_id"], before["mission_id"]);
    assert!(after["needs_info"].is_null(), "it needs nothing more");
    assert_eq!(text(&after, "task_key"), "OPS_MISC_TASK");
    assert_eq!(world.count("dispatch.units").await, 1);
    let story = world.story(&reply_id.to_string()).await;
    assert_eq!((story.unit_id, times(&story, "unit.answered")), (Some(unit.unit_id), 1));
    assert_eq!(times(&story, "unit.revised"), 1);

    // What is said in the thread later is something of its own.
    world.hears([replies("c", "U1", 0, 120, "And the sign")]).await;
    assert_ne!(world.turn(STRAY).await.unit_id, unit.unit_id);
    assert_eq!(world.count("dispatch_agent_tasks").await, 2);
}

#[tokio::test]
async fn somebody_elses_reply_and_another_place_make_units_of_their_own() {
    let (world, unit) = asked().await;
    world.hears([replies("c", "U2", 0, 60, "I can do it"), says("c", "U1", 70, "By the way")]).await;
    assert_eq!(world.close().await, 2);
    for other in world.claim().await {
        assert_ne!(other.unit_id, unit.unit_id);
        world.settle(&other, CHATTER).await;
    }
    assert_eq!(world.count("dispatch.units").await, 3);
    // A question that somebody took up is answered among people.
    world.database.execute("UPDATE dispatch_agent_tasks SET mission_status = 'CLAIMED', claimed_at = now()").await;
    world.hears([replies("c", "U1", 0, 80, "12 Main St")]).await;
    assert_ne!(world.turn(CHATTER).await.unit_id, unit.unit_id);
}

#[tokio::test]
async fn a_question_asked_inside_a_thread_is_answered_there() {
    let world = World::new().await;
    world.hears([says("c", "U2", 0, "Good morning")]).await;
    world.turn(CHATTER).await;
    world.hears([replies("c", "U1", 0, 10, "Can you do the thing")]).await;
    let unit = world.turn(QUESTION).await;
    world.hears([replies("c", "U1", 0, 60, "Photos at 12 Main St")]).await;
    assert_eq!(world.turn(STRAY).await.unit_id, unit.unit_id);
    assert_eq!(world.count("dispatch_agent_tasks").await, 1);
}

#[tokio::test]
async fn an_answer_waits_while_its_question_is_being_understood() {
    let (world, unit) = asked().await;
    world.hears([edit("c", 0, "Can you do the other thing", 30)]).await;
    let held = world.claim_one().await;
    world.hears([replies("c", "U1", 0, 60, "Photos")]).await;
    assert_eq!(world.close().await, 0, "left for the next turn");
    world.settle(&held, QUESTION).await;
    assert_eq!(world.close().await, 1);
    let again = world.turn(STRAY).await;
    assert_eq!((again.unit_id, again.members.len()), (unit.unit_id, 2));
    assert_eq!(again.revision.unwrap().number, 2);
}

#[tokio::test]
async fn by_sms_the_next_message_within_the_hour_is_the_answer() {
    let world = World::new().await;
    let sms = |second: i64, words: &str| {
        let mut signal = says("+14165550100", "+14165550123", second, words);
        signal.conversation.source = Source::Sms;
        signal.conversation.thread = Some("+14165550123".into());
        signal.keys.content = format!("sms:message:SM{second}");
        signal
    };
    world.hears([sms(0, "Can you do the thing")]).await;
    let unit = world.turn(QUESTION).await;
    world.hears([sms(60, "Photos at 12 Main St")]).await;
    assert_eq!(world.turn(QUESTION).await.unit_id, unit.unit_id, "and it still waits");
    world.database.execute("UPDATE dispatch.units SET settled_at = settled_at - interval '61 minutes'").await;
    world.hears([sms(9000, "Hello")]).await;
    assert_ne!(world.turn(CHATTER).await.unit_id, unit.unit_id);
    assert_eq!(world.count("dispatch_agent_tasks").await, 1);
}
