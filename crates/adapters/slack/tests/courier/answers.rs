//! What the Slack courier says to Slack, and what it makes of each answer.

use crate::peer::{TOKEN, channel, courier_to, thread};
use dispatch_mission::ids::DeliveryId;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::{Destination, StorageDestination, StorageTable};
use dispatch_routing::plan::Content;
use dispatch_routing::question::{Alternative, Asks, Question, Remark};
use dispatch_routing::testing_courier::message_for;
use dispatch_slack::{RECORDED, RecordingCourier, SlackCourier};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const POST: &str = "/api/chat.postMessage";
const REPLIES: &str = "/api/conversations.replies";

async fn slack_that(answers: &[(&str, ResponseTemplate)]) -> (MockServer, SlackCourier) {
    let server = MockServer::start().await;
    for (to, answer) in answers {
        Mock::given(path(*to)).respond_with(answer.clone()).mount(&server).await;
    }
    let courier = courier_to(&format!("{}/api", server.uri()), TOKEN);
    (server, courier)
}

fn ok(more: &Value) -> ResponseTemplate {
    let mut body = json!({"ok": true});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    ResponseTemplate::new(200).set_body_json(body)
}

fn refused(error: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"ok": false, "error": error}))
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string("<html>upstream</html>")
}

fn message(text: &str) -> ClaimedDelivery {
    message_for(thread(), text)
}

fn repeat() -> ClaimedDelivery {
    ClaimedDelivery { may_have_been_sent: true, ..message("again") }
}

