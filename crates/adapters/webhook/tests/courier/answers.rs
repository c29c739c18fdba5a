//! What the couriers say, and what they make of what is said to them.

use crate::peer::{NAME, SOURCE, courier_to, destination, endpoint, header, secret, signer, verified};
use dispatch_outbound::Url;
use dispatch_routing::courier::Courier as _;
use dispatch_routing::delivery::AttemptOutcome;
use dispatch_routing::destination::{Destination, DestinationKind, WebhookDestination};
use dispatch_routing::plan::Content;
use dispatch_routing::testing_courier::message_for;
use dispatch_webhook::{Receiver, WebhookCourier};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const WEBHOOK: DestinationKind = DestinationKind::Webhook;
const AGENT: DestinationKind = DestinationKind::Agent;

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn sent(kind: DestinationKind, server: &MockServer) -> AttemptOutcome {
    let courier = courier_to(kind, &endpoint(&server.uri(), true), Some(signer(&[secret(1)])));
    courier.deliver(&message_for(destination(kind), "Book the photographer")).await
}

fn arrived() -> AttemptOutcome {
    AttemptOutcome::Delivered { reference: None }
}

#[tokio::test]
async fn what_goes_out_is_a_signed_cloudevent() {
    let server = answering(ResponseTemplate::new(200)).await;
    let courier = courier_to(WEBHOOK, &endpoint(&server.uri(), true), Some(signer(&[secret(1)])));
    let delivery = message_for(destination(WEBHOOK), "Book the photographer");
    assert_eq!(courier.deliver(&delivery).await, arrived());
    let requests = server.received_requests().await.expect("kept");
    let [request] = &requests[..] else { panic!("one request") };
    assert_eq!(verified(request, &secret(1)), Some(delivery.delivery_id.to_string()));
    assert_eq!(verified(request, &secret(2)), None, "another secret does not count");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    let Content::Event(work) = &delivery.content else { panic!("an event") };
    assert_eq!(body["type"], "com.archieos.dispatch.routed.v1");
    assert_eq!((&body["source"], &body["datacontenttype"]), (&json!(SOURCE), &json!("application/json")));
    assert_eq!((&body["subject"], &body["dispatchid"]), (&json!(work.subject), &json!(delivery.dispatch_id)));
    let trace = body["traceparent"].as_str().expect("a trace");
    assert!(trace.starts_with(&format!("00-{}-", work.trace_id)) && trace.ends_with("-01"), "{trace}");
    let time = body["time"].as_str().expect("a time");
    assert!(time.ends_with('Z') && time.starts_with("20"), "{time}");
    assert_eq!(body["data"], serde_json::to_value(&work.data).unwrap());
    assert_eq!(body["data"]["message"]["text"], "Book the photographer");
    let attributes = body.as_object().unwrap().keys();
    assert!(attributes.into_iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())));
}

#[tokio::test]
async fn a_repeat_has_the_same_id_and_body_and_a_time_of_its_own() {
    let server = answering(ResponseTemplate::new(503)).await;
    let courier = courier_to(WEBHOOK, &endpoint(&server.uri(), true), Some(signer(&[secret(1)])));
    let delivery = message_for(destination(WEBHOOK), "again");
    courier.deliver(&delivery).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    courier.deliver(&delivery).await;
    let requests = server.received_requests().await.expect("kept");
    let [first, second] = &requests[..] else { panic!("two requests") };
    assert_eq!(first.body, second.body);
    assert_eq!(header(first, "webhook-id"), header(second, "webhook-id"));
    let time = |request| header(request, "webhook-timestamp").parse::<i64>().expect("seconds");
    assert!(time(second) > time(first));
    assert_ne!(header(first, "webhook-signature"), header(second, "webhook-signature"));
}

#[tokio::test]
async fn while_rotating_a_receiver_with_either_secret_is_content() {
    let server = answering(ResponseTemplate::new(200)).await;
    let courier = courier_to(WEBHOOK, &endpoint(&server.uri(), true), Some(signer(&[secret(2), secret(1)])));
    courier.deliver(&message_for(destination(WEBHOOK), "overlap")).await;
    let requests = server.received_requests().await.expect("kept");
    for known in [secret(1), secret(2)] {
        assert!(verified(&requests[0], &known).is_some());
    }
    assert!(verified(&requests[0], &secret(3)).is_none());
}

#[tokio::test]
async fn nothing_goes_out_unsigned() {
    let server = answering(ResponseTemplate::new(200)).await;
    let courier = courier_to(WEBHOOK, &endpoint(&server.uri(), true), None);
    let mut delivery = message_for(destination(WEBHOOK), "unsigned?");
    assert_eq!(courier.deliver(&delivery).await, AttemptOutcome::Permanent { code: "no_secret".into() });
    delivery.may_have_been_sent = true;
    assert_eq!(courier.deliver(&delivery).await, AttemptOutcome::Unknowable { code: "no_secret".into() });
    assert!(server.received_requests().await.expect("kept").is_empty());
}

