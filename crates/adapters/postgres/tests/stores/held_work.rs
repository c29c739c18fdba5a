//! What waits for a person: the contract, races of people at two replicas, realtors, edits, the story.

use dispatch_mission::ids::{DispatchId, RealtorId, UnitId};
use dispatch_mission::zone::Zone;
use dispatch_pipeline::ports::stories::Stories;
use dispatch_postgres::store::{PgAnswerQueue, PgHeldWork, PgStories, seed};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::delivery::DeliveryState;
use dispatch_routing::held_work::{Confirmation, Decider, Dismissal, HeldUnit, HeldWork, HeldWorkError, PersonKind};
use dispatch_routing::policy::{Choice, Policy};
use dispatch_routing::testing::{answer_queue_contract, held, held_work_contract};
use dispatch_routing::unit_queue::{UnitQueue, UnitSettlement};

use crate::support::{Replica, number};

fn by(who: &str) -> Decider {
    Decider { principal: who.to_owned(), operation: None, note: Some("Asked her".to_owned()) }
}

/// A yes by the policy, as the use case says it.
fn yes(held: &HeldUnit, who: &str, choice: &Choice) -> Confirmation {
    let meaning = &held.classified.classification;
    Confirmation {
        unit_id: held.unit.unit_id,
        classification_id: held.classification_id,
        dispatch_id: DispatchId::mint(),
        restated: None,
        decision: Policy::default().confirm(&held.unit, meaning, &Zone::toronto(), who, choice).unwrap(),
        by: by(who),
    }
}

fn no(unit_id: UnitId, who: &str) -> Dismissal {
    Dismissal { unit_id, seen: None, by: by(who) }
}

async fn brokerage() -> TestDatabase {
    let database = TestDatabase::new().await;
    seed::brokerage(&mut database.connect().await).await.unwrap();
    database
}

async fn waits(replica: &Replica, work: &PgHeldWork, channel: &str) -> (UnitSettlement, HeldUnit) {
    let settled = held(replica.queues(), channel, "below_threshold").await;
    let found = work.of_classification(settled.classification_id).await.unwrap();
    (settled, found)
}

#[tokio::test]
async fn contract() {
    let database = TestDatabase::new().await;
    held_work_contract(Replica::of(&database).queues(), &PgHeldWork::new(database.pool())).await;
}

#[tokio::test]
async fn the_contract_of_answers() {
    let database = TestDatabase::new().await;
    let (work, answers) = (PgHeldWork::new(database.pool()), PgAnswerQueue::new(database.pool()));
    answer_queue_contract(Replica::of(&database).queues(), &work, &answers).await;
}

#[tokio::test]
async fn of_a_yes_and_a_no_at_once_one_counts() {
    let database = brokerage().await;
    let replica = Replica::of(&database);
    let (left, right) = (PgHeldWork::new(database.pool()), PgHeldWork::new(database.pool()));
    let mut confirmed = 0;
    for round in 0..40 {
        let (_, unit) = waits(&replica, &left, &format!("C{round}")).await;
        let confirmation = yes(&unit, "user:ann", &Choice::default());
        let (other, dismissal) = (yes(&unit, "user:bob", &Choice::default()), no(unit.unit.unit_id, "user:eve"));
        // Nobody is always first.
        let (said_yes, said_too, said_no) = if round % 2 == 0 {
            tokio::join!(left.confirm(&confirmation), right.confirm(&other), right.dismiss(&dismissal))
        } else {
            let (said_no, said_yes, said_too) =
                tokio::join!(right.dismiss(&dismissal), left.confirm(&confirmation), right.confirm(&other));
            (said_yes, said_too, said_no)
        };
        let outcomes = [said_yes.map(drop), said_too.map(drop), said_no.map(drop)];
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "{outcomes:?}");
        for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(refused, HeldWorkError::NotHeld { .. }), "{refused:?}");
        }
        confirmed += i64::from(outcomes[2].is_err());
    }
    for (what, expected) in [
        ("dispatch_agent_tasks", confirmed),
        ("dispatch.dispatches", confirmed),
        ("dispatch.units WHERE state = 'routed'", confirmed),
        ("dispatch.units WHERE state = 'dismissed'", 40 - confirmed),
        ("dispatch.decisions", 40),
    ] {
        let counted = number(&database, &format!("SELECT count(*) AS n FROM {what}")).await;
        assert_eq!(counted, expected, "{what}");
    }
    let said = "SELECT count(*) AS n FROM dispatch.mission_facts WHERE NOT auto_dispatch AND reason LIKE 'Confirmed by user:%'";
    assert_eq!(number(&database, said).await, confirmed);
}

