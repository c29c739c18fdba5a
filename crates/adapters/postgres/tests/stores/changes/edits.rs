//! Edits and deletions of messages wherever they are on their way.

use dispatch_routing::queue::Settled;
use dispatch_routing::unit_queue::UnitQueue;

use super::*;

#[tokio::test]
async fn an_edit_in_an_open_burst_changes_what_will_be_understood() {
    let world = World::new().await;
    let first = says("c", "U1", 0, "Book the cat");
    let id = first.signal_id;
    world.hears([first, says("c", "U1", 1, "today")]).await;
    let change = edit("c", 0, "Book the car", 2);
    let change_id = change.signal_id;
    world.hears([change]).await;
    assert_eq!(world.amend().await, 1);
    assert_eq!(world.amend().await, 0, "once");
    let unit = world.claim_one().await;
    assert_eq!(unit.text(), "Book the car\ntoday");
    assert_eq!((unit.revision.clone(), unit.members.len()), (None, 2), "nothing of it is new");
    world.settle(&unit, STRAY).await;
    assert_eq!(world.count("dispatch_agent_tasks").await, 1);
    let story = world.story(&change_id.to_string()).await;
    assert_eq!(story.unit_id, Some(unit.unit_id), "the change has the story of its message");
    assert!(story.event_ids.contains(&id));
    assert_eq!(times(&story, "signal.amended"), 1);
    assert!(!format!("{story:?}").contains("Book"), "ids only");
}

#[tokio::test]
async fn a_deletion_in_an_open_burst_leaves_the_rest() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "Oops"), says("c", "U1", 1, "Book the car")]).await;
    world.hears([deletion("c", 0, 2)]).await;
    let unit = world.claim_one().await;
    assert_eq!(unit.text(), "Book the car");
    world.settle(&unit, STRAY).await;
    world.hears([says("d", "U1", 5, "Alone"), deletion("d", 5, 6)]).await;
    assert_eq!((world.amend().await, world.close().await), (1, 0), "nothing is left to be understood");
    let row = world.row("SELECT state, ignored_reason FROM dispatch.signals WHERE text = 'Alone'").await;
    assert_eq!((text(&row, "state"), text(&row, "ignored_reason")), ("ignored", "deleted"));
}

#[tokio::test]
async fn of_several_edits_the_latest_counts_in_whatever_order_they_come() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "one"), edit("c", 0, "three", 9)]).await;
    assert_eq!(world.amend().await, 1);
    world.hears([edit("c", 0, "two", 5)]).await;
    assert_eq!(world.amend().await, 1, "ended without effect");
    let unit = world.turn(STRAY).await;
    assert_eq!(unit.text(), "three");
    world.hears([edit("c", 0, "five", 20), edit("c", 0, "four", 15)]).await;
    assert_eq!(world.turn(STRAY).await.text(), "five", "also within one batch");
    // Of one moment, the one that came later.
    let twin = |words: &str| {
        let mut twin = edit("c", 0, words, 25);
        twin.keys.content.push_str(words);
        twin.keys.event = None;
        twin
    };
    world.hears([twin("six")]).await;
    assert_eq!(world.turn(STRAY).await.text(), "six");
    world.hears([twin("seven")]).await;
    assert_eq!(world.turn(STRAY).await.text(), "seven");
    let (eight, nine) = (twin("eight"), twin("nine"));
    world.hears([nine, eight]).await;
    assert_eq!(world.turn(STRAY).await.text(), "nine", "whatever their order in a batch");
    // What is gone stays gone.
    world.hears([deletion("c", 0, 30)]).await;
    world.amend().await;
    world.hears([edit("c", 0, "again", 40)]).await;
    assert_eq!(world.amend().await, 1);
    assert_eq!((world.close().await, world.claim().await.len()), (0, 0));
}

#[tokio::test]
async fn an_edit_that_overtook_its_message_waits_for_it() {
    let world = World::new().await;
    let change = edit("c", 0, "new words", 3);
    let id = change.signal_id.to_string();
    let change = NewSignal { provider_event_id: Some("Evc0/3".into()), ..change };
    world.hears([change]).await;
    assert_eq!((world.amend().await, world.amend().await), (0, 0), "it waits a second at least");
    assert_eq!(world.look_again().await, 0);
    assert_eq!(world.close().await, 0, "an edit is no message yet");
    for known in [&id, &ts(0), "Evc0/3"] {
        assert_eq!(times(&world.story(known).await, "amendment.waits"), 1, "told once, by {known}");
    }
    world.hears([says("c", "U1", 0, "old words")]).await;
    assert_eq!(world.look_again().await, 1);
    assert_eq!(world.claim_one().await.text(), "new words");
}

