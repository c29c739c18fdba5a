//! A signal: one message as it came in, parsed far enough to be stored once and found again.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::SignalId;

/// Where a signal came from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The Slack Events API.
    Slack,
    /// Twilio messaging.
    Sms,
    /// Our own API: a text that somebody asked about and had dispatched. It came in by no door that could be answered through.
    Api,
}

impl Source {
    /// The spelling of API, column and metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Sms => "sms",
            Self::Api => "api",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Slack, Self::Sms, Self::Api].into_iter().find(|source| source.as_str() == text)
    }
}

/// Where a conversation takes place: what a burst is collected in and a receipt is sent to.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Conversation {
    /// The source it belongs to.
    pub source: Source,
    /// Slack team id, or Twilio account; of a text that somebody asked about the door that he named, or nothing.
    pub workspace: String,
    /// Slack channel id, or our own number (E.164); of a text that somebody asked about its classification.
    pub channel: String,
    /// Slack `thread_ts` of a thread reply, none at the root of a channel; the other party's number for SMS.
    pub thread: Option<String>,
}

impl Conversation {
    /// One text that is equal exactly when the conversation is: `slack/T1/C1/1700000000.000100`, `-` for no thread.
    #[must_use]
    pub fn key(&self) -> String {
        let thread = self.thread.as_deref().unwrap_or("-");
        format!("{}/{}/{}/{thread}", self.source.as_str(), self.workspace, self.channel)
    }
}

/// The names by which the same message may come in again. Either one being known makes it a duplicate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DedupeKeys {
    /// The provider's id of this event: `slack:event:Ev…`. Absent where the provider sends none.
    pub event: Option<String>,
    /// What the message is: `slack:message:T/C/ts` plus subtype and edit. One message may arrive as several events.
    pub content: String,
}

/// What is to become of a signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// Wait for its burst to close, then be understood.
    Queue,
    /// Change a message that came in before, or that it overtook. Nothing new is made of it.
    Amend(Amendment),
    /// Kept and shown, never acted on, for this reason (`bot_message`, `unsupported_event`, …).
    Ignore(&'static str),
}

/// A change of a message that its author made later. The signal that carries it has the new text and the time of the
/// change; of several changes the latest counts, in whatever order they come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Amendment {
    /// The content key of the message that is changed.
    pub of: String,
    /// What is done to it.
    pub change: Change,
}

/// What an amendment does to its message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// It says something else now: the signal's own text.
    Edit,
    /// It is gone.
    Delete,
}

impl Change {
    /// The spelling of the column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Delete => "delete",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Edit, Self::Delete].into_iter().find(|change| change.as_str() == text)
    }
}

/// A file or a picture that came with a message. Recorded, never fetched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attachment {
    /// What its sender calls it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Its media type, as its sender says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    /// Where it can be fetched, with the provider's credentials.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
}

/// Somebody whom Dispatch may write to, unless that was forbidden.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Recipient(String);

impl Recipient {
    /// A phone number, E.164.
    #[must_use]
    pub fn phone(number: &str) -> Self {
        Self(format!("sms:{number}"))
    }

    /// Everybody in a Slack workspace.
    #[must_use]
    pub fn slack_workspace(team: &str) -> Self {
        Self(format!("slack:{team}"))
    }

    /// An endpoint of the policy file.
    #[must_use]
    pub fn webhook(name: &str) -> Self {
        Self(format!("webhook:{name}"))
    }

    /// An external agent of the policy file.
    #[must_use]
    pub fn agent(name: &str) -> Self {
        Self(format!("agent:{name}"))
    }

    /// The key under which permission is kept. It may be a phone number: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A word about whether a recipient may be written to. It counts from the commit of the signal that brings it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    /// Whom it is about.
    pub recipient: Recipient,
    /// Whether they may be written to from now on.
    pub given: bool,
    /// Why, as a stable code: `opted_out`, `app_uninstalled`, …
    pub reason: &'static str,
}

/// A repeat as the provider announced it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Redelivery {
    /// `x-slack-retry-num`, 1..3; none on a first delivery.
    pub number: Option<i32>,
    /// `x-slack-retry-reason`.
    pub reason: Option<String>,
}

/// A verified, parsed message on its way into the log.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // named as in the log's columns
pub struct NewSignal {
    pub signal_id: SignalId,
    pub conversation: Conversation,
    /// Slack user id or phone number; empty when the event has none.
    pub author: String,
    pub text: String,
    /// Files and pictures that came with it.
    pub attachments: Vec<Attachment>,
    /// The provider's own name of the message: Slack `ts`, Twilio `MessageSid`.
    pub message_ref: String,
    /// `event_id` of Slack, for people who search by it.
    pub provider_event_id: Option<String>,
    /// When the message was written, by the provider's clock.
    pub occurred_at: OffsetDateTime,
    pub keys: DedupeKeys,
    pub disposition: Disposition,
    /// What it says about being written to, if anything.
    pub consent: Option<Consent>,
    pub redelivery: Redelivery,
    /// The body as received, as JSON text.
    pub payload: String,
    /// W3C trace id of the request that brought it, 32 lower-case hex digits.
    pub trace_id: String,
}
