//! Somebody's program that does as it is told. It verifies every signature, and knows a repeat by its `webhook-id`.

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dispatch_mission::ids::DeliveryId;
use dispatch_outbound::{Url, authority};
use dispatch_routing::courier::Courier;
use dispatch_routing::destination::{AgentDestination, Destination, DestinationKind, WebhookDestination};
use dispatch_routing::policy::Endpoint;
use dispatch_routing::testing_courier::{Behaviour, CourierHarness, WAIT};
use dispatch_webhook::{Receiver, Signer, WebhookCourier};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub const NAME: &str = "crm";
pub const SOURCE: &str = "https://dispatch.example/";
/// Longer than the courier waits.
const FOREVER: Duration = Duration::from_secs(30);

/// `whsec_…` of 32 bytes like this one.
pub fn secret(byte: u8) -> String {
    format!("whsec_{}", BASE64_STANDARD.encode([byte; 32]))
}

pub fn signer(secrets: &[String]) -> Signer {
    let secrets: Vec<_> = secrets.iter().map(|secret| secret.as_str().into()).collect();
    Signer::new(&secrets).expect("sound secrets")
}

/// An endpoint at `url`, which may be private where `allowed`. It is waited for a second and a half: long enough for a busy
/// machine, short enough for the tests of silence.
pub fn endpoint(url: &str, allowed: bool) -> Endpoint {
    let url = Url::parse(url).expect("a URL");
    let allow = authority(&url).into_iter().filter(|_| allowed).collect();
    Endpoint { url, secrets: Vec::new(), events: Vec::new(), timeout: Duration::from_millis(1_500), allow }
}

/// A courier to one program.
pub fn courier_to(kind: DestinationKind, endpoint: &Endpoint, signer: Option<Signer>) -> WebhookCourier {
    let receivers = BTreeMap::from([(NAME.to_owned(), Receiver::new(endpoint, signer).expect("a client"))]);
    match kind {
        DestinationKind::Agent => WebhookCourier::to_agents(SOURCE.to_owned(), receivers),
        _ => WebhookCourier::to_endpoints(SOURCE.to_owned(), receivers),
    }
}

pub fn destination(kind: DestinationKind) -> Destination {
    let target = NAME.to_owned();
    match kind {
        DestinationKind::Agent => Destination::Agent(AgentDestination { target }),
        _ => Destination::Webhook(WebhookDestination { target }),
    }
}

/// A program and two couriers: one to it, one to where nobody listens.
pub struct Program {
    _server: MockServer,
    state: Arc<Mutex<State>>,
    kind: DestinationKind,
    reachable: WebhookCourier,
    unreachable: WebhookCourier,
}

struct State {
    behaviour: Behaviour,
    /// Ids that were acted on, once each.
    seen: Vec<String>,
}

impl Program {
    pub async fn start(kind: DestinationKind) -> Self {
        let state = Arc::new(Mutex::new(State { behaviour: Behaviour::Accept, seen: Vec::new() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Door(Arc::clone(&state))).mount(&server).await;
        let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let courier = |url: &str| courier_to(kind, &endpoint(url, true), Some(signer(&[secret(1)])));
        Self {
            reachable: courier(&format!("{}/hooks?tenant=7", server.uri())),
            unreachable: courier(&format!("http://{gone}/")),
            kind,
            state,
            _server: server,
        }
    }
}

#[async_trait]
impl CourierHarness for Program {
    fn courier(&self) -> &dyn Courier {
        let gone = self.state.lock().expect("sound").behaviour == Behaviour::Unreachable;
        if gone { &self.unreachable } else { &self.reachable }
    }

    fn destination(&self) -> Destination {
        destination(self.kind)
    }

    fn knows_repeats(&self) -> bool {
        true
    }

    async fn behave(&self, behaviour: Behaviour) {
        self.state.lock().expect("sound").behaviour = behaviour;
    }

    async fn standing(&self) -> Vec<(DeliveryId, Option<String>)> {
        let state = self.state.lock().expect("sound");
        state.seen.iter().map(|id| (DeliveryId(id.parse().expect("a UUID")), None)).collect()
    }
}

struct Door(Arc<Mutex<State>>);

impl Respond for Door {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let Some(id) = verified(request, &secret(1)) else { return ResponseTemplate::new(401) };
        let mut state = self.0.lock().expect("sound");
        match state.behaviour {
            Behaviour::RefuseForNow => {
                return ResponseTemplate::new(429).insert_header("retry-after", WAIT.as_secs().to_string().as_str());
            }
            Behaviour::RefuseForGood => return ResponseTemplate::new(422),
            Behaviour::Hang => return ResponseTemplate::new(204).set_delay(FOREVER),
            _ => {}
        }
        if !state.seen.contains(&id) {
            state.seen.push(id);
        }
        let answer = ResponseTemplate::new(204);
        if state.behaviour == Behaviour::TakeAndHang { answer.set_delay(FOREVER) } else { answer }
    }
}

pub fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The id of a request that this secret signed, by the rules a receiver goes by.
pub fn verified(request: &Request, secret: &str) -> Option<String> {
    standardwebhooks::Webhook::new(secret).ok()?.verify(&request.body, &request.headers).ok()?;
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    let id = header(request, "webhook-id");
    let sound = body["id"] == id
        && body["specversion"] == "1.0"
        && header(request, "content-type") == "application/cloudevents+json"
        && !id.contains('.');
    sound.then(|| id.to_owned())
}
