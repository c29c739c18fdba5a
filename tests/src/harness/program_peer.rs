//! Somebody's program: keeps what it was told, and answers as its mood is.

use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// How the peer answers.
#[derive(Clone, Debug)]
pub enum ProgramMood {
    /// 200 with this body.
    Says(Value),
    /// This status, nothing else.
    Status(u16),
    /// 200, this late.
    Late(Duration),
}

/// One request.
#[derive(Clone, PartialEq, Debug)]
pub struct Told {
    /// By lower-case name.
    pub headers: Map<String, Value>,
    /// As it came.
    pub body: String,
}

impl Told {
    /// A header; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The body.
    ///
    /// # Panics
    /// When it is no JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("events are JSON")
    }
}

struct State {
    told: Vec<Told>,
    mood: ProgramMood,
}

/// The peer. It ends with its last clone.
#[derive(Clone)]
pub struct ProgramPeer {
    server: Arc<MockServer>,
    state: Arc<Mutex<State>>,
}

impl ProgramPeer {
    /// Listens on loopback, and says yes.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(State { told: Vec::new(), mood: ProgramMood::Status(204) }));
        Mock::given(method("POST")).respond_with(Door(state.clone())).mount(&server).await;
        Self { server: Arc::new(server), state }
    }

    /// The lines of a policy file that say where it is.
    #[must_use]
    pub fn place(&self) -> String {
        let address = self.server.address();
        format!("url = \"http://{address}/hooks\"\nallow = [\"{address}\"]\n")
    }

    /// Changes how it answers.
    pub fn set_mood(&self, mood: ProgramMood) {
        self.lock().mood = mood;
    }

    /// Everything it was told.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.lock().told.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the peer")
    }
}

struct Door(Arc<Mutex<State>>);

impl Respond for Door {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers =
            request.headers.iter().map(|(name, value)| (name.as_str().to_owned(), json!(text(value.as_bytes()))));
        let told = Told { headers: headers.collect(), body: text(&request.body) };
        let mut state = self.0.lock().expect("no test panics while it holds the peer");
        state.told.push(told);
        match &state.mood {
            ProgramMood::Says(body) => ResponseTemplate::new(200).set_body_json(body),
            ProgramMood::Status(status) => ResponseTemplate::new(*status),
            ProgramMood::Late(delay) => ResponseTemplate::new(200).set_delay(*delay),
        }
    }
}
