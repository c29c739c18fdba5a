//! Contract suites of this crate's ports, and ready-made signals for tests.

mod desk;
mod memory_desk;

pub use desk::{KnownRows, asked_by, mission_desk_contract, new_activity, new_task, under};
pub use memory_desk::MemoryDesk;

use crate::ids::SignalId;
use crate::signal::{Conversation, DedupeKeys, Disposition, NewSignal, Redelivery, Source};
use crate::signal_log::{Outcome, SignalLog};
use time::macros::datetime;

/// A Slack message `ts` by `author` in channel `C1` of team `T1`, saying `text`.
#[must_use]
pub fn slack_signal(author: &str, ts: &str, text: &str) -> NewSignal {
    NewSignal {
        signal_id: SignalId::mint(),
        conversation: Conversation {
            source: Source::Slack,
            workspace: "T1".into(),
            channel: "C1".into(),
            thread: None,
        },
        author: author.into(),
        text: text.into(),
        attachments: Vec::new(),
        message_ref: ts.into(),
        provider_event_id: Some(format!("Ev{ts}")),
        occurred_at: datetime!(2026-11-20 15:00 UTC),
        keys: DedupeKeys { event: Some(format!("slack:event:Ev{ts}")), content: format!("slack:message:T1/C1/{ts}") },
        disposition: Disposition::Queue,
        consent: None,
        redelivery: Redelivery::default(),
        payload: serde_json_text(text),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
    }
}

fn serde_json_text(text: &str) -> String {
    format!("{{\"text\":{text:?}}}")
}

/// What every [`SignalLog`] owes its callers.
///
/// # Panics
/// When the log breaks the contract.
pub async fn signal_log_contract(log: &dyn SignalLog) {
    appends_in_order(log).await;
    knows_a_message_by_either_key(log).await;
    finds_duplicates_inside_one_batch(log).await;
    gives_concurrent_copies_one_id(log).await;
    keeps_ignored_signals_with_their_reason(log).await;
}

async fn appends_in_order(log: &dyn SignalLog) {
    let batch: Vec<_> = (0..3).map(|n| slack_signal("U1", &format!("1.00000{n}"), "hello")).collect();
    let ids: Vec<_> = batch.iter().map(|signal| signal.signal_id).collect();
    let receipts = log.append_all(batch).await.expect("a sound batch is stored");
    assert_eq!(receipts.iter().map(|r| r.signal_id).collect::<Vec<_>>(), ids);
    assert!(receipts.iter().all(|r| r.outcome == Outcome::Appended));
    assert!(log.append_all(Vec::new()).await.expect("nothing to do").is_empty());
}

async fn knows_a_message_by_either_key(log: &dyn SignalLog) {
    let first = slack_signal("U1", "2.000001", "once");
    let id = log.append_all(vec![first.clone()]).await.expect("stored")[0].signal_id;

    let mut same_event = slack_signal("U1", "2.000002", "other content key");
    same_event.keys.event.clone_from(&first.keys.event);
    let mut same_content = slack_signal("U1", "2.000003", "other event key");
    same_content.keys.content.clone_from(&first.keys.content);
    for copy in [same_event, same_content] {
        let receipt = log.append_all(vec![copy]).await.expect("a duplicate is no error").remove(0);
        assert_eq!((receipt.signal_id, receipt.outcome), (id, Outcome::Duplicate));
    }
}

async fn finds_duplicates_inside_one_batch(log: &dyn SignalLog) {
    let first = slack_signal("U1", "3.000001", "twice in one batch");
    let mut again = first.clone();
    again.signal_id = SignalId::mint();
    let receipts = log.append_all(vec![first.clone(), again]).await.expect("stored once");
    assert_eq!(receipts[0].signal_id, receipts[1].signal_id);
    assert_eq!(receipts.iter().filter(|r| r.outcome == Outcome::Appended).count(), 1);
}

async fn gives_concurrent_copies_one_id(log: &dyn SignalLog) {
    let copies = (0..8).map(|n| {
        let mut copy = slack_signal("U1", "4.000001", "all at once");
        copy.keys.event = Some(format!("slack:event:copy-{n}"));
        log.append_all(vec![copy])
    });
    let receipts: Vec<_> =
        futures_util::future::join_all(copies).await.into_iter().map(|r| r.expect("stored once").remove(0)).collect();
    assert!(receipts.iter().all(|r| r.signal_id == receipts[0].signal_id));
    assert_eq!(receipts.iter().filter(|r| r.outcome == Outcome::Appended).count(), 1);
}

async fn keeps_ignored_signals_with_their_reason(log: &dyn SignalLog) {
    let mut bot = slack_signal("", "5.000001", "beep");
    bot.disposition = Disposition::Ignore("bot_message");
    let receipt = log.append_all(vec![bot.clone()]).await.expect("stored").remove(0);
    assert_eq!(receipt.ignored.as_deref(), Some("bot_message"));
    bot.signal_id = SignalId::mint();
    let repeat = log.append_all(vec![bot]).await.expect("known").remove(0);
    assert_eq!((repeat.ignored.as_deref(), repeat.outcome), (Some("bot_message"), Outcome::Duplicate));
}
