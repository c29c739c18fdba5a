//! Launching the server and waiting until it answers.
//!
//! It must not know what the arguments say.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_postgres::NoTls;

use super::{Account, Binaries, EmbeddedError, blocking, place::Place, postmaster::Postmaster};

/// Recovery after a crash can take a while.
const LIMIT: Duration = Duration::from_secs(90);

/// What PostgreSQL says while sessions of a killed server are still ending, or when a killed owner had started a server
/// so shortly before that it had not yet left its mark when we looked for one.
const IN_THE_WAY: [&str; 2] = ["pre-existing shared memory block", "already exists"];

/// How long those are waited for.
const IN_THE_WAY_LIMIT: Duration = Duration::from_secs(15);

/// Starts the server and waits for an answer to a query, or for the server's end.
pub(super) async fn launch(
    place: &Place,
    binaries: &Binaries,
    account: &Account,
    arguments: &[String],
    url: &str,
) -> Result<Postmaster, EmbeddedError> {
    let began = Instant::now();
    loop {
        let postmaster = Postmaster::launch(place, binaries, account, arguments)?;
        let outcome = wait(postmaster, url, place).await;
        match &outcome {
            Err(EmbeddedError::Start { tail, .. })
                if IN_THE_WAY.iter().any(|sign| tail.contains(sign)) && began.elapsed() < IN_THE_WAY_LIMIT => {}
            _ => return outcome,
        }
        sleep(Duration::from_millis(300)).await;
        let (place, account) = (place.clone(), account.clone());
        blocking(move || {
            Postmaster::end_leftover(&place.data())?;
            place.prepare(&account)
        })
        .await?;
    }
}

async fn wait(mut postmaster: Postmaster, url: &str, place: &Place) -> Result<Postmaster, EmbeddedError> {
    let (deadline, log) = (Instant::now() + LIMIT, place.log());
    loop {
        // Only then is it this server that answers and not one left behind.
        if postmaster.holds(&place.data()) && answers(url).await {
            return Ok(postmaster);
        }
        if postmaster.has_ended() {
            return Err(EmbeddedError::Start { tail: tail(&log, postmaster.log_start()), log });
        }
        if Instant::now() > deadline {
            return Err(EmbeddedError::NotReady { seconds: LIMIT.as_secs(), log });
        }
        sleep(Duration::from_millis(20)).await;
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
