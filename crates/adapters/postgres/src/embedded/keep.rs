//! Keeping the server up: it is watched, and started again when it has ended without being told to.
//!
//! It must not know how a server is started.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::server::Server;

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A server that ran this long has nothing to do any more with what ended the one before.
const CALM: Duration = Duration::from_secs(60);

/// The pauses between ends that follow one another.
const SHORTEST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// Watches until dropped.
pub(super) async fn keep(server: &Arc<Server>) -> ! {
    let mut pause = Duration::ZERO;
    loop {
        let began = Instant::now();
        let how = end_of(server).await;
        pause = pause_after(pause, began.elapsed());
        tracing::warn!(%how, ?pause, pid = server.pid(), "the embedded PostgreSQL has ended by itself; it is started again");
        sleep(pause).await;
        match server.restart().await {
            Ok(()) => tracing::info!(pid = server.pid(), "the embedded PostgreSQL answers again"),
            Err(error) => tracing::warn!(%error, "the embedded PostgreSQL could not be started again"),
        }
    }
}

async fn end_of(server: &Server) -> String {
    loop {
        if let Some(how) = server.failure() {
            return how;
        }
        sleep(LOOK).await;
    }
}

/// None after a calm time, otherwise twice the last one.
fn pause_after(last: Duration, ran: Duration) -> Duration {
    if ran >= CALM { Duration::ZERO } else { (last * 2).clamp(SHORTEST, LONGEST) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_until_the_server_stays_up() {
        let mut pause = Duration::ZERO;
        let pauses: Vec<u128> = std::iter::repeat_with(|| {
            pause = pause_after(pause, Duration::from_secs(1));
            pause.as_millis()
        })
        .take(9)
        .collect();
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(pause_after(pause, CALM), Duration::ZERO);
    }
}
