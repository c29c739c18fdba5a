//! Calls against servers that answer well, badly or not at all.

use dispatch_outbound::{Credentials, Forbidden, Outbound, OutboundOptions, SendError, Url, authority};
use secrecy::SecretString;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TOKEN: &str = "xoxb-very-secret";

fn outbound(allow: &[&str]) -> Outbound {
    let options = OutboundOptions {
        connect_timeout: Duration::from_secs(1),
        total_timeout: Duration::from_secs(2),
        max_response_bytes: 1000,
        allow: allow.iter().map(|entry| (*entry).to_owned()).collect(),
    };
    Outbound::new(&options).expect("a client")
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

/// POSTs to `to`, which is allowed.
async fn post(to: &Url) -> Result<dispatch_outbound::Response, SendError> {
    let outbound = outbound(&[&authority(to).expect("a host")]);
    outbound.post_json(to, Credentials::Bearer(&TOKEN.into()), &[], b"{}".to_vec()).await
}

/// A server that does `serve` with every connection.
async fn listener<F: Future<Output = ()> + Send + 'static>(
    scheme: &str,
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    url(&format!("{scheme}://{address}/secret-path?key=secret"))
}

/// No part of an error shows what must not be seen.
fn assert_discreet(error: &SendError) {
    let mut shown = format!("{error:?}");
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        shown.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn a_call_carries_what_it_should() {
    let server = MockServer::start().await;
    let agent = format!("dispatch/{}", env!("CARGO_PKG_VERSION"));
    Mock::given(method("POST"))
        .and(path("/hook"))
        .and(header("authorization", "Bearer xoxb-very-secret"))
        .and(header("content-type", "application/json; charset=utf-8"))
        .and(header("user-agent", agent.as_str()))
        .and(body_string("{\"a\":1}"))
        .respond_with(ResponseTemplate::new(201).insert_header("retry-after", "7").set_body_string("made"))
        .expect(1)
        .mount(&server)
        .await;
    let to = url(&format!("{}/hook", server.uri()));
    let client = outbound(&[&authority(&to).expect("a host")]);
    let headers = [("content-type", "application/json; charset=utf-8")];
    let answer = client
        .post_json(&to, Credentials::Bearer(&TOKEN.into()), &headers, b"{\"a\":1}".to_vec())
        .await
        .expect("an answer");
    assert_eq!((answer.status, answer.body.as_slice()), (201, &b"made"[..]));
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(client.get(&to, Credentials::None, &[]).await.expect("an answer").status, 404);
}

#[tokio::test]
async fn a_form_carries_name_and_password_and_says_what_was_meant() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/form"))
        // RFC 7617: base64 of `AC1:xoxb-very-secret`.
        .and(header("authorization", "Basic QUMxOnhveGItdmVyeS1zZWNyZXQ="))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(header("x-more", "yes"))
        .and(body_string("To=%2B15551234567&Body=Smith+%26+Sons%3A+caf%C3%A9%0A&Empty=&To=twice"))
        .respond_with(ResponseTemplate::new(201))
        .expect(1)
        .mount(&server)
        .await;
    let to = url(&format!("{}/form", server.uri()));
    let client = outbound(&[&authority(&to).expect("a host")]);
    let fields = [("To", "+15551234567"), ("Body", "Smith & Sons: caf\u{e9}\n"), ("Empty", ""), ("To", "twice")];
    let token = SecretString::from(TOKEN);
    let who = Credentials::Basic { user: "AC1", password: &token };
    assert!(!format!("{who:?}").contains("secret"));
    assert_eq!(client.post_form(&to, who, &[("x-more", "yes")], &fields).await.expect("an answer").status, 201);
    let forbidden = client.post_form(&url("http://example.com/"), who, &[], &fields).await.expect_err("plain HTTP");
    assert!(matches!(forbidden, SendError::Forbidden(Forbidden::Scheme)), "{forbidden:?}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let server = MockServer::start().await;
    let elsewhere = format!("{}/elsewhere", server.uri());
    Mock::given(path("/from"))
        .respond_with(ResponseTemplate::new(307).insert_header("location", elsewhere.as_str()))
        .mount(&server)
        .await;
    Mock::given(path("/elsewhere")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;
    assert_eq!(post(&url(&format!("{}/from", server.uri()))).await.expect("an answer").status, 307);
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_too_large_announced_or_not() {
    for announce in [true, false] {
        let to = listener("http", move |mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let length = if announce { "content-length: 1001\r\n" } else { "" };
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{length}\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&[b'x'; 1001]).await;
        });
        let error = post(&to.await).await.expect_err("too much");
        assert!(matches!(error, SendError::TooLarge { status: 200 }), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_at_the_cap_is_read() {
    let server = MockServer::start().await;
    Mock::given(path("/")).respond_with(ResponseTemplate::new(200).set_body_bytes([7; 1000])).mount(&server).await;
    assert_eq!(post(&url(&server.uri())).await.expect("an answer").body.len(), 1000);
}

#[tokio::test]
async fn silence_after_the_request_is_ambiguous() {
    for half_an_answer in [false, true] {
        let to = listener("http", move |mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            if half_an_answer {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
            }
            tokio::time::sleep(Duration::from_secs(30)).await;
        });
        let error = post(&to.await).await.expect_err("nothing comes");
        assert!(matches!(error, SendError::Ambiguous { code: "timeout", .. }), "{error:?}");
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn a_cut_after_the_request_is_ambiguous() {
    for half_an_answer in [false, true] {
        let to = listener("http", move |mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            if half_an_answer {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
            }
        });
        let error = post(&to.await).await.expect_err("the line is cut");
        assert!(matches!(error, SendError::Ambiguous { code: "connection_cut", .. }), "{error:?}");
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn a_connection_that_was_never_made_sent_nothing() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let no_tls = listener("https", |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 this is plain HTTP\r\n\r\n").await;
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let mute = listener("https", |stream| async move {
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(stream);
    });
    for (to, expected) in [
        (url(&format!("http://{gone}/secret")), "connection_refused"),
        (no_tls.await, "tls_failed"),
        (mute.await, "connect_timeout"),
    ] {
        let error = post(&to).await.expect_err("no connection");
        assert!(matches!(error, SendError::NotSent { code, .. } if code == expected), "{expected}: {error:?}");
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn a_name_that_is_none_sent_nothing() {
    let error = post(&url("https://no-such-host.invalid/secret")).await.expect_err("no address");
    // A slow resolver may need longer than a test waits.
    assert!(matches!(error, SendError::NotSent { code: "dns_failed" | "connect_timeout", .. }), "{error:?}");
    assert_discreet(&error);
}

#[tokio::test]
async fn what_is_not_public_is_not_called() {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").port();
    let client = outbound(&["127.0.0.1:1", "localhost:1"]);
    for (to, expected) in [
        ("https://169.254.169.254/latest/meta-data/".to_owned(), Forbidden::Address),
        (format!("https://127.0.0.1:{port}/"), Forbidden::Address),
        (format!("https://2130706433:{port}/"), Forbidden::Address),
        (format!("https://0x7f.1:{port}/"), Forbidden::Address),
        (format!("https://[::1]:{port}/"), Forbidden::Address),
        (format!("https://[::ffff:169.254.169.254]:{port}/"), Forbidden::Address),
        // By DNS: the machine's own name for itself.
        (format!("https://localhost:{port}/"), Forbidden::Address),
        (format!("http://localhost:{port}/"), Forbidden::Scheme),
        ("http://example.com/".to_owned(), Forbidden::Scheme),
        ("file:///etc/passwd".to_owned(), Forbidden::Scheme),
        ("https://user:secret@example.com/".to_owned(), Forbidden::Credentials),
    ] {
        let error = client.get(&url(&to), Credentials::None, &[]).await.expect_err(&to);
        assert!(matches!(error, SendError::Forbidden(why) if why == expected), "{to}: {error:?}");
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn what_cannot_be_a_header_is_no_request() {
    let to = url("https://example.com/");
    let client = outbound(&[]);
    let secret = SecretString::from("very\nsecret");
    for error in [
        client.get(&to, Credentials::None, &[("x", "very\nsecret")]).await.expect_err("no header"),
        client.get(&to, Credentials::Bearer(&secret), &[]).await.expect_err("no token"),
    ] {
        assert!(matches!(error, SendError::Invalid { .. }), "{error:?}");
        assert_discreet(&error);
    }
}
