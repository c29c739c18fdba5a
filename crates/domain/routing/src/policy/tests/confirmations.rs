//! What a person's word makes of a unit.

use super::*;
use crate::destination::StorageTable;
use crate::policy::{Choice, Unplannable, Wanted};
use crate::unit::Revision;
use dispatch_mission::ids::RealtorId;

fn confirm(meaning: Meaning, choice: &Choice) -> Result<Decision, Unplannable> {
    Policy::default().confirm(&unit(None), &means(meaning, 0.1), &Zone::toronto(), "user:ann", choice)
}

fn to(destinations: impl IntoIterator<Item = Wanted>) -> Choice {
    Choice { destinations: Some(destinations.into_iter().collect()), ..Choice::default() }
}

fn slack(channel: &str, thread: Option<&str>) -> Wanted {
    Wanted::Slack { workspace: None, channel_id: channel.into(), thread_ts: thread.map(Into::into) }
}

const TASKS: Wanted = Wanted::Storage(StorageTable::DispatchAgentTasks);
const LISTINGS: Wanted = Wanted::Storage(StorageTable::Listings);

#[test]
fn chatter_is_nothing_to_confirm_but_may_be_made_a_task() {
    assert_eq!(confirm(Meaning::Ignore, &Choice::default()), Err(Unplannable::Nothing));
    assert_eq!(confirm(Meaning::Ignore, &to([])), Err(Unplannable::Nothing));
    let plan = deliveries(confirm(Meaning::Ignore, &to([slack("C1", None), TASKS])).expect("planned"));
    let StorageItem::AgentTask(task) = item(&plan[0]) else { panic!("a task, whatever the order") };
    assert_eq!((task.task_key, task.mission_type, &task.needs_info), (None, MissionType::Admin, &None));
    assert_eq!((message(&plan[1]), plan[1].after), ("✅ Task detected and added to your queue!", Some(0)));
}

#[test]
fn whoever_confirms_says_so_and_may_name_the_realtor() {
    let choice = Choice { realtor: Some(RealtorId("r-1".into())), ..Choice::default() };
    let decision = confirm(Meaning::Stray(TaskKey::OpsMiscTask), &choice).expect("planned");
    assert_eq!((decision.rule.as_str(), decision.routing.auto_dispatch), ("confirmed", false));
    assert_eq!(decision.routing.reason, "Confirmed by user:ann");
    let plan = deliveries(decision.clone());
    let Content::Storage(work) = &plan[0].content else { panic!("rows first") };
    assert_eq!((&work.routing_decision, &work.realtor_id), (&decision.routing, &choice.realtor));
}

#[test]
fn all_destinations_are_good_or_none_is_served() {
    let stray = Meaning::Stray(TaskKey::OpsMiscTask);
    let refused = |meaning, wanted: Vec<Wanted>| match confirm(meaning, &to(wanted)) {
        Err(Unplannable::Destination { index, member, .. }) => (index, member),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(stray, vec![TASKS, LISTINGS]), (1, Some("table")), "no listing was declared");
    assert_eq!(refused(stray, vec![TASKS, Wanted::Sms { to: "+14165550101".into() }]), (1, Some("target")));
    assert_eq!(refused(stray, vec![TASKS, TASKS]), (1, None), "twice");
    assert_eq!(refused(Meaning::InfoRequest, vec![slack("C1", None)]), (0, None), "nothing to tell");
    for (wanted, thread) in [
        (slack("C2", Some("9.9")), Some("9.9")),
        (slack("C2", None), None),
        (slack("C1", Some("9.9")), Some("9.9")),
        (slack("C1", None), Some("1.1")),
    ] {
        let told = deliveries(confirm(stray, &to([wanted])).expect("planned"));
        let Destination::Notification(NotificationDestination::Slack(place)) = &told[0].destination else {
            panic!("Slack")
        };
        assert_eq!((told.len(), told[0].after, place.thread_ts.as_deref()), (1, None, thread));
    }
}

#[test]
fn an_activity_needs_an_address_and_a_record_needs_slack() {
    let stray = Meaning::Stray(TaskKey::SaleActiveTasks);
    let wanted =
        [slack("C1", None), Wanted::Storage(StorageTable::Messages), Wanted::Storage(StorageTable::DispatchActivities)];
    let plan = deliveries(confirm(stray, &to(wanted)).expect("planned"));
    let StorageItem::Activity(activity) = item(&plan[0]) else { panic!("the activity first") };
    assert_eq!((activity.mission_type, activity.address.as_deref()), (MissionType::Marketing, Some("12 Elm")));
    assert_eq!((item(&plan[1]), plan[2].after), (&StorageItem::Messages, Some(0)), "told about the activity");

    let mut nowhere = means(stray, 0.1);
    let mut refused = |unit: &ClaimedUnit, table, address: Option<&str>| {
        nowhere.listing.address = address.map(Into::into);
        Policy::default().confirm(unit, &nowhere, &Zone::toronto(), "dev", &to([Wanted::Storage(table)])).is_err()
    };
    assert!(refused(&unit(None), StorageTable::DispatchActivities, None));
    assert!(refused(&unit(None), StorageTable::DispatchActivities, Some("Elm St")), "that is no place");
    assert!(!refused(&unit(None), StorageTable::DispatchActivities, Some("12 Elm St")));
    let mut text = unit(Some("+14165550101"));
    text.conversation.source = Source::Sms;
    assert!(refused(&text, StorageTable::Messages, None));
}

#[test]
fn what_somebody_took_up_meanwhile_stays_as_it_is() {
    let mut unit = unit(None);
    let made = vec![StorageTable::DispatchAgentTasks];
    unit.revision = Some(Revision { number: 1, made, taken: true, waiting: false });
    let meaning = means(Meaning::Stray(TaskKey::OpsMiscTask), 0.1);
    let policy = Policy::default();
    let decision = policy.confirm(&unit, &meaning, &Zone::toronto(), "dev", &Choice::default()).expect("planned");
    assert_eq!((decision.rule.as_str(), decision.routing.auto_dispatch), ("revision_taken", false));
    let plan = deliveries(decision);
    assert!(plan.iter().all(|one| matches!(one.content, Content::Message { .. })));
}

proptest! {
    #[test]
    fn how_sure_it_was_makes_no_difference(meaning in any_meaning(), confidence in 0.0f32..=1.0) {
        let policy = Policy::default();
        let (unit, sure) = (unit(None), means(meaning, 1.0));
        let confirmed =
            policy.confirm(&unit, &means(meaning, confidence), &Zone::toronto(), "dev", &Choice::default());
        let decided = policy.decide(&unit, &sure, &Zone::toronto());
        match (confirmed, decided.verdict) {
            (Err(Unplannable::Nothing), Verdict::Nothing) => {}
            (Ok(Decision { verdict: Verdict::Dispatch(ours), .. }), Verdict::Dispatch(its)) => {
                let places = |plan: &[PlannedDelivery]| {
                    plan.iter().map(|one| (one.destination.clone(), one.after)).collect::<Vec<_>>()
                };
                prop_assert_eq!(places(&ours), places(&its));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
