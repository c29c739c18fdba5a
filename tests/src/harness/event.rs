//! Slack events as Slack sends them, signed.

use dispatch_slack::verify::sign;
use reqwest::{Client, RequestBuilder};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use time::OffsetDateTime;

/// The signing secret that every harness server is started with.
pub const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// One message event. Every new one has a `ts` and an `event_id` of its own.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct SlackMessage {
    pub team: String,
    pub channel: String,
    pub user: String,
    pub text: String,
    pub ts: String,
    pub thread_ts: Option<String>,
    pub event_id: String,
    pub retry: Option<(u32, String)>,
}

impl SlackMessage {
    /// `user` says `text` at the root of channel C1.
    #[must_use]
    pub fn new(user: &str, text: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let now = OffsetDateTime::now_utc().unix_timestamp();
        // Tests of several processes may share a database in time; the process id keeps their names apart.
        let unique = u64::from(std::process::id()) % 1000 * 1000 + number % 1000;
        Self {
            team: "T1".into(),
            channel: "C1".into(),
            user: user.into(),
            text: text.into(),
            ts: format!("{now}.{unique:06}"),
            thread_ts: None,
            event_id: format!("Ev{unique:06}{number}"),
            retry: None,
        }
    }

    /// The same message, in another channel.
    #[must_use]
    pub fn in_channel(mut self, channel: &str) -> Self {
        self.channel = channel.into();
        self
    }

    /// The same message, in another workspace.
    #[must_use]
    pub fn in_team(mut self, team: &str) -> Self {
        self.team = team.into();
        self
    }

    /// The same message, as an answer in the thread of `first`.
    #[must_use]
    pub fn in_thread_of(mut self, first: &Self) -> Self {
        self.channel.clone_from(&first.channel);
        self.thread_ts = Some(first.ts.clone());
        self
    }

    /// The outer `event_callback` body.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut event = self.said(&self.text);
        event["channel"] = json!(self.channel);
        event["event_ts"] = json!(self.ts);
        event["channel_type"] = json!("channel");
        envelope(&self.team, &self.event_id, &event)
    }

    /// The body that announces the same message once more, because it mentions the app.
    #[must_use]
    pub fn mention(&self) -> Value {
        let mut body = self.body();
        body["event"]["type"] = json!("app_mention");
        body["event_id"] = json!(format!("{}mention", self.event_id));
        body
    }

    /// The body of its `number`th edit, to `text`, that many seconds after it was written.
    #[must_use]
    pub fn edited(&self, number: i64, text: &str) -> Value {
        let at = format!("{}.000000", self.seconds() + number);
        let mut now = self.said(text);
        now["edited"] = json!({"user": self.user, "ts": at});
        let event = json!({
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": self.channel,
            "channel_type": "channel", "ts": format!("{}.000900", self.seconds() + number),
            "event_ts": format!("{}.000900", self.seconds() + number), "message": now,
            "previous_message": self.said(&self.text),
        });
        envelope(&self.team, &format!("{}edit{number}", self.event_id), &event)
    }

    /// The body that says that it was deleted.
    #[must_use]
    pub fn deleted(&self) -> Value {
        let at = format!("{}.000900", self.seconds() + 60);
        let event = json!({
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": self.channel,
            "channel_type": "channel", "ts": at, "event_ts": at, "deleted_ts": self.ts,
            "previous_message": self.said(&self.text),
        });
        envelope(&self.team, &format!("{}deleted", self.event_id), &event)
    }

    /// The message itself, with this text.
    fn said(&self, text: &str) -> Value {
        let mut message = json!({
            "type": "message", "user": self.user, "text": text, "ts": self.ts, "team": self.team,
            "client_msg_id": format!("msg-{}", self.ts),
        });
        if let Some(thread) = &self.thread_ts {
            message["thread_ts"] = json!(thread);
        }
        message
    }

    fn seconds(&self) -> i64 {
        self.ts.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default()
    }

    /// The signed request that Slack would make to `base`.
    pub fn request(&self, client: &Client, base: &str) -> RequestBuilder {
        let request = signed(client, base, self.body().to_string().into_bytes());
        match &self.retry {
            Some((number, reason)) => {
                request.header("x-slack-retry-num", number.to_string()).header("x-slack-retry-reason", reason)
            }
            None => request,
        }
    }
}

fn envelope(team: &str, event_id: &str, event: &Value) -> Value {
    json!({
        "token": "deprecated", "team_id": team, "api_app_id": "A1", "type": "event_callback", "event": event,
        "event_id": event_id, "event_time": OffsetDateTime::now_utc().unix_timestamp(),
    })
}

/// A signed JSON request with any body.
pub fn signed(client: &Client, base: &str, body: Vec<u8>) -> RequestBuilder {
    signed_at(client, base, body, SECRET, OffsetDateTime::now_utc().unix_timestamp())
}

/// A signed JSON request, with any secret and time.
pub fn signed_at(client: &Client, base: &str, body: Vec<u8>, secret: &str, at: i64) -> RequestBuilder {
    let signature = sign(&SecretString::from(secret.to_owned()), at, &body);
    client
        .post(format!("{base}/intake/slack"))
        .header("content-type", "application/json")
        .header("x-slack-request-timestamp", at.to_string())
        .header("x-slack-signature", signature)
        .body(body)
}
