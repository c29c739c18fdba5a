//! Lanes: what waits behind one another, and behind nothing else. Must not know what is sent along them.

use crate::delivery::AttemptOutcome;
use crate::delivery_queue::Bounds;
use crate::destination::{Destination, NotificationDestination};
use crate::plan::Content;
use std::collections::HashMap;

/// What the code of an attempt begins with that only looked for what an earlier one had sent.
pub const LOOKUP: &str = "lookup_";

/// The methods of Slack that are counted beside the posting of messages, each over a whole workspace.
const CHANGES: &str = "chat.update";
const WHISPERS: &str = "chat.postEphemeral";

/// Whom a delivery waits for. Deliveries of different lanes never wait for each other.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Lane {
    /// Who has to be there to take it: `slack/T1`, `sms/+14165550100`, `webhook/crm`, `storage`. The first part is the kind. A circuit
    /// breaker stands before each.
    pub destination: String,
    /// The part of it that is written to at a rate of its own: a Slack channel, or a method of Slack's (`chat.update`).
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

    /// What rests where an attempt along this lane was asked to come later. Slack counts by method and workspace: who posts
    /// too much posts in no channel of it, and may still change what he posted. Who was asked while he only looked for an earlier
    /// message has posted nothing: nobody else has to rest.
    #[must_use]
    pub fn rests(&self, outcome: &AttemptOutcome) -> Option<Self> {
        if outcome.code().is_some_and(|code| code.starts_with(LOOKUP)) {
            return None;
        }
        let is_channel = self.destination.starts_with("slack/") && !self.channel_text().contains('.');
        Some(if is_channel { Self::of(self.destination.clone()) } else { self.clone() })
    }
}

impl Destination {
    /// The lane it is reached along by what is sent there anew.
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

impl Destination {
    /// The lane along which `content` reaches it.
    #[must_use]
    pub fn lane_of(&self, content: &Content) -> Lane {
        let lane = self.lane();
        let method = match content {
            Content::Question(question) if question.replaces.is_some() => CHANGES,
            Content::Closing { .. } => CHANGES,
            Content::Whisper { .. } => WHISPERS,
            _ => return lane,
        };
        Lane { channel: Some(method.to_owned()), ..lane }
    }

    /// The conversation that it takes part in, where messages may be kept in their order.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Notification(NotificationDestination::Slack(to)) => {
                let thread = to.thread_ts.as_deref().unwrap_or("-");
                Some(format!("slack/{}/{}/{thread}", to.workspace, to.channel_id))
            }
            Self::Notification(NotificationDestination::Sms(to)) => Some(format!("sms/{}/{}", to.from, to.to)),
            _ => None,
        }
    }
}

/// A lane that may be used now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenLane {
    /// Which one.
    pub lane: Lane,
    /// Deliveries that are due and may pass; no more are looked for than could be claimed.
    pub due: u32,
    /// Its destination's breaker was open and lets one through.
    pub probe: bool,
}

