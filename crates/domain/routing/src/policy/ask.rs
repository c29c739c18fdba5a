//! What is asked about a unit that waits for a person. Must not know how a question looks where it is asked.

use super::deliveries::{reply, title_case};
use super::file::Policy;
use crate::plan::{Content, Decision, PlannedDelivery, Quota, Verdict};
use crate::question::{Alternative, Asks, Question};
use crate::storage::StorageItem;
use crate::unit::ClaimedUnit;
use dispatch_classification::classification::{Classification, Meaning};
use dispatch_mission::signal::Source;
use serde::Deserialize;
use time::PrimitiveDateTime;

/// As much of an address as is repeated to people.
const ADDRESS_CHARS: usize = 120;

/// `[held]` of the policy file; whatever a file leaves out is as in the embedded one.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Held {
    /// Whether anything is asked.
    pub ask: bool,
    /// Whether it was understood.
    pub meaning: String,
    /// What files are for that came without a word.
    pub files: String,
    /// Whose work it is.
    pub realtor: String,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            ask: true,
            meaning: "I'm not sure what to do with this. Is it {understood}?".to_owned(),
            files: "There are files here, but nobody said what they are for. What should I do with them?".to_owned(),
            realtor: "I take this for {understood}, but I can't tell whose work it is. Who is the realtor?".to_owned(),
        }
    }
}

impl Policy {
    /// `decision` with what is asked should it come to wait for a person.
    pub(super) fn asking(&self, unit: &ClaimedUnit, meaning: &Classification, decision: Decision) -> Decision {
        let question = self.about(unit, meaning, &decision.verdict).and_then(|question| {
            let mut asked = reply(unit, String::new(), None, Some(self.question_quota(unit)))?;
            asked.content = Content::Question(Box::new(question));
            Some(Box::new(asked))
        });
        Decision { question, ..decision }
    }

    /// At most one question per conversation and interval, whatever it is about.
    pub(super) fn question_quota(&self, unit: &ClaimedUnit) -> Quota {
        Quota { key: format!("question:{}", unit.conversation.key()), every: self.question_interval() }
    }

    fn about(&self, unit: &ClaimedUnit, meaning: &Classification, verdict: &Verdict) -> Option<Question> {
        if !self.held.ask || unit.conversation.source != Source::Slack {
            return None;
        }
        let question = |text, asks| Some(Question { text, asks, replaces: None });
        match verdict {
            // Files without a word: nothing was understood that could be confirmed.
            Verdict::Hold(_) if unit.is_wordless() => {
                question(self.held.files.clone(), Asks::Meaning { confirm: false, choices: Alternative::ALL.into() })
            }
            Verdict::Hold(_) => {
                let text = self.held.meaning.replace("{understood}", &understood(meaning)?);
                question(text, Asks::Meaning { confirm: true, choices: others(meaning.meaning) })
            }
            Verdict::Dispatch(plan) if plan.iter().any(needs_a_realtor) => {
                question(self.held.realtor.replace("{understood}", &understood(meaning)?), Asks::Realtor)
            }
            Verdict::Dispatch(_) | Verdict::Nothing => None,
        }
    }
}

/// New rows that nobody has named the realtor of.
fn needs_a_realtor(planned: &PlannedDelivery) -> bool {
    matches!(&planned.content, Content::Storage(work) if work.realtor_id.is_none()
        && matches!(work.item, StorageItem::Listing(_) | StorageItem::AgentTask(_)))
}

fn others(meaning: Meaning) -> Vec<Alternative> {
    Alternative::ALL.into_iter().filter(|other| !same_kind(other.meaning(), meaning)).collect()
}

/// One task is as good as another for who is asked: the kind of task is what nobody is sure of.
fn same_kind(one: Meaning, other: Meaning) -> bool {
    one == other || matches!((one, other), (Meaning::Stray(_), Meaning::Stray(_)))
}

/// What a message is taken for, in plain words; nothing for chatter.
fn understood(meaning: &Classification) -> Option<String> {
    let title = meaning.task_title.as_ref().map(|title| format!(", “{title}”")).unwrap_or_default();
    let what = match meaning.meaning {
        Meaning::Ignore => return None,
        Meaning::Group(key) => format!("a listing ({})", title_case(key.as_str())),
        Meaning::Stray(_) => format!("a task{title}"),
        Meaning::InfoRequest => format!("a request that says too little{title}"),
    };
    let address = meaning.listing.address.as_deref().map(|address| {
        let cut: String = address.chars().take(ADDRESS_CHARS).collect();
        format!(", for {cut}")
    });
    let due = meaning.due_date.map(|due| format!(", due {}", day(due)));
    Some([Some(what), address, due].into_iter().flatten().collect())
}

/// Wall time in the brokerage's zone, as its people write it.
fn day(due: PrimitiveDateTime) -> String {
    let month = due.month().to_string();
    format!("{} {}, {} at {:02}:{:02}", &month[..3], due.day(), due.year(), due.hour(), due.minute())
}
