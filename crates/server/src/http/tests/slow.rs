//! Clients that drip, stall or never listen, over real sockets: nobody may hold a connection for as long as he likes.

use super::*;
use crate::http::body_limit::Patience as BodyPatience;
use crate::http::server::{Timeouts, server};
use crate::http::socket::Patience;
use actix_web::dev::ServerHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine to send a head in.
const SHORT: Duration = Duration::from_secs(1);
/// Far more than any limit here; nothing waits for it but a test that fails.
const LONG: Duration = Duration::from_secs(3600);
const GIVE_UP: Duration = Duration::from_secs(20);

/// A server on a port of its own.
struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    closing: CancellationToken,
}

impl Running {
    fn start(patience: Patience) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let closing = CancellationToken::new();
        let timeouts = Timeouts { patience, keep_alive: LONG, drain: Duration::from_secs(5) };
        let server = server(listener, 1, surface(Fault::default()), timeouts, closing.clone()).expect("a server");
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, handle, closing }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}

/// What is answered until the connection ends, however it ends.
async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(GIVE_UP, stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(closed.is_ok(), "still open: {answer}");
    answer
}

/// Reads one answer to `GET /livez`.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    while !answer.ends_with("\"alive\"}") {
        let mut more = [0; 1024];
        let read = stream.read(&mut more).await.expect("an answer");
        assert!(read > 0, "ended early: {answer}");
        answer.push_str(&String::from_utf8_lossy(&more[..read]));
    }
    answer
}

/// Sends `drip` again and again until the other side has had enough.
fn dripping(mut to: tokio::net::tcp::OwnedWriteHalf, drip: &'static [u8]) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while to.write_all(drip).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

#[actix_web::test]
async fn a_body_that_drips_is_given_up_with_408_and_the_connection_closed() {
    let server = actix_web::HttpServer::new(|| app(surface(Fault::default())).app_data(BodyPatience(SHORT)));
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a port");
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    let server = tokio::spawn(running);
    let head =
        "POST /intake/slack HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n";
    let (mut from, mut to) = TcpStream::connect(address).await.expect("a connection").into_split();
    to.write_all(head.as_bytes()).await.expect("sent");
    let drips = dripping(to, b" ");
    let answer = until_closed(&mut from).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
    drips.abort();
    handle.stop(false).await;
    server.await.expect("no panic").expect("an orderly end");
}

#[actix_web::test]
async fn the_rest_of_a_body_that_nobody_reads_is_not_waited_for() {
    let running = Running::start(Patience { head: SHORT, write: LONG });
    for (path, status) in [("/no/such/path", "404"), ("/missions", "401"), ("/livez", "405")] {
        // Answered at once; what is left of the body never comes, and no length says how much that is.
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc");
        let mut stream = running.connect().await;
        stream.write_all(head.as_bytes()).await.expect("sent");
        let answer = until_closed(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    // The same where somebody was reading it and has had enough.
    let head = "POST /intake/slack HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let too_long = format!("{head}{:x}\r\n{}", 2 * 1024 * 1024, "x".repeat(1024 * 1024 + 1));
    let mut stream = running.connect().await;
    stream.write_all(too_long.as_bytes()).await.expect("sent");
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn after_a_body_that_was_read_the_connection_stays() {
    let running = Running::start(Patience { head: SHORT, write: LONG });
    let mut stream = running.connect().await;
    for body in ["0\r\n\r\n", "2\r\n{}\r\n0\r\n\r\n"] {
        let head = "POST /intake/slack HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                    transfer-encoding: chunked\r\n\r\n";
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("sent");
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).await.expect("an answer");
        assert!(answer[..read].starts_with(b"HTTP/1.1 401"));
        // Idle for longer than a head may take.
        tokio::time::sleep(SHORT * 3 / 2).await;
    }
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn a_head_that_drips_is_given_up_the_first_and_every_later_one() {
    let running = Running::start(Patience { head: SHORT, write: LONG });
    let (mut from, mut to) = running.connect().await.into_split();
    to.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nx-drip: ").await.expect("sent");
    let drips = dripping(to, b"x");
    assert!(until_closed(&mut from).await.starts_with("HTTP/1.1 408"));
    drips.abort();

    let mut stream = running.connect().await;
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    let (mut from, mut to) = stream.into_split();
    to.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nx-drip: ").await.expect("sent");
    let drips = dripping(to, b"x");
    assert_eq!(until_closed(&mut from).await, "", "closed without a word");
    drips.abort();
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn a_body_that_nobody_reads_and_that_never_ends_is_not_read_for_ever() {
    let running = Running::start(Patience { head: SHORT, write: LONG });
    let (mut from, mut to) = running.connect().await.into_split();
    to.write_all(b"POST /nowhere HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await.expect("sent");
    let drips = dripping(to, b"5\r\nhello\r\n");
    assert!(until_closed(&mut from).await.starts_with("HTTP/1.1 404"));
    drips.abort();
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn who_asks_and_never_reads_is_hung_up_on() {
    let running = Running::start(Patience { head: LONG, write: SHORT });
    let mut stream = running.connect().await;
    let ask = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
    // Writes until the connection is gone: it takes no more once both sides' buffers are full.
    let hung_up = async { while stream.write_all(ask.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(GIVE_UP, hung_up).await.expect("hung up on");
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn an_idle_connection_and_a_slow_handler_are_let_be() {
    let running = Running::start(Patience { head: SHORT, write: SHORT });
    let mut stream = running.connect().await;
    for _ in 0..2 {
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        assert!(one_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
        tokio::time::sleep(SHORT * 3 / 2).await;
    }
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn what_is_no_http_is_refused_and_the_connection_closed() {
    let running = Running::start(Patience { head: LONG, write: LONG });
    let many = "x: y\r\n".repeat(200);
    let huge = format!("x: {}\r\n", "y".repeat(200_000));
    for (head, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("GET /livez HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("GET /livez HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET /livez HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n".to_owned(), "400"),
        (
            "POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
            "400",
        ),
        (format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "431"),
        (format!("GET /livez HTTP/1.1\r\nhost: x\r\n{huge}\r\n"), "431"),
    ] {
        let (mut from, mut to) = running.connect().await.into_split();
        let sent = tokio::spawn(async move { to.write_all(head.as_bytes()).await.map(|()| to) });
        let answer = until_closed(&mut from).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
        drop(sent.await);
    }
    running.handle.stop(false).await;
}

#[actix_web::test]
async fn closing_ends_idle_connections_and_answers_what_is_in_hand() {
    let running = Running::start(Patience { head: LONG, write: LONG });
    let mut idle = running.connect().await;
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    one_answer(&mut idle).await;
    let body = slack::message("hello").to_string();
    let at = NOW.unix_timestamp();
    let signature = SigningSecrets::parse(SLACK_SECRET).expect("one").sign(at, body.as_bytes());
    let mut busy = running.connect().await;
    let head = format!(
        "POST /intake/slack HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         x-slack-request-timestamp: {at}\r\nx-slack-signature: {signature}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    busy.write_all(head.as_bytes()).await.expect("sent");
    let mut go_on = [0; 25];
    busy.read_exact(&mut go_on).await.expect("it is in hand");
    running.closing.cancel();
    let stopping = running.handle.stop(true);
    let ended = tokio::spawn(stopping);
    assert_eq!(until_closed(&mut idle).await, "");
    busy.write_all(body.as_bytes()).await.expect("sent");
    let answer = until_closed(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    ended.await.expect("no panic");
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody else is let in");
}
