//! A Twilio that does as it is told: its Messages resource over HTTP, with the messages that it took.

use async_trait::async_trait;
use dispatch_mission::ids::DeliveryId;
use dispatch_outbound::{Outbound, OutboundOptions, Url, authority};
use dispatch_routing::courier::Courier;
use dispatch_routing::destination::{Destination, NotificationDestination, SmsNumber};
use dispatch_routing::testing_courier::{Behaviour, CourierHarness, WAIT};
use dispatch_sms::{Account, SmsCourier};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub const MESSAGES: &str = "/2010-04-01/Accounts/AC1/Messages.json";
/// base64 of `AC1:hush`.
pub const BASIC: &str = "Basic QUMxOmh1c2g=";
pub const US: &str = "+15557654321";
pub const THEM: &str = "+15551234567";

/// Longer than the courier waits.
const FOREVER: Duration = Duration::from_secs(30);

/// A courier to the API at `url`, which it is allowed to call. It waits a second and a half: long enough for a busy
/// machine, short enough for the tests of silence.
pub fn courier_to(url: &str, sender: Option<&str>) -> SmsCourier {
    let url = Url::parse(url).expect("a URL");
    let options = OutboundOptions {
        connect_timeout: Duration::from_secs(1),
        total_timeout: Duration::from_millis(1500),
        allow: vec![authority(&url).expect("a host")],
        ..OutboundOptions::default()
    };
    let outbound = Outbound::new(&options).expect("a client");
    let account = Account::parse("AC1").expect("a SID");
    let callback = Url::parse("https://dispatch.example/intake/sms/status?x=1").expect("a URL");
    SmsCourier::new(outbound, url, account, "hush".into(), sender.map(str::to_owned), Some(callback))
}

pub fn number() -> Destination {
    Destination::Notification(NotificationDestination::Sms(SmsNumber { from: US.into(), to: THEM.into() }))
}

/// The fields of a form that was sent.
pub fn fields(request: &Request) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

/// Twilio and two couriers: one to it, one to where nobody listens.
pub struct FakeTwilio {
    _server: MockServer,
    state: Arc<Mutex<State>>,
    reachable: SmsCourier,
    unreachable: SmsCourier,
}

struct State {
    behaviour: Behaviour,
    /// As sent, with a SID and a date each.
    messages: Vec<Value>,
}

impl FakeTwilio {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State { behaviour: Behaviour::Accept, messages: Vec::new() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Api(Arc::clone(&state))).mount(&server).await;
        let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        Self {
            reachable: courier_to(&server.uri(), None),
            unreachable: courier_to(&format!("http://{gone}/"), None),
            state,
            _server: server,
        }
    }
}

#[async_trait]
impl CourierHarness for FakeTwilio {
    fn courier(&self) -> &dyn Courier {
        let gone = self.state.lock().expect("sound").behaviour == Behaviour::Unreachable;
        if gone { &self.unreachable } else { &self.reachable }
    }

    fn destination(&self) -> Destination {
        number()
    }

    fn recognises_its_own(&self) -> bool {
        false
    }

    async fn behave(&self, behaviour: Behaviour) {
        self.state.lock().expect("sound").behaviour = behaviour;
    }

    async fn standing(&self) -> Vec<(DeliveryId, Option<String>)> {
        let state = self.state.lock().expect("sound");
        let standing = state.messages.iter().map(|message| {
            let id = message["delivery_id"].as_str().expect("an id");
            (DeliveryId(id.parse().expect("a UUID")), message["sid"].as_str().map(str::to_owned))
        });
        standing.collect()
    }
}

struct Api(Arc<Mutex<State>>);

impl Respond for Api {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().expect("sound");
        if request.headers.get("authorization").is_none_or(|value| value != BASIC) {
            return refused(401, 20003);
        }
        match (request.method.as_str(), request.url.path()) {
            ("POST", MESSAGES) => state.create(request),
            ("GET", MESSAGES) => state.list(request),
            _ => refused(404, 20404),
        }
    }
}

impl State {
    fn create(&mut self, request: &Request) -> ResponseTemplate {
        match self.behaviour {
            Behaviour::RefuseForNow => return wait(),
            Behaviour::RefuseForGood => return refused(400, 21211),
            Behaviour::Hang => return ResponseTemplate::new(201).set_delay(FOREVER),
            _ => {}
        }
        let sent = fields(request);
        let callback = Url::parse(&sent["StatusCallback"]).expect("a URL");
        let (_, delivery_id) = callback.query_pairs().find(|(key, _)| key == "delivery_id").expect("an id");
        let message = json!({
            "sid": format!("SM{}", self.messages.len()), "to": sent["To"], "from": sent["From"], "body": sent["Body"],
            "date_created": OffsetDateTime::now_utc().format(&Rfc2822).expect("a date"), "date_sent": null,
            "status": "queued", "delivery_id": delivery_id,
        });
        self.messages.push(message.clone());
        let answer = ResponseTemplate::new(201).set_body_json(message);
        if self.behaviour == Behaviour::TakeAndHang { answer.set_delay(FOREVER) } else { answer }
    }

    /// Two messages a page, the latest first, as Twilio does.
    fn list(&self, request: &Request) -> ResponseTemplate {
        match self.behaviour {
            Behaviour::HideForGood => return refused(403, 20403),
            Behaviour::HideForNow | Behaviour::RefuseForNow => return wait(),
            Behaviour::Hang | Behaviour::TakeAndHang => return ResponseTemplate::new(200).set_delay(FOREVER),
            _ => {}
        }
        let asked = |key: &str| request.url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value);
        let fits = |message: &&Value| {
            ["To", "From"]
                .iter()
                .all(|key| asked(key).is_none_or(|value| message[key.to_lowercase()] == value.as_ref()))
        };
        let page: usize = asked("Page").map_or(0, |page| page.parse().expect("a number"));
        let fitting: Vec<_> = self.messages.iter().rev().filter(fits).collect();
        let messages: Vec<_> = fitting.iter().skip(page * 2).take(2).collect();
        let query = format!("To={}&From={}&Page={}", THEM.replace('+', "%2B"), US.replace('+', "%2B"), page + 1);
        let next = (fitting.len() > page * 2 + 2).then(|| format!("{MESSAGES}?{query}"));
        ResponseTemplate::new(200).set_body_json(json!({"messages": messages, "next_page_uri": next}))
    }
}

pub fn refused(status: u16, code: u32) -> ResponseTemplate {
    let body =
        json!({"code": code, "message": "+15551234567 is hush", "more_info": "https://a.example", "status": status});
    ResponseTemplate::new(status).set_body_json(body)
}

fn wait() -> ResponseTemplate {
    refused(429, 20429).insert_header("retry-after", WAIT.as_secs().to_string().as_str())
}
