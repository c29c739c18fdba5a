//! Messages that change after they came in: edits, deletions, answers, and what becomes of their missions.

mod answers;
mod edits;
mod races;
mod rows;
mod shared;
mod withdrawals;

use dispatch_classification::classification::{Classification, ListingHint, Meaning};
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use dispatch_mission::signal::{Amendment, Change, Disposition, NewSignal};
use dispatch_mission::signal_log::SignalLog;
use dispatch_mission::zone::Zone;
use dispatch_pipeline::ports::stories::{Stories, Story};
use dispatch_postgres::store::{PgStories, seed};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::policy::Policy;
use dispatch_routing::queue::Settled;
use dispatch_routing::testing::{AGES, AT_ONCE, claim_for, said, settlement};
use dispatch_routing::unit::ClaimedUnit;
use dispatch_routing::unit_queue::{UnitQueue, UnitSettlement};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{Replica, number, text};

/// When the first message was written.
const BEGUN: OffsetDateTime = datetime!(2026-11-20 15:00 UTC);

const STRAY: Meaning = Meaning::Stray(TaskKey::OpsMiscTask);
const GROUP: Meaning = Meaning::Group(GroupKey::SaleListing);
const QUESTION: Meaning = Meaning::InfoRequest;
const CHATTER: Meaning = Meaning::Ignore;

/// A Slack `ts`, so many seconds after the first message.
fn ts(second: i64) -> String {
    format!("{}.000100", BEGUN.unix_timestamp() + second)
}

/// A message in `channel`, written so many seconds after the first one.
fn says(channel: &str, author: &str, second: i64, words: &str) -> NewSignal {
    let mut signal = said(channel, author, &ts(second));
    words.clone_into(&mut signal.text);
    signal.occurred_at = BEGUN + time::Duration::seconds(second);
    signal
}

/// A change of the message of `second`, made at `at`.
fn changes(channel: &str, author: &str, second: i64, change: Change, words: &str, at: i64) -> NewSignal {
    let mut signal = says(channel, author, second, words);
    let of = signal.keys.content.clone();
    signal.keys.content = format!("{of}/{}/{at}", change.as_str());
    signal.keys.event = Some(format!("slack:event:T1/Ev{channel}{second}/{}/{at}", change.as_str()));
    signal.occurred_at = BEGUN + time::Duration::seconds(at);
    signal.disposition = Disposition::Amend(Amendment { of, change });
    signal
}

fn edit(channel: &str, second: i64, words: &str, at: i64) -> NewSignal {
    changes(channel, "U1", second, Change::Edit, words, at)
}

fn deletion(channel: &str, second: i64, at: i64) -> NewSignal {
    changes(channel, "U1", second, Change::Delete, "", at)
}

/// A reply in the thread of the message of `root`.
fn replies(channel: &str, author: &str, root: i64, second: i64, words: &str) -> NewSignal {
    let mut signal = says(channel, author, second, words);
    signal.conversation.thread = Some(ts(root));
    signal
}

