//! What goes to the destinations of a rule: rows, and words for people. It must not decide whether anything goes.

use super::file::Policy;
use super::rule::{Notice, To};
use super::words::key_of;
use crate::destination::{
    AgentDestination, Destination, NotificationDestination, SlackPlace, SmsNumber, StorageDestination, StorageTable,
    WebhookDestination,
};
use crate::plan::{Content, PlannedDelivery, Quota};
use crate::storage::{AgentTaskWork, ListingWork, StorageItem, StorageWork};
use crate::unit::ClaimedUnit;
use dispatch_classification::classification::{Classification, Meaning, TaskTitle};
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use dispatch_mission::mission::{MissionType, RoutingDecision};
use dispatch_mission::signal::{Conversation, Source};
use dispatch_mission::zone::Zone;

impl Policy {
    /// Deliveries to these destinations: rows first, for people hear of what was made.
    pub(super) fn plan(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
        to: &[To],
    ) -> Vec<PlannedDelivery> {
        let mut plan = Vec::new();
        if to.contains(&To::TaskOrchestrator) {
            plan.push(self.rows_of_meaning(unit, meaning, zone));
        }
        let after = (!plan.is_empty()).then_some(0);
        for one in to {
            plan.extend(match one {
                To::TaskOrchestrator => None,
                To::Receipt => reply(unit, self.receipt_of_meaning(meaning), after, None),
                To::Question => self.question(unit, meaning, after),
                To::Webhook(target) => {
                    let to = Destination::Webhook(WebhookDestination { target: target.clone() });
                    Some(self.event(unit, meaning, zone, to))
                }
                To::Agent(target) => {
                    let to = Destination::Agent(AgentDestination { target: target.clone() });
                    Some(self.event(unit, meaning, zone, to))
                }
                To::Slack(wanted) => Some(notice(unit, meaning, wanted, after)),
            });
        }
        plan
    }

    /// What the task orchestrator makes of it.
    pub(super) fn rows_of_meaning(&self, unit: &ClaimedUnit, meaning: &Classification, zone: &Zone) -> PlannedDelivery {
        match meaning.meaning {
            Meaning::Group(key) => self.listing_rows(unit, meaning, key, zone),
            Meaning::Stray(key) => self.task_row(unit, meaning, Some(key), zone),
            Meaning::InfoRequest => {
                let work = work(unit, meaning, None, MissionType::Admin, Some(missing(meaning)), zone);
                self.storage(StorageTable::DispatchAgentTasks, unit, meaning, StorageItem::AgentTask(work))
            }
            Meaning::Ignore => self.task_row(unit, meaning, None, zone),
        }
    }

    fn receipt_of_meaning(&self, meaning: &Classification) -> String {
        match meaning.meaning {
            Meaning::Group(key) => self.listing_receipt(meaning, key),
            Meaning::Stray(_) | Meaning::InfoRequest | Meaning::Ignore => self.receipt.task.clone(),
        }
    }

    pub(super) fn listing_rows(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        key: GroupKey,
        zone: &Zone,
    ) -> PlannedDelivery {
        let item = StorageItem::Listing(ListingWork {
            group_key: key,
            listing_type: meaning.listing.kind,
            address: meaning.listing.address.clone(),
            notes: unit.notes(),
            due_at: meaning.due_date.map(|due| zone.instant(due)),
            activities: self.templates.get(&key).unwrap_or(&self.default_template).clone(),
            receipt_updated: meaning
                .listing
                .address
                .as_deref()
                .map(|address| told(&self.receipt.listing_updated, key, address)),
        });
        self.storage(StorageTable::Listings, unit, meaning, item)
    }

    pub(super) fn listing_receipt(&self, meaning: &Classification, key: GroupKey) -> String {
        let address = meaning.listing.address.as_deref();
        let template = if address.is_some() { &self.receipt.listing } else { &self.receipt.listing_without_address };
        told(template, key, address.unwrap_or_default())
    }

    /// Work that lacks nothing; ADMIN work where no key says otherwise.
    fn whole_work(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        key: Option<TaskKey>,
        zone: &Zone,
    ) -> AgentTaskWork {
        let mission_type = key.and_then(|key| self.task_types.get(&key).copied()).unwrap_or(MissionType::Admin);
        work(unit, meaning, key, mission_type, None, zone)
    }

    /// One agent task.
    pub(super) fn task_row(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        key: Option<TaskKey>,
        zone: &Zone,
    ) -> PlannedDelivery {
        let item = StorageItem::AgentTask(self.whole_work(unit, meaning, key, zone));
        self.storage(StorageTable::DispatchAgentTasks, unit, meaning, item)
    }

    /// One activity on the listing at the message's address.
    pub(super) fn activity_row(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        key: Option<TaskKey>,
        zone: &Zone,
    ) -> PlannedDelivery {
        let item = StorageItem::Activity(self.whole_work(unit, meaning, key, zone));
        self.storage(StorageTable::DispatchActivities, unit, meaning, item)
    }

    /// The messages themselves, for the record.
    pub(super) fn record(&self, unit: &ClaimedUnit, meaning: &Classification) -> PlannedDelivery {
        self.storage(StorageTable::Messages, unit, meaning, StorageItem::Messages)
    }

