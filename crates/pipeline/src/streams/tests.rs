//! Streams over a store in memory, whose clock and faults are the test's.

use super::*;
use crate::ports::streams::{MemoryStreams, Telling};
use async_trait::async_trait;
use dispatch_classification::classifier::Listener as _;
use futures_util::StreamExt as _;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout};

const LIMITS: StreamLimits = StreamLimits {
    lease: Duration::from_secs(10),
    heartbeat: Duration::from_secs(3),
    gather: Duration::from_millis(100),
    patience: Duration::from_secs(20),
    poll: Duration::from_millis(250),
    drain: Duration::from_secs(5),
    live: 3,
    of_owner: 3,
    events: 100,
    bytes: 10_000,
    all_bytes: 1_000_000,
};

fn streams() -> (Arc<MemoryStreams>, Streams) {
    let store = Arc::new(MemoryStreams::default());
    (Arc::clone(&store), Streams::new(store, LIMITS))
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn done() -> Result<Map<String, Value>, Failure> {
    Ok(object(&json!({"status": "success"})))
}

/// What a reader hears to the end, in short.
async fn heard(followed: Followed) -> Vec<String> {
    let short = |event: StreamEvent| {
        let said = event.data.get("code").or(event.data.get("text")).and_then(Value::as_str).unwrap_or_default();
        format!("{} {} {said}", event.seq, event.name.as_str()).trim_end().to_owned()
    };
    followed.map(short).collect().await
}

async fn begin_endless(streams: &Streams) -> Followed {
    streams.begin("ann", Map::new(), |_| std::future::pending()).await.expect("begun")
}

/// Whether a future that it is part of was dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.take().map(|told| told.send(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_told_and_read_again_from_anywhere() {
    let (_, streams) = streams();
    let metadata = object(&json!({"about": "x"}));
    let followed = streams.begin("ann", metadata, async |teller| {
        teller.listener().delta("local", 1, "a");
        sleep(Duration::from_millis(500)).await;
        teller.listener().delta("local", 1, "b");
        teller.tell(EventName::Classification, Map::new());
        done()
    });
    let followed = followed.await.expect("begun");
    let stream = followed.stream_id();
    let all = ["1 metadata", "2 delta a", "3 delta b", "4 classification", "5 complete"];
    assert_eq!(heard(followed).await, all);
    for (after, rest) in [(0, &all[..]), (2, &all[2..]), (4, &all[4..])] {
        assert_eq!(heard(streams.follow("ann", stream, after).await.expect("kept")).await, rest);
    }
    assert!(matches!(streams.follow("ann", stream, 5).await, Err(FollowError::NothingLeft)));
    assert!(matches!(streams.follow("bob", stream, 0).await, Err(FollowError::Unknown)));
    assert!(matches!(streams.follow("ann", StreamId::mint(), 0).await, Err(FollowError::Unknown)));
}

