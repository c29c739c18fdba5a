//! What people did to missions, told: in the story of the message a mission came from, or in a story of its own.

use dispatch_mission::ids::{MissionId, StaffId};
use dispatch_mission::mission_desk::{MissionAction, MissionDesk, Request};
use dispatch_mission::people::StaffRole;
use dispatch_mission::testing::{asked_by, new_task};
use dispatch_pipeline::ports::stories::{Stories, Story};
use dispatch_postgres::store::{PgMissionDesk, PgStories, seed};
use dispatch_postgres::testing::TestDatabase;

use crate::support::{Replica, listing};

fn by(staff: &str) -> Request {
    asked_by(&StaffId(staff.into()), StaffRole::Operations)
}

/// Each thing that people did: what, to which mission, by whom.
fn deeds(story: &Story) -> Vec<(&str, &str, &str)> {
    let done = story.entries.iter().filter(|entry| entry.step == "mission");
    done.map(|entry| {
        let who = entry.detail["by"].as_str().unwrap_or_default();
        (entry.event.as_str(), entry.subject.as_deref().unwrap_or_default(), who)
    })
    .collect()
}

async fn seeded() -> (TestDatabase, PgMissionDesk, PgStories) {
    let database = TestDatabase::new().await;
    seed::brokerage(&mut database.connect().await).await.unwrap();
    let (desk, stories) = (PgMissionDesk::new(database.pool()), PgStories::new(database.pool()));
    (database, desk, stories)
}

#[tokio::test]
async fn a_mission_made_by_hand_has_a_story() {
    let (database, desk, stories) = seeded().await;
    let id = desk.create(&new_task("Call Maria"), &by("staff-nadine")).await.unwrap().mission_id;
    desk.create(&new_task("Something else"), &by("staff-nadine")).await.unwrap();
    desk.act(&id, &MissionAction::Claim(None), &by("staff-beatriz")).await.unwrap();
    desk.act(&id, &MissionAction::Complete, &by("staff-beatriz")).await.unwrap();

    let story = stories.find(&id.0).await.unwrap().unwrap();
    assert_eq!(
        deeds(&story),
        [
            ("mission.created", id.0.as_str(), "user:staff-nadine"),
            ("mission.claimed", &id.0, "user:staff-beatriz"),
            ("mission.completed", &id.0, "user:staff-beatriz"),
        ]
    );
    assert_eq!(story.entries.len(), 3, "and nothing of the other one");
    assert_eq!((story.state.as_str(), &story.mission_ids), ("done", &vec![id.clone()]));
    assert!(story.event_ids.is_empty() && story.unit_id.is_none() && story.delivery_ids.is_empty());
    assert_eq!(stories.find(&id.0.to_uppercase()).await.unwrap().as_ref(), Some(&story));
    assert!(!format!("{story:?}").contains("Maria"), "no text");

    database.execute("DELETE FROM dispatch.timeline").await;
    assert_eq!(stories.find(&id.0).await.unwrap(), None, "the rows of the brokerage alone tell nothing");
}

#[tokio::test]
async fn what_began_elsewhere_has_a_story_from_its_first_change() {
    let (database, desk, stories) = seeded().await;
    let id = MissionId("01JC000000000000000ELSE".into());
    let made = format!("INSERT INTO public.dispatch_agent_tasks (mission_id, name) VALUES ('{id}', 'Order a sign')");
    database.execute(&made).await;
    assert_eq!(stories.find(&id.0).await.unwrap(), None);
    desk.act(&id, &MissionAction::Claim(None), &by("staff-nadine")).await.unwrap();
    let story = stories.find(&id.0).await.unwrap().unwrap();
    assert_eq!(deeds(&story), [("mission.claimed", id.0.as_str(), "user:staff-nadine")]);
    assert_eq!(story.state, "done");
}

#[tokio::test]
async fn what_people_did_stands_in_the_story_of_the_message() {
    let (database, desk, stories) = seeded().await;
    let replica = Replica::of(&database);
    let unit = replica.queues().routed("s", vec![listing(Some("12 Main St"))]).await;
    let missions = stories.find(&unit.unit_id.to_string()).await.unwrap().unwrap().mission_ids;
    let [first, second] = missions.as_slice() else { panic!("{missions:?}") };
    for (mission, action, who) in [
        (first, MissionAction::Claim(None), "staff-nadine"),
        (second, MissionAction::Claim(None), "staff-beatriz"),
        (first, MissionAction::Complete, "staff-nadine"),
    ] {
        desk.act(mission, &action, &by(who)).await.unwrap();
    }

    let story = stories.find(&second.0).await.unwrap().unwrap();
    assert_eq!(story.unit_id, Some(unit.unit_id));
    assert_eq!(
        deeds(&story),
        [
            ("mission.claimed", first.0.as_str(), "user:staff-nadine"),
            ("mission.claimed", &second.0, "user:staff-beatriz"),
            ("mission.completed", &first.0, "user:staff-nadine"),
        ]
    );
    let steps: Vec<_> = story.entries.iter().map(|entry| entry.step.as_str()).collect();
    assert_eq!(steps.first(), Some(&"intake"));
    assert_eq!(&steps[steps.len() - 3..], ["mission"; 3], "behind what made them: {steps:?}");
    assert_eq!(stories.find("1.000001").await.unwrap().as_ref(), Some(&story), "the message's own id leads there too");

    // Where a mission came from may have been written after somebody changed it.
    database.execute("UPDATE dispatch.timeline SET unit_id = NULL WHERE step = 'mission'").await;
    assert_eq!(stories.find(&first.0).await.unwrap().as_ref(), Some(&story));
}
