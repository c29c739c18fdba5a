//! What the policy decides, by example and by property.

mod confirmations;
mod events;
mod questions;
mod reach;
mod reading;
mod revisions;
mod rules;

use crate::destination::{Destination, NotificationDestination};
use crate::plan::{Content, Decision, PlannedDelivery, Verdict};
use crate::policy::Policy;
use crate::queue::ClaimToken;
use crate::storage::StorageItem;
use crate::unit::{ClaimedUnit, Member};
use dispatch_classification::classification::{Classification, Confidence, ListingHint, Meaning, TaskTitle};
use dispatch_classification::taxonomy::{GroupKey, ListingType, TaskKey};
use dispatch_mission::ids::{SignalId, UnitId};
use dispatch_mission::mission::MissionType;
use dispatch_mission::signal::{Conversation, Source};
use dispatch_mission::zone::Zone;
use proptest::prelude::*;
use std::time::Duration;
use time::macros::datetime;
use uuid::Uuid;

fn unit(thread: Option<&str>) -> ClaimedUnit {
    let member = |ts: &str, text: &str| Member {
        signal_id: SignalId::mint(),
        message_ref: ts.into(),
        text: text.into(),
        attachments: Vec::new(),
        at: datetime!(2026-11-20 15:00 UTC),
    };
    ClaimedUnit {
        unit_id: UnitId::mint(),
        token: ClaimToken(Uuid::nil()),
        attempts: 1,
        conversation: Conversation {
            source: Source::Slack,
            workspace: "T1".into(),
            channel: "C1".into(),
            thread: thread.map(Into::into),
        },
        author: "U1".into(),
        members: vec![member("1.1", "firm on 12 Elm"), member("1.2", "closing Dec 3")],
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        revision: None,
        replay: None,
    }
}

fn means(meaning: Meaning, confidence: f32) -> Classification {
    Classification {
        meaning,
        listing: ListingHint { kind: Some(ListingType::Sale), address: Some("12 Elm".into()) },
        assignee_hint: Some("Sam".into()),
        due_date: Some(datetime!(2026-12-03 17:00)),
        task_title: TaskTitle::from_text("Order the status cert"),
        confidence: Confidence::clamped(confidence),
        explanations: vec!["which unit".into(), "only a pronoun: \"it\"".into()],
    }
}

fn decide(classification: &Classification) -> Decision {
    Policy::default().decide(&unit(None), classification, &Zone::toronto())
}

fn deliveries(decision: Decision) -> Vec<PlannedDelivery> {
    match decision.verdict {
        Verdict::Dispatch(deliveries) => deliveries,
        other => panic!("expected a dispatch, not {other:?}"),
    }
}

fn message(delivery: &PlannedDelivery) -> &str {
    match &delivery.content {
        Content::Message { text } => text,
        other => panic!("expected a message, not {other:?}"),
    }
}

fn item(delivery: &PlannedDelivery) -> &StorageItem {
    match &delivery.content {
        Content::Storage(work) => &work.item,
        other => panic!("expected storage, not {other:?}"),
    }
}

#[test]
fn a_group_becomes_a_listing_with_its_template_and_a_receipt() {
    let plan = deliveries(decide(&means(Meaning::Group(GroupKey::SaleLeaseListing), 0.9)));
    let StorageItem::Listing(listing) = item(&plan[0]) else { panic!("a listing") };
    let names: Vec<_> = listing.activities.iter().map(|activity| activity.name.as_str()).collect();
    assert_eq!(
        names,
        ["Take listing photos", "Create MLS listing (sale)", "Create rental listing", "Draft dual listing description"]
    );
    assert_eq!(listing.due_at, Some(datetime!(2026-12-03 22:00 UTC)), "17:00 in Toronto");
    assert_eq!(listing.receipt_updated.as_deref(), Some("🏠 Listing updated: Sale Lease Listing - 12 Elm"));
    assert_eq!(message(&plan[1]), "🏠 Listing detected: Sale Lease Listing - 12 Elm");
    assert_eq!(plan[1].after, Some(0), "no receipt for a listing that was never stored");

    let mut nameless = means(Meaning::Group(GroupKey::BuyOrLeased), 0.9);
    nameless.listing.address = None;
    let plan = deliveries(decide(&nameless));
    assert_eq!(message(&plan[1]), "🏠 Listing detected: Buy Or Leased");
    let StorageItem::Listing(listing) = item(&plan[0]) else { panic!("a listing") };
    assert_eq!(listing.activities[0].name, "Review listing details", "the default template");
}