#[tokio::test(start_paused = true)]
async fn the_first_event_is_there_before_the_work_begins() {
    let (_, streams) = streams();
    let mut followed = begin_endless(&streams).await;
    let first = followed.next().await.expect("there");
    assert_eq!(first.data, object(&json!({"stream_id": followed.stream_id()})));
    assert!(matches!(streams.follow("bob", followed.stream_id(), 0).await, Err(FollowError::Unknown)), "told here");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_heard_before_it_is_committed() {
    let (store, streams) = streams();
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let work = async move |teller: Teller| {
        gate.notified().await;
        teller.tell(EventName::Citations, Map::new());
        done()
    };
    let mut followed = streams.begin("ann", Map::new(), work).await.expect("begun");
    followed.next().await.expect("metadata");
    store.set_down(true);
    go.notify_one();
    assert!(timeout(Duration::from_secs(5), followed.next()).await.is_err(), "the store is down");
    store.set_down(false);
    assert_eq!(heard(followed).await, ["2 citations", "3 complete"], "it was tried again while the lease lasts");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_in_time_finds_it_going_on() {
    let (store, streams) = streams();
    let work = async |teller: Teller| {
        sleep(Duration::from_secs(60)).await;
        teller.tell(EventName::Citations, Map::new());
        done()
    };
    let followed = streams.begin("ann", Map::new(), work).await.expect("begun");
    let stream = followed.stream_id();
    drop(followed);
    sleep(Duration::from_secs(19)).await;
    store.advance(Duration::from_secs(19));
    let again = streams.follow("ann", stream, 1).await.expect("it goes on");
    assert_eq!(heard(again).await, ["2 citations", "3 complete"]);
}

#[tokio::test(start_paused = true)]
async fn work_that_nobody_waits_for_is_given_up() {
    let (store, streams) = streams();
    let (told, dropped) = oneshot::channel();
    let work = async move |_| {
        let _dropped = Dropped(Some(told));
        std::future::pending().await
    };
    let followed = streams.begin("ann", Map::new(), work).await.expect("begun");
    let stream = followed.stream_id();
    drop(followed);
    store.advance(Duration::from_secs(21));
    let began = Instant::now();
    timeout(Duration::from_secs(60), dropped).await.expect("in time").expect("dropped");
    assert!(began.elapsed() > LIMITS.patience && began.elapsed() <= LIMITS.patience + LIMITS.heartbeat * 2);
    sleep(LIMITS.heartbeat).await;
    assert_eq!(heard(streams.follow("ann", stream, 1).await.expect("kept")).await, ["2 error reader_gone"]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_at_another_replica_attends_too() {
    let store = Arc::new(MemoryStreams::default());
    let (here, there) = (Streams::new(store.clone(), LIMITS), Streams::new(store.clone(), LIMITS));
    let again = begin_a_minute(&here, &there).await;
    let (heard, ()) = tokio::join!(heard(again), pass(&store, 61));
    assert_eq!(heard, ["2 citations", "3 complete"]);

    let again = begin_a_minute(&here, &there).await;
    let stream = again.stream_id();
    drop(again);
    pass(&store, 61).await;
    assert_eq!(heard_of(&there, stream).await, ["2 error reader_gone"], "nobody attended");
}

#[tokio::test(start_paused = true)]
async fn a_reader_at_another_replica_may_be_slow() {
    let store = Arc::new(MemoryStreams::default());
    let (here, there) = (Streams::new(store.clone(), LIMITS), Streams::new(store.clone(), LIMITS));
    let slow = begin_a_minute(&here, &there).await;
    pass(&store, 61).await;
    assert_eq!(heard(slow).await, ["2 citations", "3 complete"], "it is he who is waited for");
}

/// Begins work of a minute at one replica, which only a reader at another follows.
async fn begin_a_minute(here: &Streams, there: &Streams) -> Followed {
    let followed = here.begin("ann", Map::new(), async |teller| {
        sleep(Duration::from_secs(60)).await;
        teller.tell(EventName::Citations, Map::new());
        done()
    });
    let followed = followed.await.expect("begun");
    there.follow("ann", followed.stream_id(), 1).await.expect("it goes on")
}

async fn heard_of(streams: &Streams, stream: StreamId) -> Vec<String> {
    heard(streams.follow("ann", stream, 1).await.expect("kept")).await
}

/// So many seconds, by every clock.
async fn pass(store: &MemoryStreams, seconds: u32) {
    for _ in 0..seconds {
        sleep(Duration::from_secs(1)).await;
        store.advance(Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_tellers_stream_is_ended_by_its_reader() {
    let (store, streams) = streams();
    let stream = StreamId::mint();
    let first = StreamEvent { seq: 1, name: EventName::Metadata, data: Map::new() };
    store.open(stream, "ann", &first, LIMITS.lease).await.expect("open");
    let mut followed = streams.follow("ann", stream, 0).await.expect("there");
    followed.next().await.expect("metadata");
    assert!(timeout(Duration::from_secs(60), followed.next()).await.is_err(), "its lease lasts");
    store.advance(LIMITS.lease);
    let error = followed.next().await.expect("an end");
    assert_eq!(error.data, object(&json!({"code": "teller_lost", "retryable": true})));
    assert!(followed.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_teller_that_was_buried_alive_tells_nothing_more() {
    let (store, streams) = streams();
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let (told, dropped) = oneshot::channel();
    let work = async move |teller: Teller| {
        let _dropped = Dropped(Some(told));
        gate.notified().await;
        teller.tell(EventName::Citations, Map::new());
        std::future::pending().await
    };
    let followed = streams.begin("ann", Map::new(), work).await.expect("begun");
    store.advance(LIMITS.lease * 2);
    assert!(store.bury(followed.stream_id(), &object(&json!({"code": "teller_lost"}))).await.expect("answers"));
    go.notify_one();
    assert_eq!(heard(followed).await, ["1 metadata", "2 error teller_lost"]);
    dropped.await.expect("the work was stopped");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_end_without_its_words() {
    let (_, streams) = streams();
    let work = async |teller: Teller| {
        teller.tell(EventName::Citations, Map::new());
        panic!("about somebody's words")
    };
    let followed = streams.begin("ann", Map::new(), work).await.expect("begun");
    assert_eq!(heard(followed).await, ["1 metadata", "2 citations", "3 error internal_error"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_too_long_ends_so() {
    let (_, streams) = streams();
    let work = async |teller: Teller| {
        (0..200).for_each(|_| teller.tell(EventName::Citations, Map::new()));
        done()
    };
    let all = heard(streams.begin("ann", Map::new(), work).await.expect("begun")).await;
    assert_eq!((all.len(), all[101].as_str()), (102, "102 error stream_too_long"));
}

#[tokio::test(start_paused = true)]
async fn no_more_are_begun_than_there_is_room_for() {
    let (store, streams) = streams();
    let mut going = Vec::new();
    for _ in 0..LIMITS.live {
        going.push(begin_endless(&streams).await);
    }
    let busy = async || streams.begin("bob", Map::new(), |_| std::future::pending()).await;
    assert!(matches!(busy().await, Err(BeginError::Busy)));
    drop(going);
    store.advance(Duration::from_secs(21));
    sleep(Duration::from_secs(30)).await;
    drop(busy().await.expect("there is room again"));
    store.set_down(true);
    assert!(matches!(busy().await, Err(BeginError::Unavailable(_))));
    assert_eq!(*streams.shared.telling.borrow(), 1, "what was not begun takes no place");
}

#[tokio::test(start_paused = true)]
async fn one_owner_has_a_share_of_the_room() {
    let limits = StreamLimits { of_owner: 2, ..LIMITS };
    let store = Arc::new(MemoryStreams::default());
    let streams = Streams::new(store.clone(), limits);
    let going = [begin_endless(&streams).await, begin_endless(&streams).await];
    let begin = async |owner: &str| streams.begin(owner, Map::new(), |_| std::future::pending()).await;
    assert!(matches!(begin("ann").await, Err(BeginError::TooMany)));
    drop(begin("bob").await.expect("there is room for others"));
    drop(going);
    store.advance(Duration::from_secs(21));
    sleep(Duration::from_secs(30)).await;
    begin("ann").await.expect("her streams have ended");
}

#[tokio::test(start_paused = true)]
async fn all_streams_together_are_of_a_size() {
    let limits = StreamLimits { all_bytes: 100, ..LIMITS };
    let streams = Streams::new(Arc::new(MemoryStreams::default()), limits);
    let full = streams.begin("ann", Map::new(), async |teller| {
        teller.delta(&Map::new(), &"x".repeat(100));
        std::future::pending().await
    });
    let mut full = full.await.expect("begun");
    full.by_ref().take(2).collect::<Vec<_>>().await;
    assert!(matches!(streams.begin("bob", Map::new(), async |_| done()).await, Err(BeginError::Busy)));
    streams.drain().await;
    drop(full);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(streams.shared.bytes.load(Ordering::Relaxed), 0, "given back when nobody reads it");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_spent_that_failed_for_the_moment_or_is_forgotten() {
    let (store, streams) = streams();
    let mut ended = Vec::new();
    for end in [done(), Err(Failure::new("never", false)), Err(Failure::new("later", true))] {
        let followed = streams.begin("ann", Map::new(), async move |_| end).await.expect("begun");
        ended.push(followed.stream_id());
        heard(followed).await;
    }
    let going = begin_endless(&streams).await;
    let spent = async |stream| streams.is_spent("ann", stream).await.expect("the store answers");
    for (stream, is_spent) in ended.iter().copied().zip([false, false, true]).chain([(going.stream_id(), false)]) {
        assert_eq!(spent(stream).await, is_spent);
    }
    store.advance(Duration::from_hours(1));
    while store.purge(100).await.expect("the store answers") > 0 {}
    assert!(spent(ended[0]).await, "its events are gone");
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_written_once() {
    let store = Arc::new(Forgetful { appends: AtomicU32::new(1), ..Forgetful::default() });
    let streams = Streams::new(store.clone(), LIMITS);
    let work = async |teller: Teller| {
        for _ in 0..5 {
            teller.tell(EventName::Citations, Map::new());
            sleep(Duration::from_millis(1)).await;
        }
        std::future::pending().await
    };
    let _followed = streams.begin("ann", Map::new(), work).await.expect("begun");
    sleep(LIMITS.heartbeat / 2).await;
    assert_eq!(store.appends.load(Ordering::SeqCst), 2, "with nothing after it");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_a_while_and_then_ends_what_goes_on() {
    let (_, streams) = streams();
    let short = streams.begin("ann", Map::new(), async |_| {
        sleep(Duration::from_secs(2)).await;
        done()
    });
    let (short, long) = (short.await.expect("begun"), begin_endless(&streams).await);
    let began = Instant::now();
    streams.drain().await;
    assert_eq!(began.elapsed(), LIMITS.drain);
    assert_eq!(heard(short).await, ["1 metadata", "2 complete"]);
    assert_eq!(heard(long).await, ["1 metadata", "2 error server_stopping"]);
    assert!(matches!(streams.begin("ann", Map::new(), async |_| done()).await, Err(BeginError::Busy)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_readers_of_other_replicas_streams_go() {
    let store = Arc::new(MemoryStreams::default());
    let (here, there) = (Streams::new(store.clone(), LIMITS), Streams::new(store, LIMITS));
    let told = begin_endless(&here).await;
    let followed = there.follow("ann", told.stream_id(), 0).await.expect("there");
    let (heard, ()) = tokio::join!(heard(followed), there.drain());
    assert_eq!(heard, ["1 metadata"], "without an end: it is to be had elsewhere");
}

#[tokio::test(start_paused = true)]
async fn a_reader_lets_go_of_a_store_that_stays_silent() {
    let store = Arc::new(MemoryStreams::default());
    let (here, there) = (Streams::new(store.clone(), LIMITS), Streams::new(store.clone(), LIMITS));
    let told = begin_endless(&here).await;
    let followed = there.follow("ann", told.stream_id(), 0).await.expect("there");
    store.set_down(true);
    let heard = timeout(Duration::from_secs(60), heard(followed)).await.expect("let go");
    assert_eq!(heard, ["1 metadata"]);
}

/// A store that does what it is asked and loses every second answer to an append.
#[derive(Default)]
struct Forgetful {
    kept: MemoryStreams,
    appends: AtomicU32,
}

#[async_trait]
impl StreamStore for Forgetful {
    async fn open(
        &self,
        id: StreamId,
        owner: &str,
        first: &StreamEvent,
        lease: Duration,
    ) -> Result<(), StoreUnavailable> {
        self.kept.open(id, owner, first, lease).await
    }

    async fn append(&self, id: StreamId, events: &[StreamEvent], lease: Duration) -> Result<Telling, StoreUnavailable> {
        let answer = self.kept.append(id, events, lease).await;
        let lost = self.appends.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        if lost { Err(StoreUnavailable("the answer was lost".into())) } else { answer }
    }

    async fn read(&self, id: StreamId, owner: &str, after: u32, limit: u32) -> Result<Reading, StoreUnavailable> {
        self.kept.read(id, owner, after, limit).await
    }

    async fn bury(&self, id: StreamId, data: &Map<String, Value>) -> Result<bool, StoreUnavailable> {
        self.kept.bury(id, data).await
    }

    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable> {
        self.kept.purge(limit).await
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_double_nothing() {
    let streams = Streams::new(Arc::new(Forgetful::default()), LIMITS);
    let work = async |teller: Teller| {
        for text in ["a", "b", "c"] {
            teller.listener().delta("local", 1, text);
            sleep(Duration::from_secs(1)).await;
        }
        done()
    };
    let followed = streams.begin("ann", Map::new(), work).await.expect("begun");
    assert_eq!(heard(followed).await, ["1 metadata", "2 delta a", "3 delta b", "4 delta c", "5 complete"]);
}
