//! What each kind of body becomes.

mod anything;
mod changes;

use super::*;
use serde_json::json;
use time::macros::datetime;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const NOW: OffsetDateTime = datetime!(2026-11-20 15:00 UTC);

fn parse_bytes(body: &[u8]) -> Result<Incoming, ParseError> {
    let own = OwnIds::from_iter(["UOURS", "BOURS"]);
    let redelivery = redelivery(Some("2"), Some("http_timeout"));
    parse(body, Reception { redelivery, trace_id: TRACE, received_at: NOW, own: &own })
}

fn signal_of(body: &Value) -> NewSignal {
    match parse_bytes(body.to_string().as_bytes()) {
        Ok(Incoming::Signal(signal)) => *signal,
        other => panic!("a signal, not {other:?}"),
    }
}

/// An envelope as Slack documents it, around `event`.
fn envelope(event: &Value) -> Value {
    json!({
        "token": "verification-token-of-old", "team_id": "T1", "api_app_id": "A1", "type": "event_callback",
        "event": event, "event_id": "Ev1", "event_time": 1_700_000_000,
        "authorizations": [{"enterprise_id": null, "team_id": "T1", "user_id": "UBOT", "is_bot": true}],
    })
}

/// A message of a person, with `changes` on top; null takes a field away.
fn message(changes: &Value) -> Value {
    let mut event = json!({
        "type": "message", "channel": "C1", "user": "U1", "text": "New listing: 12 King St",
        "ts": "1700000000.000100", "event_ts": "1700000000.000100", "channel_type": "channel",
    });
    for (key, value) in changes.as_object().expect("an object") {
        event[key] = value.clone();
    }
    event.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    event
}

fn told(changes: &Value) -> NewSignal {
    signal_of(&envelope(&message(changes)))
}

#[test]
fn a_message_becomes_a_queued_signal() {
    let signal = told(&json!({}));
    assert_eq!(signal.disposition, Disposition::Queue);
    assert_eq!(signal.conversation.key(), "slack/T1/C1/-");
    assert_eq!((signal.author.as_str(), signal.text.as_str()), ("U1", "New listing: 12 King St"));
    assert_eq!(signal.message_ref, "1700000000.000100");
    assert_eq!(signal.provider_event_id.as_deref(), Some("Ev1"));
    assert_eq!(signal.occurred_at, datetime!(2023-11-14 22:13:20.000100 UTC));
    assert_eq!(signal.keys.event.as_deref(), Some("slack:event:T1/Ev1"));
    assert_eq!(signal.keys.content, "slack:message:T1/C1/1700000000.000100");
    assert_eq!(signal.redelivery, Redelivery { number: Some(2), reason: Some("http_timeout".into()) });
    assert_eq!(signal.trace_id, TRACE);
    let payload: Value = serde_json::from_str(&signal.payload).expect("JSON");
    assert_eq!(payload["event"]["text"], "New listing: 12 King St");
    assert_eq!(payload.get("token"), None, "a credential is not kept");
}

#[test]
fn all_that_people_write_is_queued_and_told_apart_by_ts_alone() {
    let plain = told(&json!({})).keys.content;
    for changes in [
        json!({"subtype": "file_share", "files": [{"id": "F1"}]}),
        json!({"subtype": "file_share", "files": [{"id": "F1"}], "text": ""}),
        json!({"subtype": "file_share", "files": [{"id": "F1", "mode": "hidden_by_limit"}], "text": ""}),
        json!({"subtype": "thread_broadcast", "thread_ts": "1600000000.000001", "root": {"user": "U2", "text": "?"}}),
        json!({"subtype": "me_message"}),
        json!({"text": "", "attachments": [{"is_share": true, "text": "12 King St"}]}),
        json!({"type": "app_mention", "text": "<@UBOT> New listing: 12 King St"}),
        json!({"channel_type": "im"}),
        json!({"app_id": "A2"}),
    ] {
        let signal = told(&changes);
        assert_eq!((signal.disposition, &signal.keys.content), (Disposition::Queue, &plain), "{changes}");
    }
}

#[test]
fn a_reply_is_in_its_thread_and_a_root_is_not() {
    let reply = told(&json!({"thread_ts": "1600000000.000001"}));
    assert_eq!(reply.conversation.thread.as_deref(), Some("1600000000.000001"));
    assert_eq!(told(&json!({"thread_ts": "1700000000.000100"})).conversation.thread, None);
}

