//! A body that drips, over a real socket: nobody may hold a connection for as long as he likes.

use super::*;
use crate::http::intake::BodyLimit;
use actix_web::HttpServer;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_millis(300);

#[actix_web::test]
async fn a_body_that_drips_is_given_up_with_408_and_the_connection_closed() {
    let server = HttpServer::new(|| app(surface(Fault::default())).app_data(BodyLimit(LIMIT)));
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a port");
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    let server = tokio::spawn(running);

    let (mut from, mut to) = TcpStream::connect(address).await.expect("a connection").into_split();
    let head =
        "POST /intake/slack HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n";
    to.write_all(head.as_bytes()).await.expect("sent");
    let drips = tokio::spawn(async move {
        while to.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let begun = Instant::now();
    let mut answer = Vec::new();
    // A reset is an end too: the server does not read what still drips.
    let closed = tokio::time::timeout(Duration::from_secs(10), from.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(closed.is_ok(), "still open: {answer}");
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
    assert!(begun.elapsed() >= LIMIT);
    drips.abort();
    handle.stop(false).await;
    server.await.expect("no panic").expect("an orderly end");
}
