//! What is decided about a unit that is understood once more.

use super::{deliveries, item, means, message, unit};
use crate::destination::{Destination, NotificationDestination, StorageTable};
use crate::plan::{Content, Decision, PlannedDelivery};
use crate::policy::Policy;
use crate::storage::StorageItem;
use crate::unit::{ClaimedUnit, Revision};
use dispatch_classification::classification::{Classification, Meaning};
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use dispatch_mission::signal::{Attachment, Source};
use dispatch_mission::zone::Zone;

const TASK: Meaning = Meaning::Stray(TaskKey::OpsMiscTask);

fn changed(made: &[StorageTable]) -> ClaimedUnit {
    let revision = Revision { number: 2, made: made.to_vec(), taken: false, waiting: false };
    ClaimedUnit { revision: Some(revision), ..unit(None) }
}

fn decide(unit: &ClaimedUnit, classification: &Classification) -> Decision {
    Policy::default().decide(unit, classification, &Zone::toronto())
}

fn is_message(delivery: &PlannedDelivery) -> bool {
    matches!(delivery.content, Content::Message { .. })
}

#[test]
fn a_changed_request_changes_its_row_and_gives_no_second_receipt() {
    let plan = deliveries(decide(&changed(&[StorageTable::DispatchAgentTasks]), &means(TASK, 0.9)));
    assert_eq!(plan.len(), 1);
    let Content::Storage(work) = &plan[0].content else { panic!("storage") };
    assert!(matches!(work.item, StorageItem::AgentTask(_)));
    assert_eq!(work.revision, 2);
}

#[test]
fn a_request_that_turns_out_to_be_a_listing_takes_its_task_back() {
    let unit = changed(&[StorageTable::DispatchAgentTasks]);
    let plan = deliveries(decide(&unit, &means(Meaning::Group(GroupKey::SaleListing), 0.9)));
    assert!(matches!(item(&plan[0]), StorageItem::Listing(_)));
    assert_eq!(item(&plan[1]), &StorageItem::Withdraw);
    let Destination::Storage(storage) = &plan[1].destination else { panic!("storage") };
    assert_eq!(storage.table, StorageTable::DispatchAgentTasks);
}

#[test]
fn chatter_takes_everything_back_and_doubt_changes_only_the_words() {
    let unit = changed(&[StorageTable::DispatchAgentTasks]);
    let plan = deliveries(decide(&unit, &means(Meaning::Ignore, 0.9)));
    assert_eq!(plan.iter().map(item).collect::<Vec<_>>(), [&StorageItem::Withdraw]);

    let decision = decide(&unit, &means(TASK, 0.3));
    assert_eq!(decision.rule, "revision_unsure");
    let StorageItem::Reword(words) = item(&deliveries(decision)[0]).clone() else { panic!("words") };
    assert_eq!(words.text, "firm on 12 Elm\nclosing Dec 3");
}

#[test]
fn what_somebody_took_up_stays_and_the_author_is_told() {
    let mut unit = changed(&[StorageTable::DispatchAgentTasks]);
    unit.revision.as_mut().expect("changed").taken = true;
    let plan = deliveries(decide(&unit, &means(Meaning::Ignore, 0.9)));
    assert_eq!(plan.len(), 1);
    assert!(message(&plan[0]).contains("already working on this"));
    assert!(plan[0].quota.is_some(), "told once, however often it is edited");
}

#[test]
fn an_answer_that_completes_a_request_is_acknowledged() {
    let mut unit = changed(&[StorageTable::DispatchAgentTasks]);
    unit.revision.as_mut().expect("changed").waiting = true;
    let plan = deliveries(decide(&unit, &means(TASK, 0.9)));
    assert!(is_message(&plan[1]) && plan[1].after == Some(0));
}

#[test]
fn what_was_held_before_is_decided_as_if_for_the_first_time() {
    let plan = deliveries(decide(&changed(&[]), &means(TASK, 0.9)));
    assert!(is_message(&plan[1]), "its author had no receipt yet");
}

#[test]
fn a_text_message_is_answered_to_its_authors_phone() {
    let mut unit = unit(Some("+14165550101"));
    unit.conversation.source = Source::Sms;
    unit.conversation.channel = "+16475550100".into();
    unit.author = "+14165550101".into();
    let plan = deliveries(decide(&unit, &means(TASK, 0.9)));
    let Destination::Notification(NotificationDestination::Sms(number)) = &plan[1].destination else { panic!("SMS") };
    assert_eq!((number.from.as_str(), number.to.as_str()), ("+16475550100", "+14165550101"));
}

#[test]
fn whoever_does_the_work_is_told_what_came_with_the_message() {
    let mut unit = unit(None);
    unit.members[1].attachments = vec![
        Attachment { name: Some("APS.pdf".into()), media_type: Some("application/pdf".into()), url: None },
        Attachment { name: None, media_type: None, url: None },
    ];
    assert_eq!(unit.notes(), "firm on 12 Elm\nclosing Dec 3\n[application/pdf: APS.pdf]\n[file]");
}

#[test]
fn files_without_words_wait_for_a_person() {
    let mut unit = unit(None);
    unit.members.iter_mut().for_each(|member| member.text = " ".into());
    unit.members[1].attachments = vec![Attachment { name: Some("APS.pdf".into()), media_type: None, url: None }];
    let crate::plan::Verdict::Hold(hold) = decide(&unit, &means(Meaning::Ignore, 0.9)).verdict else { panic!("held") };
    assert_eq!((hold.reason.as_str(), hold.expires_after), ("attachment_only", None));
}
