//! SIGTERM under load: no request is cut, nothing that was acknowledged is missing, and no claim is left behind.

use crate::system;
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Server, SlackMessage, System};
use reqwest::{Client, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What became of one request.
enum Fate {
    /// A complete 200.
    Stored(String),
    /// A complete refusal, or none at all: the connection ended before the first byte of an answer.
    Refused,
}

/// Sends one message after another on a connection of its own until the server is gone.
async fn sender(base: String, number: usize, answered: Arc<AtomicUsize>) -> Vec<Fate> {
    let client = Client::builder().pool_max_idle_per_host(1).build().expect("a client");
    let mut fates = Vec::new();
    for round in 0.. {
        let message =
            SlackMessage::new(&format!("U{number}-{round}"), CLEAR_TASK).in_channel(&format!("C{number}-{round}"));
        let answer = match message.request(&client, &base).send().await {
            Ok(answer) => answer,
            // No byte of an answer came. Whoever cannot even connect any more is told that it is over.
            Err(error) if error.is_connect() => return fates,
            Err(_) => {
                fates.push(Fate::Refused);
                continue;
            }
        };
        let status = answer.status();
        let body: serde_json::Value = answer.json().await.expect("an answer that has begun is complete");
        match status {
            StatusCode::OK => {
                answered.fetch_add(1, Ordering::Relaxed);
                fates.push(Fate::Stored(body["event_id"].as_str().expect("an id").to_owned()));
            }
            StatusCode::SERVICE_UNAVAILABLE => fates.push(Fate::Refused),
            other => panic!("{other}: {body}"),
        }
    }
    fates
}

async fn leases(system: &System) -> i64 {
    system
        .ledger()
        .count(
            "SELECT (SELECT count(*) FROM dispatch.units WHERE state = 'pending' AND claim_token IS NOT NULL AND lease_until > now())
                  + (SELECT count(*) FROM dispatch.deliveries
                      WHERE state = 'pending' AND claim_token IS NOT NULL AND lease_until > now()) AS n",
        )
        .await
}

#[tokio::test]
async fn under_load_every_request_is_answered_or_was_never_begun() {
    let system = system().await;
    // A lease far longer than the test: one that is left behind is seen.
    let launch = system.launch().env("DISPATCH_LEASE_MS", "60000").env("BURST_QUIET_MS", "0");
    let server = launch.start().await;
    let answered = Arc::new(AtomicUsize::new(0));
    let mut senders = JoinSet::new();
    for number in 0..8 {
        senders.spawn(sender(server.base().to_owned(), number, Arc::clone(&answered)));
    }
    system.eventually("there is load", async || answered.load(Ordering::Relaxed) > 100).await;
    let (status, _) = server.terminate().await;
    assert!(status.success(), "{status}");
    let mut stored = Vec::new();
    for fates in senders.join_all().await {
        stored.extend(fates.into_iter().filter_map(|fate| match fate {
            Fate::Stored(id) => Some(id),
            Fate::Refused => None,
        }));
    }
    let rows = system.ledger().rows("SELECT signal_id::text AS id FROM dispatch.signals").await;
    let rows: std::collections::HashSet<_> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    assert!(stored.len() > 100 && stored.iter().all(|id| rows.contains(id.as_str())), "every 200 is a row");
    assert_eq!(leases(&system).await, 0, "no claim is left leased");

    let again = launch.start().await;
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, rows.len() as i64, "and each is one mission");
    drop(again);
    system.finish().await;
}

/// Sends the head of a signed request and waits until the server has it in hand; answers the body that is still to come.
async fn begun(server: &Server, message: &SlackMessage) -> (TcpStream, Vec<u8>) {
    let request = message.request(&Client::new(), server.base()).build().expect("a request");
    let body = request.body().and_then(|body| body.as_bytes()).expect("bytes").to_vec();
    let mut head =
        format!("POST /intake/slack HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("ASCII")));
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(server.base().trim_start_matches("http://")).await.expect("a connection");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.expect("100 Continue");
    (stream, body)
}

#[tokio::test]
async fn a_request_whose_head_arrived_is_answered_and_idle_connections_end_at_once() {
    let system = system().await;
    let server = system.serve().await;
    let (mut busy, body) = begun(&server, &SlackMessage::new("U1", CLEAR_TASK)).await;
    let mut idle = TcpStream::connect(server.base().trim_start_matches("http://")).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    let ending = tokio::spawn(server.terminate());
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("a polite end");
    busy.write_all(&body).await.unwrap();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.expect("a complete answer");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    let (status, _) = ending.await.unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(system.ledger().count("SELECT count(*) AS n FROM dispatch.signals").await, 1);

    let again = system.serve().await;
    system.settled().await;
    drop(again);
    system.finish().await;
}

#[tokio::test]
async fn a_load_balancer_is_told_before_the_port_closes() {
    let system = system().await;
    let server = system.launch().env("DRAIN_DELAY_MS", "3000").start().await;
    let base = server.base().to_owned();
    let ready = async || {
        let answer = system.client.get(format!("{base}/readyz")).send().await.expect("the port is open");
        (answer.status(), answer.headers().clone())
    };
    assert_eq!(ready().await.0, StatusCode::OK);
    let ending = tokio::spawn(server.terminate());
    let told = loop {
        let (status, headers) = ready().await;
        if status != StatusCode::OK {
            break (status, headers);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!((told.0.as_u16(), told.1["retry-after"].to_str().unwrap()), (503, "5"));
    assert_eq!(told.1["connection"], "close");
    let sent = SlackMessage::new("U1", CLEAR_TASK).request(&system.client, &base).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::OK, "who was sent here before is still served");
    assert!(ending.await.unwrap().0.success());

    let again = system.serve().await;
    system.settled().await;
    drop(again);
    system.finish().await;
}
