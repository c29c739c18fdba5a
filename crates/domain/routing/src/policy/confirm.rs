//! What is done about a unit when a person says so, however unsure its classification was.

use super::endpoints::TASK_ORCHESTRATOR;
use super::file::Policy;
use crate::destination::{
    AgentDestination, Destination, NotificationDestination, SlackPlace, SmsNumber, StorageTable, WebhookDestination,
};
use crate::plan::{Content, Decision, PlannedDelivery, Verdict};
use crate::storage::StorageItem;
use crate::unit::ClaimedUnit;
use dispatch_classification::classification::{Classification, Meaning};
use dispatch_mission::address::Address;
use dispatch_mission::ids::RealtorId;
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::signal::Source;
use dispatch_mission::zone::Zone;
use thiserror::Error;

/// What a person adds to a plain yes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// Whose work it is.
    pub realtor: Option<RealtorId>,
    /// Where it goes instead of where the policy would send it.
    pub destinations: Option<Vec<Wanted>>,
    /// What it means, where it was understood wrongly.
    pub meaning: Option<Meaning>,
}

/// A destination that a person names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Rows in this table.
    Storage(StorageTable),
    /// A receipt in a Slack channel: where no thread is named, in the unit's own, and in another channel in the channel itself.
    Slack {
        /// Slack team id; needed for a text that came in by no door.
        workspace: Option<String>,
        /// Slack channel id.
        channel_id: String,
        /// `ts` of the message that the thread hangs on.
        thread_ts: Option<String>,
    },
    /// A receipt by SMS.
    Sms {
        /// Their number, E.164.
        to: String,
    },
    /// The event, to this endpoint of the policy file.
    Webhook {
        /// Its name there.
        target: String,
    },
    /// The event, to this external agent of the policy file; or the rows that the meaning leads to, from
    /// [`TASK_ORCHESTRATOR`].
    Agent {
        /// Its name there.
        target: String,
    },
}

impl Wanted {
    /// Whether rows are made of it.
    fn is_rows(&self) -> bool {
        match self {
            Self::Storage(_) => true,
            Self::Agent { target } => target == TASK_ORCHESTRATOR,
            Self::Slack { .. } | Self::Sms { .. } | Self::Webhook { .. } => false,
        }
    }
}

/// Why nothing can be planned.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Unplannable {
    /// The policy does nothing about chatter; a person who wants something done names destinations.
    #[error("nothing is planned for chatter")]
    Nothing,
    /// One of the destinations cannot be served.
    #[error("destination {index} {why}")]
    Destination {
        /// Its place among the destinations.
        index: usize,
        /// Which member is wrong, if one is.
        member: Option<&'static str>,
        /// How, after the name of the destination.
        why: &'static str,
    },
}

impl Policy {
    /// Decides what is done about `unit` now that `by` has confirmed it: the plan of whoever is sure that it means
    /// `meaning`, or what goes to the destinations of `choice`.
    ///
    /// # Errors
    /// [`Unplannable`]: then nothing at all is done, whatever could be.
    pub fn confirm(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
        by: &str,
        choice: &Choice,
    ) -> Result<Decision, Unplannable> {
        let routing = RoutingDecision { auto_dispatch: false, reason: format!("Confirmed by {by}") };
        let plan = match &choice.destinations {
            Some(wanted) => self.chosen(unit, meaning, zone, wanted)?,
            None => self.plan_on_word(unit, meaning, zone).ok_or(Unplannable::Nothing)?,
        };
        let decision = Decision {
            routing: routing.clone(),
            rule: "confirmed".into(),
            verdict: Verdict::Dispatch(plan),
            question: None,
        };
        let mut decision = self.in_view_of_before(unit, meaning, decision);
        decision.routing = routing.clone();
        if let Verdict::Dispatch(plan) = &mut decision.verdict {
            for one in plan {
                if let Content::Storage(work) = &mut one.content {
                    work.routing_decision = routing.clone();
                    work.realtor_id.clone_from(&choice.realtor);
                }
            }
        }
        let decision = self.announced(unit, meaning, zone, decision);
        Ok(self.asking(unit, meaning, decision))
    }

    fn chosen(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
        wanted: &[Wanted],
    ) -> Result<Vec<PlannedDelivery>, Unplannable> {
        let mut plan: Vec<PlannedDelivery> = Vec::new();
        // Rows first, for a receipt waits for them; the first of them is what it is about.
        let (storage, messages): (Vec<_>, Vec<_>) = wanted.iter().enumerate().partition(|(_, one)| one.is_rows());
        // The record of what was said tells what was made of it.
        let (record, rows): (Vec<_>, Vec<_>) =
            storage.into_iter().partition(|(_, one)| matches!(one, Wanted::Storage(StorageTable::Messages)));
        for (index, one) in rows.into_iter().chain(record).chain(messages) {
            let refuse = |(member, why)| Unplannable::Destination { index, member, why };
            let planned = match one {
                Wanted::Storage(table) => self.rows(unit, meaning, *table, zone).map_err(refuse)?,
                Wanted::Agent { target } if target == TASK_ORCHESTRATOR => {
                    self.orchestrated(unit, meaning, zone).map_err(refuse)?
                }
                Wanted::Webhook { .. } | Wanted::Agent { .. } => {
                    let to = self.program(one).map_err(refuse)?;
                    self.event(unit, meaning, zone, to)
                }
                message => {
                    let to = address(unit, message).map_err(refuse)?;
                    let about = plan.iter().position(is_work);
                    let text = self.receipt_for(meaning, about.map(|at| &plan[at])).map_err(refuse)?;
                    let destination = Destination::Notification(to);
                    PlannedDelivery { destination, content: Content::Message { text }, after: about, quota: None }
                }
            };
            if plan.iter().any(|before| before.destination == planned.destination) {
                return Err(refuse((None, "is named twice")));
            }
            plan.push(planned);
        }
        if plan.is_empty() { Err(Unplannable::Nothing) } else { Ok(plan) }
    }

