//! A Twilio REST API that is ours: keeps what it took, and answers as its mood is.

use super::sms_message::ACCOUNT;
use reqwest::Url;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// How the peer answers a new message.
#[derive(Clone, Copy, Debug)]
pub enum TwilioMood {
    /// Takes it.
    Kind,
    /// Refuses with this status and error code, this many times, then kind.
    Refusing(u16, u32, u32),
    /// Takes it, but answers this late, this many times, then kind.
    Late(Duration, u32),
}

/// One message that the peer took.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct Texted {
    pub sid: String,
    pub to: String,
    pub from: String,
    pub body: String,
    pub status_callback: Option<String>,
    created: String,
}

impl Texted {
    /// Path and query of the status callback that it asked for.
    ///
    /// # Panics
    /// When it asked for none.
    #[must_use]
    pub fn callback_path(&self) -> String {
        let url = self.status_callback.as_deref().expect("it names a status callback");
        let url = Url::parse(url).expect("a URL");
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }
}

struct State {
    texted: Vec<Texted>,
    calls: u32,
    mood: TwilioMood,
}

/// The peer. It ends with its last clone.
#[derive(Clone)]
pub struct TwilioPeer {
    server: Arc<MockServer>,
    state: Arc<Mutex<State>>,
}

impl TwilioPeer {
    /// Listens on loopback.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(State { texted: Vec::new(), calls: 0, mood: TwilioMood::Kind }));
        let messages = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
        Mock::given(method("POST")).and(path(&messages)).respond_with(Take(state.clone())).mount(&server).await;
        Mock::given(method("GET")).and(path(&messages)).respond_with(List(state.clone())).mount(&server).await;
        Self { server: Arc::new(server), state }
    }

    /// The value for `TWILIO_API_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// Changes how the peer answers.
    pub fn set_mood(&self, mood: TwilioMood) {
        locked(&self.state).mood = mood;
    }

    /// Everything taken so far.
    #[must_use]
    pub fn texted(&self) -> Vec<Texted> {
        locked(&self.state).texted.clone()
    }

    /// How often somebody wanted to send.
    #[must_use]
    pub fn calls(&self) -> u32 {
        locked(&self.state).calls
    }

    /// How often anything of it was asked for.
    ///
    /// # Panics
    /// When requests are not recorded.
    pub async fn requests(&self) -> usize {
        self.server.received_requests().await.expect("requests are recorded").len()
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no test panics while it holds the peer")
}

struct Take(Arc<Mutex<State>>);

impl Respond for Take {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let form: BTreeMap<String, String> = Url::parse(&format!("http://form/?{form}"))
            .expect("a form")
            .query_pairs()
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let mut state = locked(&self.0);
        state.calls += 1;
        let delay = match state.mood {
            TwilioMood::Refusing(status, code, times) if times > 0 => {
                state.mood = TwilioMood::Refusing(status, code, times - 1);
                let refusal = json!({"code": code, "message": "no", "status": status, "more_info": "none"});
                return ResponseTemplate::new(status).set_body_json(refusal);
            }
            TwilioMood::Late(delay, times) if times > 0 => {
                state.mood = TwilioMood::Late(delay, times - 1);
                delay
            }
            _ => Duration::ZERO,
        };
        let texted = Texted {
            sid: format!("SM{:032x}", 0xdead_0000 + state.texted.len()),
            to: field("To"),
            from: field("From"),
            body: field("Body"),
            status_callback: form.get("StatusCallback").cloned(),
            created: OffsetDateTime::now_utc().format(&Rfc2822).expect("a date"),
        };
        let answer = shown(&texted);
        state.texted.push(texted);
        ResponseTemplate::new(201).set_body_json(answer).set_delay(delay)
    }
}

fn shown(texted: &Texted) -> Value {
    json!({
        "sid": texted.sid, "to": texted.to, "from": texted.from, "body": texted.body, "status": "queued",
        "date_created": texted.created, "error_code": null,
    })
}

struct List(Arc<Mutex<State>>);

impl Respond for List {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let messages: Vec<Value> = locked(&self.0).texted.iter().rev().map(shown).collect();
        ResponseTemplate::new(200).set_body_json(json!({"messages": messages, "next_page_uri": null}))
    }
}