#[test]
fn a_stray_becomes_one_task_of_the_keys_type() {
    for (key, expected) in [
        (TaskKey::SaleActiveTasks, MissionType::Marketing),
        (TaskKey::LeaseActiveTasks, MissionType::Marketing),
        (TaskKey::LeaseActiveTasksArlyn, MissionType::Admin),
        (TaskKey::SaleSoldTasks, MissionType::Admin),
    ] {
        let plan = deliveries(decide(&means(Meaning::Stray(key), 0.7)));
        let StorageItem::AgentTask(task) = item(&plan[0]) else { panic!("a task") };
        assert_eq!((task.mission_type, task.task_key), (expected, Some(key)));
        assert_eq!(task.description, "firm on 12 Elm\nclosing Dec 3");
        assert_eq!(message(&plan[1]), "✅ Task detected and added to your queue!");
    }
}

#[test]
fn an_incomplete_request_waits_for_an_answer_and_asks_once_an_hour() {
    let plan = deliveries(decide(&means(Meaning::InfoRequest, 0.8)));
    let StorageItem::AgentTask(task) = item(&plan[0]) else { panic!("a task") };
    assert_eq!(task.needs_info.as_deref(), Some("which unit"));
    assert!(message(&plan[1]).contains("which unit"));
    let quota = plan[1].quota.as_ref().expect("limited");
    assert_eq!((quota.key.as_str(), quota.every), ("question:slack/T1/C1/-", Duration::from_secs(3600)));
}

#[test]
fn receipts_go_to_the_thread_of_the_first_message() {
    for (thread, expected) in [(None, "1.1"), (Some("0.9"), "0.9")] {
        let plan = deliveries(Policy::default().decide(
            &unit(thread),
            &means(Meaning::Stray(TaskKey::OpsMiscTask), 0.9),
            &Zone::toronto(),
        ));
        let Destination::Notification(NotificationDestination::Slack(slack)) = &plan[1].destination else {
            panic!("a Slack receipt")
        };
        assert_eq!(slack.thread_ts.as_deref(), Some(expected));
    }
}

#[test]
fn unsure_chatter_lapses_and_unsure_work_waits() {
    let Verdict::Hold(hold) = decide(&means(Meaning::Ignore, 0.3)).verdict else { panic!("held") };
    assert_eq!(hold.expires_after, Some(Duration::from_secs(24 * 3600)));
    let Verdict::Hold(hold) = decide(&means(Meaning::Stray(TaskKey::BuyerDeal), 0.69)).verdict else { panic!("held") };
    assert_eq!((hold.reason.as_str(), hold.expires_after), ("below_threshold", None));
    assert_eq!(decide(&means(Meaning::Ignore, 0.9)).verdict, Verdict::Nothing);
}

fn any_meaning() -> impl Strategy<Value = Meaning> {
    prop_oneof![
        proptest::sample::select(GroupKey::ALL.to_vec()).prop_map(Meaning::Group),
        proptest::sample::select(TaskKey::ALL.to_vec()).prop_map(Meaning::Stray),
        Just(Meaning::InfoRequest),
        Just(Meaning::Ignore),
    ]
}

proptest! {
    #[test]
    fn nothing_is_dispatched_below_its_threshold_and_dependencies_point_back(
        meaning in any_meaning(), confidence in 0.0f32..=1.0, threshold in 0.0f32..=1.0,
    ) {
        let policy = Policy::default().with_threshold(threshold).expect("from 0 to 1");
        let decision = policy.decide(&unit(None), &means(meaning, confidence), &Zone::toronto());
        prop_assert!(!decision.rule.is_empty() && !decision.routing.reason.is_empty());
        match decision.verdict {
            Verdict::Dispatch(plan) => {
                prop_assert!(confidence >= threshold && decision.routing.auto_dispatch);
                prop_assert!(plan.iter().enumerate().all(|(at, planned)| planned.after.is_none_or(|after| after < at)));
            }
            Verdict::Hold(_) => prop_assert!(!decision.routing.auto_dispatch),
            Verdict::Nothing => prop_assert_eq!(meaning, Meaning::Ignore),
        }
    }
}
