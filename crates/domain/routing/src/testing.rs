//! Contract suites of the queue ports, and ready-made settlements for tests.
//!
//! Times are chosen so that nothing sleeps: a quiet window or a lease of zero has passed, one of an hour has not.

mod amendments;
mod answer_queue;
mod delivery_queue;
mod delivery_reports;
mod ends;
mod held_work;
mod lanes;
mod replays;
mod unit_queue;

pub use answer_queue::answer_queue_contract;
pub use delivery_queue::delivery_queue_contract;
pub use delivery_reports::{SeenDeliveries, delivery_reports_contract};
pub use ends::{ends, ends_contract, one_message};
pub use held_work::{held, held_work_contract};
pub use lanes::{Within, breaking, lanes_contract, message_to};
pub use replays::replays_contract;
pub use unit_queue::unit_queue_contract;

use crate::delivery_queue::DeliveryQueue;
use crate::destination::{Destination, NotificationDestination, SlackPlace, StorageDestination, StorageTable};
use crate::plan::{Content, Decision, PlannedDelivery, Verdict};
use crate::queue::{ClaimRule, ClaimToken};
use crate::storage::{AgentTaskWork, StorageItem, StorageWork};
use crate::unit::{BurstRule, ClaimedUnit, Member};
use crate::unit_queue::{UnitQueue, UnitSettlement};
use dispatch_classification::classification::{Classification, Confidence, ListingHint, Meaning, TaskTitle};
use dispatch_classification::classifier::{Classified, Provenance};
use dispatch_classification::taxonomy::TaskKey;
use dispatch_mission::ids::{ClassificationId, DispatchId, UnitId};
use dispatch_mission::mission::{MissionType, RoutingDecision};
use dispatch_mission::signal::NewSignal;
use dispatch_mission::signal_log::SignalLog;
use dispatch_mission::testing::slack_signal;
use std::time::Duration;

/// Longer than any test.
pub const AGES: Duration = Duration::from_secs(3_600);

/// Closes what is due now, whatever its age.
pub const AT_ONCE: BurstRule = BurstRule { quiet: Duration::ZERO, max: 10 };

/// The ports under test. The queues are empty when a suite begins, and nothing else uses them.
#[derive(Clone, Copy)]
#[allow(missing_docs)] // one field, one port
pub struct Queues<'a> {
    pub signals: &'a dyn SignalLog,
    pub units: &'a dyn UnitQueue,
    pub deliveries: &'a dyn DeliveryQueue,
}

/// Claims up to ten rows for this long; the third claim of a row is refused.
#[must_use]
pub fn claim_for(lease: Duration) -> ClaimRule {
    ClaimRule { limit: 10, lease, max_attempts: 2 }
}

/// A message in a channel of its own choice.
#[must_use]
pub fn said(channel: &str, author: &str, ts: &str) -> NewSignal {
    let mut signal = slack_signal(author, ts, "Please book the photographer");
    channel.clone_into(&mut signal.conversation.channel);
    signal.keys.content = format!("slack:message:T1/{channel}/{ts}");
    signal.keys.event = Some(format!("slack:event:T1/Ev{channel}{ts}"));
    signal.provider_event_id = Some(format!("Ev{channel}{ts}"));
    signal
}

impl Queues<'_> {
    /// Appends one message by one author and claims the unit it becomes.
    ///
    /// # Panics
    /// When a port breaks its contract.
    pub async fn claimed(&self, channel: &str, lease: Duration) -> ClaimedUnit {
        self.signals.append_all(vec![said(channel, "U1", "1.000001")]).await.expect("appended");
        assert_eq!(self.units.close_bursts(AT_ONCE, 10).await.expect("closed"), 1);
        let mut units = self.units.claim(claim_for(lease)).await.expect("claimed");
        assert_eq!(units.len(), 1, "only the unit of {channel} is due");
        units.remove(0)
    }

    /// Claims a unit and routes it by this plan.
    ///
    /// # Panics
    /// When a port breaks its contract.
    pub async fn routed(&self, channel: &str, plan: Vec<PlannedDelivery>) -> ClaimedUnit {
        let unit = self.claimed(channel, AGES).await;
        let settled = self.units.settle(vec![settlement(&unit, Verdict::Dispatch(plan))]).await.expect("settled");
        assert_eq!(settled, [crate::queue::Settled::Stood]);
        unit
    }
}

