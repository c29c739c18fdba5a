//! Text messages from outside: what comes in, what goes back, and whom nothing goes to.

use crate::system;
use dispatch_tests::harness::server::Launch;
use dispatch_tests::harness::sms_message::{ACCOUNT, OURS, PUBLIC_URL, TOKEN, encoded, status_callback};
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::{Server, SmsMessage, System, TwilioMood, TwilioPeer};
use futures_util::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::Value;

pub const PHONE: &str = "+14165550101";
const EMPTY: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;

pub fn launch(system: &System, twilio: &TwilioPeer) -> Launch {
    system
        .launch()
        .env("TWILIO_ACCOUNT_SID", ACCOUNT)
        .env("TWILIO_AUTH_TOKEN", TOKEN)
        .env("TWILIO_API_URL", &twilio.url())
        .env("PUBLIC_URL", PUBLIC_URL)
}

pub async fn started() -> (System, TwilioPeer, Server) {
    let (system, twilio) = (system().await, TwilioPeer::start().await);
    let server = launch(&system, &twilio).start().await;
    (system, twilio, server)
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// Sends it and expects it to be accepted. Answers the event id and the status.
pub async fn text(system: &System, server: &Server, message: &SmsMessage) -> (String, String) {
    let response = message.request(&system.client, server.base()).send().await.unwrap();
    assert_eq!((response.status(), header(&response, "content-type")), (StatusCode::OK, "text/xml".to_owned()));
    let told = (header(&response, "dispatch-event-id"), header(&response, "dispatch-status"));
    assert!(header(&response, "dispatch-timestamp").ends_with('Z'));
    assert_eq!(response.text().await.unwrap(), EMPTY, "Twilio would send whatever else stands there");
    told
}

async fn signals(system: &System) -> i64 {
    system.ledger().count("SELECT count(*) AS n FROM dispatch.signals").await
}

/// State and reason of the deliveries by SMS, in the order of their making.
pub async fn receipts(system: &System) -> Vec<(String, Option<String>)> {
    let query = "SELECT state, reason FROM dispatch.deliveries WHERE kind = 'sms' ORDER BY created_at, delivery_id";
    let pair = |row: Value| (row["state"].as_str().unwrap().to_owned(), row["reason"].as_str().map(str::to_owned));
    system.ledger().rows(query).await.into_iter().map(pair).collect()
}

/// What was not sent because nobody wants it: no fault, and nobody is asked to look.
fn unwanted() -> (String, Option<String>) {
    ("cancelled".to_owned(), Some("opted_out".to_owned()))
}

#[tokio::test]
async fn a_text_becomes_a_mission_and_its_receipt_goes_to_the_phone() {
    let (system, twilio, server) = started().await;
    let message = SmsMessage::new(PHONE, CLEAR_TASK);
    let (event_id, status) = text(&system, &server, &message).await;
    assert_eq!(status, "queued");
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, 1);

    let texted = twilio.texted();
    assert_eq!((texted.len(), texted[0].to.as_str(), texted[0].from.as_str()), (1, PHONE, OURS));
    assert!((1..=160).contains(&texted[0].body.chars().count()), "{}", texted[0].body);
    let deliveries =
        system.ledger().rows("SELECT delivery_id, state, reference FROM dispatch.deliveries WHERE kind = 'sms'").await;
    assert_eq!(
        (&deliveries[0]["state"], &deliveries[0]["reference"]),
        (&"delivered".into(), &texted[0].sid.as_str().into())
    );
    let callback =
        format!("{PUBLIC_URL}/intake/sms/status?delivery_id={}", deliveries[0]["delivery_id"].as_str().unwrap());
    assert_eq!(texted[0].status_callback.as_deref(), Some(callback.as_str()));

    for id in [&event_id, &message.sid, &texted[0].sid] {
        let (status, story) = system.get(&server, &format!("/observe/logs/{id}")).await;
        assert_eq!((status, &story["event_ids"][0]), (StatusCode::OK, &event_id.as_str().into()), "{id}");
    }
    let log = server.log();
    assert!(!log.contains(PHONE) && !log.contains("lockbox") && !log.contains(TOKEN), "a log tells nothing of anybody");
    system.finish().await;
}

