//! What the work behind a stream tells: gathered here until it is written down. Must not know the store.

use super::{Failure, StreamLimits};
use crate::ports::streams::EventName;
use dispatch_classification::classifier::Listener;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The work's end of a stream. Telling never waits.
#[derive(Clone)]
pub struct Teller {
    told: Arc<Told>,
}

/// The bytes that one stream takes of what all streams of a process may take, until nobody tells or reads it any more.
pub(super) struct Memory {
    all: Arc<AtomicUsize>,
    most: usize,
    taken: AtomicUsize,
}

impl Memory {
    /// None yet of the `most` that `all` may come to.
    pub fn of(all: &Arc<AtomicUsize>, most: usize) -> Arc<Self> {
        Arc::new(Self { all: Arc::clone(all), most, taken: AtomicUsize::new(0) })
    }

    /// Takes so many more, if they are to be had.
    fn take(&self, bytes: usize) -> bool {
        let enough = |all: usize| all.checked_add(bytes).filter(|sum| *sum <= self.most);
        let taken = self.all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough).is_ok();
        if taken {
            self.taken.fetch_add(bytes, Ordering::Relaxed);
        }
        taken
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.all.fetch_sub(*self.taken.get_mut(), Ordering::Relaxed);
    }
}

/// What was told and is not written down yet.
pub(super) struct Told {
    limits: StreamLimits,
    memory: Arc<Memory>,
    gathered: Mutex<Gathered>,
    /// Something was told.
    pub news: Notify,
}

#[derive(Default)]
struct Gathered {
    events: Vec<(EventName, Map<String, Value>)>,
    /// Of the whole stream.
    count: usize,
    bytes: usize,
    closed: bool,
    /// There was too much: how the stream ends.
    cut: Option<Failure>,
}

/// What was gathered, and how the stream ends if there was too much.
pub(super) struct Batch {
    pub events: Vec<(EventName, Map<String, Value>)>,
    pub cut: Option<Failure>,
}

impl Told {
    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was gathered.
    pub fn take(&self) -> Batch {
        let mut gathered = self.gathered();
        Batch { events: std::mem::take(&mut gathered.events), cut: gathered.cut.clone() }
    }

    /// Hears nothing more.
    pub fn close(&self) {
        self.gathered().closed = true;
    }
}

impl Gathered {
    /// Whether so much more may be told. Beyond the limit nothing is: a stream with a hole in it would be a lie.
    fn admit(&mut self, limits: &StreamLimits, memory: &Memory, bytes: usize, events: usize) -> bool {
        if self.closed || self.cut.is_some() {
            return false;
        }
        if self.count + events > limits.events || self.bytes + bytes > limits.bytes {
            self.cut = Some(Failure::new("stream_too_long", false));
        } else if !memory.take(bytes) {
            self.cut = Some(Failure::new("overloaded", true));
        } else {
            self.count += events;
            self.bytes += bytes;
        }
        self.cut.is_none()
    }
}

impl Teller {
    pub(super) fn new(limits: StreamLimits, memory: Arc<Memory>) -> (Self, Arc<Told>) {
        let told = Arc::new(Told { limits, memory, gathered: Mutex::default(), news: Notify::new() });
        (Self { told: Arc::clone(&told) }, told)
    }

    /// Tells one event. The first and the last are the stream's own and cannot be told: they are left out.
    pub fn tell(&self, name: EventName, data: Map<String, Value>) {
        if name == EventName::Metadata || name.is_terminal() {
            return;
        }
        let bytes = serde_json::to_string(&data).map_or(0, |text| text.len());
        let mut gathered = self.told.gathered();
        if gathered.admit(&self.told.limits, &self.told.memory, bytes, 1) {
            gathered.events.push((name, data));
        }
        drop(gathered);
        self.told.news.notify_one();
    }

    /// Tells a piece of text as a `delta` with these members beside `text`. Pieces with the same members that follow each
    /// other with nothing but deltas between them are one event, as long as they are not written down.
    pub fn delta(&self, about: &Map<String, Value>, text: &str) {
        let mut gathered = self.told.gathered();
        let is_same = |data: &Map<String, Value>| {
            data.len() == about.len() + 1 && about.iter().all(|(name, value)| data.get(name) == Some(value))
        };
        let deltas = gathered.events.iter().rev().take_while(|(name, _)| *name == EventName::Delta).count();
        let from = gathered.events.len() - deltas;
        let place = gathered.events[from..].iter().position(|(_, data)| is_same(data)).map(|at| from + at);
        let events = usize::from(place.is_none());
        if !gathered.admit(&self.told.limits, &self.told.memory, text.len(), events) {
            drop(gathered);
            return self.told.news.notify_one();
        }
        match place.and_then(|at| gathered.events[at].1.get_mut("text")) {
            Some(Value::String(before)) => before.push_str(text),
            _ => {
                let mut data = about.clone();
                data.insert("text".into(), json!(text));
                gathered.events.push((EventName::Delta, data));
            }
        }
        drop(gathered);
        self.told.news.notify_one();
    }

