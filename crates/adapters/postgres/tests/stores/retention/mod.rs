//! What goes and what stays: the port's contract, missions that need their story, words that go before the rows, rows in
//! somebody's hands, replicas at once.

mod bodies;
mod hands;
mod keeps;
mod model;

use std::time::Duration;

use async_trait::async_trait;
use dispatch_pipeline::ports::retention::{Ages, Cursor, Matter, Retention, Rows};
use dispatch_pipeline::testing::{RetentionWorld, retention_contract};
use dispatch_postgres::store::{PgRetention, seed};
use dispatch_postgres::testing::TestDatabase;
use dispatch_routing::plan::Verdict;
use dispatch_routing::testing::{AGES, agent_task, message, settlement};
use dispatch_routing::unit::ClaimedUnit;
use dispatch_routing::unit_queue::UnitQueue;

use crate::support::{Replica, number};

const DAY: Duration = Duration::from_hours(24);

/// Every column that says when something was, and the tables of a unit.
const TIMES: [(&str, &[&str]); 16] = [
    ("units", &["opened_at", "closed_at", "settled_at"]),
    ("signals", &["received_at", "occurred_at", "emptied_at"]),
    ("classifications", &["created_at"]),
    ("dispatches", &["created_at"]),
    ("deliveries", &["created_at", "settled_at"]),
    ("decisions", &["decided_at"]),
    ("effects", &["created_at"]),
    ("mission_facts", &["created_at", "changed_at"]),
    ("timeline", &["at"]),
    ("delivery_reports", &["reported_at"]),
    ("quotas", &["taken_at"]),
    ("replay_batches", &["created_at", "ended_at"]),
    ("buckets", &["full_at", "ready_at"]),
    ("breakers", &["changed_at", "asks_at"]),
    ("legacy_traffic", &["minute"]),
    ("retention", &["due_at"]),
];

/// What a unit leaves when it is gone: nothing.
const TABLES: [&str; 7] = ["units", "signals", "classifications", "dispatches", "deliveries", "effects", "timeline"];

/// One database with a brokerage, and what removes.
struct World {
    database: TestDatabase,
    replica: Replica,
    store: PgRetention,
    ages: Ages,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        seed::brokerage(&mut database.connect().await).await.unwrap();
        let (replica, store) = (Replica::of(&database), PgRetention::new(database.pool()));
        Self { database, replica, store, ages: Ages::default() }
    }

    /// The database's clock is not ours to turn: everything is moved into the past.
    async fn pass(&self, time: Duration) {
        let moved = TIMES.map(|(table, columns)| {
            let set = columns.iter().map(|column| format!("{column} = {column} - {} * interval '1 s'", time.as_secs()));
            format!("UPDATE dispatch.{table} SET {}", set.collect::<Vec<_>>().join(", "))
        });
        self.database.execute(&moved.join(";")).await;
    }

    async fn count(&self, from: &str) -> i64 {
        number(&self.database, &format!("SELECT count(*) AS n FROM dispatch.{from}")).await
    }

    /// A whole walk.
    async fn removes(&self, matter: Matter) -> Rows {
        removes(&self.store, matter, &self.ages).await
    }

    /// How many units a whole walk removes.
    async fn units_removed(&self) -> u64 {
        self.removes(Matter::Work).await.0.get("units").copied().unwrap_or_default()
    }

    /// A unit that made an agent task.
    async fn task(&self, channel: &str) -> ClaimedUnit {
        self.replica.queues().routed(channel, vec![agent_task()]).await
    }

    /// What somebody did to all missions.
    async fn missions(&self, set: &str) {
        self.database.execute(&format!("UPDATE public.dispatch_agent_tasks SET {set}")).await;
    }
}

async fn removes(store: &PgRetention, matter: Matter, ages: &Ages) -> Rows {
    let (mut rows, mut from) = (Rows::default(), Some(Cursor::default()));
    while let Some(cursor) = from.take() {
        match store.step(matter, ages, &cursor, 50).await.unwrap() {
            Some(step) => {
                rows.add(&step.rows);
                from = step.next;
            }
            None => from = Some(cursor),
        }
    }
    rows
}

#[async_trait]
impl RetentionWorld for World {
    fn store(&self) -> &dyn Retention {
        &self.store
    }

    async fn finished(&self, matter: Matter, count: u32) {
        for _ in 0..count {
            self.one(matter).await;
        }
    }

    async fn pass(&self, time: Duration) {
        World::pass(self, time).await;
    }

