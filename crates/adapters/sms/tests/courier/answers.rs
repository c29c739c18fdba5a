//! What the SMS courier says to Twilio, and what it makes of each answer.

use crate::peer::{BASIC, MESSAGES, THEM, US, courier_to, fields, number, refused};
use dispatch_mission::ids::DeliveryId;
use dispatch_outbound::{Outbound, OutboundOptions, Url};
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::{
    Destination, DestinationKind, NotificationDestination, SmsNumber, StorageDestination, StorageTable,
};
use dispatch_routing::testing_courier::message_for;
use dispatch_sms::{Account, DEFAULT_API_URL, RECORDED, RecordingSmsCourier, SmsCourier};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// 2023-11-14 22:13:20 UTC in it.
const ID: &str = "018bcfe5-6800-7000-8000-000000000001";

async fn twilio_that(answers: &[(&str, ResponseTemplate)]) -> (MockServer, SmsCourier) {
    let server = MockServer::start().await;
    for (verb, answer) in answers {
        Mock::given(method(*verb)).respond_with(answer.clone()).mount(&server).await;
    }
    let courier = courier_to(&server.uri(), None);
    (server, courier)
}

fn created() -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({"sid": "SM1", "status": "queued"}))
}

fn list(messages: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"messages": messages, "next_page_uri": null}))
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string("<html>upstream</html>")
}

fn message(text: &str) -> ClaimedDelivery {
    message_for(number(), text)
}

fn repeat() -> ClaimedDelivery {
    let delivery_id = DeliveryId(ID.parse().expect("a UUID"));
    ClaimedDelivery { may_have_been_sent: true, delivery_id, ..message("✅ again") }
}

async fn requests(server: &MockServer, verb: &str) -> Vec<Request> {
    let all = server.received_requests().await.expect("recorded");
    all.into_iter().filter(|request| request.method.as_str() == verb).collect()
}

fn retryable(code: &str, seconds: Option<u64>) -> AttemptOutcome {
    AttemptOutcome::Retryable { code: code.into(), retry_after: seconds.map(Duration::from_secs) }
}

fn permanent(code: &str) -> AttemptOutcome {
    AttemptOutcome::Permanent { code: code.into() }
}

fn ambiguous(code: &str) -> AttemptOutcome {
    AttemptOutcome::Ambiguous { code: code.into() }
}

fn unknowable(code: &str) -> AttemptOutcome {
    AttemptOutcome::Unknowable { code: code.into() }
}

fn delivered() -> AttemptOutcome {
    AttemptOutcome::Delivered { reference: Some("SM1".into()) }
}

#[tokio::test]
async fn a_message_is_created_as_twilio_wants_it() {
    let (server, courier) = twilio_that(&[("POST", created())]).await;
    let delivery = message("✅ Task “paint & sweep” added");
    assert_eq!(courier.deliver(&delivery).await, delivered());
    let [request] = requests(&server, "POST").await.try_into().expect("one request");
    assert_eq!(request.url.path(), MESSAGES);
    assert_eq!(request.headers["authorization"], BASIC);
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    let callback = format!("https://dispatch.example/intake/sms/status?x=1&delivery_id={}", delivery.delivery_id);
    let sent = fields(&request);
    let sent: Vec<_> = sent.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let body = "Task \"paint & sweep\" added";
    assert_eq!(sent, [("Body", body), ("From", US), ("StatusCallback", callback.as_str()), ("To", THEM)]);
}

#[tokio::test]
async fn who_it_is_from_is_configured_or_known() {
    let to_whatsapp = Destination::Notification(NotificationDestination::Sms(SmsNumber {
        from: format!("whatsapp:{US}"),
        to: format!("whatsapp:{THEM}"),
    }));
    for (sender, destination, field, value) in [
        (None, number(), "From", US),
        (Some(" "), number(), "From", US),
        (Some("+15550000000"), number(), "From", "+15550000000"),
        (Some("MG1"), number(), "MessagingServiceSid", "MG1"),
        (Some("+15550000000"), to_whatsapp.clone(), "From", "whatsapp:+15557654321"),
        (Some("MG1"), to_whatsapp, "MessagingServiceSid", "MG1"),
    ] {
        let (server, _) = twilio_that(&[("POST", created())]).await;
        let courier = courier_to(&server.uri(), sender);
        assert_eq!(courier.deliver(&message_for(destination, "hi")).await, delivered());
        let sent = fields(&requests(&server, "POST").await[0]);
        assert_eq!(sent.get(field).map(String::as_str), Some(value), "{sender:?}");
        assert_eq!(sent.contains_key("From"), field == "From", "one of the two");
    }
}

