//! The `Courier` for Slack: looks where it must, posts once, says what came of it. Must not know when to try again.

use crate::api::{LookFailure, Post, SlackApi};
use crate::blocks;
use crate::text::for_slack;
use crate::tokens::BotTokens;
use async_trait::async_trait;
use dispatch_mission::ids::DeliveryId;
use dispatch_outbound::{Class, Failure, Outbound, Url};
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::{AttemptOutcome, ClaimedDelivery};
use dispatch_routing::destination::{Destination, DestinationKind, NotificationDestination, SlackPlace};
use dispatch_routing::lane::LOOKUP;
use dispatch_routing::plan::Content;
use secrecy::SecretString;
use serde_json::Value;

/// A delivery's message is not older than the delivery; clocks may differ by this much. (A host whose clock is further
/// off refuses every event as stale, so it has no deliveries.)
const CLOCK_TOLERANCE_SECONDS: u64 = 3600;

/// Posts messages in Slack channels and their threads.
///
/// One call of `deliver` makes one request, and up to three more where it has to look first, each under the time-out of
/// the [`Outbound`] it was given.
#[derive(Clone, Debug)]
pub struct SlackCourier {
    api: SlackApi,
    tokens: BotTokens,
}

impl SlackCourier {
    /// A courier to the Web API at `api_url` (see [`DEFAULT_API_URL`](crate::DEFAULT_API_URL)). Where that is no public
    /// `https` URL, `outbound` must allow its host.
    #[must_use]
    pub fn new(outbound: Outbound, api_url: Url, tokens: BotTokens) -> Self {
        Self { api: SlackApi::new(outbound, api_url), tokens }
    }

    /// Looks for an earlier attempt's message. `None`: there is none, so it may be sent.
    async fn look(&self, token: &SecretString, place: &SlackPlace, id: DeliveryId) -> Option<AttemptOutcome> {
        match self.api.find(token, of(place), &id.to_string(), oldest(id)).await {
            Ok(None) => None,
            Ok(Some(ts)) => Some(AttemptOutcome::Delivered { reference: Some(ts).filter(|ts| !ts.is_empty()) }),
            Err(LookFailure::TooLong) => Some(AttemptOutcome::Unknowable { code: "lookup_thread_too_long".into() }),
            Err(LookFailure::Refused(failure)) => Some(not_seen(&failure)),
        }
    }

    async fn send(&self, token: &SecretString, place: &SlackPlace, id: DeliveryId, content: &Content) -> Sent {
        let delivery_id = id.to_string();
        let (channel, thread_ts) = of(place);
        let (text, blocks) = match content {
            Content::Question(question) => (question.text.as_str(), Some(blocks::question(question, id))),
            other => (other.text().unwrap_or_default(), None),
        };
        let text = for_slack(text);
        self.api.post(token, &Post { channel, thread_ts, text: &text, blocks, delivery_id: &delivery_id }).await
    }

    /// Changes a message that stands there.
    async fn change(&self, token: &SecretString, place: &SlackPlace, ts: &str, text: &str, blocks: Value) -> Sent {
        gone_is_unwanted(self.api.update(token, (&place.channel_id, ts), text, blocks).await)
    }

    async fn whisper(&self, token: &SecretString, place: &SlackPlace, to: &str, text: &str) -> Sent {
        gone_is_unwanted(self.api.whisper(token, of(place), to, text).await.map(|()| None))
    }
}

/// Channel, and `ts` of the thread where it is one.
fn of(place: &SlackPlace) -> (&str, Option<&str>) {
    (&place.channel_id, place.thread_ts.as_deref())
}

/// What Slack calls a message, or why it did not take it.
type Sent = Result<Option<String>, Failure>;

#[async_trait]
impl Courier for SlackCourier {
    fn serves(&self) -> DestinationKind {
        DestinationKind::Slack
    }

    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome {
        let Destination::Notification(NotificationDestination::Slack(place)) = &delivery.destination else {
            return AttemptOutcome::Permanent { code: "not_for_slack".into() };
        };
        // No wait will bring a token: a person configures one and replays. Until then the delivery stands as failed.
        let Some(token) = self.tokens.of(&place.workspace) else {
            let code = "no_token".into();
            return if delivery.may_have_been_sent {
                AttemptOutcome::Unknowable { code }
            } else {
                AttemptOutcome::Permanent { code }
            };
        };
        let id = delivery.delivery_id;
        let sent = match &delivery.content {
            Content::Storage(_) => return AttemptOutcome::Permanent { code: "not_for_slack".into() },
            Content::Question(question) if question.replaces.is_some() => {
                let ts = question.replaces.as_deref().unwrap_or_default();
                let text = for_slack(&question.text);
                self.change(token, place, ts, &text, blocks::question(question, id)).await
            }
            Content::Closing { message_ref, remark } => {
                let text = blocks::remark(remark);
                self.change(token, place, message_ref, &text, blocks::closing(&text)).await
            }
            // It cannot be looked for, and one word too few is better than one too many.
            Content::Whisper { .. } if delivery.may_have_been_sent => {
                return AttemptOutcome::Unwanted { code: "whispered_before".into() };
            }
            Content::Whisper { to, remark } => self.whisper(token, place, to, &blocks::remark(remark)).await,
            content => {
                if delivery.may_have_been_sent
                    && let Some(outcome) = self.look(token, place, id).await
                {
                    return outcome;
                }
                self.send(token, place, id, content).await
            }
        };
        outcome(sent)
    }
}

fn outcome(sent: Sent) -> AttemptOutcome {
    match sent {
        Ok(reference) => AttemptOutcome::Delivered { reference },
        Err(Failure { class: Class::NotNow, code, retry_after }) => AttemptOutcome::Retryable { code, retry_after },
        Err(Failure { class: Class::Never, code, .. }) => AttemptOutcome::Permanent { code },
        Err(Failure { class: Class::Unwanted, code, .. }) => AttemptOutcome::Unwanted { code },
        Err(Failure { class: Class::Unclear, code, .. }) => AttemptOutcome::Ambiguous { code },
    }
}

/// Who deleted our message, or left the channel, does not want to read in it: no fault.
fn gone_is_unwanted(sent: Sent) -> Sent {
    const GONE: [&str; 6] = [
        "cant_update_message",
        "edit_window_closed",
        "message_not_found",
        "thread_not_found",
        "user_not_in_channel",
        "user_not_found",
    ];
    sent.map_err(|failure| {
        if GONE.contains(&failure.code.as_str()) { Failure { class: Class::Unwanted, ..failure } } else { failure }
    })
}

/// What a refused look-up comes to. Looking changes nothing, so only a refusal for good ends it.
fn not_seen(failure: &Failure) -> AttemptOutcome {
    let code = format!("{LOOKUP}{}", failure.code);
    match failure.class {
        Class::Never | Class::Unwanted => AttemptOutcome::Unknowable { code },
        Class::NotNow | Class::Unclear => AttemptOutcome::Retryable { code, retry_after: failure.retry_after },
    }
}

/// From when on the message can be there, by the time in the delivery's id (UUIDv7).
fn oldest(id: DeliveryId) -> Option<u64> {
    let (seconds, _) = id.0.get_timestamp()?.to_unix();
    Some(seconds.saturating_sub(CLOCK_TOLERANCE_SECONDS))
}
