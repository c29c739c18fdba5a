//! A Slack that does as it is told: its Web API over HTTP, with the messages that stand in one channel and its threads.

use async_trait::async_trait;
use dispatch_mission::ids::DeliveryId;
use dispatch_outbound::{Outbound, OutboundOptions, Url, authority};
use dispatch_routing::courier::Courier;
use dispatch_routing::destination::{Destination, NotificationDestination, SlackPlace};
use dispatch_routing::testing_courier::{Behaviour, CourierHarness, WAIT};
use dispatch_slack::{BotTokens, SlackCourier};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub const TOKEN: &str = "xoxb-hush";

/// Longer than the courier waits.
const FOREVER: Duration = Duration::from_secs(30);

/// A courier for `tokens` to the API at `url`, which it is allowed to call. It waits a second and a half: long enough for a busy
/// machine, short enough for the tests of silence.
pub fn courier_to(url: &str, tokens: &str) -> SlackCourier {
    let url = Url::parse(url).expect("a URL");
    SlackCourier::new(outbound_to(&url), url, BotTokens::parse(tokens).expect("tokens"))
}

/// A client that is allowed to call the API at `url`.
pub fn outbound_to(url: &Url) -> Outbound {
    let options = OutboundOptions {
        connect_timeout: Duration::from_secs(1),
        total_timeout: Duration::from_millis(1500),
        allow: vec![authority(url).expect("a host")],
        ..OutboundOptions::default()
    };
    Outbound::new(&options).expect("a client")
}

/// The `ts` of the message that the thread hangs on.
const ROOT: &str = "1700000000.000100";

pub fn thread() -> Destination {
    place(Some(ROOT))
}

/// No thread of it.
pub fn channel() -> Destination {
    place(None)
}

fn place(thread_ts: Option<&str>) -> Destination {
    Destination::Notification(NotificationDestination::Slack(SlackPlace {
        workspace: "T1".into(),
        channel_id: "C1".into(),
        thread_ts: thread_ts.map(str::to_owned),
    }))
}

/// Slack and two couriers: one to it, one to where nobody listens.
pub struct FakeSlack {
    destination: Destination,
    _server: MockServer,
    state: Arc<Mutex<State>>,
    reachable: SlackCourier,
    unreachable: SlackCourier,
}

struct State {
    behaviour: Behaviour,
    /// As posted, with a `ts` each.
    messages: Vec<Value>,
}

impl FakeSlack {
    /// For messages to this place.
    pub async fn start(destination: Destination) -> Self {
        let state = Arc::new(Mutex::new(State { behaviour: Behaviour::Accept, messages: Vec::new() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Api(Arc::clone(&state))).mount(&server).await;
        let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        Self {
            destination,
            reachable: courier_to(&format!("{}/api/", server.uri()), TOKEN),
            unreachable: courier_to(&format!("http://{gone}/api"), TOKEN),
            state,
            _server: server,
        }
    }
}

#[async_trait]
impl CourierHarness for FakeSlack {
    fn courier(&self) -> &dyn Courier {
        let gone = self.state.lock().expect("sound").behaviour == Behaviour::Unreachable;
        if gone { &self.unreachable } else { &self.reachable }
    }

    fn destination(&self) -> Destination {
        self.destination.clone()
    }

    async fn behave(&self, behaviour: Behaviour) {
        self.state.lock().expect("sound").behaviour = behaviour;
    }

    async fn standing(&self) -> Vec<(DeliveryId, Option<String>)> {
        let state = self.state.lock().expect("sound");
        let standing = state.messages.iter().map(|message| {
            let id = message["metadata"]["event_payload"]["delivery_id"].as_str().expect("an id");
            (DeliveryId(id.parse().expect("a UUID")), message["ts"].as_str().map(str::to_owned))
        });
        standing.collect()
    }
}

struct Api(Arc<Mutex<State>>);

impl Respond for Api {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().expect("sound");
        if request.headers.get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
            return refused("invalid_auth");
        }
        match request.url.path() {
            "/api/chat.postMessage" => state.post(request),
            "/api/conversations.replies" => state.messages(request, Some(ROOT)),
            "/api/conversations.history" => state.messages(request, None),
            _ => refused("unknown_method"),
        }
    }
}

impl State {
    fn post(&mut self, request: &Request) -> ResponseTemplate {
        match self.behaviour {
            Behaviour::RefuseForNow => return wait(),
            Behaviour::RefuseForGood => return refused("channel_not_found"),
            Behaviour::Hang => return ResponseTemplate::new(200).set_delay(FOREVER),
            _ => {}
        }
        let mut message: Value = serde_json::from_slice(&request.body).expect("JSON");
        let ts = format!("1700000001.{:06}", self.messages.len());
        message["ts"] = json!(ts);
        self.messages.push(message);
        let answer = ResponseTemplate::new(200).set_body_json(json!({"ok": true, "channel": "C1", "ts": ts}));
        if self.behaviour == Behaviour::TakeAndHang { answer.set_delay(FOREVER) } else { answer }
    }

    /// What stands in a thread, its root first, or in the channel itself; on two pages.
    fn messages(&self, request: &Request, thread: Option<&str>) -> ResponseTemplate {
        match self.behaviour {
            Behaviour::HideForGood => return refused("missing_scope"),
            Behaviour::HideForNow | Behaviour::RefuseForNow => return wait(),
            Behaviour::Hang | Behaviour::TakeAndHang => return ResponseTemplate::new(200).set_delay(FOREVER),
            _ => {}
        }
        let asked = |key: &str| request.url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value);
        if asked("channel").as_deref() != Some("C1") || asked("ts").as_deref() != thread {
            return refused("thread_not_found");
        }
        assert_eq!(asked("include_all_metadata").as_deref(), Some("true"));
        let mut messages = vec![json!({"ts": ROOT, "text": "the root"})];
        messages.extend(self.messages.iter().filter(|message| message["thread_ts"].as_str() == thread).cloned());
        // Two pages, so that the cursor is followed.
        let half = messages.len() / 2;
        let (page, next) = if asked("cursor").as_deref() == Some("second") {
            (&messages[half..], "")
        } else {
            (&messages[..half], "second")
        };
        let body = json!({"ok": true, "messages": page, "response_metadata": {"next_cursor": next}});
        ResponseTemplate::new(200).set_body_json(body)
    }
}

fn refused(error: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"ok": false, "error": error}))
}

fn wait() -> ResponseTemplate {
    let seconds = WAIT.as_secs().to_string();
    ResponseTemplate::new(429).insert_header("retry-after", seconds.as_str()).set_body_json(json!({"ok": false}))
}
