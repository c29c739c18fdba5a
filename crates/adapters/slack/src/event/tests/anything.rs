//! Whatever comes in: nothing makes the reader panic, and any event is stored.

use super::*;
use proptest::prelude::*;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop_oneof![
            "message",
            "app_mention",
            "message_changed",
            "message_deleted",
            "tombstone",
            "tokens_revoked",
            "app_uninstalled",
            "1700000000.000100",
            "U1",
            "F1",
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop_oneof![
            "type",
            "subtype",
            "message",
            "previous_message",
            "edited",
            "ts",
            "user",
            "text",
            "channel",
            "files",
            "thread_ts",
            "bot_id",
            "deleted_ts",
            "team",
            "team_ids",
            "tokens",
            "bot",
            "attachments",
            "is_share",
            "mode",
            "title",
            "url_private",
            ".{0,4}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_can_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse_bytes(&body);
    }

    #[test]
    fn any_event_is_stored_and_queued_only_when_it_can_be_answered(event in any_json(), cut in any::<usize>()) {
        let body = envelope(&event).to_string();
        let Ok(Incoming::Signal(signal)) = parse_bytes(body.as_bytes()) else {
            return Err(TestCaseError::fail("a signal"));
        };
        prop_assert!(!signal.keys.content.is_empty() && signal.keys.content.len() < 1000);
        prop_assert!(serde_json::from_str::<Value>(&signal.payload).is_ok());
        prop_assert!(!signal.payload.contains("\\u0000") && !signal.text.contains('\0'));
        if signal.disposition == Disposition::Queue {
            let conversation = &signal.conversation;
            prop_assert!(![&conversation.workspace, &conversation.channel, &signal.author, &signal.message_ref]
                .iter().any(|id| id.is_empty()));
        }
        if let Disposition::Amend(amendment) = &signal.disposition {
            prop_assert!(!signal.conversation.workspace.is_empty() && !signal.message_ref.is_empty());
            let about_it = signal.keys.content.strip_prefix(&amendment.of).is_some_and(|rest| rest.starts_with('/'));
            prop_assert!(about_it, "{} is about {}", signal.keys.content, amendment.of);
        }
        prop_assert!(signal.attachments.len() <= 20);
        let _ = parse_bytes(&body.as_bytes()[..cut % body.len()]);
    }
}
