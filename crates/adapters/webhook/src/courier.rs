//! The `Courier` for endpoints and for external agents: signs, sends once, says what came of it. Must not know when to try
//! again, nor what an agent's answer leads to.

use crate::signer::Signer;
use crate::{answer, envelope, status};
use async_trait::async_trait;
use dispatch_outbound::{Arriving, Class, Failure, Outbound, OutboundOptions, SendError, SetupError, Url, retry_after};
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::{Destination, DestinationKind};
use dispatch_routing::event::EventWork;
use dispatch_routing::plan::Content;
use dispatch_routing::policy::Endpoint;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;

/// Somebody's program.
pub struct Receiver {
    url: Url,
    timeout: Duration,
    signer: Option<Signer>,
    outbound: Outbound,
}

impl Receiver {
    /// The program at `endpoint`. Without a signer it is not called.
    ///
    /// # Errors
    /// [`SetupError`] when the client cannot be made.
    pub fn new(endpoint: &Endpoint, signer: Option<Signer>) -> Result<Self, SetupError> {
        let outbound = Outbound::new(&OutboundOptions {
            total_timeout: endpoint.timeout,
            max_response_bytes: answer::LONGEST,
            allow: endpoint.allow.clone(),
            ..OutboundOptions::default()
        })?;
        Ok(Self { url: endpoint.url.clone(), timeout: endpoint.timeout, signer, outbound })
    }
}

/// Sends events.
pub struct WebhookCourier {
    kind: DestinationKind,
    source: String,
    receivers: BTreeMap<String, Receiver>,
}

impl WebhookCourier {
    /// To these endpoints, by name. `source` is who we are: a URI reference.
    #[must_use]
    pub fn to_endpoints(source: String, receivers: BTreeMap<String, Receiver>) -> Self {
        Self { kind: DestinationKind::Webhook, source, receivers }
    }

    /// To these external agents, by name; their answers are read.
    #[must_use]
    pub fn to_agents(source: String, receivers: BTreeMap<String, Receiver>) -> Self {
        Self { kind: DestinationKind::Agent, source, receivers }
    }

    fn target<'a>(&self, delivery: &'a ClaimedDelivery) -> Option<(&'a str, &'a EventWork)> {
        match (self.kind, &delivery.destination, &delivery.content) {
            (DestinationKind::Webhook, Destination::Webhook(to), Content::Event(work)) => Some((&to.target, work)),
            (DestinationKind::Agent, Destination::Agent(to), Content::Event(work)) => Some((&to.target, work)),
            _ => None,
        }
    }

    async fn send(&self, receiver: &Receiver, signer: &Signer, body: String, id: &str) -> AttemptOutcome {
        let timestamp = OffsetDateTime::now_utc().unix_timestamp();
        let Ok(signature) = signer.sign(id, timestamp, &body) else { return permanent("not_signed") };
        let timestamp = timestamp.to_string();
        let headers = [
            ("content-type", envelope::MEDIA_TYPE),
            ("webhook-id", id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ];
        let sent = receiver.outbound.post_json_arriving(&receiver.url, &headers, body.into_bytes(), receiver.timeout);
        match sent.await {
            Ok(arriving) if !status::is_success(arriving.status) => {
                refused(status::refusal(arriving.status, retry_after(&arriving.headers)))
            }
            Ok(arriving) if self.kind == DestinationKind::Agent => answered(arriving).await,
            Err(SendError::TooLarge { status }) if !status::is_success(status) => {
                refused(status::refusal(status, None))
            }
            Err(SendError::TooLarge { .. }) if self.kind == DestinationKind::Agent => too_large(),
            // Nobody reads what an endpoint says.
            Ok(_) | Err(SendError::TooLarge { .. }) => AttemptOutcome::Delivered { reference: None },
            Err(error) => refused(Failure::of_call(&error)),
        }
    }
}

impl fmt::Debug for WebhookCourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No URL: it may be a secret.
        write!(f, "WebhookCourier({}, {:?})", self.kind.as_str(), self.receivers.keys())
    }
}

#[async_trait]
impl Courier for WebhookCourier {
    fn serves(&self) -> DestinationKind {
        self.kind
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        let Some((target, work)) = self.target(delivery) else { return permanent("not_for_programs") };
        // A person writes it down, and replays.
        let cannot = |code: &str| match delivery.may_have_been_sent {
            true => AttemptOutcome::Unknowable { code: code.to_owned() },
            false => permanent(code),
        };
        let Some(receiver) = self.receivers.get(target) else { return cannot("endpoint_unknown") };
        let Some(signer) = &receiver.signer else { return cannot("no_secret") };
        let Ok(body) = envelope::body(&self.source, delivery, work) else { return permanent("event_unwritable") };
        self.send(receiver, signer, body, &delivery.delivery_id.to_string()).await
    }
}

/// What an agent says beside yes. Its yes counts once all of it is there: cut off, it is asked for again.
async fn answered(mut arriving: Arriving) -> AttemptOutcome {
    let media_type = arriving.headers.get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    loop {
        match arriving.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(SendError::TooLarge { .. }) => return too_large(),
            Err(error) => return refused(Failure::of_call(&error)),
        }
    }
    match answer::read(media_type.as_deref(), &body) {
        None => AttemptOutcome::Delivered { reference: None },
        Some(answer) => AttemptOutcome::Answered { answer: answer.map(Box::new).map_err(str::to_owned) },
    }
}

fn too_large() -> AttemptOutcome {
    AttemptOutcome::Answered { answer: Err(answer::TOO_LARGE.to_owned()) }
}

fn refused(failure: Failure) -> AttemptOutcome {
    let Failure { class, code, retry_after } = failure;
    match class {
        Class::NotNow => AttemptOutcome::Retryable { code, retry_after },
        Class::Never => AttemptOutcome::Permanent { code },
        Class::Unwanted => AttemptOutcome::Disabled,
        Class::Unclear => AttemptOutcome::Ambiguous { code },
    }
}

fn permanent(code: &str) -> AttemptOutcome {
    AttemptOutcome::Permanent { code: code.to_owned() }
}
