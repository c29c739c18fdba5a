//! Looking at lock waits from outside, every few milliseconds. It must not wait for a lock itself.

use crate::stand::Stand;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The longest waits that were seen, in milliseconds.
#[derive(Default)]
pub struct Seen {
    pub client: AtomicU64,
    pub tool: AtomicU64,
    pub idle: AtomicU64,
    /// Clients that wait for each other's rows: the disk's affair, and nobody's fault.
    pub rows: AtomicU64,
}

pub struct Look {
    pub seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    running: JoinHandle<()>,
}

const SQL: &str = "SELECT
    coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000) FILTER (WHERE a.application_name LIKE 'client %' AND l.locktype = 'relation'), 0)::int::text,
    coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000)
        FILTER (WHERE a.application_name LIKE 'dispatch cutover%' AND l.mode = 'AccessExclusiveLock'), 0)::int::text,
    (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - state_change) * 1000), 0)::int::text FROM pg_stat_activity
        WHERE state LIKE 'idle in transaction%' AND application_name LIKE 'dispatch cutover%'),
    coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart) * 1000)
        FILTER (WHERE a.application_name LIKE 'client %' AND l.locktype <> 'relation'), 0)::int::text
    FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE NOT l.granted";

impl Look {
    pub async fn start(stand: &Stand) -> Result<Self> {
        let client = stand.client("rehearse: looking").await?;
        let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
        let (into, until) = (Arc::clone(&seen), Arc::clone(&stop));
        let running = tokio::spawn(async move {
            while !until.load(Ordering::Relaxed) {
                if let Ok(rows) = client.simple_query(SQL).await {
                    for message in rows {
                        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                            for (at, most) in [&into.client, &into.tool, &into.idle, &into.rows].into_iter().enumerate()
                            {
                                let waited = row.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
                                most.fetch_max(waited, Ordering::Relaxed);
                            }
                        }
                    }
                }
                tokio::time::sleep(Duration::from_millis(4)).await;
            }
        });
        Ok(Self { seen, stop, running })
    }

    pub async fn stop(self) -> Arc<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        let _ended = self.running.await;
        self.seen
    }
}
