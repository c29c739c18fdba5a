//! The decision itself.

use super::file::Policy;
use crate::destination::{
    Destination, NotificationDestination, SlackThread, SmsNumber, StorageDestination, StorageTable,
};
use crate::plan::{Content, Decision, Hold, Judgement, PlannedDelivery, Quota, Verdict};
use crate::storage::{AgentTaskWork, ListingWork, Rewording, StorageItem, StorageWork};
use crate::unit::{ClaimedUnit, Revision};
use dispatch_classification::classification::{Classification, Meaning, TaskTitle};
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use dispatch_mission::mission::{MissionType, RoutingDecision};
use dispatch_mission::signal::{Conversation, Source};
use dispatch_mission::zone::Zone;

impl Policy {
    /// Decides what is done about `unit`, which means `meaning`. Wall times become instants in `zone`.
    #[must_use]
    pub fn decide(&self, unit: &ClaimedUnit, meaning: &Classification, zone: &Zone) -> Decision {
        let decision = self.in_view_of_before(unit, meaning, self.by_meaning(unit, meaning, zone));
        let decision = self.announced(unit, meaning, zone, decision);
        self.asking(unit, meaning, decision)
    }

    /// What a decision comes to where the unit has led to something before.
    pub(super) fn in_view_of_before(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        decision: Decision,
    ) -> Decision {
        match &unit.revision {
            Some(revision) if revision.taken => self.leave_to_its_holder(unit),
            Some(revision) if !revision.made.is_empty() => self.revise(unit, meaning, revision, decision),
            _ => decision,
        }
    }

    /// Somebody is at work on it: what they took up is not changed under their hands, and the author is told.
    fn leave_to_its_holder(&self, unit: &ClaimedUnit) -> Decision {
        let quota = Quota { key: format!("taken:{}", unit.conversation.key()), every: self.question_interval() };
        Decision {
            routing: RoutingDecision { auto_dispatch: true, reason: "Somebody took it up; nothing was changed".into() },
            rule: "revision_taken".into(),
            verdict: Verdict::Dispatch(
                reply(unit, self.receipt.taken.clone(), None, Some(quota)).into_iter().collect(),
            ),
            question: None,
        }
    }

    /// What is done about a unit that has led to something before: rows change instead of being added.
    fn revise(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        revision: &Revision,
        mut decision: Decision,
    ) -> Decision {
        let each = |item: &StorageItem, tables: &mut dyn Iterator<Item = StorageTable>| -> Vec<_> {
            tables.map(|table| self.storage(table, unit, meaning, item.clone())).collect()
        };
        let mut made = revision.made.iter().copied();
        let plan = match decision.verdict {
            Verdict::Nothing => each(&StorageItem::Withdraw, &mut made),
            Verdict::Hold(_) => {
                decision.rule = "revision_unsure".into();
                decision.routing.reason.push_str("; only the words were changed");
                each(&StorageItem::Reword(Rewording { text: unit.notes() }), &mut made)
            }
            Verdict::Dispatch(mut plan) => {
                // Its author had a receipt, unless the answer to a question has completed it just now.
                plan.retain(|one| {
                    !matches!(one.content, Content::Message { .. }) || revision.waiting || one.quota.is_some()
                });
                let kept: Vec<_> = plan.iter().filter_map(|one| table_of(&one.destination)).collect();
                plan.extend(each(&StorageItem::Withdraw, &mut made.filter(|table| !kept.contains(table))));
                plan
            }
        };
        Decision { verdict: Verdict::Dispatch(plan), ..decision }
    }

    /// What the policy makes of a meaning, whoever said it: whether Dispatch acts by itself, and by which rule. `wordless` is
    /// what came as files alone.
    #[must_use]
    pub fn judge(&self, meaning: &Classification, wordless: bool) -> Judgement {
        let confidence = meaning.confidence.get();
        let hold = |rule: &str, reason: String, code: &str, expires_after| Judgement {
            routing: RoutingDecision { auto_dispatch: false, reason },
            rule: rule.into(),
            hold: Some(Hold { reason: code.into(), expires_after }),
        };
        let act = |rule: &str, routing| Judgement { routing, rule: rule.into(), hold: None };
        match meaning.meaning {
            // A signed offer may come without a word; it is no chatter.
            _ if wordless => hold("attachment_only", "Files without words".into(), "attachment_only", None),
            Meaning::Ignore if confidence < self.ignore.threshold => hold(
                "ignore_unsure",
                format!("Below {} threshold for chatter", self.ignore.threshold),
                "below_threshold",
                Some(self.ignore_expiry()),
            ),
            Meaning::Ignore => {
                act("ignore", RoutingDecision { auto_dispatch: true, reason: "Chatter: nothing to do".into() })
            }
            _ if confidence < self.threshold => {
                hold("below_threshold", format!("Below {} threshold", self.threshold), "below_threshold", None)
            }
            Meaning::Group(_) => act("group", self.above_threshold()),
            Meaning::Stray(_) => act("stray", self.above_threshold()),
            Meaning::InfoRequest => act("info_request", self.above_threshold()),
        }
    }