    fn question(&self, unit: &ClaimedUnit, meaning: &Classification, after: Option<usize>) -> Option<PlannedDelivery> {
        let text = self.question.text.replace("{missing}", &missing(meaning));
        reply(unit, text, after, Some(self.question_quota(unit)))
    }

    pub(super) fn storage(
        &self,
        table: StorageTable,
        unit: &ClaimedUnit,
        meaning: &Classification,
        item: StorageItem,
    ) -> PlannedDelivery {
        PlannedDelivery {
            destination: Destination::Storage(StorageDestination { table }),
            content: Content::Storage(Box::new(StorageWork {
                author: unit.author.clone(),
                assignee_hint: meaning.assignee_hint.clone(),
                realtor_id: None,
                confidence: meaning.confidence.get(),
                // Whoever decides says why, when the plan is made: see `super::decide::made_because`.
                routing_decision: RoutingDecision { auto_dispatch: true, reason: String::new() },
                revision: unit.revision.as_ref().map_or(0, |revision| revision.number),
                answer: None,
                nonce: None,
                item,
            })),
            after: None,
            quota: None,
        }
    }
}

/// A message to others, in words that the policy gives.
fn notice(unit: &ClaimedUnit, meaning: &Classification, wanted: &Notice, after: Option<usize>) -> PlannedDelivery {
    let title = meaning.task_title.clone().or_else(|| TaskTitle::from_text(&unit.notes()));
    let words = [
        meaning.meaning.message_type().as_str().to_owned(),
        key_of(meaning.meaning).unwrap_or_default().to_owned(),
        title.map(|title| title.to_string()).unwrap_or_default(),
        meaning.listing.address.clone().unwrap_or_default(),
    ];
    PlannedDelivery {
        destination: Destination::Notification(NotificationDestination::Slack(wanted.place.clone())),
        content: Content::Message { text: filled(&wanted.text, &Notice::NOTICE_WORDS, &words) },
        after,
        quota: None,
    }
}

/// The text with each name in braces replaced; what is put in is not looked at again.
fn filled(text: &str, names: &[&str], words: &[String]) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = after.split_once('}').and_then(|(name, after)| {
            let at = names.iter().position(|known| *known == name)?;
            Some((words.get(at)?, after))
        });
        match known {
            Some((word, after)) => {
                filled.push_str(word);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// Evidence quotes the message; what is missing is said in plain words, and those alone go to people.
fn missing(meaning: &Classification) -> String {
    let plain: Vec<_> = meaning.explanations.iter().filter(|words| !words.contains('"')).cloned().collect();
    if plain.is_empty() {
        return "what exactly should be done, and for which property".to_owned();
    }
    plain.join("; ")
}

/// What a person has to do.
fn work(
    unit: &ClaimedUnit,
    meaning: &Classification,
    task_key: Option<TaskKey>,
    mission_type: MissionType,
    needs_info: Option<String>,
    zone: &Zone,
) -> AgentTaskWork {
    let description = unit.notes();
    let title = meaning.task_title.clone().or_else(|| TaskTitle::from_text(&description));
    AgentTaskWork {
        task_key,
        mission_type,
        title: title.map_or_else(|| "Untitled request".to_owned(), |title| title.to_string()),
        description,
        address: meaning.listing.address.clone(),
        due_at: meaning.due_date.map(|due| zone.instant(due)),
        needs_info,
    }
}

/// A message back to where the unit came from: in the thread of its first message, or to its author's phone.
pub(super) fn reply(
    unit: &ClaimedUnit,
    text: String,
    after: Option<usize>,
    quota: Option<Quota>,
) -> Option<PlannedDelivery> {
    let first = unit.members.first().map(|member| member.message_ref.as_str());
    let destination = Destination::Notification(reply_to(&unit.conversation, &unit.author, first)?);
    Some(PlannedDelivery { destination, content: Content::Message { text }, after, quota })
}

/// Where whoever wrote the messages is answered; `first` is the provider's name of the first of them.
pub(crate) fn reply_to(place: &Conversation, author: &str, first: Option<&str>) -> Option<NotificationDestination> {
    Some(match place.source {
        Source::Slack => NotificationDestination::Slack(SlackPlace {
            workspace: place.workspace.clone(),
            channel_id: place.channel.clone(),
            thread_ts: Some(place.thread.as_deref().or(first)?.to_owned()),
        }),
        Source::Sms => NotificationDestination::Sms(SmsNumber { from: place.channel.clone(), to: author.to_owned() }),
        Source::Api => return None,
    })
}

/// A receipt about a listing.
fn told(template: &str, key: GroupKey, address: &str) -> String {
    template.replace("{group}", &title_case(key.as_str())).replace("{address}", address)
}

/// `SALE_LEASE_LISTING` → `Sale Lease Listing`, as the old receipts spelled it.
pub(super) fn title_case(key: &str) -> String {
    key.split('_')
        .map(|word| {
            let (head, tail) = word.split_at(word.len().min(1));
            format!("{head}{}", tail.to_lowercase())
        })
        .collect::<Vec<_>>()
        .join(" ")
}