#[tokio::test]
async fn every_status_has_a_meaning() {
    let later = |code: &str, wait: Option<u64>| AttemptOutcome::Retryable {
        code: code.into(),
        retry_after: wait.map(Duration::from_secs),
    };
    let never = |code: &str| AttemptOutcome::Permanent { code: code.into() };
    for kind in [WEBHOOK, AGENT] {
        for (status, outcome) in [
            (200, arrived()),
            (202, arrived()),
            (204, arrived()),
            (302, later("http_302", Some(9))),
            (308, never("http_308")),
            (400, never("http_400")),
            (401, later("http_401", Some(9))),
            (404, later("http_404", Some(9))),
            (410, AttemptOutcome::Disabled),
            (429, later("http_429", Some(9))),
            (502, later("http_502", Some(9))),
            (503, later("http_503", Some(9))),
            (504, later("http_504", Some(9))),
        ] {
            let server = answering(ResponseTemplate::new(status).insert_header("retry-after", "9")).await;
            assert_eq!(sent(kind, &server).await, outcome, "{status}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let elsewhere = answering(ResponseTemplate::new(200)).await;
    for status in [301, 302, 303, 307, 308] {
        let server = answering(ResponseTemplate::new(status).insert_header("location", elsewhere.uri().as_str())).await;
        assert_ne!(sent(WEBHOOK, &server).await.class(), "delivered", "{status}");
    }
    assert!(elsewhere.received_requests().await.expect("kept").is_empty());
}

#[tokio::test]
async fn a_late_yes_is_silence_and_an_early_head_is_a_yes() {
    let late = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(3))).await;
    assert_eq!(sent(WEBHOOK, &late).await, AttemptOutcome::Ambiguous { code: "timeout".into() });
    let in_time = answering(ResponseTemplate::new(200).set_delay(Duration::from_millis(300))).await;
    assert_eq!(sent(WEBHOOK, &in_time).await, arrived());
    let huge = answering(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 2 * 1024 * 1024])).await;
    assert_eq!(sent(WEBHOOK, &huge).await, arrived(), "nobody reads what an endpoint says");
    let huge_refusal = answering(ResponseTemplate::new(503).set_body_bytes(vec![b'x'; 2 * 1024 * 1024])).await;
    assert_eq!(sent(WEBHOOK, &huge_refusal).await.code(), Some("http_503"));
}

#[tokio::test]
async fn an_agent_may_answer_and_an_endpoint_may_not() {
    let answer = json!({ "messages": [{ "text": "Booked." }], "missions": [{ "title": "Open the house" }] });
    let server = answering(ResponseTemplate::new(200).set_body_json(&answer)).await;
    let AttemptOutcome::Answered { answer: Ok(answer) } = sent(AGENT, &server).await else { panic!("an answer") };
    assert_eq!((answer.messages.len(), answer.missions.len()), (1, 1));
    assert_eq!(sent(WEBHOOK, &server).await, arrived());

    let refused = |code: &str| AttemptOutcome::Answered { answer: Err(code.into()) };
    let wrong = answering(ResponseTemplate::new(200).set_body_json(json!({ "messages": 7 }))).await;
    assert_eq!(sent(AGENT, &wrong).await, refused("answer_malformed"));
    let huge = json!({ "messages": [{ "text": "x".repeat(70_000) }] });
    let huge = answering(ResponseTemplate::new(200).set_body_json(huge)).await;
    assert_eq!(sent(AGENT, &huge).await, refused("answer_too_large"));
    for other in [ResponseTemplate::new(204), ResponseTemplate::new(200).set_body_string("ok")] {
        assert_eq!(sent(AGENT, &answering(other).await).await, arrived());
    }
}

#[tokio::test]
async fn what_is_for_somebody_else_is_refused() {
    let server = answering(ResponseTemplate::new(200)).await;
    let named = |name: &str| Destination::Webhook(WebhookDestination { target: name.into() });
    let courier = courier_to(WEBHOOK, &endpoint(&server.uri(), true), Some(signer(&[secret(1)])));
    let unknown = message_for(named("nobody"), "x");
    assert_eq!(courier.deliver(&unknown).await.code(), Some("endpoint_unknown"), "the policy file has it no more");
    let mut text = message_for(named(NAME), "x");
    text.content = Content::Message { text: "x".into() };
    assert_eq!(courier.deliver(&text).await.code(), Some("not_for_programs"));
    assert_eq!(courier.deliver(&message_for(destination(AGENT), "x")).await.code(), Some("not_for_programs"));
    assert!(server.received_requests().await.expect("kept").is_empty());
}

#[test]
fn nothing_shows_a_secret_or_a_url() {
    let endpoint = endpoint("https://crm.example/hush", false);
    let receiver = Receiver::new(&endpoint, Some(signer(&[secret(1)]))).expect("a client");
    let courier = WebhookCourier::to_endpoints("/".into(), BTreeMap::from([("crm".to_owned(), receiver)]));
    let shown = format!("{courier:?}");
    assert_eq!(shown, "WebhookCourier(webhook, [\"crm\"])");
    assert!(Url::parse("https://crm.example/hush").is_ok_and(|url| !shown.contains(url.as_str())));
}
