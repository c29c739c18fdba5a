//! Streams of reasoning, read with somebody else's SSE client: told at one server, followed at another, whoever dies or
//! leaves. A message `slowly N` is thought about for N tenths of a second.

use crate::system;
use dispatch_tests::harness::server::PATIENCE;
use dispatch_tests::harness::token::service_bearer;
use dispatch_tests::harness::{Server, System};
use eventsource_stream::Eventsource as _;
use futures_util::stream::{BoxStream, StreamExt as _};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// One event, as the client library read it.
#[derive(Clone, PartialEq, Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

/// A stream under way.
struct Reading(BoxStream<'static, Event>);

impl Reading {
    async fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let events = response.bytes_stream().eventsource();
        // A line that is cut ends in an error; what came before it counts.
        let whole = events.take_while(|event| std::future::ready(event.is_ok())).filter_map(|event| async {
            let event = event.ok()?;
            Some(Event { id: event.id, name: event.event, data: serde_json::from_str(&event.data).expect("JSON") })
        });
        Self(whole.boxed())
    }

    /// The next event, within the harness' patience.
    async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, self.0.next()).await.expect("an event or an end in time")
    }

    async fn some(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await.expect("it goes on"));
        }
        events
    }

    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn ask(system: &System, server: &Server, message: &str) -> RequestBuilder {
    let request = system.client.post(format!("{}/reason/classify", server.base())).bearer_auth(service_bearer());
    request.json(&json!({ "message": message }))
}

async fn begin(system: &System, server: &Server, message: &str) -> Reading {
    Reading::of(ask(system, server, message).send().await.unwrap()).await
}

/// Asks for what comes after this event.
async fn follow(system: &System, server: &Server, last: &Event) -> Response {
    let (stream, _) = last.id.split_once(':').expect("an id of two parts");
    let request = system.client.get(format!("{}/reason/stream/{stream}", server.base())).bearer_auth(service_bearer());
    request.header("last-event-id", &last.id).send().await.unwrap()
}

/// Checks numbers and order; answers the code of the error or the status at the end.
fn told(events: &[Event]) -> String {
    for (event, seq) in events.iter().zip(1..) {
        assert!(event.id.ends_with(&format!(":{seq}")), "{seq}: {events:?}");
    }
    let ends = events.iter().filter(|event| ["complete", "error"].contains(&event.name.as_str())).count();
    let last = events.last().expect("events");
    assert_eq!(ends, 1, "{events:?}");
    let said = if last.name == "error" { &last.data["code"] } else { &last.data["status"] };
    said.as_str().expect("an end").to_owned()
}

/// The words of all deltas.
fn words(events: &[Event]) -> String {
    events.iter().filter(|event| event.name == "delta").filter_map(|event| event.data["text"].as_str()).collect()
}

#[tokio::test]
async fn a_server_is_killed_and_its_stream_ends_at_another() {
    let system = system().await;
    let (doomed, other) = (system.serve().await, system.serve().await);
    let mut reading = begin(&system, &doomed, "slowly 600").await;
    let heard = reading.some(6).await;
    doomed.kill().await;
    let heard = [heard, reading.rest().await].concat();
    let rest = Reading::of(follow(&system, &other, &heard[0]).await).await.rest().await;
    let whole = [&heard[..1], &rest[..]].concat();
    assert_eq!(told(&whole), "teller_lost");
    assert_eq!(whole[..heard.len()], heard, "what was heard is what is kept");
    assert!(rest.last().unwrap().data["retryable"].as_bool().unwrap());
    assert_eq!(follow(&system, &other, rest.last().unwrap()).await.status(), StatusCode::NO_CONTENT);
    let again = Reading::of(follow(&system, &other, &heard[0]).await).await.rest().await;
    assert_eq!(words(&again), words(&rest), "and it stays so");
    system.finish().await;
}

#[tokio::test]
async fn a_stream_is_heard_at_another_server_while_it_is_told() {
    let system = system().await;
    let (teller, other) = (system.serve().await, system.serve().await);
    let mut first = begin(&system, &teller, "slowly 30").await;
    let metadata = first.next().await.unwrap();
    let second = Reading::of(follow(&system, &other, &metadata).await).await;
    let (one, two) = tokio::join!(first.rest(), second.rest());
    assert_eq!(one, two);
    assert_eq!(told(&[&[metadata][..], &one[..]].concat()), "success");
    assert_eq!(words(&one), (0..30).map(|word| format!("{word} ")).collect::<String>());
    system.finish().await;
}

