//! What every `UnitQueue` owes its callers when messages change after they came in.

use super::{AGES, AT_ONCE, Queues, agent_task, claim_for, said, settlement};
use crate::destination::{DestinationKind, StorageTable};
use crate::plan::{Content, Verdict};
use crate::queue::Settled;
use crate::storage::StorageItem;
use crate::unit::ClaimedUnit;
use dispatch_mission::signal::{Amendment, Change, Disposition, NewSignal};
use std::time::Duration;

pub(super) async fn amendments(queues: Queues<'_>) {
    changes_what_is_still_due(queues).await;
    revises_what_was_settled(queues).await;
    ends_a_unit_without_a_message(queues).await;
    joins_an_answer_to_its_question(queues).await;
    // These leave changes behind that are looked at again after a while, however slow the machine: last.
    leaves_alone_what_is_claimed(queues).await;
    waits_for_a_message_that_was_overtaken(queues).await;
}

/// A change of the message that [`said`] makes, so many seconds after it.
fn change(channel: &str, change: Change, text: &str, after: u64) -> NewSignal {
    let mut signal = said(channel, "U1", "1.000001");
    let of = format!("{}/{}/{after}", signal.keys.content, change.as_str());
    signal.disposition = Disposition::Amend(Amendment { of: signal.keys.content, change });
    signal.keys.event = Some(of.clone());
    signal.keys.content = of;
    signal.occurred_at += Duration::from_secs(after);
    text.clone_into(&mut signal.text);
    signal
}

async fn hear(queues: Queues<'_>, signal: NewSignal) -> u32 {
    queues.signals.append_all(vec![signal]).await.expect("appended");
    queues.units.amend(10).await.expect("amended")
}

async fn claim_one(queues: Queues<'_>) -> ClaimedUnit {
    let mut units = queues.units.claim(claim_for(AGES)).await.expect("claimed");
    assert_eq!(units.len(), 1);
    units.remove(0)
}

async fn settle(queues: Queues<'_>, unit: &ClaimedUnit, verdict: Verdict) {
    let settled = queues.units.settle(vec![settlement(unit, verdict)]).await.expect("settled");
    assert_eq!(settled, [Settled::Stood]);
}

async fn changes_what_is_still_due(queues: Queues<'_>) {
    queues.signals.append_all(vec![said("edit due", "U1", "1.000001")]).await.expect("appended");
    assert_eq!(hear(queues, change("edit due", Change::Edit, "second", 5)).await, 1);
    assert_eq!(hear(queues, change("edit due", Change::Edit, "first", 2)).await, 1, "ended, for it is older");
    assert_eq!(queues.units.close_bursts(AT_ONCE, 10).await.expect("closed"), 1);
    // Nobody has claimed the unit yet.
    assert_eq!(hear(queues, change("edit due", Change::Edit, "third", 9)).await, 1);
    let unit = claim_one(queues).await;
    assert_eq!((unit.text().as_str(), &unit.revision), ("third", &None));
    settle(queues, &unit, Verdict::Nothing).await;
}

async fn revises_what_was_settled(queues: Queues<'_>) {
    let unit = queues.claimed("edit settled", AGES).await;
    settle(queues, &unit, Verdict::Nothing).await;
    for number in 1..=2 {
        let text = format!("edit {number}");
        assert_eq!(hear(queues, change("edit settled", Change::Edit, &text, number)).await, 1);
        let again = claim_one(queues).await;
        assert_eq!((again.unit_id, again.attempts, again.text()), (unit.unit_id, 1, text));
        let revision = again.revision.clone().expect("a revision");
        assert_eq!((u64::from(revision.number), revision.made.len()), (number, 0));
        assert!(!revision.taken && !revision.waiting);
        settle(queues, &again, Verdict::Nothing).await;
    }
    assert_eq!(hear(queues, change("edit settled", Change::Edit, "edit 2", 3)).await, 1, "it says the same");
    assert!(queues.units.claim(claim_for(AGES)).await.expect("claimed").is_empty());
}