/// A unit of one Slack message that somebody has claimed, apart from any queue.
#[must_use]
pub fn claimed_unit(text: &str) -> ClaimedUnit {
    let signal = said("C1", "U1", "1.000001");
    let member = Member {
        signal_id: signal.signal_id,
        message_ref: signal.message_ref,
        text: text.to_owned(),
        attachments: Vec::new(),
        at: signal.occurred_at,
    };
    ClaimedUnit {
        unit_id: UnitId::mint(),
        token: ClaimToken(UnitId::mint().0),
        attempts: 1,
        conversation: signal.conversation,
        author: signal.author,
        members: vec![member],
        trace_id: signal.trace_id,
        revision: None,
        replay: None,
    }
}

/// What a STRAY message means.
#[must_use]
pub fn stray() -> Classified {
    Classified {
        classification: Classification {
            meaning: Meaning::Stray(TaskKey::OpsMiscTask),
            listing: ListingHint::default(),
            assignee_hint: None,
            due_date: None,
            task_title: TaskTitle::from_text("Book the photographer"),
            confidence: Confidence::clamped(0.9),
            explanations: vec!["asks for work".into()],
        },
        provenance: Provenance {
            provider: "local".into(),
            model: "test".into(),
            prompt_version: None,
            latency_us: 7,
            usage: None,
            fallback_reason: None,
        },
    }
}

/// The settlement of `unit` with this verdict.
#[must_use]
pub fn settlement(unit: &ClaimedUnit, verdict: Verdict) -> UnitSettlement {
    UnitSettlement {
        unit_id: unit.unit_id,
        token: unit.token,
        classification_id: ClassificationId::mint(),
        classified: stray(),
        dispatch_id: DispatchId::mint(),
        decision: Decision {
            routing: RoutingDecision { auto_dispatch: true, reason: "Above 0.7 threshold".into() },
            rule: "stray".into(),
            verdict,
            question: None,
        },
    }
}

/// A message to the thread of `channel`, after another delivery of the plan.
#[must_use]
pub fn message(channel: &str, after: Option<usize>) -> PlannedDelivery {
    let thread =
        SlackPlace { workspace: "T1".into(), channel_id: channel.to_owned(), thread_ts: Some("1.000001".into()) };
    PlannedDelivery {
        destination: Destination::Notification(NotificationDestination::Slack(thread)),
        content: Content::Message { text: "✅ Task detected and added to your queue!".into() },
        after,
        quota: None,
    }
}

/// An agent task to be stored.
#[must_use]
pub fn agent_task() -> PlannedDelivery {
    PlannedDelivery {
        destination: Destination::Storage(StorageDestination { table: StorageTable::DispatchAgentTasks }),
        content: Content::Storage(Box::new(StorageWork {
            author: "U1".into(),
            assignee_hint: None,
            realtor_id: None,
            confidence: 0.9,
            routing_decision: RoutingDecision { auto_dispatch: true, reason: "Above 0.7 threshold".into() },
            revision: 0,
            answer: None,
            nonce: None,
            item: StorageItem::AgentTask(AgentTaskWork {
                task_key: Some(TaskKey::OpsMiscTask),
                mission_type: MissionType::Admin,
                title: "Book the photographer".into(),
                description: "Please book the photographer".into(),
                address: None,
                due_at: None,
                needs_info: None,
            }),
        })),
        after: None,
        quota: None,
    }
}