    /// The rows that the task orchestrator makes of this meaning.
    fn orchestrated(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
    ) -> Result<PlannedDelivery, Wrong> {
        if meaning.meaning == Meaning::Ignore {
            return Err((Some("target"), "makes nothing of chatter: name a table of storage"));
        }
        Ok(self.rows_of_meaning(unit, meaning, zone))
    }

    /// The endpoint or agent of that name, if the policy file has it.
    fn program(&self, wanted: &Wanted) -> Result<Destination, Wrong> {
        match wanted {
            Wanted::Webhook { target } if self.endpoints.webhooks.contains_key(target) => {
                Ok(Destination::Webhook(WebhookDestination { target: target.clone() }))
            }
            Wanted::Agent { target } if self.endpoints.agents.contains_key(target) => {
                Ok(Destination::Agent(AgentDestination { target: target.clone() }))
            }
            Wanted::Agent { .. } => {
                Err((Some("target"), "is neither task_orchestrator nor an agent of the policy file"))
            }
            _ => Err((Some("target"), "is no endpoint of the policy file")),
        }
    }

    fn rows(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        table: StorageTable,
        zone: &Zone,
    ) -> Result<PlannedDelivery, Wrong> {
        match (table, meaning.meaning) {
            (StorageTable::Listings, Meaning::Group(key)) => Ok(self.listing_rows(unit, meaning, key, zone)),
            (StorageTable::Listings, _) => {
                Err((Some("table"), "needs a message that declares a listing: this one is no GROUP"))
            }
            (StorageTable::DispatchAgentTasks, Meaning::Stray(key)) => {
                Ok(self.task_row(unit, meaning, Some(key), zone))
            }
            (StorageTable::DispatchAgentTasks, _) => Ok(self.task_row(unit, meaning, None, zone)),
            (StorageTable::DispatchActivities, _) => {
                let is_placed = meaning.listing.address.as_deref().and_then(Address::read).is_some();
                let row = || self.activity_row(unit, meaning, meaning.meaning.task_key(), zone);
                is_placed.then(row).ok_or((Some("table"), "needs a message that names an address: this one names none"))
            }
            (StorageTable::Messages, _) if unit.conversation.source == Source::Slack => Ok(self.record(unit, meaning)),
            (StorageTable::Messages, _) => Err((Some("table"), "keeps messages from Slack: this one came another way")),
        }
    }

    /// What people are told: what the rows are, or would be.
    fn receipt_for(&self, meaning: &Classification, rows: Option<&PlannedDelivery>) -> Result<String, Wrong> {
        let table = rows.and_then(|one| match &one.destination {
            Destination::Storage(storage) => Some(storage.table),
            _ => None,
        });
        match (table, meaning.meaning) {
            (Some(StorageTable::Listings) | None, Meaning::Group(key)) => Ok(self.listing_receipt(meaning, key)),
            (Some(_), _) | (None, Meaning::Stray(_)) => Ok(self.receipt.task.clone()),
            (None, _) => Err((None, "has nothing to tell: no rows are made, and the message is no work")),
        }
    }
}

/// Whether it makes work for people.
fn is_work(one: &PlannedDelivery) -> bool {
    matches!(&one.content, Content::Storage(work) if !matches!(work.item, StorageItem::Messages))
}

/// Which member is wrong, and how.
type Wrong = (Option<&'static str>, &'static str);

/// Where a message goes; only by the door that its unit came in by, for another one's credentials are not ours to guess.
fn address(unit: &ClaimedUnit, wanted: &Wanted) -> Result<NotificationDestination, Wrong> {
    let place = &unit.conversation;
    match (wanted, place.source) {
        (Wanted::Slack { workspace: Some(other), .. }, Source::Slack) if *other != place.workspace => {
            Err((Some("workspace"), "is not the one that the message came from"))
        }
        (Wanted::Slack { workspace: Some(workspace), channel_id, thread_ts }, Source::Api) => {
            Ok(NotificationDestination::Slack(SlackPlace {
                workspace: workspace.clone(),
                channel_id: channel_id.clone(),
                thread_ts: thread_ts.clone(),
            }))
        }
        (Wanted::Slack { .. }, Source::Api) => {
            Err((Some("workspace"), "needs the id of a Slack workspace: the text came from none"))
        }
        (Wanted::Slack { channel_id, thread_ts, .. }, Source::Slack) => {
            let here = || place.thread.clone().or_else(|| Some(unit.members.first()?.message_ref.clone()));
            let thread_ts = thread_ts.clone().or_else(|| (*channel_id == place.channel).then(here).flatten());
            Ok(NotificationDestination::Slack(SlackPlace {
                workspace: place.workspace.clone(),
                channel_id: channel_id.clone(),
                thread_ts,
            }))
        }
        (Wanted::Sms { to }, Source::Sms) => {
            Ok(NotificationDestination::Sms(SmsNumber { from: place.channel.clone(), to: to.clone() }))
        }
        (_, Source::Api) => Err((Some("target"), "cannot be sent: the text came to no number of ours")),
        (_, Source::Sms) => Err((Some("target"), "cannot be sent: the message came by SMS")),
        (_, Source::Slack) => Err((Some("target"), "cannot be sent: the message came by Slack")),
    }
}
