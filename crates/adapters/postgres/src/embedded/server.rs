//! The server through all its launches: one process after the other on the same data, each waited for until it answers.
//!
//! It must not know why it is launched again.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_postgres::NoTls;

use super::{EmbeddedError, blocking, lock::OwnerLock, postmaster::Postmaster, setup::Setup};

/// Recovery after a crash can take a while.
const LIMIT: Duration = Duration::from_secs(90);

/// What PostgreSQL says while sessions of a killed server are still ending, or when a killed owner had started a server
/// so shortly before that it had not yet left its mark when we looked for one.
const IN_THE_WAY: [&str; 2] = ["pre-existing shared memory block", "already exists"];

/// How long those are waited for.
const IN_THE_WAY_LIMIT: Duration = Duration::from_secs(15);

/// What the server is launched with, and the process that it is now.
#[derive(Debug)]
pub(super) struct Server {
    setup: Setup,
    postmaster: Mutex<Postmaster>,
    // Last: the lock outlives the server it guards.
    lock: OwnerLock,
}

impl Server {
    /// Makes the data where there is none, launches the first process, and tells others the URL once it answers.
    pub(super) async fn start(setup: Setup, lock: OwnerLock) -> Result<Arc<Self>, EmbeddedError> {
        let server = blocking(move || {
            setup.clear()?;
            setup.ensure_data()?;
            let postmaster = Mutex::new(Postmaster::launch(&setup)?);
            Ok(Arc::new(Self { setup, postmaster, lock }))
        })
        .await?;
        server.settle().await?;
        server.lock.announce(&server.setup.url)?;
        Ok(server)
    }

    /// Launches it again, unless it runs or was told to end, and waits until it answers. Where the wait is cut off, the new
    /// process is the server's all the same.
    pub(super) async fn restart(self: &Arc<Self>) -> Result<(), EmbeddedError> {
        self.relaunch().await?;
        self.settle().await
    }

    /// Ends it for good.
    pub(super) fn stop(&self) -> Result<(), EmbeddedError> {
        self.postmaster().stop()
    }

    /// How it ended, when nobody told it to.
    pub(super) fn failure(&self) -> Option<String> {
        self.postmaster().failure().map(str::to_owned)
    }

    pub(super) fn pid(&self) -> u32 {
        self.postmaster().pid()
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    fn postmaster(&self) -> MutexGuard<'_, Postmaster> {
        self.postmaster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks and launches under one guard, so that neither a stop nor another launch comes in between.
    async fn relaunch(self: &Arc<Self>) -> Result<(), EmbeddedError> {
        let server = Arc::clone(self);
        blocking(move || {
            let mut postmaster = server.postmaster();
            if postmaster.failure().is_some() {
                server.setup.clear()?;
                *postmaster = Postmaster::launch(&server.setup)?;
            }
            Ok(())
        })
        .await
    }

    /// Waits for the process just launched, and launches again while what a killed one left is in its way.
    async fn settle(self: &Arc<Self>) -> Result<(), EmbeddedError> {
        let began = Instant::now();
        loop {
            let outcome = self.ready().await;
            match &outcome {
                Err(EmbeddedError::Start { tail, .. })
                    if IN_THE_WAY.iter().any(|sign| tail.contains(sign)) && began.elapsed() < IN_THE_WAY_LIMIT => {}
                _ => return outcome,
            }
            sleep(Duration::from_millis(300)).await;
            self.relaunch().await?;
        }
    }

    /// Waits for an answer to a query, or for the process's end.
    async fn ready(&self) -> Result<(), EmbeddedError> {
        let (deadline, data, log) = (Instant::now() + LIMIT, self.setup.place.data(), self.setup.place.log());
        loop {
            // Only then is it this server that answers and not one left behind.
            let holds = self.postmaster().holds(&data);
            if holds && answers(&self.setup.url).await {
                return Ok(());
            }
            if let Some(log_start) = self.postmaster().ended_after() {
                return Err(EmbeddedError::Start { tail: tail(&log, log_start), log });
            }
            if Instant::now() > deadline {
                return Err(EmbeddedError::NotReady { seconds: LIMIT.as_secs(), log });
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn answers(url: &str) -> bool {
    let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await else { return false };
    let driver = tokio::spawn(connection);
    let answer = client.simple_query("SELECT 1").await.is_ok();
    drop(client);
    driver.abort();
    answer
}

/// What this launch wrote last.
fn tail(log: &Path, start: u64) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[usize::try_from(start).unwrap_or(0).min(text.len())..]).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(6)..].join("\n")
}
