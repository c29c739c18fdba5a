//! The task behind a stream that is told here: runs the work, writes down what it tells, and sees to it that there is one
//! end. Must not know what is told.

use super::live::Live;
use super::teller::{Batch, Told};
use super::{Failure, Seat, Shared};
use crate::failpoint;
use crate::ports::StoreUnavailable;
use crate::ports::streams::{EventName, StreamEvent, Telling};
use dispatch_mission::ids::StreamId;
use futures_util::FutureExt as _;
use serde_json::{Map, Value};
use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

/// Between two tries to write the same events.
const PAUSE: Duration = Duration::from_millis(200);

/// What the work came to: the data of `complete`, or of `error`.
type Outcome = Result<Map<String, Value>, Failure>;

/// Writes one stream.
pub(super) struct Scribe {
    shared: Arc<Shared>,
    stream: StreamId,
    live: Arc<Live>,
    told: Arc<Told>,
    /// The number of the next event.
    next: u32,
    /// When something was last written: from then on the lease counts.
    written: Instant,
    _seat: Seat,
}

impl Scribe {
    pub fn new(shared: Arc<Shared>, stream: StreamId, live: Arc<Live>, told: Arc<Told>, seat: Seat) -> Self {
        Self { shared, stream, live, told, next: 2, written: Instant::now(), _seat: seat }
    }

    /// From the beginning of the work to the end of the stream.
    pub async fn run(mut self, work: impl Future<Output = Outcome> + Send + 'static) {
        let mut work = AbortOnDropHandle::new(tokio::spawn(work.in_current_span()));
        let outcome = self.listen(&mut work).await;
        self.told.close();
        drop(work);
        if let Some(outcome) = outcome {
            self.finish(outcome).await;
        }
    }

    /// Writes what is told until there is an end. `None` when the stream is somebody else's by now.
    async fn listen(&mut self, work: &mut AbortOnDropHandle<Outcome>) -> Option<Outcome> {
        let stop = self.shared.stop.clone();
        let limits = self.shared.limits;
        let (told, mut due) = (Arc::clone(&self.told), None);
        loop {
            let until = due.unwrap_or(self.written + limits.heartbeat);
            tokio::select! {
                biased;
                ended = &mut *work => return Some(outcome(ended)),
                () = stop.cancelled() => return Some(Err(Failure::new("server_stopping", true))),
                // What follows closely is written together; after a silence the first of it almost at once.
                () = told.news.notified(), if due.is_none() => {
                    due = Some((self.written + limits.gather).max(Instant::now() + limits.gather / 20));
                }
                () = sleep_until(until) => {
                    due = None;
                    if let Break(end) = self.write().await {
                        return end.map(Err);
                    }
                }
            }
        }
    }

    /// Writes what was told, or that it goes on. Breaks with a failure that ends the stream, or nothing where it has ended.
    async fn write(&mut self) -> ControlFlow<Option<Failure>> {
        // What is taken now is no news any more. Whoever tells meanwhile leaves his word behind.
        _ = self.told.news.notified().now_or_never();
        let Batch { events, cut } = self.told.take();
        let events = self.numbered(events);
        let alone = match self.append(events).await {
            Some(Telling::Unattended(elsewhere)) => elsewhere.min(self.live.unattended()),
            Some(Telling::Ended) | None => return Break(None),
        };
        failpoint::pass("stream.written", || self.stream.to_string());
        if cut.is_some() {
            return Break(cut);
        }
        if alone > self.shared.limits.patience {
            tracing::info!(stream_id = %self.stream, "nobody listens any more; the work is given up");
            return Break(Some(Failure::new("reader_gone", true)));
        }
        Continue(())
    }

    /// Writes what is left, and the end.
    async fn finish(&mut self, outcome: Outcome) {
        let Batch { mut events, cut } = self.told.take();
        let outcome = cut.map_or(outcome, Err);
        events.push(match outcome {
            Ok(data) => (EventName::Complete, data),
            Err(failure) => {
                tracing::info!(stream_id = %self.stream, code = failure.code, "a stream ends with an error");
                (EventName::Error, failure.data())
            }
        });
        let events = self.numbered(events);
        self.append(events).await;
    }

    fn numbered(&mut self, events: Vec<(EventName, Map<String, Value>)>) -> Vec<StreamEvent> {
        let numbered = (self.next..).zip(events).map(|(seq, (name, data))| StreamEvent { seq, name, data });
        let numbered: Vec<_> = numbered.collect();
        self.next += numbered.len() as u32;
        numbered
    }

    /// Tries until it is written, or the lease is over and everybody may end the stream; `None` then.
    async fn append(&mut self, events: Vec<StreamEvent>) -> Option<Telling> {
        let lease = self.shared.limits.lease;
        let over = self.written + lease;
        loop {
            let begun = Instant::now();
            let append = timeout(lease / 2, self.shared.store.append(self.stream, &events, lease)).await;
            match append.unwrap_or_else(|late| Err(StoreUnavailable(late.into()))) {
                Ok(Telling::Ended) => return Some(Telling::Ended),
                Ok(goes) => {
                    self.written = begun;
                    self.live.publish(events);
                    return Some(goes);
                }
                Err(error) => {
                    tracing::warn!(stream_id = %self.stream, %error, "a stream's events cannot be written");
                    if Instant::now() + PAUSE >= over {
                        return None;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Scribe {
    /// However it came to its end: who still listens finds the rest in the rows.
    fn drop(&mut self) {
        self.shared.hub().remove(&self.stream);
        self.live.detach();
    }
}

/// Nothing of what a panic said goes anywhere: it may quote what was worked on.
fn outcome(ended: Result<Outcome, JoinError>) -> Outcome {
    ended.unwrap_or_else(|_| Err(Failure::new("internal_error", true)))
}