/// One database with a brokerage, as one replica and the policy see it.
struct World {
    database: TestDatabase,
    replica: Replica,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        seed::brokerage(&mut database.connect().await).await.unwrap();
        let replica = Replica::of(&database);
        Self { database, replica }
    }

    async fn hears(&self, signals: impl IntoIterator<Item = NewSignal>) {
        self.replica.signals.append_all(signals.into_iter().collect()).await.unwrap();
    }

    async fn amend(&self) -> u32 {
        self.replica.units.amend(100).await.unwrap()
    }

    /// As if the waiting amendments were due by now.
    async fn look_again(&self) -> u32 {
        self.database.execute("UPDATE dispatch.signals SET look_again_at = now() WHERE state = 'amending'").await;
        self.amend().await
    }

    /// As if everything that waits had come in so many minutes ago.
    async fn minutes_pass(&self, minutes: u32) -> u32 {
        let sql = format!(
            "UPDATE dispatch.signals SET received_at = received_at - interval '{minutes} minutes'
             WHERE state = 'amending'"
        );
        self.database.execute(&sql).await;
        self.look_again().await
    }

    async fn close(&self) -> u32 {
        self.replica.units.close_bursts(AT_ONCE, 100).await.unwrap()
    }

    async fn claim(&self) -> Vec<ClaimedUnit> {
        self.replica.units.claim(claim_for(AGES)).await.unwrap()
    }

    /// Amends, closes and claims the only unit that is due.
    async fn claim_one(&self) -> ClaimedUnit {
        self.amend().await;
        self.close().await;
        let mut units = self.claim().await;
        assert_eq!(units.len(), 1, "one unit is due");
        units.remove(0)
    }

    /// Settles `unit` as the policy decides when it means this.
    async fn settle(&self, unit: &ClaimedUnit, meaning: Meaning) {
        let settled = self.replica.units.settle(vec![decided(unit, meaning, 0.9)]).await.unwrap();
        assert_eq!(settled, [Settled::Stood]);
    }

    /// A whole turn for the only unit that is due, which means a listing at this address.
    async fn turn_at(&self, key: GroupKey, address: &str) -> ClaimedUnit {
        let unit = self.claim_one().await;
        let row = decided_at(&unit, Meaning::Group(key), 0.9, Some(address));
        assert_eq!(self.replica.units.settle(vec![row]).await.unwrap(), [Settled::Stood]);
        unit
    }

    /// A whole turn for the only unit that is due, which means this.
    async fn turn(&self, meaning: Meaning) -> ClaimedUnit {
        let unit = self.claim_one().await;
        self.settle(&unit, meaning).await;
        unit
    }

    async fn count(&self, query: &str) -> i64 {
        number(&self.database, &format!("SELECT count(*) AS n FROM {query}")).await
    }

    /// The only row that `query` answers.
    async fn row(&self, query: &str) -> Value {
        let mut rows = self.database.json(query).await;
        assert_eq!(rows.len(), 1, "{query}");
        rows.remove(0)
    }

    async fn task(&self) -> Value {
        self.row(
            "SELECT *, facts.version FROM dispatch_agent_tasks JOIN dispatch.mission_facts AS facts USING (mission_id)",
        )
        .await
    }

    async fn unit_state(&self, unit: &ClaimedUnit) -> String {
        let row = self.row(&format!("SELECT state FROM dispatch.units WHERE unit_id = '{}'", unit.unit_id)).await;
        text(&row, "state").to_owned()
    }

    async fn story(&self, id: &str) -> Story {
        PgStories::new(self.database.pool()).find(id).await.unwrap().unwrap()
    }
}

fn decided(unit: &ClaimedUnit, meaning: Meaning, confidence: f32) -> UnitSettlement {
    decided_at(unit, meaning, confidence, None)
}

fn decided_at(unit: &ClaimedUnit, meaning: Meaning, confidence: f32, address: Option<&str>) -> UnitSettlement {
    let mut settlement = settlement(unit, dispatch_routing::plan::Verdict::Nothing);
    let classification = Classification {
        meaning,
        confidence: dispatch_classification::classification::Confidence::clamped(confidence),
        task_title: dispatch_classification::classification::TaskTitle::from_text(&unit.text()),
        listing: ListingHint { kind: None, address: address.map(str::to_owned) },
        ..settlement.classified.classification.clone()
    };
    settlement.decision = Policy::default().decide(unit, &classification, &Zone::toronto());
    settlement.classified.classification = classification;
    settlement
}

fn events(story: &Story) -> Vec<&str> {
    story.entries.iter().map(|entry| entry.event.as_str()).collect()
}

/// How often `event` stands in the story.
fn times(story: &Story, event: &str) -> usize {
    events(story).into_iter().filter(|one| *one == event).count()
}