#[tokio::test]
async fn an_edit_whose_message_never_comes_stands_for_it() {
    let world = World::new().await;
    world.hears([edit("c", 0, "late", 3), edit("c", 0, "latest", 4)]).await;
    assert_eq!(world.minutes_pass(9).await, 0, "it may still come");
    assert_eq!(world.minutes_pass(2).await, 1, "the other edit finds a message now");
    assert_eq!(world.look_again().await, 1);
    let unit = world.turn(STRAY).await;
    assert_eq!((unit.text().as_str(), unit.members[0].message_ref.as_str()), ("latest", ts(0).as_str()));
    assert_eq!(unit.members[0].at.unix_timestamp(), BEGUN.unix_timestamp(), "when the message was written");

    // The message comes after all, with a name of its own: it is known.
    let mut late = says("c", "U1", 0, "first words");
    late.keys.event = Some("slack:event:EvLate".into());
    world.hears([late]).await;
    assert_eq!((world.amend().await, world.close().await, world.claim().await.len()), (0, 0, 0));
    assert_eq!(world.count("dispatch_agent_tasks").await, 1);
    // A repeat of the edit, too.
    let mut again = edit("c", 0, "late", 3);
    again.keys.event = Some("slack:event:EvAgain".into());
    world.hears([again]).await;
    assert_eq!((world.amend().await, world.close().await), (1, 0));
    // And it can be changed and deleted like any other.
    world.hears([edit("c", 0, "even later", 50)]).await;
    assert_eq!(world.turn(STRAY).await.revision.unwrap().number, 1);
    assert_eq!(world.count("dispatch_agent_tasks").await, 1);
}

#[tokio::test]
async fn what_nobody_knows_any_more_ends_without_effect() {
    let world = World::new().await;
    // An edit of an old message; a deletion.
    world.hears([edit("old", 0, "years later", 90_000), deletion("gone", 0, 5)]).await;
    assert_eq!(world.minutes_pass(11).await, 2);
    assert_eq!(world.count("dispatch.signals WHERE ignored_reason = 'original_unknown'").await, 2);
    assert_eq!(world.close().await, 0);
    // What was ignored stays ignored.
    let mut bot = says("bots", "", 0, "beep");
    bot.disposition = Disposition::Ignore("bot_message");
    world.hears([bot, edit("bots", 0, "boop", 1)]).await;
    assert_eq!((world.amend().await, world.close().await), (1, 0));
    assert_eq!(world.count("dispatch.signals WHERE state = 'applied'").await, 1);
}

#[tokio::test]
async fn a_change_waits_while_its_unit_is_being_understood() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "old")]).await;
    let unit = world.claim_one().await;
    let change = edit("c", 0, "new", 3);
    let id = change.signal_id.to_string();
    world.hears([change]).await;
    assert_eq!((world.amend().await, world.look_again().await), (0, 0));
    let story = world.story(&id).await;
    assert_eq!((story.unit_id, times(&story, "amendment.waits")), (Some(unit.unit_id), 1));
    world.settle(&unit, STRAY).await;
    assert_eq!(world.look_again().await, 1);
    let again = world.turn(STRAY).await;
    assert_eq!((again.unit_id, again.text().as_str()), (unit.unit_id, "new"));
    assert_eq!(again.revision.unwrap().number, 1);
    assert_eq!(text(&world.task().await, "description"), "new");
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_does_not_settle_what_was_said_before() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "old")]).await;
    world.close().await;
    let slow = world.replica.units.claim(claim_for(std::time::Duration::ZERO)).await.unwrap().remove(0);
    world.hears([edit("c", 0, "new", 3)]).await;
    assert_eq!(world.amend().await, 1, "nobody holds it any more");
    let lost = world.replica.units.settle(vec![decided(&slow, STRAY, 0.9)]).await.unwrap();
    assert_eq!(lost, [Settled::Lost]);
    let unit = world.turn(STRAY).await;
    assert_eq!((unit.text().as_str(), unit.revision), ("new", None), "it was never settled");
}

#[tokio::test]
async fn a_change_that_says_the_same_revises_nothing() {
    let world = World::new().await;
    world.hears([says("c", "U1", 0, "same")]).await;
    let unit = world.turn(STRAY).await;
    world.hears([edit("c", 0, "same", 3)]).await;
    assert_eq!((world.amend().await, world.claim().await.len()), (1, 0));
    assert_eq!(world.unit_state(&unit).await, "routed");
}
