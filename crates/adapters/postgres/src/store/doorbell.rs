//! The `Doorbell` port: LISTEN on a connection of its own, made anew whenever it breaks. Each bell has a channel.
//!
//! It only wakes. It must not know what is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use diesel_async::SimpleAsyncConnection;
use dispatch_pipeline::ports::doorbell::Doorbell;
use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::connect::{self, DatabaseUrl, Pool};

/// The longest pause before the connection is made again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Rings when some process committed new work.
#[derive(Debug)]
pub struct PgDoorbell {
    bell: Arc<Bell>,
    listener: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Bell {
    rings: Notify,
    waiting: AtomicUsize,
}

impl Bell {
    /// Wakes all who wait; where nobody does, the next one to come finds one ring.
    fn ring(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.rings.notify_waiters();
        } else {
            self.rings.notify_one();
        }
    }
}

impl PgDoorbell {
    /// Listens for work where this pool connects to, from now until it is dropped. Needs a Tokio runtime.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)] // as for the other stores
    pub fn new(pool: Pool) -> Self {
        Self::on("dispatch_work", &pool)
    }

    /// The same for another channel.
    pub(super) fn on(channel: &'static str, pool: &Pool) -> Self {
        let bell = Arc::new(Bell::default());
        let listener = tokio::spawn(listen(channel, pool.url().clone(), Arc::clone(&bell)));
        Self { bell, listener }
    }
}

impl Drop for PgDoorbell {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

#[async_trait]
impl Doorbell for PgDoorbell {
    async fn rung(&self) {
        // Made before it is counted: a ring from here on is not missed.
        let ring = self.bell.rings.notified();
        let _waiting = Waiting::on(&self.bell);
        ring.await;
    }
}

/// One who waits, also when the waiting is given up.
struct Waiting<'a>(&'a Bell);

impl<'a> Waiting<'a> {
    fn on(bell: &'a Bell) -> Self {
        bell.waiting.fetch_add(1, Ordering::SeqCst);
        Self(bell)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn listen(channel: &'static str, url: DatabaseUrl, bell: Arc<Bell>) {
    let mut pause = Duration::from_millis(250);
    loop {
        match session(channel, &url, &bell).await {
            Ok(()) => pause = Duration::from_millis(250),
            Err(error) => {
                tracing::debug!(%error, "no LISTEN connection; whoever waits polls meanwhile");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Listens until the connection breaks.
async fn session(
    channel: &str,
    url: &DatabaseUrl,
    bell: &Bell,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut connection = connect::one(url).await?;
    connection.batch_execute(&format!("LISTEN {channel}")).await?;
    // Something may have been committed while nobody listened.
    bell.ring();
    let mut notifications = std::pin::pin!(connection.notifications_stream());
    while let Some(notification) = notifications.next().await {
        if notification.is_err() {
            break;
        }
        bell.ring();
    }
    Ok(())
}