    /// Tells what a model writes: deltas of `provider`, `attempt` and `text`.
    #[must_use]
    pub fn listener(&self) -> TellingListener {
        self.listener_about(Map::new())
    }

    /// The same with more members in each.
    #[must_use]
    pub fn listener_about(&self, about: Map<String, Value>) -> TellingListener {
        TellingListener { teller: self.clone(), about }
    }
}

/// Passes on what a model writes.
#[derive(Clone)]
pub struct TellingListener {
    teller: Teller,
    about: Map<String, Value>,
}

impl Listener for TellingListener {
    fn delta(&self, provider: &str, attempt: u32, text: &str) {
        let mut about = self.about.clone();
        about.insert("provider".into(), json!(provider));
        about.insert("attempt".into(), json!(attempt));
        self.teller.delta(&about, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teller(events: usize, bytes: usize) -> (Teller, Arc<Told>) {
        let limits = StreamLimits { events, bytes, ..StreamLimits::default() };
        Teller::new(limits, Memory::of(&Arc::default(), limits.all_bytes))
    }

    fn told(told: &Told) -> Vec<(EventName, Value)> {
        told.take().events.into_iter().map(|(name, data)| (name, Value::Object(data))).collect()
    }

    #[test]
    fn pieces_of_one_text_are_one_event_and_stay_where_they_were_said() {
        let (teller, heard) = teller(100, 1000);
        let (first, second) = (teller.listener(), teller.listener_about(Map::from_iter([("index".into(), json!(1))])));
        first.delta("openai", 1, "a");
        second.delta("openai", 1, "x");
        first.delta("openai", 1, "b");
        first.delta("openai", 2, "again");
        teller.tell(EventName::ToolCall, Map::new());
        first.delta("openai", 2, "c");
        let delta = |attempt, text| (EventName::Delta, json!({"provider": "openai", "attempt": attempt, "text": text}));
        let other = (EventName::Delta, json!({"index": 1, "provider": "openai", "attempt": 1, "text": "x"}));
        let tool = (EventName::ToolCall, json!({}));
        assert_eq!(told(&heard), [delta(1, "ab"), other, delta(2, "again"), tool, delta(2, "c")]);
        first.delta("openai", 2, "d");
        assert_eq!(told(&heard), [delta(2, "d")], "what is written down does not change");
    }

    #[test]
    fn beginning_and_end_are_not_the_works_to_tell() {
        let (teller, heard) = teller(100, 1000);
        for name in [EventName::Metadata, EventName::Complete, EventName::Error] {
            teller.tell(name, Map::new());
        }
        assert_eq!(told(&heard), []);
    }

    #[test]
    fn a_stream_has_an_end_to_its_length() {
        let (teller, heard) = teller(2, 1000);
        (0..5).for_each(|_| teller.tell(EventName::Citations, Map::new()));
        let batch = heard.take();
        assert_eq!((batch.events.len(), batch.cut), (2, Some(Failure::new("stream_too_long", false))));
        let (teller, heard) = self::teller(100, 10);
        let listener = teller.listener();
        (0..5).for_each(|_| listener.delta("p", 1, "four"));
        let batch = heard.take();
        assert_eq!((batch.events[0].1["text"].as_str(), batch.cut.is_some()), (Some("fourfour"), true));
    }

    #[test]
    fn who_is_not_heard_any_more_says_nothing() {
        let (teller, heard) = teller(100, 1000);
        heard.close();
        teller.tell(EventName::Citations, Map::new());
        teller.listener().delta("p", 1, "text");
        let batch = heard.take();
        assert_eq!((batch.events.len(), batch.cut), (0, None));
    }

    #[test]
    fn all_streams_together_have_so_many_bytes() {
        let (all, limits) = (Arc::new(AtomicUsize::new(0)), StreamLimits::default());
        let (one, heard) = Teller::new(limits, Memory::of(&all, 10));
        let (other, of_other) = Teller::new(limits, Memory::of(&all, 10));
        one.delta(&Map::new(), "four");
        other.delta(&Map::new(), "four");
        one.delta(&Map::new(), "four");
        assert_eq!((heard.take().cut, of_other.take().cut), (Some(Failure::new("overloaded", true)), None));
        drop((one, heard));
        other.delta(&Map::new(), "sixsix");
        assert_eq!((of_other.take().cut, all.load(Ordering::Relaxed)), (None, 10), "they are given back");
    }
}
