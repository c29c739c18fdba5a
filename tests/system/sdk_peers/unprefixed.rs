//! The paths that Slack and Twilio have always called, under both values of the flag: what their own SDKs sign gets in, and what
//! these refuse is refused.

use super::HARD_TEXTS;
use super::slack::cases;
use crate::flag::set;
use crate::sms::launch;
use crate::system;
use dispatch_tests::harness::event::SECRET;
use dispatch_tests::harness::sms_message::{PUBLIC_URL, TOKEN, encoded};
use dispatch_tests::harness::{Peers, Server, SlackMessage, SmsMessage, System, TwilioPeer};
use reqwest::Response;
use serde_json::{Value, json};
use time::OffsetDateTime;

const VERSIONS: [&str; 2] = ["operations", "dispatch"];
const SLACK_PATHS: [&str; 3] = ["/webhooks/slack", "/api/slack_webhook", "/operations/webhooks/slack"];
const SMS_PATHS: [&str; 2] = ["/webhooks/sms", "/operations/webhooks/sms"];

/// Hundreds of forgeries from one address are more than it is allowed; here only signatures count.
async fn served() -> (System, TwilioPeer, Server) {
    let (system, twilio) = (system().await, TwilioPeer::start().await);
    let server = launch(&system, &twilio).env("RATE_LIMIT_PER_ADDRESS", "1000:1000").start().await;
    (system, twilio, server)
}

/// As it stands: these headers, this body.
async fn post(system: &System, server: &Server, path: &str, headers: &Value, body: &str) -> Response {
    let mut request = system.client.post(format!("{}{path}", server.base())).body(body.to_owned());
    for (name, value) in headers.as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.send().await.unwrap()
}

/// Which contract is to answer there.
fn speaks_old(path: &str, version: &str) -> bool {
    path.starts_with("/operations/") || version == "operations"
}

#[tokio::test]
async fn slacks_own_sdk_gets_in_where_slack_has_always_called() {
    let (system, _twilio, server) = served().await;
    let mut peers = Peers::start();
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let challenge = json!({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595"}).to_string();
    let (mut let_in, mut refused) = (0, 0);
    for version in VERSIONS {
        set(&system, &server, version).await;
        for path in SLACK_PATHS {
            let texts = HARD_TEXTS.iter().skip(6).step_by(2);
            let bodies: Vec<String> = texts.map(|text| SlackMessage::new("U1", text).body().to_string()).collect();
            for body in bodies.iter().chain([&challenge]) {
                for case in cases(&mut peers, body, now) {
                    let question = json!({"ask": "bolt", "secret": SECRET, "headers": case.headers, "body": case.body});
                    let theirs: Value = peers.ask(&question);
                    let place = format!("{version} {path} {}: {}", case.what, case.body);
                    let ours = post(&system, &server, path, &case.headers, &case.body).await;
                    assert_eq!(json!(ours.status().as_u16()), theirs["status"], "{place}");
                    let told: Value = ours.json().await.unwrap();
                    if theirs["status"] != 200 {
                        let member = if speaks_old(path, version) { "detail" } else { "code" };
                        assert!(told[member].is_string(), "{place}: {told}");
                        refused += 1;
                    } else if case.body == challenge {
                        let said: Value = serde_json::from_str(theirs["body"].as_str().unwrap()).unwrap();
                        assert_eq!(told["challenge"], said["challenge"], "{place}");
                    } else {
                        assert_eq!(told == json!({"ok": true}), speaks_old(path, version), "{place}: {told}");
                        let_in += 1;
                    }
                }
            }
        }
    }
    assert_eq!((let_in, refused), (2 * 3 * 3, 2 * 3 * 4 * 8));
    system.settled().await;
    system.finish().await;
}

#[tokio::test]
async fn twilios_own_sdk_gets_in_where_twilio_has_always_called() {
    let (system, _twilio, server) = served().await;
    let mut peers = Peers::start();
    for version in VERSIONS {
        set(&system, &server, version).await;
        for path in SMS_PATHS {
            for text in HARD_TEXTS.iter().skip(3).step_by(3) {
                let body = encoded(&SmsMessage::new("+14165550101", text).form());
                let url = format!("{PUBLIC_URL}{path}");
                let mut sign = |token: &str, url: &str| -> String {
                    peers.ask(&json!({"ask": "twilio_sign", "token": token, "url": url, "form": body}))
                };
                // Signed over what was called, not over what the flag makes of it.
                let inside = format!(
                    "{PUBLIC_URL}{}",
                    if speaks_old(path, version) { "/operations/webhooks/sms" } else { "/intake/sms" }
                );
                let tried = [
                    ("signed", sign(TOKEN, &url), body.clone()),
                    ("altered", sign(TOKEN, &url), format!("{body}&Extra=1")),
                    ("another token", sign("another", &url), body.clone()),
                    ("over another path", sign(TOKEN, &inside), body.clone()),
                    ("unsigned", String::new(), body.clone()),
                ];
                for (what, signature, body) in tried {
                    let question = json!({"ask": "twilio_verify", "token": TOKEN, "url": url, "signature": signature, "form": body});
                    let they_believe: bool = peers.ask(&question);
                    let headers =
                        json!({"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature});
                    let ours = post(&system, &server, path, &headers, &body).await;
                    let place = format!("{version} {path} {what}: {body}");
                    assert_eq!(ours.status().as_u16(), if they_believe { 200 } else { 403 }, "{place}");
                    if they_believe {
                        let told = ours.text().await.unwrap();
                        assert_eq!(told == r#"{"message":"SMS queued"}"#, speaks_old(path, version), "{place}: {told}");
                        assert_eq!(told.contains("<Response/>"), !speaks_old(path, version), "{place}: {told}");
                    }
                }
            }
        }
    }
    system.settled().await;
    system.finish().await;
}