    async fn left(&self, matter: Matter) -> u64 {
        let from = match matter {
            Matter::Work => "units",
            Matter::Ignored => "signals WHERE state = 'ignored'",
            Matter::Bodies => "signals WHERE emptied_at IS NULL",
            Matter::Requests => "classification_requests",
            Matter::Reports => "delivery_reports",
            Matter::Stories => "timeline WHERE step = 'mission'",
            Matter::Quotas => "quotas",
            Matter::Contents => "deliveries WHERE content ->> 'text' <> ''",
            Matter::Batches => "replay_batches",
            Matter::Buckets => "buckets",
            Matter::Breakers => "breakers",
            Matter::Traffic => "legacy_traffic",
        };
        u64::try_from(self.count(from).await).unwrap()
    }
}

impl World {
    async fn one(&self, matter: Matter) {
        let id = uuid::Uuid::now_v7().to_string();
        match matter {
            Matter::Work | Matter::Bodies => {
                let unit = self.replica.queues().claimed(&id, AGES).await;
                self.replica.units.settle(vec![settlement(&unit, Verdict::Nothing)]).await.unwrap();
            }
            Matter::Ignored => {
                let bot = format!(
                    "INSERT INTO dispatch.signals (signal_id, source, workspace, channel, conversation, author, text,
                         message_ref, content_key, state, ignored_reason, occurred_at, payload)
                     VALUES ('{id}', 'slack', 'T1', 'C1', 'slack/T1/C1/-', 'B1', 'beep', '1.1', '{id}', 'ignored',
                         'bot', now(), '{{}}')"
                );
                self.database.execute(&bot).await;
            }
            Matter::Requests => {
                let asked = format!(
                    "INSERT INTO dispatch.classifications (classification_id, schema_version, message_type, confidence,
                         provenance) VALUES ('{id}', 1, 'IGNORE', 0.9, '{{}}');
                     INSERT INTO dispatch.classification_requests (classification_id, principal, text, said_at, metadata,
                         rule, auto_dispatch, reason)
                     VALUES ('{id}', 'user:ann', 'hi', now(), '{{}}', 'ignore', false, 'chatter')"
                );
                self.database.execute(&asked).await;
            }
            Matter::Reports => {
                let report =
                    format!("INSERT INTO dispatch.delivery_reports (reference, status) VALUES ('{id}', 'sent')");
                self.database.execute(&report).await;
            }
            Matter::Stories => {
                let by_hand = format!(
                    "INSERT INTO dispatch.mission_facts (mission_id, kind, is_over) VALUES ('{id}', 'activity', true);
                     INSERT INTO dispatch.timeline (step, event, subject) VALUES ('mission', 'mission.done', '{id}')"
                );
                self.database.execute(&by_hand).await;
            }
            Matter::Contents => {
                let unit = self.replica.queues().claimed(&id, AGES).await;
                let told = message("told", None);
                self.replica.units.settle(vec![settlement(&unit, Verdict::Dispatch(vec![told]))]).await.unwrap();
                let done =
                    "UPDATE dispatch.deliveries SET state = 'delivered', settled_at = now() WHERE state = 'pending';
                    UPDATE dispatch.signals SET text = '', emptied_at = now() WHERE emptied_at IS NULL";
                self.database.execute(done).await;
            }
            Matter::Batches => {
                let batch = format!(
                    "INSERT INTO dispatch.replay_batches (batch_id, forced, per_second, asked, state, more, principal, ended_at)
                     VALUES ('{id}', false, 10, '{{}}', 'done', false, 'user:ann', now());
                     INSERT INTO dispatch.replay_items (batch_id, place, named, state) VALUES ('{id}', 1, '{id}', 'done')"
                );
                self.database.execute(&batch).await;
            }
            Matter::Traffic => {
                let traffic =
                    "INSERT INTO dispatch.legacy_traffic (minute, route, contract, mark, answered, failed, slow)
                    VALUES (clock_timestamp(), '/status', 'operations', '1', 1, 0, 0)";
                self.database.execute(traffic).await;
            }
            Matter::Buckets => {
                let bucket = format!("INSERT INTO dispatch.buckets (lane, channel) VALUES ('slack/T1', 'C{id}')");
                self.database.execute(&bucket).await;
            }
            Matter::Breakers => {
                self.database.execute(&format!("INSERT INTO dispatch.breakers (lane) VALUES ('slack/{id}')")).await;
            }
            Matter::Quotas => {
                self.database.execute(&format!("INSERT INTO dispatch.quotas (quota_key) VALUES ('{id}')")).await;
            }
        }
    }
}

#[tokio::test]
async fn contract() {
    for matter in Matter::ALL {
        retention_contract(&World::new().await, matter).await;
    }
}
