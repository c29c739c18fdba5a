//! Hosts that pretend to be elsewhere, and servers that want to be waited for or to fill memory.

use dispatch_outbound::{Credentials, Forbidden, Outbound, OutboundOptions, SendError, Url, authority};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn outbound(allow: &Url, total_timeout: Duration) -> Outbound {
    let options = OutboundOptions {
        total_timeout,
        max_response_bytes: 100_000,
        allow: vec![authority(allow).expect("a host")],
        ..OutboundOptions::default()
    };
    Outbound::new(&options).expect("a client")
}

/// A server that reads a request and then does `serve`.
async fn server<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            tokio::spawn(serve(stream));
        }
    });
    Url::parse(&format!("http://{address}/")).expect("a URL")
}

#[tokio::test]
async fn no_spelling_of_an_address_gets_round_the_check() {
    let nobody = Url::parse("http://192.0.2.1:1/").expect("a URL");
    let client = outbound(&nobody, Duration::from_secs(5));
    for host in [
        // Decimal, octal, hexadecimal, short, with a dot at the end, in other digits.
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "127.1",
        "127.0.0.1.",
        "①②⑦.0.0.1",
        "0",
        "0.0.0.0",
        "0x0",
        "2852039166",
        "0xa9fea9fe",
        "169.254.43518",
        // Loopback, link-local, metadata, private, shared, by every way into IPv4.
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:a9fe:a9fe]",
        "[::ffff:100.64.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::10.0.0.1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "255.255.255.255",
        // By name: the machine's own for itself, with a dot at the end, in capitals, with something before it.
        "localhost",
        "localhost.",
        "LOCALHOST",
        "x.localhost",
    ] {
        let url = Url::parse(&format!("https://{host}:8443/")).expect(host);
        let error = client.get(&url, Credentials::None, &[]).await.expect_err(host);
        // Not every resolver knows these two.
        let odd = matches!(host, "localhost." | "x.localhost");
        let nowhere = odd && matches!(error, SendError::NotSent { code: "dns_failed", .. });
        assert!(nowhere || matches!(error, SendError::Forbidden(Forbidden::Address)), "{host}: {error:?}");
    }
    for no_url in ["https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://1.2.3.4.5/", "https://256.0.0.1/"] {
        assert!(Url::parse(no_url).is_err(), "{no_url}");
    }
}

#[tokio::test]
async fn what_is_allowed_is_one_host_and_nothing_that_looks_like_it() {
    let allowed = Url::parse("http://hooks.internal:8081/").expect("a URL");
    let client = outbound(&allowed, Duration::from_secs(5));
    for other in [
        "http://hooks.internal:8082/",
        "http://hooks.internal/",
        "http://hooks.internal.:8081/",
        "http://hooks.internal.evil.example:8081/",
        "http://evil.example:8081/hooks.internal",
        "ftp://hooks.internal:8081/",
    ] {
        let error = client.get(&Url::parse(other).expect("a URL"), Credentials::None, &[]).await.expect_err(other);
        assert!(matches!(error, SendError::Forbidden(Forbidden::Scheme)), "{other}: {error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_trickles_has_no_more_time_than_any_other() {
    for head in ["HTTP/1.1 200 OK\r\ncontent-length: 90000\r\n\r\n", "HTTP/1.1 200 OK\r\nx-drip: "] {
        let url = server(move |mut stream| async move {
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let url = url.await;
        let call = outbound(&url, Duration::from_millis(400)).get(&url, Credentials::None, &[]).await;
        assert!(matches!(call, Err(SendError::Ambiguous { code: "timeout", .. })), "{call:?}");
    }
}

#[tokio::test]
async fn headers_without_end_do_not_fill_memory() {
    let url = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        let line = format!("x-fill: {}\r\n", "y".repeat(1000));
        while stream.write_all(line.as_bytes()).await.is_ok() {}
    });
    let url = url.await;
    let call = outbound(&url, Duration::from_secs(60)).get(&url, Credentials::None, &[]).await;
    assert!(matches!(call, Err(SendError::Ambiguous { code: "connection_cut", .. })), "{call:?}");
}

#[tokio::test]
async fn a_chunked_answer_without_end_stops_at_the_cap() {
    let url = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = format!("3e8\r\n{}\r\n", "y".repeat(1000));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    });
    let url = url.await;
    let call = outbound(&url, Duration::from_secs(60)).get(&url, Credentials::None, &[]).await;
    assert!(matches!(call, Err(SendError::TooLarge { status: 200 })), "{call:?}");
}

#[tokio::test]
async fn nothing_is_unpacked_so_nothing_swells() {
    // A gzip stream of nothing; unpacked it would be an empty text.
    const PACKED: [u8; 20] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let url = server(|mut stream| async move {
        let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 20\r\n\r\n";
        let _ = stream.write_all(&[head.as_bytes(), PACKED.as_slice()].concat()).await;
    });
    let url = url.await;
    let answer = outbound(&url, Duration::from_secs(60)).get(&url, Credentials::None, &[]).await.expect("an answer");
    assert_eq!(answer.body, PACKED, "as it came");
}
