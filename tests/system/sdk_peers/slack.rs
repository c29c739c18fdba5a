//! Slack: `slack_sdk` signs what our door lets in, and an app on Bolt lets in what we do.

use super::{HARD_TEXTS, one_of};
use crate::system;
use dispatch_slack::verify::{SigningSecrets, sign};
use dispatch_tests::harness::event::SECRET;
use dispatch_tests::harness::{Click, Peers, Server, SlackMessage, System};
use secrecy::SecretString;
use serde_json::{Value, json};
use time::OffsetDateTime;

const TIMESTAMP: &str = "X-Slack-Request-Timestamp";
const SIGNATURE: &str = "X-Slack-Signature";

/// A request as it may arrive: some good, some not.
pub struct Case {
    pub what: &'static str,
    pub headers: Value,
    pub body: String,
}

fn headers(at: &str, signature: &str) -> Value {
    json!({"Content-Type": "application/json", TIMESTAMP: at, SIGNATURE: signature})
}

/// All that is done to one body, signed by the SDK.
pub fn cases(peers: &mut Peers, body: &str, now: i64) -> Vec<Case> {
    let mut signed = |secret: &str, at: i64| -> String {
        peers.ask(&json!({"ask": "slack_sign", "secret": secret, "timestamp": at, "body": body}))
    };
    let (good, other) = (signed(SECRET, now), signed("another-secret", now));
    let (old, ahead) = (signed(SECRET, now - 400), signed(SECRET, now + 400));
    let at = now.to_string();
    let case = |what, headers, body: &str| Case { what, headers, body: body.to_owned() };
    let mut unsigned = headers(&at, &good);
    unsigned.as_object_mut().unwrap().remove(SIGNATURE);
    vec![
        case("signed", headers(&at, &good), body),
        case("another secret", headers(&at, &other), body),
        case("too old", headers(&(now - 400).to_string(), &old), body),
        case("too far ahead", headers(&(now + 400).to_string(), &ahead), body),
        case("moved in time", headers(&(now - 1).to_string(), &good), body),
        case("altered", headers(&at, &good), &format!("{body} ")),
        case("cut off", headers(&at, &good[..good.len() - 2]), body),
        case("no version", headers(&at, good.trim_start_matches("v0=")), body),
        case("no signature", unsigned, body),
    ]
}