#[tokio::test]
async fn a_reader_who_comes_back_misses_nothing() {
    let system = system().await;
    let server = system.serve().await;
    let mut reading = begin(&system, &server, "slowly 60").await;
    let mut heard = reading.some(3).await;
    for pause in [200, 1500] {
        drop(reading);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        reading = Reading::of(follow(&system, &server, heard.last().unwrap()).await).await;
        heard.extend(reading.some(3).await);
    }
    heard.extend(reading.rest().await);
    assert_eq!(told(&heard), "success");
    assert_eq!(words(&heard), (0..60).map(|word| format!("{word} ")).collect::<String>());
    system.finish().await;
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_given_up() {
    let system = system().await;
    let (server, other) = (system.serve().await, system.serve().await);
    let mut reading = begin(&system, &server, "slowly 1200").await;
    let metadata = reading.next().await.unwrap();
    drop(reading);
    let given_up = "SELECT count(*) AS n FROM dispatch.stream_events WHERE name = 'error'";
    system.eventually("the stream is given up", async || system.ledger().count(given_up).await == 1).await;
    assert!(server.log().contains("a slow mind was stopped"), "the work itself ended");
    let rest = Reading::of(follow(&system, &other, &metadata).await).await.rest().await;
    assert_eq!(told(&[&[metadata][..], &rest[..]].concat()), "reader_gone");
    system.finish().await;
}

#[tokio::test]
async fn a_reader_who_does_not_read_holds_up_nobody() {
    let system = system().await;
    let server = system.serve().await;
    // A megabyte in all, and nobody takes it.
    let slow = ask(&system, &server, "slowly 20 x50000").send().await.unwrap();
    let all = "SELECT stream_id::text AS id FROM dispatch.streams";
    let id = system.ledger().rows(all).await[0]["id"].as_str().unwrap().to_owned();
    let first = Event { id: format!("{id}:0"), name: String::new(), data: Value::Null };
    let quick = Reading::of(follow(&system, &server, &first).await).await.rest().await;
    assert_eq!(told(&quick), "success");
    assert!(words(&quick).len() > 1_000_000);
    assert_eq!(Reading::of(slow).await.rest().await, quick, "and who takes his time gets all of it");
    system.finish().await;
}

#[tokio::test]
async fn two_hundred_streams_at_the_same_time() {
    let system = system().await;
    let server = system.launch().env("RATE_LIMIT_PER_CALLER", "0").start().await;
    let one = async |number: usize| {
        let message = format!("slowly {}", 20 + number % 5);
        let heard = begin(&system, &server, &message).await.rest().await;
        assert_eq!(told(&heard), "success");
        assert_eq!(words(&heard), (0..20 + number % 5).map(|word| format!("{word} ")).collect::<String>());
        heard[0].id.clone()
    };
    let ids = futures_util::future::join_all((0..200).map(one)).await;
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 200);
    let rows = "SELECT count(*) AS n FROM dispatch.streams WHERE state = 'ended'";
    assert_eq!(system.ledger().count(rows).await, 200);
    system.finish().await;
}

#[tokio::test]
async fn a_repeat_at_another_server_follows_the_first_ones_stream() {
    let system = system().await;
    let (left, right) = (system.serve().await, system.serve().await);
    let keyed = |server| ask(&system, server, "slowly 20").header("idempotency-key", "\"once\"");
    let first = keyed(&left).send().await.unwrap();
    let again = keyed(&right).send().await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let (one, two) =
        tokio::join!(async { Reading::of(first).await.rest().await }, async { Reading::of(again).await.rest().await });
    assert_eq!((told(&one).as_str(), &one), ("success", &two));
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.streams").await, 1);
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.classification_requests").await, 1);
    system.finish().await;
}

#[tokio::test]
async fn a_server_that_was_killed_before_its_answer_is_resumed_with_what_is_kept() {
    let system = system().await;
    let mut doomed = system.serve_until("text.classified@marker").await;
    let batch = |server: &Server| {
        let request = system.client.post(format!("{}/reason/classifications", server.base()));
        let messages = json!([{"message": "Please order a sign"}, {"message": "marker"}, {"message": "lol"}]);
        request.bearer_auth(service_bearer()).header("idempotency-key", "k").json(&json!({ "messages": messages }))
    };
    assert!(batch(&doomed).send().await.is_err(), "nobody answered");
    assert!(!doomed.ended().await.success());
    let kept = system.ledger().rows("SELECT classification_id::text AS id FROM dispatch.classifications").await;
    let server = system.serve().await;
    let answer = loop {
        let answer = batch(&server).send().await.unwrap();
        if answer.status() != StatusCode::CONFLICT {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(answer.status(), StatusCode::CREATED);
    let answer: Value = answer.json().await.unwrap();
    let ids: Vec<_> = answer["items"].as_array().unwrap().iter().map(|item| &item["classification_id"]).collect();
    assert_eq!(ids.len(), 3);
    assert!(kept.iter().all(|row| ids.contains(&&row["id"])), "{kept:?} {ids:?}");
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.classifications").await, 3);
    let path = format!("/reason/classifications/{}", ids[1].as_str().unwrap());
    let (status, mut found) = system.get(&server, &path).await;
    found["index"] = json!(1);
    assert_eq!((status, &found), (StatusCode::OK, &answer["items"][1]));
    system.finish().await;
}

#[tokio::test]
async fn a_stop_ends_streams_and_cuts_none() {
    let system = system().await;
    let server = system.serve().await;
    let (short, long) = (begin(&system, &server, "slowly 20").await, begin(&system, &server, "slowly 600").await);
    let (short, long, (status, _)) = tokio::join!(short.rest(), long.rest(), server.terminate());
    assert_eq!((told(&short).as_str(), told(&long).as_str()), ("success", "server_stopping"));
    assert!(status.success(), "{status}");
    system.finish().await;
}

#[tokio::test]
async fn a_stream_is_its_owners_at_every_server() {
    let system = system().await;
    let (server, other) = (system.serve().await, system.serve().await);
    let (made, said) = system.launch().run(&["key", "create", "--name", "stranger", "--scope", "reason"]).await;
    assert!(made, "{said}");
    let key = said.split_whitespace().find(|word| word.starts_with("dsp_")).expect("a key").to_owned();
    let mut reading = begin(&system, &server, "slowly 10").await;
    let metadata = reading.next().await.unwrap();
    let stream = metadata.data["stream_id"].as_str().unwrap();
    for server in [&server, &other] {
        let request = system.client.get(format!("{}/reason/stream/{stream}", server.base()));
        let answer = request.header("x-api-key", &key).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(told(&[&[metadata][..], &reading.rest().await[..]].concat()), "success");
    system.finish().await;
}
