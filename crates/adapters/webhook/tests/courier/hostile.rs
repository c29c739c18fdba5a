//! Addresses that must not be called, and programs that cut the line.

use crate::peer::{courier_to, destination, endpoint, secret, signer};
use dispatch_routing::courier::Courier as _;
use dispatch_routing::delivery::AttemptOutcome;
use dispatch_routing::destination::DestinationKind;
use dispatch_routing::testing_courier::message_for;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn sent(kind: DestinationKind, url: &str, allowed: bool) -> AttemptOutcome {
    let courier = courier_to(kind, &endpoint(url, allowed), Some(signer(&[secret(1)])));
    courier.deliver(&message_for(destination(kind), "x")).await
}

#[tokio::test]
async fn private_addresses_are_not_called_however_they_are_written() {
    for url in [
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:169.254.169.254]/",
        "https://10.0.0.1/",
        "https://127.0.0.1:8443/",
        "https://[fd00:ec2::254]/",
        // By name: what it resolves to is looked at by the very look-up that the connection uses.
        "https://localhost/",
    ] {
        let outcome = sent(DestinationKind::Webhook, url, false).await;
        assert_eq!(outcome, AttemptOutcome::Permanent { code: "forbidden_address".into() }, "{url}");
    }
    let plain = sent(DestinationKind::Webhook, "http://crm.example/", false).await;
    assert_eq!(plain, AttemptOutcome::Permanent { code: "forbidden_scheme".into() });
}

#[tokio::test]
async fn a_name_that_is_not_found_may_be_found_later() {
    let outcome = sent(DestinationKind::Webhook, "https://nobody.invalid/", false).await;
    assert_eq!(outcome, AttemptOutcome::Retryable { code: "dns_failed".into(), retry_after: None });
}

/// A program that reads a request, says `words` and hangs up.
async fn rude(words: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 32 * 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(words.as_bytes()).await;
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn a_line_that_is_cut_leaves_the_question_open() {
    let cut = AttemptOutcome::Ambiguous { code: "connection_cut".into() };
    for kind in [DestinationKind::Webhook, DestinationKind::Agent] {
        assert_eq!(sent(kind, &rude("").await, true).await, cut, "before the head");
    }
    let half = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"messages\":";
    assert_eq!(sent(DestinationKind::Agent, &rude(half).await, true).await, cut, "within an answer that is read");
    let arrived = AttemptOutcome::Delivered { reference: None };
    assert_eq!(sent(DestinationKind::Webhook, &rude(half).await, true).await, arrived, "its yes was heard");
}
