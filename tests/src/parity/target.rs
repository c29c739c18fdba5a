//! Whom a replay asks, and what it takes to be believed there. Must not know what is asked.

use crate::harness::Server;
use crate::harness::event::SECRET;
use crate::harness::sms_message::{ACCOUNT, PUBLIC_URL, TOKEN};
use crate::harness::token::service_bearer;

/// A server, and what it takes to be believed there.
#[derive(Clone, Debug)]
pub struct Target {
    /// `http://127.0.0.1:8080`.
    pub base: String,
    /// What Twilio calls it; as `base` where nobody says otherwise.
    pub public_url: String,
    /// Signs Slack's requests.
    pub slack_secret: String,
    /// Twilio's account, and what signs its requests.
    pub account: String,
    #[allow(missing_docs)] // said above
    pub auth_token: String,
    /// A token with scopes `reason` and `admin`; none where the server takes everybody.
    pub bearer: Option<String>,
    /// Whether the flag may be set there, and set back: it is everybody's.
    pub may_flip: bool,
    /// Whether a documented difference that is not found is one too: not at a server that takes everybody.
    pub is_strict: bool,
}

impl Target {
    /// A server of the harness, which is nobody else's.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        Self {
            base: server.base().to_owned(),
            public_url: PUBLIC_URL.to_owned(),
            slack_secret: SECRET.to_owned(),
            account: ACCOUNT.to_owned(),
            auth_token: TOKEN.to_owned(),
            bearer: Some(service_bearer()),
            may_flip: true,
            is_strict: true,
        }
    }
}
