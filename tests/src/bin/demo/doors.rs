//! The two doors, and what a message needs to get through: the signing secret of Slack, the account and token of Twilio.
//! Must not know what is sent.

use crate::Arguments;
use crate::messages::Message;
use anyhow::{Context as _, Result, bail};
use dispatch_tests::harness::event::signed_at;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::path::Path;
use time::OffsetDateTime;

/// What signs.
pub struct Doors {
    url: String,
    slack_secret: String,
    account: String,
    auth_token: String,
}

impl Doors {
    /// With what was given, else with what `dispatch dev` made.
    pub fn new(arguments: &Arguments) -> Result<Self> {
        let made = |given: &Option<String>, file| either(given.as_deref(), &arguments.data_dir.join(file));
        Ok(Self {
            url: arguments.url.trim_end_matches('/').to_owned(),
            slack_secret: made(&arguments.secret, "slack_signing_secret")?,
            account: made(&arguments.account, "twilio_account_sid")?,
            auth_token: made(&arguments.auth_token, "twilio_auth_token")?,
        })
    }

    /// The signed request, to be sent at once.
    pub fn request(&self, client: &Client, message: &Message) -> RequestBuilder {
        match message {
            Message::Slack(message) => {
                let body = message.body().to_string().into_bytes();
                let now = OffsetDateTime::now_utc().unix_timestamp();
                let request = signed_at(client, &self.url, body, &self.slack_secret, now);
                match &message.retry {
                    Some((number, reason)) => {
                        request.header("x-slack-retry-num", *number).header("x-slack-retry-reason", reason)
                    }
                    None => request,
                }
            }
            Message::Sms(message) => {
                let mut message = message.clone();
                message.account.clone_from(&self.account);
                message.signed(client, &self.url, &self.url, &self.auth_token)
            }
        }
    }

    /// The event id of an accepted message.
    pub async fn receipt(&self, message: &Message, response: Response) -> Result<String> {
        match message {
            Message::Slack(_) => {
                let body: Value = response.json().await?;
                Ok(body["event_id"].as_str().context("a receipt without event_id")?.to_owned())
            }
            Message::Sms(_) => {
                let id = response.headers().get("dispatch-event-id").context("a receipt without its header")?;
                Ok(id.to_str()?.to_owned())
            }
        }
    }
}

/// The first of those given, for the others are about to go; else what the file holds.
fn either(given: Option<&str>, file: &Path) -> Result<String> {
    let found = match given {
        Some(given) => given.to_owned(),
        None => std::fs::read_to_string(file)
            .with_context(|| format!("nothing given and no {}; is `dispatch dev` running here?", file.display()))?,
    };
    let first = found.split(',').next().unwrap_or_default().trim();
    if first.is_empty() {
        bail!("what {} would hold is empty", file.display());
    }
    Ok(first.to_owned())
}