async fn leaves_alone_what_is_claimed(queues: Queues<'_>) {
    let unit = queues.claimed("edit claimed", AGES).await;
    assert_eq!(hear(queues, change("edit claimed", Change::Edit, "new", 1)).await, 0, "it waits");
    settle(queues, &unit, Verdict::Nothing).await;
    // A claim that ran out is nobody's: what its holder understood is not said any more.
    let slow = queues.claimed("edit lost", Duration::ZERO).await;
    assert_eq!(hear(queues, change("edit lost", Change::Edit, "new", 1)).await, 1);
    let lost = queues.units.settle(vec![settlement(&slow, Verdict::Nothing)]).await.expect("answered");
    assert_eq!(lost, [Settled::Lost]);
    let again = claim_one(queues).await;
    assert_eq!((again.unit_id, again.text().as_str()), (slow.unit_id, "new"));
    settle(queues, &again, Verdict::Nothing).await;
}

async fn waits_for_a_message_that_was_overtaken(queues: Queues<'_>) {
    for kind in [Change::Edit, Change::Delete] {
        let channel = format!("overtaken {}", kind.as_str());
        assert_eq!(hear(queues, change(&channel, kind, "new", 1)).await, 0);
        assert_eq!(queues.units.amend(10).await.expect("amended"), 0, "not looked at again at once");
        assert_eq!(queues.units.close_bursts(AT_ONCE, 10).await.expect("closed"), 0, "it is no message yet");
    }
}

async fn ends_a_unit_without_a_message(queues: Queues<'_>) {
    queues.signals.append_all(vec![said("delete due", "U1", "1.000001")]).await.expect("appended");
    assert_eq!(hear(queues, change("delete due", Change::Delete, "", 1)).await, 1);
    assert_eq!(queues.units.close_bursts(AT_ONCE, 10).await.expect("closed"), 0);
    let unit = queues.claimed("delete settled", AGES).await;
    settle(queues, &unit, Verdict::Dispatch(vec![super::message("delete settled", None)])).await;
    assert_eq!(hear(queues, change("delete settled", Change::Delete, "", 1)).await, 1);
    assert_eq!(hear(queues, change("delete settled", Change::Edit, "again", 2)).await, 1, "gone is gone");
    assert!(queues.units.claim(claim_for(AGES)).await.expect("claimed").is_empty());
    let sends = queues.deliveries.claim(DestinationKind::Slack, claim_for(AGES)).await.expect("claimed");
    assert!(sends.iter().all(|send| send.unit_id != unit.unit_id), "nothing more is said about it");
}

async fn joins_an_answer_to_its_question(queues: Queues<'_>) {
    for (channel, closes_claimed) in [("answer", false), ("answer claimed", true)] {
        joins_an_answer(queues, channel, closes_claimed).await;
    }
}

async fn joins_an_answer(queues: Queues<'_>, channel: &str, closes_claimed: bool) {
    let mut question = agent_task();
    if let Content::Storage(work) = &mut question.content
        && let StorageItem::AgentTask(item) = &mut work.item
    {
        item.needs_info = Some("which day".into());
    }
    let asked = queues.routed(channel, vec![question]).await;
    // Stored at once, or left due: both are allowed.
    for delivery in queues.deliveries.claim(DestinationKind::Storage, claim_for(AGES)).await.expect("claimed") {
        queues.deliveries.store(&delivery).await.expect("stored");
    }
    let reply = |author: &str, ts: &str| {
        let mut signal = said(channel, author, ts);
        signal.conversation.thread = Some("1.000001".into());
        signal
    };
    let replies = vec![reply("U1", "2.000001"), reply("U2", "3.000001")];
    queues.signals.append_all(replies).await.expect("appended");
    if closes_claimed {
        let claimed = queues.units.claim_bursts(AT_ONCE, claim_for(AGES)).await.expect("closed");
        assert!(claimed.is_empty(), "what is joined comes first, and with all that it led to");
    } else {
        assert_eq!(queues.units.close_bursts(AT_ONCE, 10).await.expect("closed"), 2, "one is joined, one is made");
    }
    let units = queues.units.claim(claim_for(AGES)).await.expect("claimed");
    assert_eq!(units.len(), 2);
    let answered = units.iter().find(|unit| unit.author == "U1").expect("the author's");
    assert_eq!((answered.unit_id, answered.members.len()), (asked.unit_id, 2));
    let revision = answered.revision.clone().expect("a revision");
    assert_eq!((revision.number, revision.waiting, revision.taken), (1, true, false));
    assert_eq!(revision.made, [StorageTable::DispatchAgentTasks]);
    for unit in &units {
        settle(queues, unit, Verdict::Nothing).await;
    }
}