#[tokio::test]
async fn each_answer_has_its_outcome() {
    let after = |template: ResponseTemplate, value: &str| template.insert_header("retry-after", value);
    for (answer, expected) in [
        (created(), delivered()),
        (ResponseTemplate::new(200).set_body_json(json!({"sid": "SM1"})), delivered()),
        (after(refused(429, 20429), "12"), retryable("rate_limited", Some(12))),
        (refused(429, 20429), retryable("rate_limited", None)),
        (status(429), retryable("rate_limited", None)),
        (refused(400, 20429), retryable("rate_limited", None)),
        (after(status(503), "5"), retryable("http_503", Some(5))),
        (refused(503, 20503), retryable("twilio_20503", None)),
        (status(408), retryable("http_408", None)),
        (refused(400, 21611), retryable("twilio_21611", None)),
        (refused(400, 21610), AttemptOutcome::Unwanted { code: "opted_out".into() }),
        (refused(400, 21211), permanent("twilio_21211")),
        (refused(401, 20003), permanent("twilio_20003")),
        (refused(403, 20403), permanent("twilio_20403")),
        (refused(404, 20404), permanent("twilio_20404")),
        (status(401), permanent("http_401")),
        (status(404), permanent("http_404")),
        (status(302), permanent("http_302")),
        (status(500), ambiguous("http_500")),
        (refused(500, 20500), ambiguous("twilio_20500")),
        (status(502), ambiguous("http_502")),
        (status(504), ambiguous("http_504")),
        (status(200), ambiguous("invalid_response")),
        (ResponseTemplate::new(201).set_body_json(json!({"sid": ""})), ambiguous("invalid_response")),
        (ResponseTemplate::new(201).set_body_json(json!([])), ambiguous("invalid_response")),
        (ResponseTemplate::new(400).set_body_json(json!({"code": "hush"})), permanent("http_400")),
        (ResponseTemplate::new(201).set_body_bytes(vec![b' '; 2_000_000]), ambiguous("response_too_large")),
        (created().set_delay(Duration::from_secs(30)), ambiguous("timeout")),
    ] {
        let (server, courier) = twilio_that(&[("POST", answer)]).await;
        assert_eq!(courier.deliver(&message("hello")).await, expected);
        assert_eq!(requests(&server, "POST").await.len(), 1, "one attempt is one request");
    }
}

#[tokio::test]
async fn a_repeat_looks_first_and_sends_only_what_is_certainly_not_there() {
    let same = |created: &str| json!({"body": "again", "date_created": created});
    for (listed, sent) in [
        (vec![], true),
        (vec![json!({"body": "another text", "date_created": "Tue, 14 Nov 2023 22:13:30 +0000"})], true),
        (vec![json!({"body": null, "date_created": "Tue, 14 Nov 2023 22:13:30 +0000"}), json!(7)], true),
        (vec![same("Tue, 14 Nov 2023 22:13:30 +0000")], false),
        (vec![same("Tue, 14 Nov 2023 22:13:20 +0000")], false),
        // Within the tolerance of clocks, and before it.
        (vec![same("Tue, 14 Nov 2023 22:12:20 +0000")], false),
        (vec![same("Tue, 14 Nov 2023 22:12:19 +0000")], true),
        // Without a time that can be read, it may be ours.
        (vec![json!({"body": "again"})], false),
        (vec![same("yesterday")], false),
    ] {
        let (server, courier) = twilio_that(&[("GET", list(&listed)), ("POST", created())]).await;
        let expected = if sent { delivered() } else { unknowable("lookup_same_text_found") };
        assert_eq!(courier.deliver(&repeat()).await, expected, "{listed:?}");
        assert_eq!(requests(&server, "POST").await.len(), usize::from(sent));
    }
}

