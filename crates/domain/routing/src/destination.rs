//! Where a delivery goes. The JSON shape is the one of the API and of the stored delivery.

use dispatch_mission::signal::Recipient;
use serde::{Deserialize, Serialize};

/// One destination of a dispatch.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Destination {
    /// A table of the brokerage's database.
    Storage(StorageDestination),
    /// A message to people.
    Notification(NotificationDestination),
    /// An event for somebody's program.
    Webhook(WebhookDestination),
    /// An event for an agent of somebody's, which may answer.
    Agent(AgentDestination),
}

/// A table of the brokerage's database.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct StorageDestination {
    /// Which table the effect is named for.
    pub table: StorageTable,
}

/// The tables that storage deliveries write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageTable {
    /// A listing and its template activities.
    Listings,
    /// An agent task.
    DispatchAgentTasks,
    /// One activity on the listing that is there at the message's address.
    DispatchActivities,
    /// The record of Slack messages that the old backend kept.
    Messages,
}

/// A message to people, in the conversation that the unit came from.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub enum NotificationDestination {
    /// A Slack channel, in a thread.
    Slack(SlackPlace),
    /// A phone, by SMS.
    Sms(SmsNumber),
}

/// An endpoint of the policy file.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct WebhookDestination {
    /// Its name there.
    pub target: String,
}

/// An external agent of the policy file.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct AgentDestination {
    /// Its name there.
    pub target: String,
}

/// A Slack channel, or a thread of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SlackPlace {
    /// Slack team id: which workspace's token sends.
    pub workspace: String,
    /// Slack channel id.
    pub channel_id: String,
    /// `ts` of the message that the thread hangs on; none for the channel itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_ts: Option<String>,
}

/// A phone that gets a text message.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct SmsNumber {
    /// Our own number, which they know: where their message came in.
    pub from: String,
    /// Their number, E.164.
    pub to: String,
}

impl Destination {
    /// Whom it writes to, where they may forbid that: people, and programs that answered 410.
    #[must_use]
    pub fn recipient(&self) -> Option<Recipient> {
        match self {
            Self::Storage(_) => None,
            Self::Notification(NotificationDestination::Slack(thread)) => {
                Some(Recipient::slack_workspace(&thread.workspace))
            }
            Self::Notification(NotificationDestination::Sms(number)) => Some(Recipient::phone(&number.to)),
            Self::Webhook(webhook) => Some(Recipient::webhook(&webhook.target)),
            Self::Agent(agent) => Some(Recipient::agent(&agent.target)),
        }
    }

    /// The courier that serves it, and a bounded metric label: `storage`, `slack`, `sms`, `webhook` or `agent`.
    #[must_use]
    pub fn kind(&self) -> DestinationKind {
        match self {
            Self::Storage(_) => DestinationKind::Storage,
            Self::Notification(NotificationDestination::Slack(_)) => DestinationKind::Slack,
            Self::Notification(NotificationDestination::Sms(_)) => DestinationKind::Sms,
            Self::Webhook(_) => DestinationKind::Webhook,
            Self::Agent(_) => DestinationKind::Agent,
        }
    }
}

/// Which courier serves a destination.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// The brokerage's database.
    Storage,
    /// Slack's Web API.
    Slack,
    /// Twilio's messaging API.
    Sms,
    /// Endpoints of the policy file.
    Webhook,
    /// External agents of the policy file.
    Agent,
}

impl DestinationKind {
    /// The spelling of column and metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Slack => "slack",
            Self::Sms => "sms",
            Self::Webhook => "webhook",
            Self::Agent => "agent",
        }
    }
}
