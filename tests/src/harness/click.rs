//! What Slack sends when somebody clicks, signed.

use crate::harness::event::SECRET;
use crate::harness::slack_peer::Posted;
use dispatch_slack::verify::sign;
use reqwest::{Client, RequestBuilder};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use time::OffsetDateTime;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// One click on an element of a message that was posted.
#[derive(Clone, Debug)]
pub struct Click(pub Value);

impl Click {
    /// `user` of team T1 clicks what is called `action_id` under `question`.
    ///
    /// # Panics
    /// When there is nothing of that name to click.
    #[must_use]
    pub fn on(question: &Posted, user: &str, action_id: &str) -> Self {
        let blocks = question.blocks.as_array().expect("blocks");
        let block = blocks.iter().find(|block| block["type"] == "actions").expect("buttons");
        let element = block["elements"].as_array().expect("elements").iter().find(|one| one["action_id"] == action_id);
        let element = element.unwrap_or_else(|| panic!("no {action_id} in {block}"));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let action = json!({
            "action_id": action_id, "block_id": block["block_id"], "type": element["type"], "value": element["value"],
            "action_ts": format!("{}.{number:06}", OffsetDateTime::now_utc().unix_timestamp()),
        });
        Self(json!({
            "type": "block_actions", "api_app_id": "A1", "token": "deprecated", "team": {"id": "T1", "domain": "kw"},
            "user": {"id": user, "username": "somebody", "team_id": "T1"}, "trigger_id": "1.2.3", "enterprise": null,
            "container": {"type": "message", "message_ts": question.ts, "channel_id": question.channel},
            "channel": {"id": question.channel, "name": "deals"}, "message": {"ts": question.ts, "text": question.text},
            "response_url": "http://127.0.0.1:9/never-called", "actions": [action],
        }))
    }

    /// The same, where `value` was chosen from the list.
    #[must_use]
    pub fn choosing(mut self, value: &str) -> Self {
        let action = &mut self.0["actions"][0];
        if action["type"] == "users_select" {
            action["selected_user"] = json!(value);
        } else {
            action["selected_option"] = json!({"value": value});
        }
        self
    }

    /// The form as Slack sends it.
    #[must_use]
    pub fn form(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &self.0.to_string()).finish()
    }

    /// The signed request.
    pub fn request(&self, client: &Client, base: &str) -> RequestBuilder {
        self.signed(client, base, SECRET, OffsetDateTime::now_utc().unix_timestamp())
    }

    /// The request, signed with any secret and time.
    pub fn signed(&self, client: &Client, base: &str, secret: &str, at: i64) -> RequestBuilder {
        let body = self.form().into_bytes();
        let signature = sign(&SecretString::from(secret.to_owned()), at, &body);
        client
            .post(format!("{base}/intake/slack/interactions"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-slack-request-timestamp", at.to_string())
            .header("x-slack-signature", signature)
            .body(body)
    }
}
