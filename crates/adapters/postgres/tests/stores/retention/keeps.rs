//! What is still needed stays, however old it is; what is not goes whole.

use dispatch_mission::ids::{DispatchId, MissionId, StaffId};
use dispatch_mission::mission_desk::{MissionAction, MissionDesk};
use dispatch_mission::people::StaffRole;
use dispatch_mission::signal_log::{Outcome, SignalLog};
use dispatch_mission::testing::{asked_by, new_task};
use dispatch_pipeline::ports::retention::Matter;
use dispatch_pipeline::ports::stories::Stories;
use dispatch_postgres::store::{PgMissionDesk, PgStories};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::testing::{held, message, said};

use super::{DAY, TABLES, World};

#[tokio::test]
async fn a_finished_unit_goes_whole_and_its_mission_stays() {
    let world = World::new().await;
    let unit = world.task("C1").await;
    let report = "INSERT INTO dispatch.delivery_reports (reference, delivery_id, status)
        SELECT 'SM1', delivery_id, 'sent' FROM dispatch.deliveries";
    world.database.execute(report).await;
    world.missions("mission_status = 'DONE'").await;
    let mission = world.database.json("SELECT mission_id FROM dispatch.mission_facts").await;
    let mission = mission[0]["mission_id"].as_str().unwrap().to_owned();
    world.pass(world.ages.work + DAY).await;
    let removed = world.removes(Matter::Work).await;
    for table in TABLES {
        assert_eq!(world.count(table).await, 0, "{table}");
        assert!(removed.0.get(table).copied().unwrap_or_default() > 0, "{table}: {removed:?}");
    }
    assert_eq!(world.count("delivery_reports").await, 0);
    let facts =
        world.database.json("SELECT unit_id, classification_id, version, confidence FROM dispatch.mission_facts").await;
    assert_eq!((facts.len(), facts[0]["unit_id"].is_null(), &facts[0]["version"]), (1, true, &2.into()), "{facts:?}");
    assert!(facts[0]["classification_id"].is_null() && facts[0]["confidence"].is_number());
    let stories = PgStories::new(world.database.pool());
    for id in [unit.unit_id.to_string(), mission.clone()] {
        assert_eq!(stories.find(&id).await.unwrap(), None, "{id}");
    }

    // What happens to it from now on is a story of its own.
    let desk = PgMissionDesk::new(world.database.pool());
    let by = asked_by(&StaffId("staff-nadine".into()), StaffRole::Admin);
    desk.act(&MissionId(mission.clone()), &MissionAction::Reopen, &by).await.unwrap();
    assert_eq!(stories.find(&mission).await.unwrap().unwrap().entries.len(), 1);
}

#[tokio::test]
async fn what_a_mission_needs_stays_until_it_is_over_and_for_a_while() {
    let world = World::new().await;
    world.task("C1").await;
    let ages = world.ages;
    for state in ["OPEN", "CLAIMED", "IN_PROGRESS"] {
        world.missions(&format!("mission_status = '{state}'")).await;
        world.pass(ages.work + DAY).await;
        assert_eq!(world.units_removed().await, 0, "{state}");
    }
    world.missions("mission_status = 'DONE'").await;
    world.pass(ages.work - DAY).await;
    assert_eq!(world.units_removed().await, 0, "it was finished lately");
    world.missions("name = 'corrected'").await;
    world.pass(2 * DAY).await;
    assert_eq!(world.units_removed().await, 0, "it was changed lately");
    world.pass(ages.work).await;
    world.missions("mission_status = 'OPEN'").await;
    world.pass(ages.work + DAY).await;
    assert_eq!(world.units_removed().await, 0, "it was opened again");
    world.missions("deleted_at = now()").await;
    world.pass(ages.work + DAY).await;
    assert_eq!(world.units_removed().await, 1);
}

#[tokio::test]
async fn what_was_added_to_anothers_mission_stays_with_it() {
    let world = World::new().await;
    let first = world.task("C1").await;
    let second = world.replica.queues().routed("C2", vec![message("C2", None)]).await;
    let added = format!(
        "INSERT INTO dispatch.effects (effect_key, mission_id)
         SELECT '{}/dispatch_agent_tasks/0', mission_id FROM dispatch.mission_facts WHERE unit_id = '{}';
         UPDATE dispatch.deliveries SET state = 'delivered', settled_at = now() WHERE state = 'pending'",
        second.unit_id, first.unit_id
    );
    world.database.execute(&added).await;
    world.pass(world.ages.work + DAY).await;
    assert_eq!(world.units_removed().await, 0);
    world.missions("mission_status = 'CANCELLED'").await;
    world.pass(world.ages.work + DAY).await;
    assert_eq!(world.units_removed().await, 2);
    assert_eq!(world.count("effects").await, 0);
}

