//! The policy: what it holds, and the built-in one. Must not know how a file is read.

use super::ask::Held;
use super::endpoints::Endpoints;
use super::problem::PolicyError;
use super::reach::{self, MOST_PIECES, Warning};
use super::read::Draft;
use super::rule::Rules;
use crate::backoff::Retries;
use crate::limits::Limits;
use crate::storage::ActivityTemplate;
use dispatch_classification::classification::NotAConfidence;
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use dispatch_mission::mission::MissionType;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The built-in policy, as a file would say it.
pub const BUILT_IN: &str = include_str!("default.toml");

/// A valid policy.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// Confidence from which Dispatch acts by itself, where a rule does not say otherwise.
    pub threshold: f32,
    /// The first that speaks decides.
    pub rules: Rules,
    /// What a question says, and how often.
    pub question: Question,
    /// What is asked about held work.
    pub held: Held,
    /// What receipts say.
    pub receipt: Receipt,
    /// Pauses between attempts of a delivery, and its deadline.
    pub retry: Retries,
    /// How fast destinations may be written to, and when one is left alone.
    pub limits: Limits,
    /// Keys whose tasks are not ADMIN work.
    pub task_types: BTreeMap<TaskKey, MissionType>,
    /// The activities of a new listing, the most important first.
    pub templates: BTreeMap<GroupKey, Vec<ActivityTemplate>>,
    /// The same for every key without a template of its own.
    pub default_template: Vec<ActivityTemplate>,
    /// Whose programs are told of what is routed.
    pub endpoints: Endpoints,
}

/// One question to whoever asked for something incomplete.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// At most one in so many minutes, for each conversation.
    pub every_minutes: u64,
    /// The words; `{missing}` is what is missing.
    pub text: String,
}

/// What people hear of their messages.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// A task was made.
    pub task: String,
    /// A listing was made; `{group}` and `{address}` say which.
    pub listing: String,
    /// The same, where no address is known.
    pub listing_without_address: String,
    /// A second message came about a listing that is there.
    #[serde(default = "listing_updated")]
    pub listing_updated: String,
    /// Somebody has taken up what they want to change.
    #[serde(default = "taken")]
    pub taken: String,
}

/// For policy files that are older than these texts.
fn listing_updated() -> String {
    "🏠 Listing updated: {group} - {address}".to_owned()
}

fn taken() -> String {
    "Somebody is already working on this, so your change was not applied. Please tell them directly.".to_owned()
}

impl Policy {
    /// Reads a policy from TOML text. What it leaves out is as in the built-in policy.
    ///
    /// # Errors
    /// [`PolicyError`] with every mistake and its place.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Draft::read(text).map(Self::complete)
    }

    fn complete(draft: Draft) -> Self {
        let built_in = || Self::default();
        let (templates, default_template) = draft.templates.unwrap_or_else(|| {
            let Self { templates, default_template, .. } = built_in();
            (templates, default_template)
        });
        Self {
            threshold: draft.threshold.unwrap_or_else(|| built_in().threshold),
            rules: draft.rules.unwrap_or_else(|| built_in().rules.of_elsewhere()),
            question: draft.question.unwrap_or_else(|| built_in().question),
            receipt: draft.receipt.unwrap_or_else(|| built_in().receipt),
            held: draft.held.unwrap_or_else(|| built_in().held),
            limits: draft.limits.unwrap_or_else(|| built_in().limits),
            retry: draft.retry.unwrap_or_else(|| built_in().retry),
            task_types: draft.task_types.unwrap_or_else(|| built_in().task_types),
            templates,
            default_template,
            endpoints: draft.endpoints,
        }
    }

    /// The same policy with another threshold (`AUTO_DISPATCH_THRESHOLD`).
    ///
    /// # Errors
    /// [`NotAConfidence`] when it is not from 0 to 1.
    pub fn with_threshold(self, threshold: f32) -> Result<Self, NotAConfidence> {
        if (0.0..=1.0).contains(&threshold) { Ok(Self { threshold, ..self }) } else { Err(NotAConfidence) }
    }

    /// What is questionable about it: rules that never match, above all.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        reach::warnings(&self.rules, self.threshold, MOST_PIECES)
    }

    pub(super) fn question_interval(&self) -> Duration {
        Duration::from_secs(self.question.every_minutes * 60)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::parse(BUILT_IN).expect("the embedded policy is checked by a test")
    }
}
