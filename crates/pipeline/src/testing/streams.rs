//! What every [`StreamStore`] owes its callers.

use crate::ports::streams::{EVENTS_KEPT_FOR, EventName, Reading, STREAM_KNOWN_FOR, StreamEvent, StreamStore, Telling};
use dispatch_mission::ids::StreamId;
use serde_json::{Map, Value, json};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);
const OWNER: &str = "user:ann";

/// The contract of [`StreamStore`], on an empty store. `pass` lets time pass for the store's clock.
///
/// # Panics
/// When it is broken.
pub async fn streams_contract(store: &dyn StreamStore, pass: impl AsyncFn(Duration)) {
    what_was_told_is_read_in_order(store).await;
    nobody_else_reads_it(store).await;
    what_is_there_already_stays(store).await;
    a_stream_ends_once(store).await;
    the_teller_learns_who_listens(store, &pass).await;
    a_dead_tellers_stream_is_buried_once(store, &pass).await;
    of_many_ends_at_once_one_counts(store, &pass).await;
    events_are_forgotten_and_then_the_stream(store, &pass).await;
}

/// An event with everything that text may have.
#[must_use]
pub fn stream_event(seq: u32, name: EventName) -> StreamEvent {
    let data = json!({"seq": seq, "text": "caf\u{e9} \u{0} \"\n\u{2028}", "half": 0.5, "none": {}, "z": 1, "a": [1]});
    StreamEvent { seq, name, data: data.as_object().cloned().unwrap_or_default() }
}

fn deltas(from: u32, to: u32) -> Vec<StreamEvent> {
    (from..=to).map(|seq| stream_event(seq, EventName::Delta)).collect()
}

fn lost() -> Map<String, Value> {
    Map::from_iter([("code".to_owned(), json!("teller_lost"))])
}

async fn open(store: &dyn StreamStore) -> StreamId {
    let stream = StreamId::mint();
    store.open(stream, OWNER, &stream_event(1, EventName::Metadata), LEASE).await.expect("the store answers");
    stream
}

async fn append(store: &dyn StreamStore, stream: StreamId, events: &[StreamEvent]) -> Telling {
    store.append(stream, events, LEASE).await.expect("the store answers")
}

async fn read(store: &dyn StreamStore, stream: StreamId, after: u32) -> Reading {
    store.read(stream, OWNER, after, 100).await.expect("the store answers")
}

async fn bury(store: &dyn StreamStore, stream: StreamId) -> bool {
    store.bury(stream, &lost()).await.expect("the store answers")
}

fn going(events: Vec<StreamEvent>) -> Reading {
    Reading::Open { events, ended: false, orphaned: false }
}

fn ended(events: Vec<StreamEvent>) -> Reading {
    Reading::Open { events, ended: true, orphaned: false }
}

async fn what_was_told_is_read_in_order(store: &dyn StreamStore) {
    let stream = open(store).await;
    assert_eq!(read(store, stream, 0).await, going(vec![stream_event(1, EventName::Metadata)]));
    assert_eq!(read(store, stream, 1).await, going(Vec::new()));
    assert!(matches!(append(store, stream, &deltas(2, 4)).await, Telling::Unattended(_)));
    assert_eq!(read(store, stream, 1).await, going(deltas(2, 4)));
    let two = store.read(stream, OWNER, 1, 2).await.expect("the store answers");
    assert_eq!(two, going(deltas(2, 3)), "no more than asked for, the first ones");
    append(store, stream, &[stream_event(5, EventName::ToolCall), stream_event(6, EventName::Complete)]).await;
    assert_eq!(
        read(store, stream, 4).await,
        ended(vec![stream_event(5, EventName::ToolCall), stream_event(6, EventName::Complete)])
    );
    assert_eq!(read(store, stream, 6).await, ended(Vec::new()));
    assert_eq!(read(store, stream, 1_000_000).await, ended(Vec::new()));
}

