//! Messages that change, and a workspace that changes its mind about us.

use super::*;
use dispatch_mission::signal::{Amendment, Change, Recipient};

/// A `message_changed` of the message that `message` makes, with `changes` to the new message on top.
fn changed(changes: &Value) -> NewSignal {
    let mut event = json!({
        "type": "message", "subtype": "message_changed", "hidden": true, "channel": "C1",
        "ts": "1700000009.000200", "event_ts": "1700000009.000200",
        "message": {
            "user": "U1", "text": "No, 14 King St &amp; up", "ts": "1700000000.000100", "thread_ts": "1600000000.000001",
            "edited": {"user": "U1", "ts": "1700000008.000000"},
        },
        "previous_message": {"user": "U1", "text": "12 King St", "ts": "1700000000.000100"},
    });
    for (key, value) in changes.as_object().expect("an object") {
        event["message"][key] = value.clone();
    }
    signal_of(&envelope(&event))
}

fn amendment(change: Change) -> Disposition {
    Disposition::Amend(Amendment { of: "slack:message:T1/C1/1700000000.000100".into(), change })
}

#[test]
fn an_edit_amends_its_message_and_is_told_apart_by_when() {
    let signal = changed(&json!({"files": [{"id": "F1", "title": "Plan"}]}));
    assert_eq!(signal.disposition, amendment(Change::Edit));
    let prefix = "slack:message:T1/C1/1700000000.000100/message_changed/1700000008.000000/";
    assert!(signal.keys.content.strip_prefix(prefix).is_some_and(|digest| digest.len() == 16), "{:?}", signal.keys);
    assert_eq!((signal.message_ref.as_str(), signal.text.as_str()), ("1700000000.000100", "No, 14 King St & up"));
    assert_eq!((signal.author.as_str(), signal.conversation.thread.as_deref()), ("U1", Some("1600000000.000001")));
    assert_eq!(signal.attachments.len(), 1);
    assert_eq!(
        signal.occurred_at,
        datetime!(2023-11-14 22:13:29.000200 UTC),
        "as the event says, which knows fractions"
    );
}

#[test]
fn two_edits_of_one_second_are_two_and_a_repeat_is_one() {
    let first = changed(&json!({"text": "at 12 King St"}));
    for (changes, is_repeat) in [
        (json!({"text": "at 12 King St"}), true),
        (json!({"text": "at 12 King St", "reply_count": 1}), true),
        (json!({"text": "at 14 King St"}), false),
        (json!({"text": "at 12 King St", "files": [{"id": "F1"}]}), false),
    ] {
        assert_eq!(changed(&changes).keys.content == first.keys.content, is_repeat, "{changes}");
    }
    let nothing_newer = changed(&json!({"edited": {"user": "U1", "ts": "1700000010.000000"}}));
    assert_eq!(nothing_newer.occurred_at, datetime!(2023-11-14 22:13:30 UTC), "never before the edit itself");
}

#[test]
fn what_is_no_edit_stands_in_the_way_of_none() {
    for (changes, reason) in [
        (json!({"text": "12 King St"}), reason::TEXT_UNCHANGED),
        (json!({"edited": null}), reason::TEXT_UNCHANGED),
        (json!({"edited": {"user": "U1"}}), reason::TEXT_UNCHANGED),
        (json!({"bot_id": "B9"}), reason::BOT_MESSAGE),
        (json!({"subtype": "bot_message"}), reason::BOT_MESSAGE),
        (json!({"bot_id": "BOURS"}), reason::OWN_MESSAGE),
        (json!({"user": "UBOT"}), reason::OWN_MESSAGE),
        (json!({"subtype": "assistant_app_thread"}), reason::SUBTYPE_UNSUPPORTED),
        (json!({"subtype": "ekm_access_denied", "user": "UREVOKEDU", "text": ""}), reason::SUBTYPE_UNSUPPORTED),
    ] {
        let signal = changed(&changes);
        assert_eq!(signal.disposition, Disposition::Ignore(reason), "{changes}");
        let key = "slack:message:T1/C1/1700000000.000100/message_changed/ignored/1700000009.000200";
        assert_eq!(signal.keys.content, key, "{changes}");
    }
    assert_eq!(changed(&json!({"ts": null})).disposition, Disposition::Ignore(reason::MISSING_TS));
}