#[test]
fn what_is_not_acted_on_says_why() {
    for (changes, reason) in [
        (json!({"bot_id": "B9"}), reason::BOT_MESSAGE),
        (json!({"bot_id": "B9", "subtype": "bot_message", "user": null}), reason::BOT_MESSAGE),
        (json!({"type": "app_mention", "bot_id": "B9"}), reason::BOT_MESSAGE),
        (json!({"bot_profile": {"id": "B9"}}), reason::BOT_MESSAGE),
        (json!({"user": "USLACKBOT"}), reason::BOT_MESSAGE),
        (json!({"bot_id": "B9", "app_id": "A1"}), reason::OWN_MESSAGE),
        (json!({"bot_id": "BOURS"}), reason::OWN_MESSAGE),
        (json!({"bot_id": "BOURS", "subtype": "bot_message"}), reason::OWN_MESSAGE),
        (json!({"user": "UOURS"}), reason::OWN_MESSAGE),
        (json!({"user": "UBOT"}), reason::OWN_MESSAGE),
        (json!({"subtype": "channel_join"}), reason::SUBTYPE_UNSUPPORTED),
        (json!({"subtype": "assistant_app_thread"}), reason::SUBTYPE_UNSUPPORTED),
        (json!({"subtype": "huddle_thread"}), reason::SUBTYPE_UNSUPPORTED),
        (json!({"subtype": "message_replied"}), reason::SUBTYPE_UNSUPPORTED),
        (json!({"subtype": "tombstone"}), reason::SUBTYPE_UNSUPPORTED),
        (json!({"subtype": "a subtype of tomorrow"}), reason::SUBTYPE_UNSUPPORTED),
        (json!({"type": "reaction_added"}), reason::EVENT_UNSUPPORTED),
        (json!({"type": null}), reason::EVENT_UNSUPPORTED),
        (json!({"type": "channel_created", "channel": {"id": "C7"}}), reason::EVENT_UNSUPPORTED),
        (json!({"text": ""}), reason::EMPTY_MESSAGE),
        (json!({"text": " \n\u{a0}", "files": []}), reason::EMPTY_MESSAGE),
        (json!({"text": null}), reason::EMPTY_MESSAGE),
        (json!({"text": "", "files": [{"id": "F1", "mode": "tombstone"}]}), reason::EMPTY_MESSAGE),
        (json!({"text": ["not", "a", "text"]}), reason::EMPTY_MESSAGE),
        (json!({"user": null}), reason::MISSING_USER_OR_CHANNEL),
        (json!({"channel": null}), reason::MISSING_USER_OR_CHANNEL),
        (json!({"channel": "C".repeat(200)}), reason::MISSING_USER_OR_CHANNEL),
        (json!({"ts": null}), reason::MISSING_TS),
        (json!({"ts": "yesterday"}), reason::MISSING_TS),
    ] {
        assert_eq!(told(&changes).disposition, Disposition::Ignore(reason), "{changes}");
    }
}

#[test]
fn an_ignored_message_keeps_its_subtype_in_its_key() {
    let joined = told(&json!({"subtype": "channel_join"}));
    assert_eq!(joined.keys.content, "slack:message:T1/C1/1700000000.000100/channel_join");
}

#[test]
fn a_challenge_is_answered_and_not_stored() {
    let body = br#"{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}"#;
    assert_eq!(parse_bytes(body), Ok(Incoming::Challenge("3eZbrw1aB".into())));
}

#[test]
fn a_rate_limit_is_one_signal_per_minute() {
    let body = json!({"token": "t", "type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1_700_000_040,
        "api_app_id": "A1"});
    let signal = signal_of(&body);
    assert_eq!(signal.disposition, Disposition::Ignore(reason::APP_RATE_LIMITED));
    assert_eq!(signal.keys, DedupeKeys { event: None, content: "slack:app_rate_limited:T1/A1/1700000040".into() });
    assert_eq!(signal.occurred_at, datetime!(2023-11-14 22:14 UTC));
}

