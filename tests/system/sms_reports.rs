//! What Twilio reports about the messages that we sent, and what becomes of their deliveries.

use crate::sms::{PHONE, receipts, started, text};
use dispatch_tests::harness::sms_message::{PUBLIC_URL, status_callback};
use dispatch_tests::harness::system::CLEAR_TASK;
use dispatch_tests::harness::twilio_peer::Texted;
use dispatch_tests::harness::{Server, SmsMessage, System, TwilioMood};
use reqwest::StatusCode;
use std::time::Duration;

fn failed(reason: &str) -> (String, Option<String>) {
    ("failed".to_owned(), Some(reason.to_owned()))
}

async fn report(system: &System, server: &Server, sent: &Texted, status: &str, code: Option<&str>) {
    let (path, sid) = (sent.callback_path(), sent.sid.as_str());
    let request = status_callback(&system.client, server.base(), &path, sid, status, code);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::NO_CONTENT, "{status}");
}

#[tokio::test]
async fn reports_go_forward_only_in_whatever_order_they_come() {
    let (system, twilio, server) = started().await;
    for phone in [PHONE, "+14165550102"] {
        text(&system, &server, &SmsMessage::new(phone, CLEAR_TASK)).await;
        system.settled().await;
    }
    let texted = twilio.texted();
    for status in ["sent", "delivered", "queued", "sent", "delivered"] {
        report(&system, &server, &texted[0], status, None).await;
    }
    for (status, code) in [("undelivered", Some("30003")), ("sent", None), ("undelivered", Some("30003"))] {
        report(&system, &server, &texted[1], status, code).await;
    }
    let mut stranger = texted[0].clone();
    stranger.sid = "SMffffffffffffffffffffffffffffffff".into();
    stranger.status_callback = Some(format!("{PUBLIC_URL}/intake/sms/status?"));
    report(&system, &server, &stranger, "sent", None).await;

    let rows =
        system.ledger().rows("SELECT status, error_code FROM dispatch.delivery_reports ORDER BY reference").await;
    let told: Vec<_> = rows.iter().map(|row| (row["status"].as_str().unwrap(), row["error_code"].as_str())).collect();
    assert_eq!(told, [("delivered", None), ("undelivered", Some("30003")), ("sent", None)]);
    assert_eq!(receipts(&system).await, [("delivered".to_owned(), None), failed("undelivered_30003")]);
    let (_, story) = system.get(&server, &format!("/observe/logs/{}", texted[1].sid)).await;
    let reported = story["entries"].as_array().unwrap().iter().filter(|entry| entry["event"] == "delivery.reported");
    assert_eq!(reported.count(), 1, "what is no news is not told: {story}");
    system.finish().await;
}

/// The answer comes after the attempt was given up; the look-up finds a message that may be ours or another's.
#[tokio::test]
async fn a_doubt_is_settled_by_twilios_report_and_never_by_a_second_text() {
    let (system, twilio, server) = started().await;
    twilio.set_mood(TwilioMood::Late(Duration::from_secs(4), 1));
    text(&system, &server, &SmsMessage::new(PHONE, CLEAR_TASK)).await;
    system.settled().await;
    assert_eq!((twilio.calls(), receipts(&system).await[0].0.as_str()), (1, "unknown"));
    report(&system, &server, &twilio.texted()[0], "delivered", None).await;
    assert_eq!((twilio.calls(), receipts(&system).await[0].0.as_str()), (1, "delivered"));
    system.finish().await;
}
