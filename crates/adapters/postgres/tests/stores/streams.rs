//! Streams as rows: the port's contract, and what only a real database can break.

use dispatch_mission::ids::StreamId;
use dispatch_pipeline::ports::streams::{EventName, Reading, StreamEvent, StreamStore, Telling};
use dispatch_pipeline::testing::{stream_event, streams_contract};
use dispatch_postgres::store::PgStreams;
use dispatch_postgres::testing::TestDatabase;
use serde_json::{Map, json};
use std::sync::Arc;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

/// The database's clock is not ours to turn: everything is moved into the past.
async fn pass(database: &TestDatabase, by: Duration) {
    let past = format!("- {} * interval '1 microsecond'", by.as_micros());
    let moved = format!(
        "UPDATE dispatch.streams SET lease_until = lease_until {past}, attended_at = attended_at {past}, created_at = created_at {past}"
    );
    database.execute(&moved).await;
}

#[tokio::test]
async fn streams() {
    let database = TestDatabase::new().await;
    streams_contract(&PgStreams::new(database.pool()), async |by| pass(&database, by).await).await;
}

#[tokio::test]
async fn appends_burials_and_repeats_at_once_leave_one_whole_story() {
    let database = TestDatabase::new().await;
    let store = Arc::new(PgStreams::new(database.pool()));
    for round in 0..20_u64 {
        let stream = StreamId::mint();
        store.open(stream, "ann", &stream_event(1, EventName::Metadata), LEASE).await.unwrap();
        if round % 2 == 0 {
            pass(&database, LEASE * 2).await;
        }
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..6_u64 {
            let store = Arc::clone(&store);
            writers.spawn(async move {
                tokio::time::sleep(Duration::from_micros(fastrand(round * 7 + writer) % 3000)).await;
                match writer {
                    // A teller whose answers are lost sends the same again, and more.
                    0..4 => {
                        for last in 2..=4 {
                            let mut events: Vec<_> =
                                (2..=last).map(|seq| stream_event(seq, EventName::Delta)).collect();
                            if last == 4 {
                                events.push(stream_event(5, EventName::Complete));
                            }
                            if store.append(stream, &events, LEASE).await.unwrap() == Telling::Ended {
                                break;
                            }
                        }
                        0
                    }
                    _ => {
                        i32::from(store.bury(stream, &Map::from_iter([("code".into(), json!("lost"))])).await.unwrap())
                    }
                }
            });
        }
        let buried: i32 = writers.join_all().await.into_iter().sum();
        let Reading::Open { events, ended: true, orphaned: false } = store.read(stream, "ann", 0, 100).await.unwrap()
        else {
            panic!("round {round} has an end")
        };
        let numbers: Vec<u32> = events.iter().map(|event| event.seq).collect();
        assert_eq!(numbers, (1..=events.len() as u32).collect::<Vec<_>>(), "without a gap");
        let ends: Vec<_> = events.iter().filter(|event| event.name.is_terminal()).collect();
        assert_eq!(ends, [events.last().unwrap()], "one end, and it is the last");
        assert_eq!(buried, i32::from(ends[0].name == EventName::Error), "who was told that he buried it did");
    }
}

/// Numbers that look like chance and are the same every time.
fn fastrand(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33
}

#[tokio::test]
async fn a_second_end_is_refused_by_the_table_itself() {
    let database = TestDatabase::new().await;
    let store = PgStreams::new(database.pool());
    let stream = StreamId::mint();
    store.open(stream, "ann", &stream_event(1, EventName::Metadata), LEASE).await.unwrap();
    store.append(stream, &[stream_event(2, EventName::Complete)], LEASE).await.unwrap();
    let forced = format!("UPDATE dispatch.streams SET state = 'open' WHERE stream_id = '{}'", stream.0);
    database.execute(&forced).await;
    assert!(store.append(stream, &[stream_event(3, EventName::Error)], LEASE).await.is_err());
    let Reading::Open { events, .. } = store.read(stream, "ann", 1, 100).await.unwrap() else { panic!("there") };
    assert_eq!(events, [stream_event(2, EventName::Complete)]);
}

#[tokio::test]
async fn many_readers_of_one_stream_do_not_stand_in_its_tellers_way() {
    let database = TestDatabase::new().await;
    let store = Arc::new(PgStreams::new(database.pool()));
    let stream = StreamId::mint();
    store.open(stream, "ann", &stream_event(1, EventName::Metadata), LEASE).await.unwrap();
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        readers.spawn(async move {
            let mut read: Vec<StreamEvent> = Vec::new();
            loop {
                let after = read.last().map_or(0, |event| event.seq);
                match store.read(stream, "ann", after, 3).await.unwrap() {
                    Reading::Open { events, ended, .. } if ended && events.is_empty() => return read.len(),
                    Reading::Open { events, .. } => read.extend(events),
                    other => panic!("{other:?}"),
                }
            }
        });
    }
    for seq in 2..=50 {
        store.append(stream, &[stream_event(seq, EventName::Delta)], LEASE).await.unwrap();
    }
    store.append(stream, &[stream_event(51, EventName::Complete)], LEASE).await.unwrap();
    assert_eq!(readers.join_all().await, [51; 8]);
}