#[tokio::test]
async fn what_is_not_finished_stays_and_dead_letters_have_a_time_of_their_own() {
    let world = World::new().await;
    let queues = world.replica.queues();
    queues.claimed("pending", std::time::Duration::ZERO).await;
    world.database.execute("UPDATE dispatch.units SET next_attempt_at = 'infinity'").await;
    held(queues, "held", "below_threshold").await;
    queues.routed("waits", vec![message("waits", None)]).await;
    queues.routed("held-delivery", vec![message("held-delivery", None)]).await;
    queues.routed("failed", vec![message("failed", None)]).await;
    queues.routed("fine", vec![message("fine", None)]).await;
    let set = "
        UPDATE dispatch.deliveries AS d SET state = CASE u.channel WHEN 'held-delivery' THEN 'held'
                WHEN 'failed' THEN 'failed' ELSE 'delivered' END,
            settled_at = CASE WHEN u.channel <> 'held-delivery' THEN now() END
        FROM dispatch.units AS u WHERE u.unit_id = d.unit_id AND u.channel <> 'waits'";
    world.database.execute(set).await;
    let dead = queues.claimed("dead", std::time::Duration::ZERO).await;
    let bury =
        format!("UPDATE dispatch.units SET state = 'dead', settled_at = now() WHERE unit_id = '{}'", dead.unit_id);
    world.database.execute(&bury).await;

    world.pass(world.ages.work + DAY).await;
    assert_eq!(world.units_removed().await, 1, "the one that is fine");
    world.pass(world.ages.dead - world.ages.work).await;
    assert_eq!(world.units_removed().await, 2, "dead for a year: the unit, and the one whose delivery failed");
    world.pass(1000 * DAY).await;
    assert_eq!(world.units_removed().await, 0);
    let left = world.database.json("SELECT channel FROM dispatch.units ORDER BY channel").await;
    let left: Vec<_> = left.iter().map(|row| row["channel"].as_str().unwrap()).collect();
    assert_eq!(left, ["held", "held-delivery", "pending", "waits"]);
}

#[tokio::test]
async fn a_replay_makes_its_unit_young_again() {
    let world = World::new().await;
    let unit = world.task("C1").await;
    world.missions("mission_status = 'DONE'").await;
    world.pass(world.ages.work + DAY).await;
    let again = format!(
        "INSERT INTO dispatch.dispatches (dispatch_id, unit_id, classification_id, rule, auto_dispatch, reason)
         SELECT '{}', unit_id, classification_id, 'stray', true, 'again' FROM dispatch.units WHERE unit_id = '{}'",
        DispatchId::mint(),
        unit.unit_id
    );
    world.database.execute(&again).await;
    assert_eq!(world.units_removed().await, 0);
    assert_eq!(world.count("effects").await, 1, "and what it made is known");
}

#[tokio::test]
async fn a_repeat_is_known_for_as_long_as_the_rows_are_there() {
    let world = World::new().await;
    world.task("C1").await;
    world.missions("mission_status = 'DONE'").await;
    world.pass(world.ages.work - DAY).await;
    world.removes(Matter::Bodies).await;
    assert_eq!(world.count("signals WHERE emptied_at IS NOT NULL").await, 1);
    assert_eq!(world.units_removed().await, 0);
    let receipts = world.replica.signals.append_all(vec![said("C1", "U1", "1.000001")]).await.unwrap();
    assert_eq!(receipts[0].outcome, Outcome::Duplicate);
}

#[tokio::test]
async fn the_story_of_a_mission_made_by_hand_goes_when_it_is_over() {
    let world = World::new().await;
    let desk = PgMissionDesk::new(world.database.pool());
    let by = asked_by(&StaffId("staff-nadine".into()), StaffRole::Operations);
    let id = desk.create(&new_task("Call Maria"), &by).await.unwrap().mission_id;
    world.pass(world.ages.work + DAY).await;
    assert_eq!(world.removes(Matter::Stories).await.total(), 0, "nobody has changed it: it is open");
    desk.act(&id, &MissionAction::Claim(None), &by).await.unwrap();
    desk.act(&id, &MissionAction::Complete, &by).await.unwrap();
    assert_eq!(world.removes(Matter::Stories).await.total(), 0, "it was changed lately");
    world.pass(world.ages.work + DAY).await;
    assert_eq!(world.removes(Matter::Stories).await.total(), 3);
    assert_eq!(world.database.json("SELECT FROM public.dispatch_agent_tasks").await.len(), 1, "the mission is theirs");
}

#[tokio::test]
async fn a_line_that_was_added_while_the_rest_went_goes_later() {
    let world = World::new().await;
    let stray = "INSERT INTO dispatch.timeline (step, event, signal_id, subject)
        VALUES ('intake', 'signal.duplicate', gen_random_uuid(), 'x')";
    world.database.execute(stray).await;
    world.task("C1").await;
    let lines = world.count("timeline").await;
    world.pass(world.ages.work + DAY).await;
    assert_eq!(world.removes(Matter::Stories).await.total(), 1);
    assert_eq!(world.count("timeline").await, lines - 1, "what has a row behind it stays with the row");
}

#[tokio::test]
async fn nothing_that_hangs_on_a_unit_can_hold_it_back() {
    let database = TestDatabase::new().await;
    let holding = database
        .json(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype NOT IN ('c', 'n')
                 AND confrelid::regclass::text IN ('units', 'signals', 'classifications', 'dispatches', 'deliveries',
                     'dispatch.units', 'dispatch.signals', 'dispatch.classifications', 'dispatch.dispatches',
                     'dispatch.deliveries')
                 AND conname <> 'signals_unit_id_fkey'",
        )
        .await;
    assert!(holding.is_empty(), "ON DELETE CASCADE is missing: {holding:?}");
}
