//! A reader's end of a stream: from memory where it is told here, else from the rows. Must not know how it travels on.

use super::Shared;
use super::live::{Heard, Listening, Live};
use crate::ports::streams::{Reading, StreamEvent};
use dispatch_mission::ids::StreamId;
use futures_util::stream::{BoxStream, Stream, StreamExt as _, unfold};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

/// Events that are read in one go.
pub(super) const ROWS_AT_ONCE: u32 = 200;
/// How long a store may be silent before a reader is let go, to come again by himself.
const SILENCE: Duration = Duration::from_secs(30);

/// The events of a stream that its reader has not had yet, as they come. It ends after the event that ends the stream; or
/// without one when they cannot be had here any more, and another process may have them.
pub struct Followed {
    stream_id: StreamId,
    events: BoxStream<'static, StreamEvent>,
}

impl Followed {
    pub(super) fn new(shared: Arc<Shared>, owner: String, stream_id: StreamId, after: u32, place: Place) -> Self {
        let (silent_since, attending) = (None, None);
        let mut reader =
            Reader { shared, owner, stream: stream_id, after, place, is_done: false, silent_since, attending };
        if matches!(reader.place, Place::Rows(_)) {
            reader.attend();
        }
        Self { stream_id, events: unfold(reader, Reader::next).boxed() }
    }

    /// Which stream it is.
    #[must_use]
    pub fn stream_id(&self) -> StreamId {
        self.stream_id
    }
}

impl Stream for Followed {
    type Item = StreamEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        self.events.poll_next_unpin(context)
    }
}

/// Where a reader reads.
pub(super) enum Place {
    Memory(Listening),
    Rows(VecDeque<StreamEvent>),
}

impl Place {
    pub fn memory(live: &Arc<Live>) -> Self {
        Self::Memory(Listening::to(live))
    }

    /// From the rows, of which these have been read.
    pub fn rows(read: Vec<StreamEvent>) -> Self {
        Self::Rows(read.into())
    }
}

struct Reader {
    shared: Arc<Shared>,
    owner: String,
    stream: StreamId,
    after: u32,
    place: Place,
    is_done: bool,
    silent_since: Option<Instant>,
    /// Attends while the reader is busy with what was read before.
    attending: Option<AbortOnDropHandle<()>>,
}

/// What a look at the rows came to.
enum Look {
    /// Go on: there is something, or there may be soon.
    Again,
    /// Wait a moment first.
    Wait,
    /// Nothing more is to be had here.
    Done,
}

impl Reader {
    async fn next(mut self) -> Option<(StreamEvent, Self)> {
        while !self.is_done {
            let event = match &mut self.place {
                Place::Memory(listening) => match listening.event(self.after + 1).await {
                    Heard::Event(event) => Some(StreamEvent::clone(&event)),
                    Heard::End => return None,
                    Heard::Elsewhere => {
                        self.place = Place::rows(Vec::new());
                        self.attend();
                        None
                    }
                },
                Place::Rows(ready) => ready.pop_front(),
            };
            if let Some(event) = event {
                self.after = event.seq;
                self.is_done = event.name.is_terminal();
                return Some((event, self));
            }
            match self.look().await {
                Look::Again => {}
                Look::Wait => self.is_done = self.pause().await,
                Look::Done => return None,
            }
        }
        None
    }

    /// Attends from now on, however long the client takes for what was read: reading attends, and he may read rarely.
    fn attend(&mut self) {
        let (shared, owner, stream) = (Arc::clone(&self.shared), self.owner.clone(), self.stream);
        let attend = async move {
            loop {
                sleep(shared.limits.patience / 4).await;
                let reading = shared.store.read(stream, &owner, u32::MAX, 0).await;
                if !matches!(reading, Ok(Reading::Open { ended: false, .. }) | Err(_)) {
                    return;
                }
            }
        };
        self.attending = Some(AbortOnDropHandle::new(self.shared.home.spawn(attend.in_current_span())));
    }

    async fn look(&mut self) -> Look {
        match self.shared.read(self.stream, &self.owner, self.after).await {
            Ok(reading) => {
                self.silent_since = None;
                self.found(reading).await
            }
            Err(error) => {
                let since = *self.silent_since.get_or_insert_with(Instant::now);
                tracing::debug!(stream_id = %self.stream, %error, "a stream's rows cannot be read");
                if since.elapsed() > SILENCE { Look::Done } else { Look::Wait }
            }
        }
    }

    async fn found(&mut self, reading: Reading) -> Look {
        let Reading::Open { events, ended, orphaned } = reading else { return Look::Done };
        if !events.is_empty() {
            self.place = Place::rows(events);
            return Look::Again;
        }
        if ended {
            return Look::Done;
        }
        if !orphaned {
            return Look::Wait;
        }
        match self.shared.bury(self.stream).await {
            Ok(buried) => {
                if buried {
                    tracing::warn!(stream_id = %self.stream, "a stream's teller is dead; the stream was ended");
                }
                Look::Again
            }
            Err(_) => Look::Wait,
        }
    }

    /// Waits a moment; whether the process stops meanwhile.
    async fn pause(&self) -> bool {
        let pause = tokio::time::sleep(self.shared.limits.poll);
        self.shared.stop.run_until_cancelled(pause).await.is_none()
    }
}
