//! Streams: answers that are told piece by piece and outlive the line they are told over. Must not know what is told, or
//! how it travels.
//!
//! Rows are the truth: nobody hears an event before it is committed. Readers in the teller's own process are woken and read
//! its memory; each is no more than a place in it, so that a slow one costs nothing. Readers elsewhere look at the rows.
//! Everything runs on the process' own runtime: a reader who hangs up cancels nothing, he is waited for.

mod follow;
mod live;
mod scribe;
mod teller;
#[cfg(test)]
mod tests;

pub use follow::Followed;
pub use teller::Teller;

use crate::ports::StoreUnavailable;
use crate::ports::streams::{EventName, Reading, StreamEvent, StreamStore};
use dispatch_mission::ids::StreamId;
use follow::Place;
use live::Live;
use scribe::Scribe;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use teller::Memory;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// How long and how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamLimits {
    /// A teller that has not been heard of for so long is dead.
    pub lease: Duration,
    /// How often one that has nothing to say is heard of.
    pub heartbeat: Duration,
    /// How often what was said is written down.
    pub gather: Duration,
    /// How long nobody may listen before the work is given up.
    pub patience: Duration,
    /// How often a reader looks at the rows of a stream that is told elsewhere.
    pub poll: Duration,
    /// How long streams may go on when the process is to stop.
    pub drain: Duration,
    /// Streams that are told here at the same time.
    pub live: usize,
    /// The same of one owner.
    pub of_owner: usize,
    /// Events of one stream.
    pub events: usize,
    /// Bytes of all events of one stream.
    pub bytes: usize,
    /// Bytes of all streams that are told or read here from memory.
    pub all_bytes: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            heartbeat: Duration::from_secs(3),
            gather: Duration::from_millis(100),
            patience: Duration::from_secs(20),
            poll: Duration::from_millis(250),
            drain: Duration::from_secs(5),
            live: 1000,
            of_owner: 200,
            events: 5000,
            bytes: 2 << 20,
            all_bytes: 256 << 20,
        }
    }
}

/// Why there is no end but an `error`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// A stable word that clients branch on.
    pub code: &'static str,
    /// What is wrong in this case; for people outside.
    pub detail: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

impl Failure {
    /// With nothing more to say.
    #[must_use]
    pub fn new(code: &'static str, retryable: bool) -> Self {
        Self { code, detail: None, retryable }
    }

    /// Says what is wrong in this case; for people outside.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// What an `error` event says.
    #[must_use]
    pub fn data(&self) -> Map<String, Value> {
        let mut data = Map::new();
        data.insert("code".into(), json!(self.code));
        data.insert("retryable".into(), json!(self.retryable));
        if let Some(detail) = &self.detail {
            data.insert("detail".into(), json!(detail));
        }
        data
    }
}

/// Why a stream was not begun.
#[derive(Debug, Error)]
pub enum BeginError {
    /// Too many are told here already, or the process is to stop. Nothing was begun.
    #[error("too many streams are being told here")]
    Busy,
    /// So many of this owner's are told here already. Nothing was begun.
    #[error("too many streams of one owner are being told here")]
    TooMany,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Why a stream cannot be followed.
#[derive(Debug, Error)]
pub enum FollowError {
    /// No such stream, or not this owner's.
    #[error("there is no such stream")]
    Unknown,
    /// It was there; its events are no longer kept.
    #[error("the stream's events are no longer kept")]
    Gone,
    /// It has ended, and the reader has all of it.
    #[error("nothing remains of the stream")]
    NothingLeft,
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// All streams, as one process tells and reads them.
#[derive(Clone)]
pub struct Streams {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn StreamStore>,
    limits: StreamLimits,
    home: Handle,
    /// Those that are told here, now.
    hub: Mutex<HashMap<StreamId, Arc<Live>>>,
    /// How many those are.
    telling: watch::Sender<usize>,
    /// The same by owner.
    owners: Mutex<HashMap<String, usize>>,
    /// The bytes of all that are told or read here.
    bytes: Arc<AtomicUsize>,
    /// No more are begun.
    closing: CancellationToken,
    /// Those that are told end now, and those that are told elsewhere are no longer read here.
    stop: CancellationToken,
}

impl Streams {
    /// Over `store`; the runtime that this is called on is home.
    #[must_use]
    pub fn new(store: Arc<dyn StreamStore>, limits: StreamLimits) -> Self {
        let shared = Shared {
            store,
            limits,
            home: Handle::current(),
            hub: Mutex::default(),
            telling: watch::Sender::new(0),
            owners: Mutex::default(),
            bytes: Arc::default(),
            closing: CancellationToken::new(),
            stop: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Begins a stream: `metadata`, to which `stream_id` is added, is stored as event 1 before this returns. Then `work`
    /// runs in a task of its own and tells the rest; what it answers is the end. It is dropped where it stands when nobody
    /// listens any more or the process is to stop.
    ///
    /// # Errors
    /// [`BeginError`]: `work` has not begun and never will.
    pub async fn begin<F, Fut>(
        &self,
        owner: &str,
        mut metadata: Map<String, Value>,
        work: F,
    ) -> Result<Followed, BeginError>
    where
        F: FnOnce(Teller) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Map<String, Value>, Failure>> + Send + 'static,
    {
        let stream = StreamId::mint();
        metadata.insert("stream_id".into(), json!(stream));
        let first = StreamEvent { seq: 1, name: EventName::Metadata, data: metadata };
        let (shared, owner) = (Arc::clone(&self.shared), owner.to_owned());
        // A caller who hangs up meanwhile leaves a stream that is told as far as patience goes.
        let begun = self.shared.home.spawn(
            async move {
                let seat = Shared::seat(&shared, &owner)?;
                shared.store.open(stream, &owner, &first, shared.limits.lease).await?;
                let memory = Memory::of(&shared.bytes, shared.limits.all_bytes);
                let live = Arc::new(Live::new(owner.clone(), first, Arc::clone(&memory)));
                let place = Place::memory(&live);
                shared.hub().insert(stream, Arc::clone(&live));
                let (teller, told) = Teller::new(shared.limits, memory);
                let scribe = Scribe::new(Arc::clone(&shared), stream, live, told, seat);
                tokio::spawn(scribe.run(work(teller)).in_current_span());
                Ok(Followed::new(shared, owner, stream, 0, place))
            }
            .in_current_span(),
        );
        begun.await.unwrap_or_else(|ended| Err(BeginError::Unavailable(StoreUnavailable(ended.into()))))
    }

    /// Reads on in `owner`'s stream after event number `after`; 0 is from the beginning.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn follow(&self, owner: &str, stream: StreamId, after: u32) -> Result<Followed, FollowError> {
        let shared = Arc::clone(&self.shared);
        let live = shared.hub().get(&stream).cloned();
        let place = match live.filter(|live| live.owner() == owner) {
            Some(live) if live.ends_by(after) => return Err(FollowError::NothingLeft),
            Some(live) => Place::memory(&live),
            None => match shared.read(stream, owner, after).await? {
                Reading::Unknown => return Err(FollowError::Unknown),
                Reading::Gone => return Err(FollowError::Gone),
                Reading::Open { events, ended: true, .. } if events.is_empty() => {
                    return Err(FollowError::NothingLeft);
                }
                Reading::Open { events, .. } => Place::rows(events),
            },
        };
        Ok(Followed::new(shared, owner.to_owned(), stream, after, place))
    }

    /// Whether whoever repeats the request that this stream answered is served best by a new one: its events are no longer
    /// kept, or it ended with an error that may pass.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    pub async fn is_spent(&self, owner: &str, stream: StreamId) -> Result<bool, StoreUnavailable> {
        let mut after = 0;
        loop {
            let events = match self.shared.read(stream, owner, after).await? {
                Reading::Unknown | Reading::Gone => return Ok(true),
                Reading::Open { ended: false, .. } => return Ok(false),
                Reading::Open { events, .. } => events,
            };
            let Some(last) = events.last() else { return Ok(false) };
            if last.name.is_terminal() {
                let may_pass = last.data.get("retryable").and_then(Value::as_bool).unwrap_or_default();
                return Ok(last.name == EventName::Error && may_pass);
            }
            after = last.seq;
        }
    }

