//! What a message says: its text, what was forwarded with it, and its files. Must not know who said it, or when.
//!
//! Files: <https://docs.slack.dev/reference/objects/file-object>. They are recorded, never fetched.

use super::fields::{Object, unescape};
use dispatch_mission::signal::Attachment;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Files of one message that are recorded; Slack's own limit is ten.
const MAX_FILES: usize = 20;
const MAX_NAME_CHARS: usize = 200;
const MAX_URL: usize = 2048;

/// The text, and the texts of the messages that were forwarded with it. A link that unfurled is no forward: what is
/// behind it was said by somebody else at another time.
pub(super) fn text(message: &Map<String, Value>) -> String {
    let own = message.text("text").unwrap_or_default();
    let forwarded = message.array("attachments").iter().filter_map(Value::as_object).filter_map(|part| {
        let is_forward = part.get("is_share").and_then(Value::as_bool) == Some(true);
        part.text("text").filter(|text| is_forward && !text.trim().is_empty())
    });
    let own = Some(own).filter(|own| !own.trim().is_empty());
    unescape(&own.into_iter().chain(forwarded).collect::<Vec<_>>().join("\n"))
}

/// The files, as far as they are still there. Of a file that is hidden from us nothing is known but that there is one.
pub(super) fn files(message: &Map<String, Value>) -> Vec<Attachment> {
    standing(message).take(MAX_FILES).map(attachment).collect()
}

/// Whether both say the same, whatever else is different about them.
pub(super) fn same(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    text(one) == text(other) && standing(one).map(id).eq(standing(other).map(id))
}

/// Short, and another for another text or other files. Part of a key.
pub(super) fn digest(message: &Map<String, Value>) -> String {
    let mut hash = Sha256::new_with_prefix(text(message));
    for file in standing(message) {
        // No text has this byte in it, so no text looks like a file.
        hash.update([0xff]);
        hash.update(id(file).unwrap_or_default());
    }
    hex::encode(&hash.finalize()[..8])
}

fn standing(message: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    message.array("files").iter().filter_map(Value::as_object).filter(|file| file.text("mode") != Some("tombstone"))
}

fn id(file: &Map<String, Value>) -> Option<&str> {
    file.id("id")
}

fn attachment(file: &Map<String, Value>) -> Attachment {
    // The title is what people see; the name is what the file was called where it came from.
    let filled = |key: &str| file.text(key).map(str::trim).filter(|text| !text.is_empty());
    let name = filled("title").or_else(|| filled("name"));
    let is_web = |url: &&str| url.len() <= MAX_URL && (url.starts_with("https://") || url.starts_with("http://"));
    Attachment {
        name: name.map(|name| unescape(name).chars().take(MAX_NAME_CHARS).collect()),
        media_type: file.id("mimetype").map(str::to_owned),
        url: file.text("url_private").filter(is_web).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(value: &Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_forwarded_message_is_part_of_the_text_and_an_unfurled_link_is_not() {
        let forward = json!({"is_msg_unfurl": true, "is_share": true, "text": "12 King St &amp; up"});
        let unfurl = json!({"is_msg_unfurl": true, "text": "something else"});
        for (own, parts, expected) in [
            ("please do", json!([forward, unfurl]), "please do\n12 King St & up"),
            ("", json!([forward]), "12 King St & up"),
            (" ", json!([unfurl, "odd", {"is_share": true}]), ""),
        ] {
            assert_eq!(text(&message(&json!({"text": own, "attachments": parts}))), expected);
        }
    }

    #[test]
    fn a_file_is_recorded_as_far_as_it_is_known() {
        let (name, media_type, url) = ("name", "media_type", "url");
        for (file, expected) in [
            (
                json!({"id": "F1", "mode": "hosted", "name": "offer.pdf", "title": "Offer &amp; terms", "mimetype": "application/pdf",
                    "url_private": "https://files.slack.com/offer.pdf"}),
                json!({name: "Offer & terms", media_type: "application/pdf", url: "https://files.slack.com/offer.pdf"}),
            ),
            (json!({"id": "F1", "name": "a.png", "title": ""}), json!({name: "a.png"})),
            (json!({"id": "F1", "mode": "hidden_by_limit", "title": null}), json!({})),
            (json!({"id": "F1", "mode": "file_access", "file_access": "check_file_info"}), json!({})),
            (
                json!({"id": "F1", "mode": "external", "is_external": true, "url_private": "https://docs.example/d/1"}),
                json!({url: "https://docs.example/d/1"}),
            ),
            (json!({"id": "F1", "url_private": "javascript:alert(1)"}), json!({})),
            (json!({"id": "F1", "title": "x".repeat(500)}), json!({name: "x".repeat(200)})),
        ] {
            let recorded = files(&message(&json!({"files": [file]})));
            assert_eq!(serde_json::to_value(recorded).expect("JSON"), json!([expected]), "{file}");
        }
    }

    #[test]
    fn a_file_that_is_gone_is_not_recorded_and_the_number_is_bounded() {
        assert!(files(&message(&json!({"files": [{"id": "F1", "mode": "tombstone"}, 7, "F2"]}))).is_empty());
        let many: Vec<Value> = (0..50).map(|n| json!({"id": format!("F{n}")})).collect();
        assert_eq!(files(&message(&json!({"files": many}))).len(), MAX_FILES);
    }

    #[test]
    fn sameness_is_of_text_and_files() {
        let one = message(&json!({"text": "a", "files": [{"id": "F1"}], "reply_count": 1}));
        for (other, expected) in [
            (json!({"text": "a", "files": [{"id": "F1", "title": "seen now"}]}), true),
            (json!({"text": "a", "files": [{"id": "F1"}, {"id": "F2", "mode": "tombstone"}]}), true),
            (json!({"text": "a", "files": [{"id": "F1", "mode": "tombstone"}]}), false),
            (json!({"text": "a"}), false),
            (json!({"text": "b", "files": [{"id": "F1"}]}), false),
        ] {
            assert_eq!(same(&one, &message(&other)), expected, "{other}");
            assert_eq!(digest(&one) == digest(&message(&other)), expected, "{other}");
        }
    }
}
