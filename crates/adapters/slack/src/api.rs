//! The methods of Slack's Web API that are needed. Must not know deliveries as such, or when to try again.

use crate::failure::{of_error, of_status};
use dispatch_outbound::{Credentials, Failure, Outbound, Response, SendError, Url};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

/// Where Slack's Web API is, unless configured otherwise.
pub const DEFAULT_API_URL: &str = "https://slack.com/api";

/// The name of our messages' metadata.
const METADATA_TYPE: &str = "dispatch_delivery";
/// Slack recommends no more than 200 at a time.
const PAGE: &str = "200";
/// So that a look-up ends. With `oldest` there is more than one page only in a very busy place.
const MAX_PAGES: usize = 3;

/// Slack's Web API at one place.
#[derive(Clone, Debug)]
pub(crate) struct SlackApi {
    outbound: Outbound,
    base: Url,
}

/// A message for a channel, or for a thread of it.
pub(crate) struct Post<'a> {
    pub(crate) channel: &'a str,
    pub(crate) thread_ts: Option<&'a str>,
    /// Escaped and cut already.
    pub(crate) text: &'a str,
    /// Shown instead of the text, where there are any.
    pub(crate) blocks: Option<Value>,
    /// What it is found by later.
    pub(crate) delivery_id: &'a str,
}

/// Why a look-up says nothing.
pub(crate) enum LookFailure {
    /// Slack refused.
    Refused(Failure),
    /// There is more in that place than is read.
    TooLong,
}

impl SlackApi {
    pub(crate) fn new(outbound: Outbound, base: Url) -> Self {
        Self { outbound, base }
    }

    /// `chat.postMessage` (<https://docs.slack.dev/reference/methods/chat.postMessage>). Answers the message's `ts`.
    pub(crate) async fn post(&self, token: &SecretString, post: &Post<'_>) -> Result<Option<String>, Failure> {
        let mut body = json!({
            "channel": post.channel,
            "text": post.text,
            // The text is plain: `_` and `*` in it mean themselves.
            "mrkdwn": false,
            "unfurl_links": false,
            "unfurl_media": false,
            "metadata": { "event_type": METADATA_TYPE, "event_payload": { "delivery_id": post.delivery_id } },
        });
        if let Some(thread_ts) = post.thread_ts {
            body["thread_ts"] = json!(thread_ts);
        }
        if let Some(blocks) = &post.blocks {
            body["blocks"] = blocks.clone();
        }
        let answer = self.call("chat.postMessage", token, &body).await?;
        Ok(answer.get("ts").and_then(Value::as_str).map(str::to_owned))
    }

    /// `chat.update` (<https://docs.slack.dev/reference/methods/chat.update>): the message named `ts` says this now. Done twice
    /// it changes nothing.
    pub(crate) async fn update(
        &self,
        token: &SecretString,
        (channel, ts): (&str, &str),
        text: &str,
        blocks: Value,
    ) -> Result<Option<String>, Failure> {
        let body = json!({ "channel": channel, "ts": ts, "text": text, "blocks": blocks });
        let answer = self.call("chat.update", token, &body).await?;
        Ok(answer.get("ts").and_then(Value::as_str).map(str::to_owned))
    }

    /// `chat.postEphemeral` (<https://docs.slack.dev/reference/methods/chat.postEphemeral>): only `user` reads it, and nobody
    /// can look for it later.
    pub(crate) async fn whisper(
        &self,
        token: &SecretString,
        (channel, thread_ts): (&str, Option<&str>),
        user: &str,
        text: &str,
    ) -> Result<(), Failure> {
        let mut body = json!({ "channel": channel, "user": user, "text": text });
        if let Some(thread_ts) = thread_ts {
            body["thread_ts"] = json!(thread_ts);
        }
        self.call("chat.postEphemeral", token, &body).await.map(drop)
    }