#[tokio::test]
async fn a_named_realtor_ends_the_wait_for_one() {
    let database = brokerage().await;
    database.execute("ALTER TABLE dispatch_agent_tasks ALTER COLUMN realtor_id SET NOT NULL").await;
    database.execute("UPDATE realtors SET slack_user_id = NULL").await;
    let (replica, work) = (Replica::of(&database), PgHeldWork::new(database.pool()));
    let (_, unit) = waits(&replica, &work, "C1").await;
    let first = work.confirm(&yes(&unit, "user:ann", &Choice::default())).await.unwrap();
    assert_eq!(first.deliveries[0].state, DeliveryState::Held);
    assert_eq!(first.deliveries[0].reason.as_deref(), Some("realtor_unresolved"));

    let again = work.find(unit.unit.unit_id).await.unwrap().expect("it waits again, for another reason");
    assert_eq!(again.reason, "realtor_unresolved");
    let named = |id: &str| Choice { realtor: Some(RealtorId(id.to_owned())), ..Choice::default() };
    let stranger = work.confirm(&yes(&again, "user:ann", &named("r-0"))).await;
    assert!(matches!(stranger, Err(HeldWorkError::RealtorUnknown)), "{stranger:?}");
    let made = work.confirm(&yes(&again, "user:ann", &named("realtor-amelia"))).await.unwrap();
    assert_eq!(made.deliveries[0].state, DeliveryState::Delivered);
    let tasks = database.json("SELECT realtor_id FROM dispatch_agent_tasks").await;
    assert_eq!((tasks.len(), &tasks[0]["realtor_id"]), (1, &"realtor-amelia".into()));
    let left = "SELECT count(*) AS n FROM dispatch.deliveries WHERE state = 'held' OR next_attempt_at = 'infinity' AND state = 'pending'";
    assert_eq!(number(&database, left).await, 0, "what waited for the word is cancelled");
}

#[tokio::test]
async fn a_dismissed_message_that_changes_is_understood_anew() {
    let database = brokerage().await;
    let (replica, work) = (Replica::of(&database), PgHeldWork::new(database.pool()));
    let (settled, unit) = waits(&replica, &work, "C1").await;
    work.dismiss(&no(unit.unit.unit_id, "user:ann")).await.unwrap();
    // What an edit does, apart from the words.
    let mut edit = dispatch_routing::testing::said("C1", "U1", "1.000001");
    let of = edit.keys.content.clone();
    edit.keys.content = format!("{of}/edit/1");
    edit.keys.event = Some("slack:event:T1/EvEdit".to_owned());
    edit.text = "Please book the stager".to_owned();
    edit.occurred_at += std::time::Duration::from_secs(60);
    let change = dispatch_mission::signal::Change::Edit;
    edit.disposition = dispatch_mission::signal::Disposition::Amend(dispatch_mission::signal::Amendment { of, change });
    dispatch_mission::signal_log::SignalLog::append_all(&replica.signals, vec![edit]).await.unwrap();
    assert_eq!(replica.units.amend(10).await.unwrap(), 1);
    let pending = work.of_classification(settled.classification_id).await;
    assert!(matches!(pending, Err(HeldWorkError::Superseded { by: None })), "{pending:?}");
    let units =
        replica.units.claim(dispatch_routing::testing::claim_for(dispatch_routing::testing::AGES)).await.unwrap();
    assert_eq!(units[0].revision.as_ref().map(|revision| revision.number), Some(1));
    assert_eq!(units[0].text(), "Please book the stager");
}

#[tokio::test]
async fn who_decided_what_and_why_is_told() {
    let database = brokerage().await;
    database.execute("UPDATE staff SET slack_user_id = 'U1' WHERE staff_id = (SELECT min(staff_id) FROM staff)").await;
    let (replica, work) = (Replica::of(&database), PgHeldWork::new(database.pool()));
    let (_, unit) = waits(&replica, &work, "C1").await;
    work.dismiss(&no(unit.unit.unit_id, "user:ann")).await.unwrap();
    let (_, unit) = waits(&replica, &work, "C2").await;
    work.confirm(&yes(&unit, "user:ann", &Choice::default())).await.unwrap();
    let (_, waiting) = waits(&replica, &work, "C3").await;
    let stories = PgStories::new(database.pool());
    for (channel, event, state) in
        [("C1", "unit.dismissed", "dismissed"), ("C2", "unit.confirmed", "routed"), ("C3", "unit.held", "held")]
    {
        let id = database
            .json(&format!("SELECT unit_id FROM dispatch.units WHERE channel = '{channel}'"))
            .await[0]["unit_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let story = stories.find(&id).await.unwrap().unwrap();
        assert_eq!(story.state, state);
        let told = story.entries.iter().find(|entry| entry.event == event).expect(event);
        if channel != "C3" {
            assert_eq!((&told.detail["by"], &told.detail["note"]), (&"user:ann".into(), &"Asked her".into()));
        }
    }
    assert_eq!(waiting.author.map(|person| person.kind), Some(PersonKind::Staff));
}
