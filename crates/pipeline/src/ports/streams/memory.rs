//! A `StreamStore` in memory, for tests. It keeps the contract of the real one.

use super::{EVENTS_KEPT_FOR, EventName, Reading, STREAM_KNOWN_FOR, StreamEvent, StreamStore, Telling};
use crate::ports::StoreUnavailable;
use async_trait::async_trait;
use dispatch_mission::ids::StreamId;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// Streams in memory. Its clock stands still until a test moves it.
#[derive(Default)]
pub struct MemoryStreams(Mutex<State>);

#[derive(Default)]
struct State {
    now: Duration,
    down: bool,
    streams: BTreeMap<StreamId, Row>,
}

struct Row {
    owner: String,
    events: Vec<StreamEvent>,
    last: u32,
    ended: bool,
    kept: bool,
    opened_at: Duration,
    attended_at: Duration,
    lease_until: Duration,
}

impl MemoryStreams {
    /// With this stream in it, just opened.
    #[must_use]
    pub fn with(stream: StreamId, owner: &str, events: Vec<StreamEvent>) -> Self {
        let (last, ended) = (events.len() as u32, events.last().is_some_and(|last| last.name.is_terminal()));
        let (zero, owner) = (Duration::ZERO, owner.to_owned());
        let (opened_at, attended_at, lease_until) = (zero, zero, zero);
        let row = Row { owner, events, last, ended, kept: true, opened_at, attended_at, lease_until };
        Self(Mutex::new(State { streams: BTreeMap::from([(stream, row)]), ..State::default() }))
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).now += by;
    }

    /// From now on it does not answer, or does again.
    pub fn set_down(&self, down: bool) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).down = down;
    }

    fn look<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, StoreUnavailable> {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if state.down { Err(StoreUnavailable("it is down".into())) } else { Ok(work(&mut state)) }
    }
}

#[async_trait]
impl StreamStore for MemoryStreams {
    async fn open(
        &self,
        stream: StreamId,
        owner: &str,
        first: &StreamEvent,
        lease: Duration,
    ) -> Result<(), StoreUnavailable> {
        self.look(|state| {
            let (owner, events, now) = (owner.to_owned(), vec![first.clone()], state.now);
            let (opened_at, attended_at, lease_until) = (now, now, now + lease);
            let row = Row { owner, events, last: 1, ended: false, kept: true, opened_at, attended_at, lease_until };
            state.streams.insert(stream, row);
        })
    }

    async fn append(
        &self,
        stream: StreamId,
        events: &[StreamEvent],
        lease: Duration,
    ) -> Result<Telling, StoreUnavailable> {
        self.look(|state| {
            let now = state.now;
            let Some(row) = state.streams.get_mut(&stream).filter(|row| !row.ended && row.kept) else {
                return Telling::Ended;
            };
            row.events.extend(events.iter().filter(|event| event.seq > row.last).cloned());
            row.last = row.events.last().map_or(row.last, |event| event.seq);
            row.ended = row.events.last().is_some_and(|event| event.name.is_terminal());
            row.lease_until = if row.ended { now } else { now + lease };
            Telling::Unattended(now - row.attended_at)
        })
    }

    async fn read(&self, stream: StreamId, owner: &str, after: u32, limit: u32) -> Result<Reading, StoreUnavailable> {
        self.look(|state| {
            let now = state.now;
            let Some(row) = state.streams.get_mut(&stream).filter(|row| row.owner == owner) else {
                return Reading::Unknown;
            };
            if !row.kept && (!row.ended || after < row.last) {
                return Reading::Gone;
            }
            row.attended_at = now;
            let events = row.events.iter().filter(|event| event.seq > after).take(limit as usize).cloned().collect();
            Reading::Open { events, ended: row.ended, orphaned: !row.ended && row.lease_until <= now }
        })
    }

    async fn bury(&self, stream: StreamId, data: &Map<String, Value>) -> Result<bool, StoreUnavailable> {
        self.look(|state| {
            let now = state.now;
            let row = state.streams.get_mut(&stream).filter(|row| !row.ended && row.kept && row.lease_until <= now);
            let Some(row) = row else { return false };
            row.last += 1;
            row.events.push(StreamEvent { seq: row.last, name: EventName::Error, data: data.clone() });
            (row.ended, row.lease_until) = (true, now);
            true
        })
    }

    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable> {
        self.look(|state| {
            let now = state.now;
            let known = |row: &Row| row.opened_at + STREAM_KNOWN_FOR > now;
            let before = state.streams.len();
            state.streams.retain(|_, row| known(row) || row.kept);
            let gone = before - state.streams.len();
            let old = |row: &&mut Row| row.kept && row.lease_until + EVENTS_KEPT_FOR <= now;
            let mut events = 0;
            let cleared = state.streams.values_mut().filter(old).take_while(|row| {
                let goes = events < limit;
                events += row.last;
                goes
            });
            let cleared = cleared.map(|row| {
                row.events.clear();
                row.kept = false;
            });
            (gone + cleared.count()) as u32
        })
    }
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    let store = MemoryStreams::default();
    crate::testing::streams_contract(&store, async |by| store.advance(by)).await;
}