/// What our server answers: the status, and the challenge if there is one.
async fn ours(system: &System, server: &Server, case: &Case) -> (u16, Option<String>) {
    let mut request = system.client.post(format!("{}/intake/slack", server.base())).body(case.body.clone());
    for (name, value) in case.headers.as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["challenge"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn our_door_and_an_app_on_bolt_let_the_same_requests_in() {
    let system = system().await;
    // A hundred forgeries from one address are more than it is allowed in so short a time; here only signatures count.
    let server = system.launch().env("RATE_LIMIT_PER_ADDRESS", "1000:1000").start().await;
    let mut peers = Peers::start();
    let mut bodies: Vec<String> =
        HARD_TEXTS.iter().map(|text| SlackMessage::new("U1", text).body().to_string()).collect();
    // JSON as Python and others write it: escaped, and with spaces.
    bodies.push(bodies[6].chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect());
    bodies.push(format!("\n {} \n", bodies[0]));
    let (mut let_in, mut refused) = (0, 0);
    for body in bodies {
        for case in cases(&mut peers, &body, OffsetDateTime::now_utc().unix_timestamp()) {
            let question = json!({"ask": "bolt", "secret": SECRET, "headers": case.headers, "body": case.body});
            let theirs: Value = peers.ask(&question);
            let (status, _) = ours(&system, &server, &case).await;
            assert_eq!(json!(status), theirs["status"], "{}: {}", case.what, case.body);
            assert_eq!(status == 200, case.what == "signed", "{}", case.what);
            if status == 200 { let_in += 1 } else { refused += 1 }
        }
    }
    assert_eq!((let_in, refused), (HARD_TEXTS.len() + 2, 8 * (HARD_TEXTS.len() + 2)));
    system.settled().await;
    system.finish().await;
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

#[tokio::test]
async fn a_challenge_is_answered_as_bolt_answers_it() {
    let system = system().await;
    let server = system.launch().arg("--no-worker").start().await;
    let mut peers = Peers::start();
    let body = json!({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595", "token": "x"}).to_string();
    for case in cases(&mut peers, &body, OffsetDateTime::now_utc().unix_timestamp()) {
        let question = json!({"ask": "bolt", "secret": SECRET, "headers": case.headers, "body": case.body});
        let theirs: Value = peers.ask(&question);
        let (status, challenge) = ours(&system, &server, &case).await;
        assert_eq!(json!(status), theirs["status"], "{}", case.what);
        if status == 200 {
            let said: Value = serde_json::from_str(theirs["body"].as_str().unwrap()).unwrap();
            assert_eq!(json!(challenge), said["challenge"]);
        }
    }
    system.finish().await;
}

/// Any body, any secret, any age: both say the same of what either of them signed.
#[test]
fn we_and_the_sdk_sign_alike_and_believe_each_other() {
    let mut peers = Peers::start();
    let mut random = fastrand::Rng::with_seed(0x51ac);
    for round in 0..300 {
        let secret = one_of(&mut random, &[SECRET, "s", "ß🏡", &"long".repeat(40)]).to_owned();
        let body: String = (0..random.usize(0..4)).map(|_| one_of(&mut random, HARD_TEXTS)).collect();
        let at = 1_700_000_000;
        // Around the edge of the five minutes, and anywhere.
        let anywhere = random.i64(-1000..1000);
        let now = at + random.choice([0, -299, -300, -301, 299, 300, 301, anywhere]).unwrap();
        let theirs: String = peers.ask(&json!({"ask": "slack_sign", "secret": secret, "timestamp": at, "body": body}));
        let ours = sign(&SecretString::from(secret.clone()), at, body.as_bytes());
        assert_eq!(ours, theirs, "round {round}");
        let tampered = if random.bool() { format!("{body}.") } else { body };
        let headers = headers(&at.to_string(), &theirs);
        let they_believe: bool = peers
            .ask(&json!({"ask": "slack_verify", "secret": secret, "now": now, "headers": headers, "body": tampered}));
        let clock = OffsetDateTime::from_unix_timestamp(now).unwrap();
        let secrets = SigningSecrets::parse(&secret).unwrap();
        let we_believe = secrets.verify(Some(&at.to_string()), Some(&ours), tampered.as_bytes(), clock).is_ok();
        assert_eq!(we_believe, they_believe, "round {round}: {}s apart", now - at);
    }
}

/// What somebody clicks is a form; Bolt finds the action in it that we mean.
#[tokio::test]
async fn clicks_get_in_as_they_do_at_an_app_on_bolt() {
    let system = system().await;
    let server = system.launch().env("RATE_LIMIT_PER_ADDRESS", "1000:1000").start().await;
    let mut peers = Peers::start();
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let (mut let_in, mut refused) = (0, 0);
    for (number, text) in HARD_TEXTS.iter().enumerate() {
        let click = Click(json!({
            "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T1", "name": text},
            "channel": {"id": "C1"}, "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1"},
            "actions": [{"type": "button", "action_id": "dispatch_confirm", "value": text, "action_ts": format!("{number}.1"),
                         "block_id": "dispatch:01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60"}],
        }));
        for case in cases(&mut peers, &click.form(), now) {
            let mut headers = case.headers;
            headers["Content-Type"] = json!("application/x-www-form-urlencoded");
            let theirs: Value =
                peers.ask(&json!({"ask": "bolt", "secret": SECRET, "headers": headers, "body": case.body}));
            let mut request =
                system.client.post(format!("{}/intake/slack/interactions", server.base())).body(case.body.clone());
            for (name, value) in headers.as_object().unwrap() {
                request = request.header(name, value.as_str().unwrap());
            }
            let status = request.send().await.unwrap().status().as_u16();
            assert_eq!(json!(status), theirs["status"], "{}: {}", case.what, case.body);
            if status == 200 { let_in += 1 } else { refused += 1 }
        }
    }
    assert_eq!((let_in, refused), (HARD_TEXTS.len(), 8 * HARD_TEXTS.len()));
    system.finish().await;
}
