//! Lanes: what waits behind one another, and behind nothing else. Must not know what is sent along them.

use crate::destination::{Destination, NotificationDestination};

/// Whom a delivery waits for. Deliveries of different lanes never wait for each other.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Lane {
    /// Who has to be there to take it: `slack/T1`, `sms/+14165550100`, `webhook/crm`, `storage`. The first part is the kind. A circuit
    /// breaker stands before each.
    pub destination: String,
    /// The part of it that is written to at a rate of its own, such as a Slack channel.
    pub channel: Option<String>,
}

impl Lane {
    /// The lane of a whole destination.
    #[must_use]
    pub fn of(destination: impl Into<String>) -> Self {
        Self { destination: destination.into(), channel: None }
    }

    /// The column's spelling of the channel: empty for none.
    #[must_use]
    pub fn channel_text(&self) -> &str {
        self.channel.as_deref().unwrap_or_default()
    }
}

impl Destination {
    /// The lane it is reached along.
    #[must_use]
    pub fn lane(&self) -> Lane {
        let kind = self.kind().as_str();
        match self {
            Self::Storage(_) => Lane::of(kind),
            Self::Notification(NotificationDestination::Slack(thread)) => {
                Lane { destination: format!("{kind}/{}", thread.workspace), channel: Some(thread.channel_id.clone()) }
            }
            // Carriers count by the number that sends.
            Self::Notification(NotificationDestination::Sms(number)) => Lane::of(format!("{kind}/{}", number.from)),
            Self::Webhook(webhook) => Lane::of(format!("{kind}/{}", webhook.target)),
            Self::Agent(agent) => Lane::of(format!("{kind}/{}", agent.target)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::{
        AgentDestination, SlackThread, SmsNumber, StorageDestination, StorageTable, WebhookDestination,
    };

    #[test]
    fn each_kind_has_lanes_of_its_own() {
        let thread = SlackThread { workspace: "T1".into(), channel_id: "C1".into(), thread_ts: "1.000001".into() };
        let slack = Destination::Notification(NotificationDestination::Slack(thread)).lane();
        assert_eq!((slack.destination.as_str(), slack.channel_text()), ("slack/T1", "C1"));
        let number = SmsNumber { from: "+14165550100".into(), to: "+14165550101".into() };
        let sms = Destination::Notification(NotificationDestination::Sms(number)).lane();
        assert_eq!(sms, Lane::of("sms/+14165550100"));
        assert_eq!(sms.channel_text(), "");
        let storage = Destination::Storage(StorageDestination { table: StorageTable::Listings }).lane();
        assert_eq!(storage, Lane::of("storage"));
        let webhook = Destination::Webhook(WebhookDestination { target: "crm".into() }).lane();
        let agent = Destination::Agent(AgentDestination { target: "crm".into() }).lane();
        assert_eq!((webhook, agent), (Lane::of("webhook/crm"), Lane::of("agent/crm")));
    }
}
