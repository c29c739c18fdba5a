//! One rule of the policy: when it speaks, and what it says. Must not know the file it stands in, nor how a plan is made.

use super::condition::{Condition, Facts};
use crate::destination::SlackPlace;
use std::time::Duration;

/// One rule. The first whose conditions all hold decides.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// Unique; every decision names its rule.
    pub name: String,
    /// All of them must hold; none at all always do.
    pub when: Vec<Condition>,
    /// What is done then.
    pub action: Action,
    /// Why, in words for people; where none are given they follow from the action.
    pub because: Option<String>,
    /// The line of the file that it begins at; 0 for one of the built-in policy that a file left as it is.
    pub line: usize,
}

/// What a rule does.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// It goes there: by itself where the classifier was sure enough, after a person's word otherwise.
    Send {
        /// Where; never empty.
        to: Vec<To>,
        /// How sure that must be; the policy's threshold where the rule has none of its own.
        threshold: Option<f32>,
    },
    /// A person decides.
    Hold {
        /// A stable code.
        reason: String,
        /// When it lapses, if it does.
        expires_after: Option<Duration>,
        /// Where it goes after a person's word; where the next rule sends it, if nothing is named.
        then: Vec<To>,
    },
    /// Nothing.
    Nothing,
}

/// Where a rule sends a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum To {
    /// Rows in the brokerage's database, by what it means: a listing for a GROUP, an agent task for everything else.
    TaskOrchestrator,
    /// Its author hears what was made of it.
    Receipt,
    /// Its author is asked what is missing.
    Question,
    /// The event, to this endpoint of the policy file.
    Webhook(String),
    /// The event, to this agent of the policy file.
    Agent(String),
    /// Others hear of it in Slack.
    Slack(Notice),
}

/// A message to a fixed place in Slack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Which.
    pub place: SlackPlace,
    /// The words; see [`NOTICE_WORDS`](Self::NOTICE_WORDS) for what they may name in braces.
    pub text: String,
}

impl Notice {
    /// What may stand in braces: each is replaced, by nothing where it is not known.
    pub const NOTICE_WORDS: [&str; 4] = ["type", "key", "title", "address"];
}

impl Rule {
    /// Whether it speaks.
    #[must_use]
    pub fn matches(&self, facts: &Facts<'_>, threshold: f32) -> bool {
        self.when.iter().all(|condition| condition.holds(facts, threshold))
    }

    /// Below which confidence alone it speaks, if it is about that.
    pub(super) fn below(&self, threshold: f32) -> Option<f32> {
        self.when
            .iter()
            .find_map(|one| if let Condition::Confidence(band) = one { band.below } else { None })
            .map(|end| end.get(threshold))
    }

    /// Where it sends a message to after a person's word, if it says so.
    pub(super) fn destinations(&self) -> &[To] {
        match &self.action {
            Action::Send { to, .. } | Action::Hold { then: to, .. } => to,
            Action::Nothing => &[],
        }
    }
}

/// Rules in order, the last of which always speaks: so there is a decision about everything, and exactly one.
#[derive(Clone, PartialEq, Debug)]
pub struct Rules {
    listed: Vec<Rule>,
    last: Rule,
}

impl Rules {
    /// In this order; `None` unless the last one, and no other, is without conditions.
    #[must_use]
    pub fn in_order(mut rules: Vec<Rule>) -> Option<Self> {
        let last = rules.pop()?;
        let sound = last.when.is_empty() && rules.iter().all(|rule| !rule.when.is_empty());
        sound.then_some(Self { listed: rules, last })
    }

    /// The same, in a file that does not name them.
    pub(super) fn of_elsewhere(mut self) -> Self {
        self.listed.iter_mut().chain([&mut self.last]).for_each(|rule| rule.line = 0);
        self
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.listed.iter().chain([&self.last])
    }

    /// The first that speaks.
    #[must_use]
    pub fn first(&self, facts: &Facts<'_>, threshold: f32) -> &Rule {
        self.listed.iter().find(|rule| rule.matches(facts, threshold)).unwrap_or(&self.last)
    }
}