/// How many each lane gives to a claim of `limit`: one each in turn, so that a long queue delays no short one. Those
/// whose destinations have least under way come first, and among them chance decides, so that none is always last.
#[must_use]
pub fn share_out(mut lanes: Vec<OpenLane>, limit: u32, bounds: &Bounds) -> Vec<(OpenLane, u32)> {
    let under_way = |lane: &OpenLane| bounds.under_way.get(&lane.lane.destination).copied().unwrap_or(0);
    fastrand::shuffle(&mut lanes);
    lanes.sort_by_key(under_way);
    let mut places: HashMap<String, u32> = HashMap::new();
    for open in &lanes {
        let most = if open.probe { 1 } else { bounds.each.map_or(limit, |each| each.saturating_sub(under_way(open))) };
        places.insert(open.lane.destination.clone(), most);
    }
    let mut shares: Vec<(OpenLane, u32)> = lanes.into_iter().map(|open| (open, 0)).collect();
    let (mut left, mut given) = (limit, true);
    while given {
        given = false;
        for (open, share) in &mut shares {
            let place = places.get_mut(&open.lane.destination).filter(|place| **place > 0);
            if let (true, true, Some(place)) = (left > 0, *share < open.due, place) {
                (*place, *share, left, given) = (*place - 1, *share + 1, left - 1, true);
            }
        }
    }
    shares.retain(|(_, share)| *share > 0);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::{
        AgentDestination, SlackPlace, SmsNumber, StorageDestination, StorageTable, WebhookDestination,
    };
    use crate::question::Remark;
    use proptest::prelude::*;

    #[test]
    fn each_kind_has_lanes_of_its_own() {
        let thread = SlackPlace { workspace: "T1".into(), channel_id: "C1".into(), thread_ts: Some("1.000001".into()) };
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

    fn slack(channel: &str) -> Destination {
        let thread =
            SlackPlace { workspace: "T1".into(), channel_id: channel.into(), thread_ts: Some("1.000001".into()) };
        Destination::Notification(NotificationDestination::Slack(thread))
    }

    #[test]
    fn a_pause_is_of_a_method_in_a_workspace() {
        let asked = |code: &str| AttemptOutcome::Retryable { code: code.into(), retry_after: None };
        let posts = slack("C1").lane_of(&Content::Message { text: "hello".into() });
        assert_eq!(posts, slack("C1").lane());
        assert_eq!(posts.rests(&asked("rate_limited")), Some(Lane::of("slack/T1")), "in no channel of it");
        assert_eq!(posts.rests(&asked("lookup_rate_limited")), None, "it posted nothing");
        let remark = Remark::plain("Confirmed");
        let changes = slack("C1").lane_of(&Content::Closing { message_ref: "1.000002".into(), remark: remark.clone() });
        let whispers = slack("C2").lane_of(&Content::Whisper { to: "U1".into(), remark });
        assert_eq!((changes.channel_text(), whispers.channel_text()), ("chat.update", "chat.postEphemeral"));
        assert_eq!(changes.rests(&asked("rate_limited")), Some(changes.clone()), "and nothing else of it");
        let crm = Lane::of("webhook/crm");
        assert_eq!(crm.rests(&asked("http_429")), Some(crm.clone()));
    }

    fn open(destination: u8, channel: u8, due: u32) -> OpenLane {
        let lane = Lane { destination: format!("slack/T{destination}"), channel: Some(format!("C{channel}")) };
        OpenLane { lane, due, probe: destination == 0 }
    }

    proptest! {
        #[test]
        fn every_lane_gets_its_turn_and_none_more_than_its_places(
            lanes in proptest::collection::btree_map((0u8..5, 0u8..4), 1u32..30, 0..15),
            limit in 0u32..40, each in proptest::option::of(1u32..10), busy in 0u32..12,
        ) {
            let lanes: Vec<OpenLane> = lanes.into_iter().map(|((to, channel), due)| open(to, channel, due)).collect();
            let under_way = HashMap::from([("slack/T1".to_owned(), busy)]);
            let bounds = Bounds { each, under_way, deadline: None };
            let shares = share_out(lanes.clone(), limit, &bounds);
            let mut by_destination: HashMap<&str, u32> = HashMap::new();
            for (open, share) in &shares {
                prop_assert!(*share <= open.due);
                *by_destination.entry(&open.lane.destination).or_default() += share;
            }
            let taken = |to: &str| by_destination.get(to).copied().unwrap_or(0);
            let most = |to: &str| match (to, each) {
                ("slack/T0", _) => 1,
                ("slack/T1", Some(each)) => each.saturating_sub(busy),
                (_, each) => each.unwrap_or(limit),
            };
            let due = |to: &str| lanes.iter().filter(|open| open.lane.destination == to).map(|open| open.due).sum::<u32>();
            let possible: u32 = (0..5).map(|n| format!("slack/T{n}")).map(|to| due(&to).min(most(&to))).sum();
            prop_assert_eq!(shares.iter().map(|(_, share)| share).sum::<u32>(), possible.min(limit), "nothing is left over");
            for (to, taken) in &by_destination {
                prop_assert!(*taken <= most(to));
            }
            // Whoever got a second one did so after everybody who could have got a first.
            if shares.iter().any(|(_, share)| *share > 1) {
                for open in &lanes {
                    let got = shares.iter().any(|(other, _)| other == open);
                    let to = open.lane.destination.as_str();
                    prop_assert!(got || taken(to) == most(to), "{open:?} in {shares:?}");
                }
            }
        }
    }
}