async fn nobody_else_reads_it(store: &dyn StreamStore) {
    let stream = open(store).await;
    for (asked, owner) in [(stream, "user:bob"), (stream, ""), (stream, "USER:ANN"), (StreamId::mint(), OWNER)] {
        assert_eq!(store.read(asked, owner, 0, 100).await.expect("the store answers"), Reading::Unknown, "{owner}");
    }
}

async fn what_is_there_already_stays(store: &dyn StreamStore) {
    let stream = open(store).await;
    append(store, stream, &deltas(2, 3)).await;
    // The answer to the first one was lost.
    assert!(matches!(append(store, stream, &deltas(2, 3)).await, Telling::Unattended(_)));
    assert!(matches!(append(store, stream, &deltas(2, 5)).await, Telling::Unattended(_)), "and more was told since");
    assert!(matches!(append(store, stream, &deltas(4, 5)).await, Telling::Unattended(_)));
    assert_eq!(read(store, stream, 1).await, going(deltas(2, 5)));
    let last = [stream_event(6, EventName::Complete)];
    assert!(matches!(append(store, stream, &last).await, Telling::Unattended(_)));
    assert_eq!(append(store, stream, &last).await, Telling::Ended, "the rows say by whom");
    assert_eq!(read(store, stream, 5).await, ended(last.to_vec()));
}

async fn a_stream_ends_once(store: &dyn StreamStore) {
    let stream = open(store).await;
    append(store, stream, &[stream_event(2, EventName::Error)]).await;
    assert_eq!(append(store, stream, &[stream_event(3, EventName::Complete)]).await, Telling::Ended);
    assert_eq!(append(store, stream, &[]).await, Telling::Ended);
    assert!(!bury(store, stream).await);
    assert_eq!(read(store, stream, 1).await, ended(vec![stream_event(2, EventName::Error)]));
    assert_eq!(append(store, StreamId::mint(), &[]).await, Telling::Ended, "there never was one");
}

async fn the_teller_learns_who_listens(store: &dyn StreamStore, pass: &impl AsyncFn(Duration)) {
    let stream = open(store).await;
    let alone = async || match append(store, stream, &[]).await {
        Telling::Unattended(alone) => alone.as_secs(),
        Telling::Ended => panic!("it goes on"),
    };
    assert_eq!(alone().await, 0, "who begins it listens");
    pass(Duration::from_secs(25)).await;
    assert_eq!(alone().await, 25);
    assert_eq!(store.read(stream, "user:bob", 0, 1).await.expect("the store answers"), Reading::Unknown);
    assert_eq!(alone().await, 25, "who may not read it does not attend it");
    read(store, stream, 1).await;
    assert!(alone().await < 2, "who reads attends");
}

async fn a_dead_tellers_stream_is_buried_once(store: &dyn StreamStore, pass: &impl AsyncFn(Duration)) {
    let stream = open(store).await;
    append(store, stream, &deltas(2, 2)).await;
    assert!(!bury(store, stream).await, "its teller lives");
    pass(LEASE / 2).await;
    append(store, stream, &[]).await;
    pass(LEASE * 3 / 4).await;
    assert!(!bury(store, stream).await, "to append nothing renews the lease");
    assert_eq!(read(store, stream, 2).await, going(Vec::new()));
    pass(LEASE / 2).await;
    assert_eq!(read(store, stream, 2).await, Reading::Open { events: Vec::new(), ended: false, orphaned: true });
    assert!(bury(store, stream).await);
    assert!(!bury(store, stream).await, "once");
    assert_eq!(append(store, stream, &deltas(3, 4)).await, Telling::Ended, "its teller was not dead after all");
    let error = StreamEvent { seq: 3, name: EventName::Error, data: lost() };
    assert_eq!(read(store, stream, 2).await, ended(vec![error]));
    assert!(!bury(store, StreamId::mint()).await);

    let late = open(store).await;
    pass(LEASE * 2).await;
    assert!(matches!(append(store, late, &deltas(2, 2)).await, Telling::Unattended(_)), "late, but nobody buried it");
    assert!(!bury(store, late).await);
}