#[tokio::test]
async fn copies_get_the_first_ones_event_id_and_make_one_mission() {
    let (system, twilio, server) = started().await;
    let mut first = SmsMessage::new(PHONE, CLEAR_TASK);
    first.idempotency_token = Some("token-1".into());
    let (event_id, _) = text(&system, &server, &first).await;
    let mut renamed = SmsMessage::new(PHONE, CLEAR_TASK);
    renamed.idempotency_token = Some("token-1".into());
    let mut tokenless = first.clone();
    tokenless.idempotency_token = None;
    let mut below = first.clone();
    below.path = "/dispatch/intake/sms".into();
    for copy in [&first, &renamed, &tokenless, &below] {
        assert_eq!(text(&system, &server, copy).await.0, event_id);
    }
    let at_once = SmsMessage::new("+14165550102", "Please order a yard sign for our listing at 88 Birch Ave by Friday");
    let ids = join_all((0..12).map(|_| text(&system, &server, &at_once))).await;
    assert!(ids.iter().all(|id| *id == ids[0]), "twelve copies at the same moment are one: {ids:?}");
    system.settled().await;
    assert_eq!((signals(&system).await, system.ledger().agent_tasks().await, twilio.texted().len()), (2, 2, 2));
    system.finish().await;
}

#[tokio::test]
async fn what_is_not_signed_by_twilio_is_refused_and_stores_nothing() {
    let (system, twilio, server) = started().await;
    let message = SmsMessage::new(PHONE, CLEAR_TASK);
    let (client, base) = (&system.client, server.base());
    let bare = client.post(format!("{base}/intake/sms")).header("content-type", "application/x-www-form-urlencoded");
    let mut altered = message.form();
    altered.retain(|(key, _)| key != "Body");
    altered.push(("Body".into(), "pay me".into()));
    let mut elsewhere = message.clone();
    elsewhere.path = "/intake/sms?x=1".into();
    let wrong_query = elsewhere.request(client, base).build().unwrap();
    let mut wrong_query_request = message.request(client, base).build().unwrap();
    let signature = wrong_query.headers()["x-twilio-signature"].clone();
    wrong_query_request.headers_mut().insert("x-twilio-signature", signature);
    let refused = [
        bare.body(encoded(&message.form())).build().unwrap(),
        message.signed(client, base, PUBLIC_URL, "another-token").build().unwrap(),
        message.signed(client, base, "https://evil.example", TOKEN).build().unwrap(),
        message.signed(client, base, base, TOKEN).header("x-forwarded-host", "dispatch.example").build().unwrap(),
        message.request(client, base).body(encoded(&altered)).build().unwrap(),
        wrong_query_request,
    ];
    for request in refused {
        let response = client.execute(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let body: Value = response.json().await.unwrap();
        assert!(body["code"].as_str().unwrap().starts_with("sms_signature_"), "{body}");
    }
    let path = "/intake/sms/status";
    let forged = client.post(format!("{base}{path}")).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(forged.body("MessageSid=SM1").send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let reports = system.ledger().count("SELECT count(*) AS n FROM dispatch.delivery_reports").await;
    assert_eq!((signals(&system).await, reports, twilio.calls()), (0, 0, 0));
    system.finish().await;
}

#[tokio::test]
async fn ports_in_the_public_url_and_two_live_tokens() {
    let (system, twilio) = (system().await, TwilioPeer::start().await);
    for (public, signed_for) in [
        ("https://dispatch.example:443/", "https://dispatch.example"),
        ("https://dispatch.example", "https://dispatch.example:443"),
        ("https://dispatch.example:8443", "https://dispatch.example:8443"),
        ("https://dispatch.example:8443", "https://dispatch.example"),
        ("http://dispatch.example", "http://dispatch.example:80"),
    ] {
        let tokens = format!("the-next-token,{TOKEN}");
        let server =
            launch(&system, &twilio).env("PUBLIC_URL", public).env("TWILIO_AUTH_TOKEN", &tokens).arg("--no-worker");
        let server = server.start().await;
        for token in ["the-next-token", TOKEN] {
            let message = SmsMessage::new(PHONE, "STOP");
            let request = message.signed(&system.client, server.base(), signed_for, token);
            assert_eq!(request.send().await.unwrap().status(), StatusCode::OK, "{public} {signed_for} {token}");
        }
        let message = SmsMessage::new(PHONE, "STOP");
        let request = message.signed(&system.client, server.base(), "https://dispatch.example:9999", TOKEN);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    }
    system.finish().await;
}

#[tokio::test]
async fn stop_holds_back_a_receipt_that_is_due_and_start_lifts_it() {
    let (system, twilio) = (system().await, TwilioPeer::start().await);
    let server = launch(&system, &twilio).env("BURST_QUIET_MS", "1500").start().await;
    text(&system, &server, &SmsMessage::new(PHONE, CLEAR_TASK)).await;
    let (_, status) = text(&system, &server, &SmsMessage::new(PHONE, " Stop\n")).await;
    assert_eq!(status, "ignored");
    system.settled().await;
    assert_eq!(system.ledger().agent_tasks().await, 1, "the mission stands all the same");
    assert_eq!((twilio.calls(), receipts(&system).await), (0, vec![unwanted()]));

    text(&system, &server, &SmsMessage::new(PHONE, "START")).await;
    text(&system, &server, &SmsMessage::new(PHONE, "Please order a yard sign for 88 Birch Ave by Friday")).await;
    system.settled().await;
    assert_eq!((twilio.texted().len(), receipts(&system).await[1].0.as_str()), (1, "delivered"));
    system.finish().await;
}

#[tokio::test]
async fn whoever_opted_out_at_twilio_is_not_tried_again() {
    let (system, twilio, server) = started().await;
    twilio.set_mood(TwilioMood::Refusing(400, 21610, 1));
    for words in [CLEAR_TASK, "Please order a yard sign for 88 Birch Ave by Friday"] {
        text(&system, &server, &SmsMessage::new(PHONE, words)).await;
        system.settled().await;
    }
    assert_eq!((twilio.calls(), receipts(&system).await), (1, vec![unwanted(), unwanted()]));
    system.finish().await;
}

#[tokio::test]
async fn nothing_is_acknowledged_while_the_database_is_down() {
    let (system, twilio, server) = started().await;
    text(&system, &server, &SmsMessage::new(PHONE, CLEAR_TASK)).await;
    system.settled().await;
    system.database.refuse_connections(true).await;
    let lost = SmsMessage::new("+14165550102", CLEAR_TASK);
    let sent = twilio.texted()[0].clone();
    let callback = || {
        let path = sent.callback_path();
        status_callback(&system.client, server.base(), &path, &sent.sid, "delivered", None)
    };
    for request in [lost.request(&system.client, server.base()), callback()] {
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
    }
    system.database.refuse_connections(false).await;
    system
        .eventually("both are accepted", async || {
            let message = lost.request(&system.client, server.base()).send().await.unwrap().status();
            message == StatusCode::OK && callback().send().await.unwrap().status() == StatusCode::NO_CONTENT
        })
        .await;
    system.settled().await;
    assert_eq!((system.ledger().agent_tasks().await, twilio.texted().len()), (2, 2));
    system.finish().await;
}

#[tokio::test]
async fn media_are_recorded_and_not_fetched() {
    let (system, twilio, server) = started().await;
    let mut message = SmsMessage::new(PHONE, CLEAR_TASK);
    let media = |name: &str| format!("{}/2010-04-01/Accounts/{ACCOUNT}/Media/{name}", twilio.url());
    message.media = vec![("image/jpeg".into(), media("ME1")), ("application/pdf".into(), media("ME2"))];
    text(&system, &server, &message).await;
    system.settled().await;
    let rows = system.ledger().rows("SELECT attachments FROM dispatch.signals").await;
    let attachments = rows[0]["attachments"].as_array().unwrap();
    assert_eq!(attachments.len(), 2);
    assert_eq!(
        (&attachments[1]["media_type"], &attachments[1]["url"]),
        (&"application/pdf".into(), &media("ME2").into())
    );
    assert_eq!(twilio.requests().await, 1, "the receipt, and nothing else");
    system.finish().await;
}

#[tokio::test]
async fn a_burst_of_two_is_understood_as_one() {
    let (system, twilio) = (system().await, TwilioPeer::start().await);
    let server = launch(&system, &twilio).env("BURST_QUIET_MS", "2000").start().await;
    text(&system, &server, &SmsMessage::new(PHONE, "Please order the lockbox and sign")).await;
    text(&system, &server, &SmsMessage::new(PHONE, "for our new listing at 12 Elm St by Friday")).await;
    text(&system, &server, &SmsMessage::new("+14165550102", CLEAR_TASK)).await;
    system.settled().await;
    let units = system.ledger().count("SELECT count(*) AS n FROM dispatch.units").await;
    assert_eq!((units, system.ledger().agent_tasks().await, twilio.texted().len()), (2, 2, 2));
    system.finish().await;
}

#[tokio::test]
async fn without_credentials_or_a_public_url_the_door_stays_shut() {
    let (system, twilio) = (system().await, TwilioPeer::start().await);
    for (launch, missing) in [
        (system.launch().env("PUBLIC_URL", PUBLIC_URL), "TWILIO_AUTH_TOKEN"),
        (launch(&system, &twilio).env("PUBLIC_URL", ""), "PUBLIC_URL"),
    ] {
        let server = launch.arg("--no-worker").start().await;
        let refused = SmsMessage::new(PHONE, CLEAR_TASK).request(&system.client, server.base()).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body: Value = refused.json().await.unwrap();
        assert_eq!(body["code"], "sms_not_configured");
        assert!(body["detail"].as_str().unwrap().contains(missing), "{body}");
    }
    assert_eq!(signals(&system).await, 0);
    system.finish().await;
}