async fn posts(server: &MockServer) -> Vec<Request> {
    let all = server.received_requests().await.expect("recorded");
    all.into_iter().filter(|request| request.url.path() == POST).collect()
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

#[tokio::test]
async fn a_message_is_posted_as_slack_wants_it() {
    let (server, courier) = slack_that(&[(POST, ok(&json!({"ts": "1700000005.000300"})))]).await;
    let delivery = message("<!channel> Smith & Sons <@U1>");
    let outcome = courier.deliver(&delivery).await;
    assert_eq!(outcome, AttemptOutcome::Delivered { reference: Some("1700000005.000300".into()) });
    let [request] = posts(&server).await.try_into().expect("one request");
    assert_eq!(request.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(request.headers["content-type"], "application/json; charset=utf-8");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    let expected = json!({
        "channel": "C1", "thread_ts": "1700000000.000100", "text": "&lt;!channel&gt; Smith &amp; Sons &lt;@U1&gt;",
        "mrkdwn": false, "unfurl_links": false, "unfurl_media": false,
        "metadata": {
            "event_type": "dispatch_delivery", "event_payload": {"delivery_id": delivery.delivery_id.to_string()},
        },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn without_a_thread_it_stands_in_the_channel_and_is_looked_for_there() {
    let repeat = ClaimedDelivery { may_have_been_sent: true, ..message_for(channel(), "hello") };
    let (server, courier) = slack_that(&[
        ("/api/conversations.history", ok(&json!({"messages": [{"ts": "1.0", "text": "hello"}]}))),
        (POST, ok(&json!({"ts": "4.0"}))),
    ])
    .await;
    assert_eq!(courier.deliver(&repeat).await, AttemptOutcome::Delivered { reference: Some("4.0".into()) });
    let [request] = posts(&server).await.try_into().expect("one request");
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!((&body["channel"], body.get("thread_ts")), (&json!("C1"), None));
    let all = server.received_requests().await.expect("recorded");
    let asked: Vec<_> = all[0].url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(asked, ["channel", "include_all_metadata", "limit", "oldest"]);
}

#[tokio::test]
async fn each_answer_has_its_outcome() {
    let after = |template: ResponseTemplate, value: &str| template.insert_header("retry-after", value);
    for (answer, expected) in [
        (ok(&json!({})), AttemptOutcome::Delivered { reference: None }),
        (after(refused("ratelimited"), "12"), retryable("rate_limited", Some(12))),
        (refused("ratelimited"), retryable("rate_limited", None)),
        (refused("service_unavailable"), retryable("service_unavailable", None)),
        (refused("message_limit_exceeded"), retryable("message_limit_exceeded", Some(3600))),
        (refused("internal_error"), ambiguous("internal_error")),
        (refused("fatal_error"), ambiguous("fatal_error")),
        (refused("request_timeout"), ambiguous("request_timeout")),
        (refused("channel_not_found"), permanent("channel_not_found")),
        (refused("an_error_of_tomorrow"), retryable("an_error_of_tomorrow", None)),
        (refused("xoxb-hush is wrong for C1"), retryable("unrecognised_error", None)),
        (ResponseTemplate::new(200).set_body_json(json!({"ok": false})), retryable("unrecognised_error", None)),
        (after(status(429), "30"), retryable("rate_limited", Some(30))),
        (status(429), retryable("rate_limited", None)),
        (after(status(503), "5"), retryable("http_503", Some(5))),
        (status(503), ambiguous("http_503")),
        (status(500), ambiguous("http_500")),
        (status(502), ambiguous("http_502")),
        (status(504), ambiguous("http_504")),
        (status(408), retryable("http_408", None)),
        (status(404), permanent("http_404")),
        (status(302), permanent("http_302")),
        (status(200), ambiguous("invalid_response")),
        (ResponseTemplate::new(200).set_body_json(json!({"ok": "yes"})), ambiguous("invalid_response")),
        (ResponseTemplate::new(200).set_body_json(json!([])), ambiguous("invalid_response")),
        (ResponseTemplate::new(200).set_body_bytes(vec![b' '; 2_000_000]), ambiguous("response_too_large")),
        (ok(&json!({})).set_delay(Duration::from_secs(30)), ambiguous("timeout")),
    ] {
        let (server, courier) = slack_that(&[(POST, answer)]).await;
        assert_eq!(courier.deliver(&message("hello")).await, expected);
        assert_eq!(posts(&server).await.len(), 1, "one attempt is one request");
    }
}

#[tokio::test]
async fn a_repeat_looks_first_and_sends_only_what_is_not_there() {
    let delivery = repeat();
    let ours = json!({"event_type": "dispatch_delivery",
        "event_payload": {"delivery_id": delivery.delivery_id.to_string()}});
    let mut not_ours = ours.clone();
    not_ours["event_type"] = json!("another_app");
    let mut another = ours.clone();
    another["event_payload"]["delivery_id"] = json!(DeliveryId::mint().to_string());
    let others =
        [json!({"ts": "1.0"}), json!({"ts": "2.0", "metadata": not_ours}), json!({"metadata": another}), json!(7)];

    for (found, sent) in [(false, 1), (true, 0)] {
        let mut messages = others.to_vec();
        messages.extend(found.then(|| json!({"ts": "3.0", "metadata": ours})));
        let (server, courier) =
            slack_that(&[(REPLIES, ok(&json!({"messages": messages}))), (POST, ok(&json!({"ts": "4.0"})))]).await;
        let reference = Some(if found { "3.0" } else { "4.0" }.to_owned());
        assert_eq!(courier.deliver(&delivery).await, AttemptOutcome::Delivered { reference });
        assert_eq!(posts(&server).await.len(), sent);
    }
}

#[tokio::test]
async fn a_look_up_asks_for_the_time_since_the_delivery_was_made() {
    let (server, courier) = slack_that(&[(REPLIES, ok(&json!({"messages": []}))), (POST, ok(&json!({})))]).await;
    let mut delivery = repeat();
    // 2023-11-14 22:13:20 UTC in the id.
    delivery.delivery_id = DeliveryId("018bcfe5-6800-7000-8000-000000000001".parse().expect("a UUID"));
    courier.deliver(&delivery).await;
    let looked = &server.received_requests().await.expect("recorded")[0];
    let query: Vec<_> = looked.url.query_pairs().into_owned().collect();
    let query: Vec<_> = query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        query,
        [
            ("channel", "C1"),
            ("ts", "1700000000.000100"),
            ("include_all_metadata", "true"),
            ("limit", "200"),
            ("oldest", "1699996400.000000"),
        ]
    );
    assert_eq!((looked.method.as_str(), looked.url.path()), ("GET", REPLIES));
}

#[tokio::test]
async fn a_look_up_that_fails_sends_nothing() {
    for (answer, expected) in [
        (refused("missing_scope"), unknowable("lookup_missing_scope")),
        (refused("not_in_channel"), unknowable("lookup_not_in_channel")),
        (refused("thread_not_found"), unknowable("lookup_thread_not_found")),
        (refused("invalid_auth"), unknowable("lookup_invalid_auth")),
        (status(404), unknowable("lookup_http_404")),
        (refused("ratelimited").insert_header("retry-after", "60"), retryable("lookup_rate_limited", Some(60))),
        (status(429).insert_header("retry-after", "30"), retryable("lookup_rate_limited", Some(30))),
        (refused("internal_error"), retryable("lookup_internal_error", None)),
        (status(502), retryable("lookup_http_502", None)),
        (status(200), retryable("lookup_invalid_response", None)),
        (ok(&json!({"messages": {}})), retryable("lookup_invalid_response", None)),
        (ok(&json!({})).set_delay(Duration::from_secs(30)), retryable("lookup_timeout", None)),
    ] {
        let (server, courier) = slack_that(&[(REPLIES, answer), (POST, ok(&json!({})))]).await;
        assert_eq!(courier.deliver(&repeat()).await, expected);
        assert!(posts(&server).await.is_empty(), "{expected:?}");
    }
}

#[tokio::test]
async fn a_thread_without_end_is_not_read_without_end() {
    let page = ok(&json!({"messages": [], "response_metadata": {"next_cursor": "more"}}));
    let (server, courier) = slack_that(&[(REPLIES, page), (POST, ok(&json!({})))]).await;
    assert_eq!(courier.deliver(&repeat()).await, unknowable("lookup_thread_too_long"));
    assert_eq!(server.received_requests().await.expect("recorded").len(), 3);
}

#[tokio::test]
async fn a_cursor_is_followed_as_it_was_given() {
    let server = MockServer::start().await;
    let delivery = repeat();
    let ours = json!({"ts": "9.0", "metadata": {"event_type": "dispatch_delivery",
        "event_payload": {"delivery_id": delivery.delivery_id.to_string()}}});
    Mock::given(method("GET"))
        .and(query_param("cursor", "bmV4dA==&x"))
        .respond_with(ok(&json!({"messages": [ours]})))
        .with_priority(1)
        .mount(&server)
        .await;
    let first = ok(&json!({"messages": [], "response_metadata": {"next_cursor": "bmV4dA==&x"}}));
    Mock::given(path(REPLIES)).respond_with(first).mount(&server).await;
    let courier = courier_to(&format!("{}/api", server.uri()), TOKEN);
    assert_eq!(courier.deliver(&delivery).await, AttemptOutcome::Delivered { reference: Some("9.0".into()) });
}

#[tokio::test]
async fn each_workspace_has_its_token_and_none_is_no_wait() {
    let (server, _) = slack_that(&[(POST, ok(&json!({})))]).await;
    let url = format!("{}/api", server.uri());
    let ours = courier_to(&url, "T0=xoxb-0,T1=xoxb-1");
    assert_eq!(ours.deliver(&message("hi")).await.class(), "delivered");
    assert_eq!(posts(&server).await[0].headers["authorization"], "Bearer xoxb-1");

    let theirs = courier_to(&url, "T2=xoxb-2");
    assert_eq!(theirs.deliver(&message("hi")).await, permanent("no_token"));
    assert_eq!(theirs.deliver(&repeat()).await, unknowable("no_token"));
    assert_eq!(posts(&server).await.len(), 1);
}

#[tokio::test]
async fn what_is_not_for_slack_is_not_sent() {
    let (server, courier) = slack_that(&[(POST, ok(&json!({})))]).await;
    let table = Destination::Storage(StorageDestination { table: StorageTable::Listings });
    assert_eq!(courier.deliver(&message_for(table, "hi")).await, permanent("not_for_slack"));
    assert!(posts(&server).await.is_empty());
}

#[tokio::test]
async fn a_private_address_that_is_not_allowed_is_refused_for_good() {
    use dispatch_outbound::{Outbound, OutboundOptions, Url};
    let outbound = Outbound::new(&OutboundOptions::default()).expect("a client");
    let tokens = dispatch_slack::BotTokens::parse(TOKEN).expect("a token");
    let courier = SlackCourier::new(outbound, Url::parse("https://169.254.169.254/api").expect("a URL"), tokens);
    assert_eq!(courier.deliver(&message("hi")).await, permanent("forbidden_address"));
    assert!(!format!("{courier:?}").contains("hush"));
}

#[tokio::test]
async fn without_a_token_dev_records() {
    let outcome = RecordingCourier.deliver(&message("hi")).await;
    assert_eq!(outcome, AttemptOutcome::Delivered { reference: Some(RECORDED.into()) });
    assert_eq!(RecordingCourier.serves(), dispatch_routing::destination::DestinationKind::Slack);
}

const UPDATE: &str = "/api/chat.update";
const WHISPER: &str = "/api/chat.postEphemeral";

fn carrying(content: Content) -> ClaimedDelivery {
    ClaimedDelivery { content, ..message("") }
}

fn question(replaces: Option<&str>) -> Content {
    let asks = Asks::Meaning { confirm: true, choices: vec![Alternative::SaleListing] };
    Content::Question(Box::new(Question { text: "Is it <a task>?".into(), asks, replaces: replaces.map(Into::into) }))
}

fn remark(person: &str) -> Remark {
    Remark { text: "Confirmed by {person}, <!here>.".into(), person: Some(person.into()) }
}

async fn said(server: &MockServer, to: &str) -> Vec<Value> {
    let all = server.received_requests().await.expect("recorded");
    let wanted = all.into_iter().filter(|request| request.url.path() == to);
    wanted.map(|request| serde_json::from_slice(&request.body).expect("JSON")).collect()
}

#[tokio::test]
async fn a_question_is_posted_with_its_buttons_and_found_again_by_its_delivery() {
    let (server, courier) = slack_that(&[(POST, ok(&json!({"ts": "1.9"})))]).await;
    let delivery = carrying(question(None));
    assert_eq!(courier.deliver(&delivery).await, AttemptOutcome::Delivered { reference: Some("1.9".into()) });
    let [body] = said(&server, POST).await.try_into().expect("one request");
    assert_eq!((&body["text"], &body["thread_ts"]), (&json!("Is it &lt;a task&gt;?"), &json!("1700000000.000100")));
    assert_eq!(body["blocks"][1]["block_id"], format!("dispatch:{}", delivery.delivery_id));
    assert_eq!(body["metadata"]["event_payload"]["delivery_id"], delivery.delivery_id.to_string());
}

#[tokio::test]
async fn a_question_takes_the_place_of_an_earlier_one_and_a_decision_that_of_a_question() {
    let (server, courier) = slack_that(&[(UPDATE, ok(&json!({"ts": "1.9"})))]).await;
    let closing = Content::Closing { message_ref: "1.9".into(), remark: remark("U2") };
    for content in [question(Some("1.9")), closing] {
        // Done twice it changes nothing, so nothing is looked up.
        let delivery = ClaimedDelivery { may_have_been_sent: true, ..carrying(content) };
        assert_eq!(courier.deliver(&delivery).await, AttemptOutcome::Delivered { reference: Some("1.9".into()) });
    }
    let [asked, closed] = said(&server, UPDATE).await.try_into().expect("two requests");
    assert_eq!(
        (&asked["ts"], &asked["channel"], &asked["blocks"][1]["type"]),
        (&json!("1.9"), &json!("C1"), &json!("actions"))
    );
    let text = "Confirmed by <@U2>, &lt;!here&gt;.";
    assert_eq!((&closed["text"], &closed["blocks"][0]["text"]["text"]), (&json!(text), &json!(text)));
    assert_eq!(closed["blocks"].as_array().map(Vec::len), Some(1), "no buttons are left");
}

#[tokio::test]
async fn a_whisper_is_for_one_person_and_never_repeated() {
    let (server, courier) = slack_that(&[(WHISPER, ok(&json!({"message_ts": "1.9"})))]).await;
    let whisper = carrying(Content::Whisper { to: "U5".into(), remark: remark("U2") });
    assert_eq!(courier.deliver(&whisper).await, AttemptOutcome::Delivered { reference: None });
    let repeat = ClaimedDelivery { may_have_been_sent: true, ..whisper };
    assert_eq!(courier.deliver(&repeat).await, AttemptOutcome::Unwanted { code: "whispered_before".into() });
    let [body] = said(&server, WHISPER).await.try_into().expect("one request");
    let expected = json!({
        "channel": "C1", "thread_ts": "1700000000.000100", "user": "U5", "text": "Confirmed by <@U2>, &lt;!here&gt;.",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn who_deleted_the_question_or_left_does_not_want_to_read_on() {
    for error in ["message_not_found", "edit_window_closed", "user_not_in_channel"] {
        let (_server, courier) = slack_that(&[(UPDATE, refused(error)), (WHISPER, refused(error))]).await;
        for content in [
            Content::Closing { message_ref: "1.9".into(), remark: remark("U2") },
            Content::Whisper { to: "U5".into(), remark: remark("U2") },
        ] {
            let outcome = courier.deliver(&carrying(content)).await;
            assert_eq!(outcome, AttemptOutcome::Unwanted { code: error.into() });
        }
    }
}