    /// Looks for the message of `delivery_id` in a thread, or in a channel itself, from `oldest` (Unix seconds) on. Answers its
    /// `ts`.
    ///
    /// `conversations.replies`: <https://docs.slack.dev/reference/methods/conversations.replies>; `conversations.history`:
    /// <https://docs.slack.dev/reference/methods/conversations.history>.
    pub(crate) async fn find(
        &self,
        token: &SecretString,
        (channel, thread_ts): (&str, Option<&str>),
        delivery_id: &str,
        oldest: Option<u64>,
    ) -> Result<Option<String>, LookFailure> {
        let mut cursor = String::new();
        for _ in 0..MAX_PAGES {
            let method = if thread_ts.is_some() { "conversations.replies" } else { "conversations.history" };
            let mut url = self.method(method);
            {
                let mut query = url.query_pairs_mut();
                query.append_pair("channel", channel);
                if let Some(thread_ts) = thread_ts {
                    query.append_pair("ts", thread_ts);
                }
                query.append_pair("include_all_metadata", "true").append_pair("limit", PAGE);
                if let Some(seconds) = oldest {
                    query.append_pair("oldest", &format!("{seconds}.000000"));
                }
                if !cursor.is_empty() {
                    query.append_pair("cursor", &cursor);
                }
            }
            let answer = self.outbound.get(&url, Credentials::Bearer(token), &[]).await;
            let answer = confirmed(answer).map_err(LookFailure::Refused)?;
            let Some(messages) = answer.get("messages").and_then(Value::as_array) else {
                return Err(LookFailure::Refused(Failure::unreadable()));
            };
            if let Some(message) = messages.iter().find(|message| is_of(message, delivery_id)) {
                return Ok(message.get("ts").and_then(Value::as_str).map(str::to_owned).or(Some(String::new())));
            }
            match answer.get("response_metadata").and_then(|next| next.get("next_cursor")).and_then(Value::as_str) {
                Some(next) if !next.is_empty() => next.clone_into(&mut cursor),
                _ => return Ok(None),
            }
        }
        Err(LookFailure::TooLong)
    }

    /// `auth.test` (<https://docs.slack.dev/reference/methods/auth.test>): whose token it is. Answers what Slack says.
    pub(crate) async fn auth_test(&self, token: &SecretString) -> Result<Map<String, Value>, Failure> {
        self.call("auth.test", token, &json!({})).await
    }

    async fn call(&self, method: &str, token: &SecretString, body: &Value) -> Result<Map<String, Value>, Failure> {
        // Without the charset Slack answers with a warning.
        let headers = [("content-type", "application/json; charset=utf-8")];
        let (url, body) = (self.method(method), body.to_string().into_bytes());
        confirmed(self.outbound.post_json(&url, Credentials::Bearer(token), &headers, body).await)
    }

    fn method(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        // A URL that cannot have a path is none that is called; the client says so.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(name);
        }
        url
    }
}

/// Whether `message` carries this delivery's metadata.
fn is_of(message: &Value, delivery_id: &str) -> bool {
    let metadata = message.get("metadata");
    let field = |key: &str| metadata.and_then(|metadata| metadata.get(key));
    field("event_type").and_then(Value::as_str) == Some(METADATA_TYPE)
        && field("event_payload").and_then(|payload| payload.get("delivery_id")).and_then(Value::as_str)
            == Some(delivery_id)
}

/// The answer's object, if Slack said `ok: true`. HTTP 200 with `ok: false` is Slack's normal way to refuse.
fn confirmed(answer: Result<Response, SendError>) -> Result<Map<String, Value>, Failure> {
    let answer = answer.map_err(|error| {
        tracing::debug!(code = error.code(), error = ?error, "a call to Slack got no answer");
        Failure::of_call(&error)
    })?;
    if !(200..300).contains(&answer.status) {
        return Err(of_status(&answer));
    }
    let Ok(Value::Object(said)) = serde_json::from_slice(&answer.body) else {
        return Err(Failure::unreadable());
    };
    match (said.get("ok").and_then(Value::as_bool), said.get("error").and_then(Value::as_str)) {
        (Some(true), _) => Ok(said),
        (Some(false), error) => Err(of_error(error.unwrap_or_default(), answer.retry_after())),
        (None, _) => Err(Failure::unreadable()),
    }
}