#[test]
fn other_signed_bodies_are_kept() {
    let unknown = signal_of(&json!({"type": "view_submission", "team_id": "T1"}));
    assert_eq!(unknown.disposition, Disposition::Ignore(reason::TYPE_UNSUPPORTED));
    assert!(unknown.keys.content.starts_with("slack:body:") && unknown.keys.content.len() == 75, "{:?}", unknown.keys);
    assert_eq!(unknown.occurred_at, NOW);

    let hollow = signal_of(&json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev5"}));
    assert_eq!(hollow.disposition, Disposition::Ignore(reason::MISSING_EVENT));
    assert_eq!(hollow.keys.content, "slack:event:T1/Ev5");

    let mut nowhere = envelope(&message(&json!({})));
    nowhere.as_object_mut().expect("an object").retain(|key, _| key == "type" || key == "event");
    let nowhere = signal_of(&nowhere);
    assert_eq!(nowhere.disposition, Disposition::Ignore(reason::MISSING_TEAM));
    assert_eq!((nowhere.keys.event, nowhere.provider_event_id), (None, None));
}

#[test]
fn the_workspace_is_the_one_whose_token_answers() {
    let all = json!({
        "team_id": "T1", "enterprise_id": "E1", "context_team_id": "T2", "context_enterprise_id": "E2",
        "authorizations": [{"enterprise_id": "E3", "team_id": "T3", "user_id": "UBOT", "is_bot": true}],
    });
    let without = |gone: &[&str]| {
        let mut body = envelope(&message(&json!({"team": "T4"})));
        for (key, value) in all.as_object().expect("an object") {
            body[key] = value.clone();
        }
        if gone.contains(&"authorization") {
            body["authorizations"][0]["team_id"] = Value::Null;
        }
        if gone.contains(&"event.team") {
            body["event"].as_object_mut().expect("an object").remove("team");
        }
        body.as_object_mut().expect("an object").retain(|key, _| !gone.contains(&key.as_str()));
        let signal = signal_of(&body);
        let origin =
            signal.keys.content.trim_start_matches("slack:message:").split('/').next().expect("a team").to_owned();
        (signal.conversation.workspace, origin)
    };
    let pair = |workspace: &str, origin: &str| (workspace.to_owned(), origin.to_owned());
    assert_eq!(without(&[]), pair("T3", "T1"), "a shared channel: answered by T3, told apart by T1");
    assert_eq!(without(&["authorization"]), pair("T2", "T1"), "an app of the whole organisation");
    assert_eq!(without(&["authorization", "context_team_id"]), pair("T1", "T1"));
    assert_eq!(without(&["team_id"]), pair("T3", "T3"));
    assert_eq!(without(&["team_id", "authorizations", "context_team_id"]), pair("T4", "T4"));
    let nothing = ["team_id", "authorization", "context_team_id", "event.team"];
    assert_eq!(without(&nothing), pair("E3", ""));
}

#[test]
fn hard_texts_survive() {
    let long = "ß🏡".repeat(5_000);
    for text in ["👩‍👩‍👧‍👦 family 🏳️‍🌈", "بيت جديد في شارع الملك", "שלום\u{202e}abc", "tab\tnewline\nquote\"\\", long.as_str()]
    {
        let signal = told(&json!({"text": text}));
        assert_eq!((signal.text.as_str(), &signal.disposition), (text, &Disposition::Queue));
        let payload: Value = serde_json::from_str(&signal.payload).expect("JSON");
        assert_eq!(payload["event"]["text"], text);
    }
}

#[test]
fn what_postgres_cannot_hold_is_taken_out() {
    let body = envelope(&message(&json!({}))).to_string().replace("12 King", r"12\u0000 King \ud83d");
    let Ok(Incoming::Signal(signal)) = parse_bytes(body.as_bytes()) else { panic!("a signal") };
    assert_eq!(signal.text, "New listing: 12 King \u{fffd} St");
    assert!(!signal.payload.contains("\\u0000") && signal.payload.contains("12 King \u{fffd}"));
}

#[test]
fn only_what_cannot_be_stored_is_an_error() {
    let whole = envelope(&message(&json!({}))).to_string();
    let deep = "[".repeat(100_000);
    for (body, code, pointer) in [
        (&b""[..], "invalid_json", ""),
        (&whole.as_bytes()[..whole.len() - 1], "invalid_json", ""),
        (&whole.as_bytes()[..whole.len() / 2], "invalid_json", ""),
        (b"payload=%7B%7D", "invalid_json", ""),
        (deep.as_bytes(), "invalid_json", ""),
        (b"{\"type\":\"\xff\xfe\"}", "invalid_utf8", ""),
        (b"[]", "invalid_field", ""),
        (b"null", "invalid_field", ""),
        (b"{}", "missing_field", "/type"),
        (b"{\"type\":null}", "missing_field", "/type"),
        (b"{\"type\":7}", "invalid_field", "/type"),
        (b"{\"type\":\"url_verification\"}", "missing_field", "/challenge"),
        (b"{\"type\":\"url_verification\",\"challenge\":{}}", "invalid_field", "/challenge"),
    ] {
        let error = parse_bytes(body).expect_err(code);
        assert_eq!((error.code(), error.pointer()), (code, pointer));
        assert!(!error.to_string().contains("King"), "an error quotes nothing");
    }
}

#[test]
fn odd_headers_of_a_repeat_are_left_out() {
    assert_eq!(redelivery(None, None), Redelivery::default());
    assert_eq!(redelivery(Some("x"), Some("")), Redelivery::default());
    assert_eq!(redelivery(Some(" 3 "), Some("http_error")).number, Some(3));
    assert_eq!(redelivery(Some("1"), Some(&"r".repeat(65))).reason, None);
}