#[test]
fn a_deletion_amends_its_message_and_repeats_no_text() {
    let previous = json!({"user": "U1", "text": "12 King St", "files": [{"id": "F1"}], "ts": "1700000000.000100"});
    let deleted = |changes: &Value, previous: &Value| {
        let mut event = json!({
            "type": "message", "subtype": "message_deleted", "channel": "C1", "ts": "1700000010.000300",
            "event_ts": "1700000010.000300", "deleted_ts": "1700000000.000100", "previous_message": previous,
        });
        for (key, value) in changes.as_object().expect("an object") {
            event[key] = value.clone();
        }
        signal_of(&envelope(&event))
    };
    for changes in [json!({}), json!({"event_ts": null}), json!({"deleted_ts": null})] {
        let signal = deleted(&changes, &previous);
        assert_eq!(signal.disposition, amendment(Change::Delete));
        assert_eq!(signal.keys.content, "slack:message:T1/C1/1700000000.000100/message_deleted/1700000010.000300");
        assert_eq!((signal.author.as_str(), signal.text.as_str(), signal.attachments.len()), ("U1", "", 0));
        assert_eq!(signal.occurred_at, datetime!(2023-11-14 22:13:30.000300 UTC));
    }
    for (previous, expected) in [
        (json!(null), amendment(Change::Delete)),
        (json!({"subtype": "tombstone", "user": "USLACKBOT"}), amendment(Change::Delete)),
        (json!({"bot_id": "B9"}), Disposition::Ignore(reason::BOT_MESSAGE)),
        (json!({"user": "UBOT"}), Disposition::Ignore(reason::OWN_MESSAGE)),
        (json!({"user": "U1", "subtype": "channel_topic"}), Disposition::Ignore(reason::SUBTYPE_UNSUPPORTED)),
    ] {
        assert_eq!(deleted(&json!({}), &previous).disposition, expected, "{previous}");
    }
    let nowhere = deleted(&json!({"channel": null}), &previous).disposition;
    assert_eq!(nowhere, Disposition::Ignore(reason::MISSING_USER_OR_CHANNEL));
}

#[test]
fn the_stone_that_replaces_a_thread_s_first_message_is_a_deletion() {
    let signal = changed(&json!({"subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted."}));
    assert_eq!(signal.disposition, amendment(Change::Delete));
    assert_eq!((signal.author.as_str(), signal.text.as_str()), ("U1", ""));
    assert_eq!(signal.occurred_at, datetime!(2023-11-14 22:13:29.000200 UTC));
}

#[test]
fn a_message_that_was_replied_to_is_not_said_again() {
    let event = json!({
        "type": "message", "hidden": true, "channel": "C1", "ts": "1700000012.000100", "event_ts": "1700000012.000100",
        "message": {"type": "message", "user": "U1", "text": "12 King St", "ts": "1700000000.000100", "reply_count": 1},
    });
    assert_eq!(signal_of(&envelope(&event)).disposition, Disposition::Ignore(reason::SUBTYPE_UNSUPPORTED));
}

#[test]
fn a_workspace_that_no_longer_wants_us_is_not_written_to() {
    let consent = |team: &str, given: bool, reason: &'static str| {
        Some(Consent { recipient: Recipient::slack_workspace(team), given, reason })
    };
    for (event, reason, expected) in [
        (
            json!({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": ["UBOT"]}}),
            reason::TOKENS_REVOKED,
            consent("T1", false, reason::TOKENS_REVOKED),
        ),
        (json!({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}), reason::TOKENS_REVOKED, None),
        (json!({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}), reason::TOKENS_REVOKED, None),
        (json!({"type": "tokens_revoked"}), reason::TOKENS_REVOKED, None),
        (json!({"type": "app_uninstalled"}), reason::APP_UNINSTALLED, consent("T1", false, reason::APP_UNINSTALLED)),
        (
            json!({"type": "member_joined_channel", "user": "UBOT", "channel": "C1", "team": "T1"}),
            reason::APP_JOINED,
            consent("T1", true, reason::APP_JOINED),
        ),
        (json!({"type": "member_joined_channel", "user": "U1", "channel": "C1"}), reason::EVENT_UNSUPPORTED, None),
        (
            json!({"type": "team_access_granted", "team_ids": ["T7"]}),
            reason::APP_JOINED,
            consent("T7", true, reason::APP_JOINED),
        ),
        (json!({"type": "app_home_opened", "user": "U1"}), reason::EVENT_UNSUPPORTED, None),
    ] {
        let signal = signal_of(&envelope(&event));
        assert_eq!((signal.disposition, signal.consent), (Disposition::Ignore(reason), expected), "{event}");
    }
    let nowhere = json!({"type": "event_callback", "event": {"type": "app_uninstalled"}});
    assert_eq!(signal_of(&nowhere).consent, None);
    assert_eq!(told(&json!({})).consent, None, "a message says nothing about it");
}