async fn of_many_ends_at_once_one_counts(store: &dyn StreamStore, pass: &impl AsyncFn(Duration)) {
    for _ in 0..5 {
        let stream = open(store).await;
        pass(LEASE * 2).await;
        let buries = (0..4).map(|_| async { bury(store, stream).await });
        let mut appends = Vec::new();
        for end in [EventName::Complete, EventName::Error, EventName::Complete] {
            appends.push(async move {
                let events = [stream_event(2, EventName::Delta), stream_event(3, end)];
                append(store, stream, &events).await != Telling::Ended
            });
        }
        let (buried, appended) =
            futures_util::join!(futures_util::future::join_all(buries), futures_util::future::join_all(appends));
        let ends = buried.iter().chain(&appended).filter(|ended| **ended).count();
        let Reading::Open { events, ended: true, .. } = read(store, stream, 0).await else { panic!("it has ended") };
        let terminal = events.iter().filter(|event| event.name.is_terminal()).count();
        assert_eq!((ends, terminal), (1, 1), "{buried:?} {appended:?} {events:?}");
        assert!(events.last().is_some_and(|last| last.name.is_terminal()), "{events:?}");
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "without a gap: {events:?}");
    }
}

async fn events_are_forgotten_and_then_the_stream(store: &dyn StreamStore, pass: &impl AsyncFn(Duration)) {
    let second = Duration::from_secs(1);
    pass(EVENTS_KEPT_FOR + LEASE).await;
    while store.purge(100).await.expect("the store answers") > 0 {}
    let (whole, orphan) = (open(store).await, open(store).await);
    append(store, whole, &[stream_event(2, EventName::Complete)]).await;
    pass(EVENTS_KEPT_FOR - second).await;
    let going = open(store).await;
    assert_eq!(store.purge(100).await.expect("the store answers"), 0);
    assert!(matches!(read(store, whole, 0).await, Reading::Open { ended: true, .. }));
    pass(LEASE + second * 2).await;
    assert!(matches!(append(store, going, &[]).await, Telling::Unattended(_)));
    assert_eq!(store.purge(1).await.expect("the store answers"), 1, "no more than asked for");
    assert_eq!(store.purge(100).await.expect("the store answers"), 1);
    assert_eq!([read(store, whole, 0).await, read(store, orphan, 0).await], [Reading::Gone, Reading::Gone]);
    assert_eq!(read(store, whole, 2).await, ended(Vec::new()), "who has all of it is told so");
    assert_eq!(read(store, orphan, 1).await, Reading::Gone, "what never ended has no end");
    assert!(!bury(store, orphan).await);
    assert_eq!(append(store, orphan, &deltas(2, 2)).await, Telling::Ended);
    assert!(matches!(read(store, going, 0).await, Reading::Open { ended: false, .. }));
    let other = store.read(whole, "user:bob", 2, 100).await.expect("the store answers");
    assert_eq!(other, Reading::Unknown);

    let mut long = Vec::new();
    for _ in 0..3 {
        long.push(open(store).await);
        append(store, long[long.len() - 1], &deltas(2, 5)).await;
    }
    pass(EVENTS_KEPT_FOR + LEASE + second).await;
    assert!(matches!(append(store, going, &[]).await, Telling::Unattended(_)));
    let mut purged = Vec::new();
    for _ in 0..2 {
        purged.push(store.purge(6).await.expect("the store answers"));
    }
    assert_eq!(purged, [2, 1], "of five events each");

    pass(STREAM_KNOWN_FOR).await;
    while store.purge(1).await.expect("the store answers") > 0 {}
    for stream in [whole, orphan, going] {
        assert_eq!(read(store, stream, 0).await, Reading::Unknown, "nobody knows it any more");
    }
}
