//! A Slack Web API that is ours: keeps what was posted, and answers as its mood is.

use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// How the peer answers `chat.postMessage`.
#[derive(Clone, Debug)]
pub enum Mood {
    /// Accepts.
    Kind,
    /// HTTP 429 with `Retry-After` seconds, this many times, then kind.
    Busy(u64, u32),
    /// HTTP 200 `ok:false` with this error, this many times, then kind.
    Refusing(&'static str, u32),
    /// Accepts and keeps the message, but answers this late, this many times, then kind.
    Late(Duration, u32),
}

/// One message that the peer accepted.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct Posted {
    pub channel: String,
    pub thread_ts: Option<String>,
    pub text: String,
    pub delivery_id: Option<String>,
    pub ts: String,
    pub blocks: Value,
    metadata: Value,
}

/// What was said to one person only.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Whispered {
    pub to: String,
    pub thread_ts: String,
    pub text: String,
}

#[derive(Default)]
struct State {
    posted: Vec<Posted>,
    whispered: Vec<Whispered>,
    calls: u32,
    lookups: u32,
    mood: Option<Mood>,
}

/// The peer. It ends with its last clone.
#[derive(Clone)]
pub struct SlackPeer {
    server: Arc<MockServer>,
    state: Arc<Mutex<State>>,
}

impl SlackPeer {
    /// Listens on loopback.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(State::default()));
        Mock::given(method("POST"))
            .and(path("/chat.postMessage"))
            .respond_with(Post(state.clone()))
            .mount(&server)
            .await;
        Mock::given(path("/chat.update")).respond_with(Update(state.clone())).mount(&server).await;
        Mock::given(path("/chat.postEphemeral")).respond_with(Whisper(state.clone())).mount(&server).await;
        for look in ["/conversations.replies", "/conversations.history"] {
            Mock::given(path(look)).respond_with(Standing(state.clone())).mount(&server).await;
        }
        Self { server: Arc::new(server), state }
    }

    /// From now on it knows our token, as that of an app installed in `team`. Until then it knows nothing of `auth.test`.
    pub async fn installs_in(&self, team: &str) {
        let answer = json!({"ok": true, "team_id": team, "bot_id": "BOURS", "is_enterprise_install": false});
        let asked =
            Mock::given(method("POST")).and(path("/auth.test")).and(header("authorization", "Bearer xoxb-test"));
        asked.respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&self.server).await;
    }

    /// The value for `SLACK_API_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// Changes how the peer answers.
    pub fn set_mood(&self, mood: Mood) {
        self.lock().mood = Some(mood);
    }

    /// Everything accepted so far.
    #[must_use]
    pub fn posted(&self) -> Vec<Posted> {
        self.lock().posted.clone()
    }

    /// Everything that was said to one person only.
    #[must_use]
    pub fn whispered(&self) -> Vec<Whispered> {
        self.lock().whispered.clone()
    }

    /// How often `chat.postMessage` was called.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.lock().calls
    }

    /// How often a thread or a channel was searched for a delivery.
    #[must_use]
    pub fn lookups(&self) -> u32 {
        self.lock().lookups
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the peer")
    }
}

struct Post(Arc<Mutex<State>>);

impl Respond for Post {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().expect("postMessage carries JSON");
        let mut state = self.0.lock().expect("no test panics while it holds the peer");
        state.calls += 1;
        let mood = state.mood.clone().unwrap_or(Mood::Kind);
        let (next, delay) = match mood {
            Mood::Busy(seconds, times) if times > 0 => {
                state.mood = Some(Mood::Busy(seconds, times - 1));
                return ResponseTemplate::new(429).insert_header("retry-after", seconds.to_string().as_str());
            }
            Mood::Refusing(error, times) if times > 0 => {
                state.mood = Some(Mood::Refusing(error, times - 1));
                return ResponseTemplate::new(200).set_body_json(json!({"ok": false, "error": error}));
            }
            Mood::Late(delay, times) if times > 0 => (Mood::Late(delay, times - 1), delay),
            other => (other, Duration::ZERO),
        };
        state.mood = Some(next);
        let ts = format!("1800000000.{:06}", state.posted.len() + 1);
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let posted = Posted {
            channel: text("channel").unwrap_or_default(),
            thread_ts: text("thread_ts"),
            text: text("text").unwrap_or_default(),
            delivery_id: body["metadata"]["event_payload"]["delivery_id"].as_str().map(str::to_owned),
            ts: ts.clone(),
            blocks: body["blocks"].clone(),
            metadata: body["metadata"].clone(),
        };
        state.posted.push(posted);
        ResponseTemplate::new(200).set_body_json(json!({"ok": true, "ts": ts})).set_delay(delay)
    }
}

/// A message keeps its place and its metadata, and says something else.
struct Update(Arc<Mutex<State>>);

impl Respond for Update {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().expect("update carries JSON");
        let mut state = self.0.lock().expect("no test panics while it holds the peer");
        let found = state.posted.iter_mut().find(|posted| posted.ts == body["ts"] && posted.channel == body["channel"]);
        let Some(posted) = found else {
            return ResponseTemplate::new(200).set_body_json(json!({"ok": false, "error": "message_not_found"}));
        };
        posted.text = body["text"].as_str().unwrap_or_default().to_owned();
        posted.blocks = body["blocks"].clone();
        ResponseTemplate::new(200).set_body_json(json!({"ok": true, "ts": body["ts"]}))
    }
}

struct Whisper(Arc<Mutex<State>>);

impl Respond for Whisper {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().expect("postEphemeral carries JSON");
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let whispered = Whispered { to: text("user"), thread_ts: text("thread_ts"), text: text("text") };
        self.0.lock().expect("no test panics while it holds the peer").whispered.push(whispered);
        ResponseTemplate::new(200).set_body_json(json!({"ok": true, "message_ts": "1800000000.9"}))
    }
}

/// What stands in a thread, or without its `ts` in a channel itself.
struct Standing(Arc<Mutex<State>>);

impl Respond for Standing {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let form: Vec<(String, String)> =
            request.url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
        let json: Value = request.body_json().unwrap_or_default();
        let wanted = |name: &str| {
            form.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
                .or_else(|| json[name].as_str().map(str::to_owned))
        };
        let (channel, thread) = (wanted("channel"), wanted("ts"));
        let mut state = self.0.lock().expect("no test panics while it holds the peer");
        state.lookups += 1;
        let messages: Vec<Value> = state
            .posted
            .iter()
            .filter(|posted| Some(&posted.channel) == channel.as_ref() && posted.thread_ts == thread)
            .map(|posted| json!({"ts": posted.ts, "text": posted.text, "metadata": posted.metadata}))
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({"ok": true, "messages": messages, "has_more": false}))
    }
}
