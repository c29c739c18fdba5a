//! Who carries messages out: one courier for each kind of destination, by what is configured. Must not know what they say.

use super::{Untokened, programs};
use crate::config::Config;
use anyhow::{Context, Result};
use async_trait::async_trait;
use dispatch_outbound::{Outbound, OutboundOptions, authority};
use dispatch_pipeline::agents::Meter;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::DestinationKind;
use dispatch_slack::{BotTokens, Installation, RecordingCourier, SlackCourier};
use dispatch_sms::{RecordingSmsCourier, SmsCourier};
use std::sync::Arc;
use url::Url;

/// All of them.
pub fn couriers(config: &Config, untokened: Untokened, meter: &Arc<Meter>) -> Result<Vec<Arc<dyn Courier>>> {
    let [webhooks, agents] = programs::couriers(config, meter)?;
    Ok(vec![slack(config, untokened)?, sms(config, untokened)?, webhooks, agents])
}

fn slack(config: &Config, untokened: Untokened) -> Result<Arc<dyn Courier>> {
    let tokens = match (config.slack.bot_tokens.clone(), untokened) {
        (Some(tokens), _) => tokens,
        (None, Untokened::Recorded) => {
            tracing::warn!("SLACK_BOT_TOKEN is not set: receipts are recorded in the database, not sent");
            return Ok(Arc::new(RecordingCourier));
        }
        (None, Untokened::Failed) => {
            tracing::warn!("SLACK_BOT_TOKEN is not set: every receipt fails with no_token");
            BotTokens::none()
        }
    };
    let (outbound, api_url) = api(config.slack.api_url.clone(), dispatch_slack::DEFAULT_API_URL)?;
    Ok(Arc::new(SlackCourier::new(outbound, api_url, tokens)))
}

/// What Slack is asked about at start: every bot token.
pub fn installations(config: &Config) -> Result<Vec<Installation>> {
    let Some(tokens) = &config.slack.bot_tokens else { return Ok(Vec::new()) };
    let (outbound, api_url) = api(config.slack.api_url.clone(), dispatch_slack::DEFAULT_API_URL)?;
    Ok(Installation::all(&outbound, &api_url, tokens))
}

fn sms(config: &Config, untokened: Untokened) -> Result<Arc<dyn Courier>> {
    let twilio = &config.twilio;
    let (Some(credentials), Some(token)) = (&twilio.credentials, &twilio.sending_token) else {
        return Ok(match untokened {
            Untokened::Recorded => Arc::new(RecordingSmsCourier),
            Untokened::Failed => {
                tracing::info!("Twilio's credentials are not set: text messages fail with no_credentials");
                Arc::new(NoCredentials)
            }
        });
    };
    let (outbound, api_url) = api(twilio.api_url.clone(), dispatch_sms::DEFAULT_API_URL)?;
    let callback = config.http.public_url.as_ref().and_then(status_callback);
    if callback.is_none() {
        tracing::warn!("PUBLIC_URL is not set: nobody hears whether a text message arrived");
    }
    let (account, token) = (credentials.account.clone(), token.clone());
    Ok(Arc::new(SmsCourier::new(outbound, api_url, account, token, twilio.from.clone(), callback)))
}

/// A client for a provider's API. The provider itself is a public host; another one was named by whoever runs this and may
/// be anywhere.
fn api(named: Option<Url>, default: &str) -> Result<(Outbound, Url)> {
    let allow = named.as_ref().and_then(authority).into_iter().collect();
    let outbound = Outbound::new(&OutboundOptions { allow, ..OutboundOptions::default() })?;
    let url = named.map_or_else(|| Url::parse(default), Ok).context("a provider's own URL")?;
    Ok((outbound, url))
}

/// Where Twilio reports to.
fn status_callback(public_url: &Url) -> Option<Url> {
    let mut url = public_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().ok()?.pop_if_empty().extend(["intake", "sms", "status"]);
    Some(url)
}

/// Nobody can send text messages: each fails where people see it. No wait will bring credentials: a person configures
/// them and replays.
struct NoCredentials;

#[async_trait]
impl Courier for NoCredentials {
    fn serves(&self) -> DestinationKind {
        DestinationKind::Sms
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        let code = "no_credentials".into();
        if delivery.may_have_been_sent {
            AttemptOutcome::Unknowable { code }
        } else {
            AttemptOutcome::Permanent { code }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twilio_reports_to_our_own_door_wherever_that_is() {
        for (public, callback) in [
            ("https://dispatch.example", "https://dispatch.example/intake/sms/status"),
            ("https://dispatch.example:8443/", "https://dispatch.example:8443/intake/sms/status"),
            ("https://a.example/dispatch/?x=1#y", "https://a.example/dispatch/intake/sms/status"),
        ] {
            let public = Url::parse(public).expect("a URL");
            assert_eq!(status_callback(&public).expect("a place").as_str(), callback);
        }
    }
}