    /// For a process that is to stop: begins no more, lets those that are told go on for a while, ends the rest with an
    /// `error` (`server_stopping`), and waits for that.
    pub async fn drain(&self) {
        let shared = &self.shared;
        shared.closing.cancel();
        let mut telling = shared.telling.subscribe();
        if tokio::time::timeout(shared.limits.drain, telling.wait_for(|count| *count == 0)).await.is_err() {
            tracing::info!(streams = *shared.telling.borrow(), "streams are ended: the process is to stop");
        }
        shared.stop.cancel();
        // It cannot fail: `shared` has the other end.
        let _ = telling.wait_for(|count| *count == 0).await;
    }
}

/// One of the places for streams that are told at the same time.
struct Seat {
    shared: Arc<Shared>,
    owner: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut owners = self.shared.owners();
        if let Some(count) = owners.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                owners.remove(&self.owner);
            }
        }
        drop(owners);
        self.shared.telling.send_modify(|count| *count -= 1);
    }
}

impl Shared {
    fn seat(shared: &Arc<Self>, owner: &str) -> Result<Seat, BeginError> {
        let is_full = shared.bytes.load(Ordering::Relaxed) >= shared.limits.all_bytes;
        if is_full || shared.closing.is_cancelled() {
            return Err(BeginError::Busy);
        }
        let mut owners = shared.owners();
        if owners.get(owner).copied().unwrap_or_default() >= shared.limits.of_owner {
            return Err(BeginError::TooMany);
        }
        let seated = shared.telling.send_if_modified(|count| {
            let seated = *count < shared.limits.live;
            *count += usize::from(seated);
            seated
        });
        if !seated {
            return Err(BeginError::Busy);
        }
        *owners.entry(owner.to_owned()).or_default() += 1;
        Ok(Seat { shared: Arc::clone(shared), owner: owner.to_owned() })
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hub(&self) -> MutexGuard<'_, HashMap<StreamId, Arc<Live>>> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the rows say, asked at home.
    async fn read(&self, stream: StreamId, owner: &str, after: u32) -> Result<Reading, StoreUnavailable> {
        let (store, owner) = (Arc::clone(&self.store), owner.to_owned());
        let read = async move { store.read(stream, &owner, after, follow::ROWS_AT_ONCE).await };
        let read = self.home.spawn(read.in_current_span()).await;
        read.unwrap_or_else(|ended| Err(StoreUnavailable(ended.into())))
    }

    /// Ends a stream whose teller is dead, at home.
    async fn bury(&self, stream: StreamId) -> Result<bool, StoreUnavailable> {
        let store = Arc::clone(&self.store);
        let lost = Failure::new("teller_lost", true);
        let bury = async move { store.bury(stream, &lost.data()).await };
        let buried = self.home.spawn(bury.in_current_span()).await;
        buried.unwrap_or_else(|ended| Err(StoreUnavailable(ended.into())))
    }
}
