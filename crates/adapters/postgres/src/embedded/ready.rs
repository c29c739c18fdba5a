//! Waiting until the server answers.
//!
//! It must not know how the server was started.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use super::{EmbeddedError, postmaster::Postmaster};

/// Recovery after a crash can take a while.
const LIMIT: Duration = Duration::from_secs(90);

/// Waits for an answer to a query, or for the server's end.
pub(super) async fn wait(mut postmaster: Postmaster, url: &str, log: &Path) -> Result<Postmaster, EmbeddedError> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if answers(url).await {
            return Ok(postmaster);
        }
        if postmaster.has_ended() {
            return Err(EmbeddedError::Start { log: log.to_owned(), tail: tail(log) });
        }
        if Instant::now() > deadline {
            return Err(EmbeddedError::NotReady { seconds: LIMIT.as_secs(), log: log.to_owned() });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
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

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(6)..].join("\n")
}