#[tokio::test]
async fn a_look_up_asks_for_what_went_to_them_from_us() {
    for (sender, query) in [
        (None, vec![("To", THEM), ("PageSize", "100"), ("From", US)]),
        (Some("MG1"), vec![("To", THEM), ("PageSize", "100")]),
    ] {
        let (server, _) = twilio_that(&[("GET", list(&[])), ("POST", created())]).await;
        assert_eq!(courier_to(&server.uri(), sender).deliver(&repeat()).await, delivered());
        let [looked] = requests(&server, "GET").await.try_into().expect("one request");
        let asked: Vec<_> = looked.url.query_pairs().into_owned().collect();
        let asked: Vec<_> = asked.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!((asked, looked.url.path()), (query, MESSAGES));
        assert_eq!(looked.headers["authorization"], BASIC);
    }
}

#[tokio::test]
async fn pages_are_followed_here_and_not_without_end() {
    let page = |created: &str| {
        let next = "https://evil.example/2010-04-01/Accounts/AC1/Messages.json?Page=1&PageToken=x";
        let listed = json!({"body": "another text", "date_created": created});
        ResponseTemplate::new(200).set_body_json(json!({"messages": [listed], "next_page_uri": next}))
    };
    let (server, courier) = twilio_that(&[("GET", page("Tue, 14 Nov 2023 22:13:30 +0000")), ("POST", created())]).await;
    assert_eq!(courier.deliver(&repeat()).await, unknowable("lookup_too_many_messages"));
    let looked = requests(&server, "GET").await;
    assert_eq!((looked.len(), looked[1].url.query()), (3, Some("Page=1&PageToken=x")), "our own host, their page");
    assert!(requests(&server, "POST").await.is_empty());

    let (server, courier) = twilio_that(&[("GET", page("Tue, 14 Nov 2023 21:00:00 +0000")), ("POST", created())]).await;
    assert_eq!(courier.deliver(&repeat()).await, delivered(), "what follows is older still");
    assert_eq!(requests(&server, "GET").await.len(), 1);
}

#[tokio::test]
async fn a_look_up_that_fails_sends_nothing() {
    for (answer, expected) in [
        (refused(401, 20003), unknowable("lookup_twilio_20003")),
        (refused(403, 20403), unknowable("lookup_twilio_20403")),
        (status(404), unknowable("lookup_http_404")),
        (refused(429, 20429).insert_header("retry-after", "60"), retryable("lookup_rate_limited", Some(60))),
        (status(502), retryable("lookup_http_502", None)),
        (status(200), retryable("lookup_invalid_response", None)),
        (ResponseTemplate::new(200).set_body_json(json!({})), retryable("lookup_invalid_response", None)),
        (list(&[]).set_delay(Duration::from_secs(30)), retryable("lookup_timeout", None)),
    ] {
        let (server, courier) = twilio_that(&[("GET", answer), ("POST", created())]).await;
        assert_eq!(courier.deliver(&repeat()).await, expected);
        assert!(requests(&server, "POST").await.is_empty(), "{expected:?}");
    }
}

#[tokio::test]
async fn what_is_not_for_a_phone_is_not_sent() {
    let (server, courier) = twilio_that(&[("POST", created())]).await;
    let table = Destination::Storage(StorageDestination { table: StorageTable::Listings });
    assert_eq!(courier.deliver(&message_for(table, "hi")).await, permanent("not_for_sms"));
    assert!(requests(&server, "POST").await.is_empty());
}

#[tokio::test]
async fn a_private_address_that_is_not_allowed_is_refused_for_good() {
    let outbound = Outbound::new(&OutboundOptions::default()).expect("a client");
    let account = Account::parse("AC1").expect("a SID");
    let url = Url::parse("https://169.254.169.254/").expect("a URL");
    let courier = SmsCourier::new(outbound, url, account, "hush".into(), Some(US.into()), None);
    assert_eq!(courier.deliver(&message("hi")).await, permanent("forbidden_address"));
    assert_eq!(format!("{courier:?}"), "SmsCourier(AC1)");
    assert!(Url::parse(DEFAULT_API_URL).is_ok());
}

#[tokio::test]
async fn without_a_token_dev_records() {
    let outcome = RecordingSmsCourier.deliver(&message("hi")).await;
    assert_eq!(outcome, AttemptOutcome::Delivered { reference: Some(RECORDED.into()) });
    assert_eq!(RecordingSmsCourier.serves(), DestinationKind::Sms);
}
