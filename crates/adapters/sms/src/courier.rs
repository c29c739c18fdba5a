//! The `Courier` for text messages: looks where it must, sends once, says what came of it. Must not know when to try again.

use crate::account::Account;
use crate::api::{LookFailure, Message, Sender, TwilioApi};
use crate::event::status::DELIVERY_ID;
use crate::text::for_sms;
use async_trait::async_trait;
use dispatch_mission::ids::DeliveryId;
use dispatch_outbound::{Class, Failure, Outbound, Url};
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::{Destination, DestinationKind, NotificationDestination, SmsNumber};
use dispatch_routing::plan::Content;
use secrecy::SecretString;
use std::fmt;
use time::{Duration, OffsetDateTime};

/// A delivery's message is not older than the delivery; clocks may differ by this much. Not more: receipts are often
/// alike, and one of an hour ago must not be taken for this one.
const CLOCK_TOLERANCE: Duration = Duration::minutes(1);

/// Sends text messages.
///
/// One call of `deliver` makes one request, and up to three more where it has to look first, each under the time-out of
/// the [`Outbound`] it was given.
#[derive(Clone)]
pub struct SmsCourier {
    api: TwilioApi,
    sender: Option<String>,
    status_callback: Option<Url>,
}

impl SmsCourier {
    /// A courier to the REST API at `api_url` (see [`DEFAULT_API_URL`](crate::DEFAULT_API_URL)). Where that is no public
    /// `https` URL, `outbound` must allow its host. `sender` is the number or the messaging service (`MG…`) that
    /// everything is sent from; without it, each answer comes from the number that was written to. Twilio reports to
    /// `status_callback`.
    #[must_use]
    pub fn new(
        outbound: Outbound,
        api_url: Url,
        account: Account,
        token: SecretString,
        sender: Option<String>,
        status_callback: Option<Url>,
    ) -> Self {
        let api = TwilioApi { outbound, base: api_url, account, token };
        Self { api, sender: sender.filter(|sender| !sender.trim().is_empty()), status_callback }
    }

    /// Who it is from. Another channel (`whatsapp:+1…`) is answered on that channel.
    fn sender<'a>(&'a self, number: &'a SmsNumber) -> Sender<'a> {
        match self.sender.as_deref().map(str::trim) {
            Some(service) if service.starts_with("MG") => Sender::Service(service),
            Some(ours) if !number.to.contains(':') || ours.contains(':') => Sender::Number(ours),
            _ => Sender::Number(&number.from),
        }
    }

    /// The URL that Twilio reports to, which says whose message it is.
    fn callback(&self, id: DeliveryId) -> Option<Url> {
        let mut url = self.status_callback.clone()?;
        url.query_pairs_mut().append_pair(DELIVERY_ID, &id.to_string());
        Some(url)
    }

    /// Looks for an earlier attempt's message. `None`: there is none, so it may be sent.
    async fn look(&self, message: &Message<'_>, id: DeliveryId) -> Option<AttemptOutcome> {
        let unknowable = |code: &str| Some(AttemptOutcome::Unknowable { code: code.into() });
        let Some(since) = since(id) else { return unknowable("lookup_no_time") };
        match self.api.was_sent(message, since).await {
            Ok(false) => None,
            // Ours, or another delivery's with the same text. The status callback will tell.
            Ok(true) => unknowable("lookup_same_text_found"),
            Err(LookFailure::TooMany) => unknowable("lookup_too_many_messages"),
            Err(LookFailure::Refused(failure)) => Some(not_seen(&failure)),
        }
    }
}

impl fmt::Debug for SmsCourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither a token nor a number.
        write!(f, "SmsCourier({})", self.api.account)
    }
}

#[async_trait]
impl Courier for SmsCourier {
    fn serves(&self) -> DestinationKind {
        DestinationKind::Sms
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        let (Destination::Notification(NotificationDestination::Sms(number)), Content::Message { text }) =
            (&delivery.destination, &delivery.content)
        else {
            return AttemptOutcome::Permanent { code: "not_for_sms".into() };
        };
        let (body, callback) = (for_sms(text), self.callback(delivery.delivery_id));
        let message =
            Message { to: &number.to, from: self.sender(number), body: &body, status_callback: callback.as_ref() };
        if delivery.may_have_been_sent
            && let Some(outcome) = self.look(&message, delivery.delivery_id).await
        {
            return outcome;
        }
        match self.api.send(&message).await {
            Ok(sid) => AttemptOutcome::Delivered { reference: Some(sid) },
            Err(Failure { class: Class::NotNow, code, retry_after }) => AttemptOutcome::Retryable { code, retry_after },
            Err(Failure { class: Class::Never, code, .. }) => AttemptOutcome::Permanent { code },
            Err(Failure { class: Class::Unwanted, code, .. }) => AttemptOutcome::Unwanted { code },
            Err(Failure { class: Class::Unclear, code, .. }) => AttemptOutcome::Ambiguous { code },
        }
    }
}

/// What a refused look-up comes to. Looking changes nothing, so only a refusal for good ends it.
fn not_seen(failure: &Failure) -> AttemptOutcome {
    let code = format!("lookup_{}", failure.code);
    match failure.class {
        Class::Never | Class::Unwanted => AttemptOutcome::Unknowable { code },
        Class::NotNow | Class::Unclear => AttemptOutcome::Retryable { code, retry_after: failure.retry_after },
    }
}

/// From when on the message can be there, by the time in the delivery's id (UUIDv7).
fn since(id: DeliveryId) -> Option<OffsetDateTime> {
    let (seconds, _) = id.0.get_timestamp()?.to_unix();
    OffsetDateTime::from_unix_timestamp(seconds.try_into().ok()?).ok()?.checked_sub(CLOCK_TOLERANCE)
}
