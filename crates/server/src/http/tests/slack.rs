//! Events of Slack over the wired application: what gets in, what is refused, what Slack hears.

use super::*;

pub(super) fn message(text: &str) -> Value {
    json!({
        "type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev1", "event_time": 1_763_647_387,
        "event": {"type": "message", "channel": "C1", "user": "U1", "ts": "1763647387.000100", "text": text},
    })
}

pub(super) fn signed(body: impl Into<Vec<u8>>) -> TestRequest {
    let body = body.into();
    let at = NOW.unix_timestamp();
    let signature = SigningSecrets::parse(SLACK_SECRET).expect("one").sign(at, &body);
    TestRequest::post()
        .uri("/intake/slack")
        .insert_header(("content-type", "application/json; charset=utf-8"))
        .insert_header(("x-slack-request-timestamp", at.to_string()))
        .insert_header(("x-slack-signature", signature))
        .set_payload(body)
}

#[actix_web::test]
async fn a_message_is_answered_with_its_event_id_and_a_copy_with_the_first_ones() {
    let app = init_service(app(surface(Fault::default()))).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let response = call_service(&app, signed(message("hello").to_string()).to_request()).await;
        assert_eq!(response.status(), StatusCode::OK);
        answers.push(serde_json::from_slice::<Value>(&read_body(response).await).expect("JSON"));
    }
    assert_eq!(answers[0]["status"], "queued");
    assert_eq!(answers[0]["timestamp"], "2026-11-20T14:03:07.120Z");
    assert!(answers[0].get("duplicate").is_none());
    assert_eq!((&answers[1]["event_id"], &answers[1]["duplicate"]), (&answers[0]["event_id"], &json!(true)));
}

#[actix_web::test]
async fn a_challenge_is_answered_and_a_bot_is_ignored_with_its_reason() {
    let challenge = json!({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"}).to_string();
    assert_eq!(ask(Fault::default(), signed(challenge)).await.json(), json!({"challenge": "3eZbrw1aB"}));
    let mut bot = message("beep");
    bot["event"]["bot_id"] = json!("B1");
    let answer = ask(Fault::default(), signed(bot.to_string())).await.json();
    assert_eq!((&answer["status"], &answer["reason"]), (&json!("ignored"), &json!("bot_message")));
}

#[actix_web::test]
async fn intake_refuses_what_it_cannot_trust_or_read() {
    let sound = message("hello").to_string();
    let unsigned = TestRequest::post().uri("/intake/slack").insert_header(("content-type", "application/json"));
    ask(Fault::default(), unsigned.set_payload(sound.clone())).await.problem(401, "signature_missing");
    let altered = signed(sound.clone()).set_payload(sound.replace("hello", "hallo"));
    ask(Fault::default(), altered).await.problem(401, "signature_mismatch");
    let stale = signed(sound.clone()).insert_header(("x-slack-request-timestamp", "1000"));
    ask(Fault::default(), stale).await.problem(401, "signature_stale");
    let garbled = signed(sound.clone()).insert_header(("x-slack-signature", "v1=00"));
    ask(Fault::default(), garbled).await.problem(401, "signature_malformed");
    let form = signed(sound.clone()).insert_header(("content-type", "application/x-www-form-urlencoded"));
    ask(Fault::default(), form).await.problem(415, "unsupported_media_type");
    ask(Fault::default(), signed(vec![b'x'; 2 << 20])).await.problem(413, "payload_too_large");
    let cut = ask(Fault::default(), signed(&sound.as_bytes()[..20])).await.problem(400, "invalid_body");
    assert!(cut["errors"][0]["detail"].as_str().expect("text").contains("not JSON"));
    ask(Fault::default(), signed(b"{\"type\":\"\xff\"}".as_slice())).await.problem(400, "invalid_body");
    let no_slack = Fault { no_slack: true, ..Fault::default() };
    ask(no_slack, signed(sound)).await.problem(503, "slack_not_configured");
}

#[actix_web::test]
async fn nothing_is_acknowledged_while_the_log_is_down() {
    let down = Fault { log_down: true, ..Fault::default() };
    let answer = ask(down, signed(message("hello").to_string())).await;
    let problem = answer.problem(503, "intake_unavailable");
    assert_eq!((answer.header("retry-after"), &problem["retryable"]), ("5", &json!(true)));
    assert!(!answer.body.contains("refused"), "the inner error stays inside");
}
