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

    /// The outer `event_callback` body.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut event = json!({
            "type": "message", "channel": self.channel, "user": self.user, "text": self.text, "ts": self.ts,
            "event_ts": self.ts, "channel_type": "channel", "client_msg_id": format!("msg-{}", self.ts),
        });
        if let Some(thread) = &self.thread_ts {
            event["thread_ts"] = json!(thread);
        }
        json!({
            "token": "deprecated", "team_id": self.team, "api_app_id": "A1", "type": "event_callback",
            "event": event, "event_id": self.event_id, "event_time": OffsetDateTime::now_utc().unix_timestamp(),
        })
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