    fn by_meaning(&self, unit: &ClaimedUnit, meaning: &Classification, zone: &Zone) -> Decision {
        let Judgement { routing, rule, hold } = self.judge(meaning, unit.is_wordless());
        let verdict = match hold {
            Some(hold) => Verdict::Hold(hold),
            None => self.plan(unit, meaning, zone).map_or(Verdict::Nothing, Verdict::Dispatch),
        };
        Decision { routing, rule, verdict, question: None }
    }

    /// What a meaning leads to, however sure it is; nothing for chatter.
    pub(super) fn plan(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        zone: &Zone,
    ) -> Option<Vec<PlannedDelivery>> {
        Some(match meaning.meaning {
            Meaning::Ignore => return None,
            Meaning::Group(key) => self.listing(unit, meaning, key, zone),
            Meaning::Stray(key) => self.task(unit, meaning, key, zone),
            Meaning::InfoRequest => self.question(unit, meaning, zone),
        })
    }

    fn above_threshold(&self) -> RoutingDecision {
        RoutingDecision { auto_dispatch: true, reason: format!("Above {} threshold", self.threshold) }
    }

    fn listing(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        key: GroupKey,
        zone: &Zone,
    ) -> Vec<PlannedDelivery> {
        let mut plan = vec![self.listing_rows(unit, meaning, key, zone)];
        plan.extend(reply(unit, self.listing_receipt(meaning, key), Some(0), None));
        plan
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

    fn task(&self, unit: &ClaimedUnit, meaning: &Classification, key: TaskKey, zone: &Zone) -> Vec<PlannedDelivery> {
        let mut plan = vec![self.task_row(unit, meaning, Some(key), zone)];
        plan.extend(reply(unit, self.receipt.task.clone(), Some(0), None));
        plan
    }

    /// One agent task, complete as it is; ADMIN work where no key says otherwise.
    pub(super) fn task_row(
        &self,
        unit: &ClaimedUnit,
        meaning: &Classification,
        key: Option<TaskKey>,
        zone: &Zone,
    ) -> PlannedDelivery {
        let mission_type = key.and_then(|key| self.task_types.get(&key).copied()).unwrap_or(MissionType::Admin);
        let item = StorageItem::AgentTask(work(unit, meaning, key, mission_type, None, zone));
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
        let mission_type = key.and_then(|key| self.task_types.get(&key).copied()).unwrap_or(MissionType::Admin);
        let item = StorageItem::Activity(work(unit, meaning, key, mission_type, None, zone));
        self.storage(StorageTable::DispatchActivities, unit, meaning, item)
    }

    /// The messages themselves, for the record.
    pub(super) fn record(&self, unit: &ClaimedUnit, meaning: &Classification) -> PlannedDelivery {
        self.storage(StorageTable::Messages, unit, meaning, StorageItem::Messages)
    }

    fn question(&self, unit: &ClaimedUnit, meaning: &Classification, zone: &Zone) -> Vec<PlannedDelivery> {
        // Evidence quotes the message; what is missing is said in plain words, and those alone go to people.
        let plain: Vec<_> = meaning.explanations.iter().filter(|words| !words.contains('"')).cloned().collect();
        let missing = if plain.is_empty() {
            "what exactly should be done, and for which property".to_owned()
        } else {
            plain.join("; ")
        };
        let item = StorageItem::AgentTask(work(unit, meaning, None, MissionType::Admin, Some(missing.clone()), zone));
        let quota = self.question_quota(unit);
        let mut plan = vec![self.storage(StorageTable::DispatchAgentTasks, unit, meaning, item)];
        plan.extend(reply(unit, self.question.text.replace("{missing}", &missing), Some(0), Some(quota)));
        plan
    }

    fn storage(
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
                routing_decision: self.above_threshold(),
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
        Source::Slack => NotificationDestination::Slack(SlackThread {
            workspace: place.workspace.clone(),
            channel_id: place.channel.clone(),
            thread_ts: place.thread.as_deref().or(first)?.to_owned(),
        }),
        Source::Sms => NotificationDestination::Sms(SmsNumber { from: place.channel.clone(), to: author.to_owned() }),
    })
}

/// A receipt about a listing.
fn told(template: &str, key: GroupKey, address: &str) -> String {
    template.replace("{group}", &title_case(key.as_str())).replace("{address}", address)
}

fn table_of(destination: &Destination) -> Option<StorageTable> {
    match destination {
        Destination::Storage(storage) => Some(storage.table),
        _ => None,
    }
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
