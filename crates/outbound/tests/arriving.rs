//! Answers that are read piece by piece.

use dispatch_outbound::{Arriving, Forbidden, Outbound, OutboundOptions, SendError, Url, authority};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nretry-after: 7\r\ntransfer-encoding: chunked\r\n\r\n";

/// A call to a server that does `serve` with its connection; answers of more than 1000 bytes are too large.
async fn call<F: Future<Output = ()> + Send + 'static>(
    total: Duration,
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> Result<Arriving, SendError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/secret?key=secret", listener.local_addr().expect("an address"));
    let url = Url::parse(&url).expect("a URL");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a call");
        let _ = stream.read(&mut [0; 4096]).await;
        serve(stream).await;
    });
    let allow = vec![authority(&url).expect("a host")];
    let options = OutboundOptions { max_response_bytes: 1000, allow, ..OutboundOptions::default() };
    let client = Outbound::new(&options).expect("a client");
    client.post_json_arriving(&url, &[("x-key", "secret")], b"{}".to_vec(), total).await
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn each_piece_is_there_before_the_next_is_written() {
    let (next, mut told) = mpsc::channel::<()>(1);
    let mut answer = call(LONG, |mut stream| async move {
        stream.write_all(HEAD).await.expect("read");
        for piece in [&b"3\r\none\r\n"[..], b"3\r\ntwo\r\n", b"0\r\n\r\n"] {
            told.recv().await.expect("told to go on");
            stream.write_all(piece).await.expect("read");
        }
    })
    .await
    .expect("a head");
    assert_eq!((answer.status, dispatch_outbound::retry_after(&answer.headers)), (200, Some(Duration::from_secs(7))));
    for expected in [Some(&b"one"[..]), Some(b"two"), None] {
        next.send(()).await.expect("the server listens");
        assert_eq!(answer.chunk().await.expect("a piece").as_deref(), expected);
    }
    assert_eq!(format!("{answer:?}"), "Arriving(status 200)");
}

#[tokio::test]
async fn the_pieces_together_have_a_cap() {
    let mut answer = call(LONG, |mut stream| async move {
        let _ = stream.write_all(HEAD).await;
        let piece = [&b"258\r\n"[..], &[b'x'; 600], b"\r\n"].concat();
        let _ = stream.write_all(&[piece.clone(), piece].concat()).await;
        let _ = stream.read(&mut [0; 1]).await;
    })
    .await
    .expect("a head");
    let error = loop {
        match answer.chunk().await {
            Ok(piece) => assert!(piece.is_some(), "it never ends"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SendError::TooLarge { status: 200 }), "{error:?}");
}

#[tokio::test]
async fn a_cut_and_a_silence_in_the_middle_are_ambiguous() {
    for (cut, expected) in [(true, "connection_cut"), (false, "timeout")] {
        let total = if cut { LONG } else { Duration::from_secs(1) };
        let mut answer = call(total, move |mut stream| async move {
            let _ = stream.write_all(&[HEAD, b"3\r\none\r\n"].concat()).await;
            if !cut {
                let _ = stream.read(&mut [0; 1]).await;
            }
        })
        .await
        .expect("a head");
        assert_eq!(answer.chunk().await.expect("a piece").as_deref(), Some(&b"one"[..]));
        let error = answer.chunk().await.expect_err("no more");
        assert!(matches!(error, SendError::Ambiguous { code, .. } if code == expected), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_dropped_ends_the_call() {
    let (gone, mut told) = mpsc::channel(1);
    let answer = call(LONG, |mut stream| async move {
        stream.write_all(&[HEAD, b"3\r\none\r\n"].concat()).await.expect("read");
        let read = stream.read(&mut [0; 1]).await;
        let _ = gone.send(read.map_or(0, |bytes| bytes)).await;
    })
    .await
    .expect("a head");
    drop(answer);
    assert_eq!(told.recv().await, Some(0), "the server sees the line closed");
}

#[tokio::test]
async fn hosts_are_as_forbidden_as_for_any_call() {
    let client = Outbound::new(&OutboundOptions::default()).expect("a client");
    for (url, expected) in [("http://example.com/", Forbidden::Scheme), ("https://127.0.0.1/", Forbidden::Address)] {
        let url = Url::parse(url).expect("a URL");
        let error = client.post_json_arriving(&url, &[], Vec::new(), LONG).await.expect_err("forbidden");
        assert!(matches!(error, SendError::Forbidden(why) if why == expected), "{error:?}");
    }
}
