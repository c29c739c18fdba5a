//! The policy file: its shape, the embedded default, and what is wrong with one that cannot be used.

use super::ask::Held;
use super::endpoints::{Endpoint, Endpoints, ExternalAgent, Name};
use crate::backoff::Retries;
use crate::limits::Limits;
use crate::storage::ActivityTemplate;
use dispatch_classification::taxonomy::{GroupKey, TaskKey};
use dispatch_mission::mission::MissionType;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use thiserror::Error;

const DEFAULT: &str = include_str!("default.toml");

/// A valid policy.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// Confidence from which Dispatch acts by itself.
    pub threshold: f32,
    pub(super) ignore: Ignore,
    pub(super) question: Question,
    pub(super) held: Held,
    pub(super) receipt: Receipt,
    /// Pauses between attempts of a delivery, and its deadline.
    pub retry: Retries,
    /// How fast destinations may be written to, and when one is left alone.
    pub limits: Limits,
    pub(super) task_types: BTreeMap<TaskKey, MissionType>,
    pub(super) templates: BTreeMap<GroupKey, Vec<ActivityTemplate>>,
    pub(super) default_template: Vec<ActivityTemplate>,
    /// Whose programs are told of what is routed.
    pub endpoints: Endpoints,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ignore {
    pub threshold: f32,
    pub expires_after_hours: u64,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    pub every_minutes: u64,
    pub text: String,
}

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Receipt {
    pub task: String,
    pub listing: String,
    pub listing_without_address: String,
    #[serde(default = "listing_updated")]
    pub listing_updated: String,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    threshold: f32,
    ignore: Ignore,
    question: Question,
    #[serde(default)]
    held: Held,
    receipt: Receipt,
    retry: Retries,
    #[serde(default)]
    limits: Limits,
    task_types: BTreeMap<TaskKey, MissionType>,
    templates: BTreeMap<TemplateName, Vec<ActivityTemplate>>,
    #[serde(default)]
    endpoints: BTreeMap<Name, Endpoint>,
    #[serde(default)]
    agents: BTreeMap<Name, ExternalAgent>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(untagged)]
enum TemplateName {
    Group(GroupKey),
    Default(DefaultName),
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
enum DefaultName {
    #[serde(rename = "default")]
    Default,
}

/// Why a policy file cannot be used.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// Not TOML, or not this shape; the message has line and column.
    #[error("the policy file cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A number is not from 0 to 1.
    #[error("{0} must be a number from 0 to 1")]
    Threshold(&'static str),
    /// There is no template for keys that have none of their own.
    #[error("templates.default is missing: it serves every group key without a template of its own")]
    NoDefaultTemplate,
    /// A listing's template has more activities than priorities.
    #[error("a template has {0} activities; at most 11 get a priority of their own (10 to 0)")]
    TemplateTooLong(usize),
    /// An agent has the name of one that Dispatch has itself.
    #[error("agents.{0} cannot be: the task orchestrator is a part of Dispatch; give your agent another name")]
    AgentNameTaken(String),
    /// What should name environment variables does not.
    #[error(
        "{0}.secrets must name one environment variable such as CRM_WEBHOOK_SECRET, or the new one and the old one while \
         rotating; what is in them does not belong into this file"
    )]
    Secrets(String),
}

impl Policy {
    /// Reads a policy from TOML text.
    ///
    /// # Errors
    /// [`PolicyError`], with line and column where the text itself is at fault.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file: PolicyFile = toml::from_str(text)?;
        let mut default_template = None;
        let mut templates = BTreeMap::new();
        for (name, activities) in file.templates {
            if activities.len() > 11 {
                return Err(PolicyError::TemplateTooLong(activities.len()));
            }
            match name {
                TemplateName::Group(key) => drop(templates.insert(key, activities)),
                TemplateName::Default(_) => default_template = Some(activities),
            }
        }
        Self {
            threshold: file.threshold,
            ignore: file.ignore,
            question: file.question,
            held: file.held,
            receipt: file.receipt,
            retry: file.retry,
            limits: file.limits,
            task_types: file.task_types,
            templates,
            default_template: default_template.ok_or(PolicyError::NoDefaultTemplate)?,
            endpoints: Endpoints::new(file.endpoints, file.agents)?,
        }
        .checked()
    }

    /// The same policy with another threshold (`AUTO_DISPATCH_THRESHOLD`).
    ///
    /// # Errors
    /// [`PolicyError::Threshold`] when it is not from 0 to 1.
    pub fn with_threshold(mut self, threshold: f32) -> Result<Self, PolicyError> {
        self.threshold = threshold;
        self.checked()
    }

    fn checked(self) -> Result<Self, PolicyError> {
        for (name, value) in [("threshold", self.threshold), ("ignore.threshold", self.ignore.threshold)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(PolicyError::Threshold(name));
            }
        }
        Ok(self)
    }

    pub(super) fn ignore_expiry(&self) -> Duration {
        Duration::from_secs(self.ignore.expires_after_hours * 3600)
    }

    pub(super) fn question_interval(&self) -> Duration {
        Duration::from_secs(self.question.every_minutes * 60)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::parse(DEFAULT).expect("the embedded policy is checked by a test")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_policy_is_valid() {
        let policy = Policy::default();
        assert!((policy.threshold - 0.7).abs() < f32::EPSILON);
        assert_eq!(policy.retry, Retries::default());
        assert_eq!(policy.limits, Limits::default());
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let typo = DEFAULT.replace("threshold = 0.7", "treshold = 0.7");
        let message = Policy::parse(&typo).expect_err("unknown field").to_string();
        assert!(message.contains("line") && message.contains("treshold"), "{message}");
        let unknown_key = DEFAULT.replace("SALE_LISTING = [", "SALES_LISTING = [");
        assert!(Policy::parse(&unknown_key).is_err());
        let wild = DEFAULT.replace("threshold = 0.7", "threshold = 7");
        assert!(matches!(Policy::parse(&wild), Err(PolicyError::Threshold("threshold"))));
        let bare = DEFAULT.replace("default = [", "RELIST_LISTING_DEAL_SALE_OR_LEASE = [");
        assert!(matches!(Policy::parse(&bare), Err(PolicyError::NoDefaultTemplate)));
    }
}
