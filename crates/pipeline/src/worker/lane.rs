//! One lane of a worker: a turn after another while there is work, then a wait for the bell or the poll.

use dispatch_routing::queue::QueueError;
use futures_util::FutureExt as _;
use std::error::Error as _;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The longest pause between tries while the database does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Lane {
    name: &'static str,
    poll: Duration,
    stop: CancellationToken,
    ring: watch::Receiver<u64>,
}

impl Lane {
    pub(super) fn new(name: &'static str, poll: Duration, stop: CancellationToken, ring: watch::Receiver<u64>) -> Self {
        Self { name, poll, stop, ring }
    }

    /// Runs `turn` until told to stop. A turn in hand is always finished. `turn` answers how many rows moved.
    pub(super) async fn run<F, Fut>(mut self, turn: F)
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<usize, QueueError>>,
    {
        let mut failures = 0u32;
        while !self.stop.is_cancelled() {
            // Marked as seen before the turn: what rings during it is found right after it.
            self.ring.mark_unchanged();
            // One bad turn must not end the process, and with it everybody else's work.
            let outcome = AssertUnwindSafe(turn()).catch_unwind().await;
            match outcome.unwrap_or_else(|_panic| Err(QueueError::Unavailable("the turn panicked".into()))) {
                Ok(0) => {
                    failures = 0;
                    self.wait(self.poll).await;
                }
                Ok(_) => failures = 0,
                Err(error) => {
                    failures += 1;
                    // Never the database's own words about a refused row: they quote it.
                    let cause = error.is_retryable().then(|| error.source().map(ToString::to_string)).flatten();
                    tracing::warn!(lane = self.name, failures, %error, cause, "turn failed");
                    let pause = self.poll.saturating_mul(2u32.saturating_pow(failures.min(8))).min(LONGEST_PAUSE);
                    self.stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                }
            }
        }
    }

    async fn wait(&mut self, at_most: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            _ = self.ring.changed() => {}
            () = tokio::time::sleep(at_most) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_ring_wakes_a_waiting_lane_before_its_poll() {
        let (bell, ring) = watch::channel(0);
        let stop = CancellationToken::new();
        let turns = AtomicUsize::new(0);
        let lane = Lane::new("test", Duration::from_secs(3600), stop.clone(), ring);
        let run = lane.run(|| async {
            if turns.fetch_add(1, Ordering::SeqCst) == 1 {
                stop.cancel();
            }
            Ok(0)
        });
        let ringer = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            bell.send_modify(|rings| *rings += 1);
        };
        tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(run, ringer) }).await.expect("woken");
        assert_eq!(turns.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_panics_is_one_that_failed() {
        let (_bell, ring) = watch::channel(0);
        let stop = CancellationToken::new();
        let turns = AtomicUsize::new(0);
        Lane::new("test", Duration::from_millis(1), stop.clone(), ring)
            .run(|| async {
                assert!(turns.fetch_add(1, Ordering::SeqCst) > 0, "the first turn panics");
                stop.cancel();
                Ok(0)
            })
            .await;
        assert_eq!(turns.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_turn_is_tried_again_with_growing_pauses() {
        let (_bell, ring) = watch::channel(0);
        let stop = CancellationToken::new();
        let turns = AtomicUsize::new(0);
        let begun = tokio::time::Instant::now();
        Lane::new("test", Duration::from_millis(100), stop.clone(), ring)
            .run(|| async {
                match turns.fetch_add(1, Ordering::SeqCst) {
                    0..3 => Err(QueueError::Unavailable("down".into())),
                    _ => {
                        stop.cancel();
                        Ok(0)
                    }
                }
            })
            .await;
        assert_eq!(begun.elapsed(), Duration::from_millis(200 + 400 + 800));
    }
}
