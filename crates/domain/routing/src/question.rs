//! A question about a held unit, and how it ends, as data. Must not know blocks, buttons, or how an answer comes in.

use dispatch_classification::classification::{Classification, Confidence, Meaning};
use dispatch_classification::taxonomy::{GroupKey, ListingType, TaskKey};
use serde::{Deserialize, Serialize};

/// What the principal of whoever answers in Slack begins with: `slack:T1/U2`.
const SLACK: &str = "slack:";

/// A question as it stands in the thread of its unit; the stored payload's JSON shape. Its delivery's id is the name that an
/// answer gives back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Question {
    /// What is asked, in plain words. Quotes nothing that its thread does not show.
    pub text: String,
    /// What may be answered.
    pub asks: Asks,
    /// The destination's name for the message whose place it takes: an earlier question about the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// What may be answered. *Ignore* always may.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Asks {
    /// Whether it was understood.
    Meaning {
        /// Whether there is something to say yes to.
        confirm: bool,
        /// What it may mean instead; never empty.
        choices: Vec<Alternative>,
    },
    /// Whose work it is: one of the people there.
    Realtor,
}

/// What a message may mean instead, as people tell it apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alternative {
    /// A listing for sale.
    SaleListing,
    /// A listing for lease.
    LeaseListing,
    /// One piece of work.
    Task,
}

impl Alternative {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Task, Self::SaleListing, Self::LeaseListing];

    /// The spelling in a stored payload and in an answer.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SaleListing => "sale_listing",
            Self::LeaseListing => "lease_listing",
            Self::Task => "task",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// What people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::SaleListing => "A new listing for sale",
            Self::LeaseListing => "A new listing for lease",
            Self::Task => "A task",
        }
    }

    /// The meaning that it stands for.
    #[must_use]
    pub fn meaning(self) -> Meaning {
        match self {
            Self::SaleListing => Meaning::Group(GroupKey::SaleListing),
            Self::LeaseListing => Meaning::Group(GroupKey::LeaseListing),
            Self::Task => Meaning::Stray(TaskKey::OpsMiscTask),
        }
    }
}

/// `before` with the meaning that a person says it has; what it says of address, date and people stays.
#[must_use]
pub fn restated(before: &Classification, meaning: Meaning) -> Classification {
    let mut after = before.clone();
    after.meaning = meaning;
    after.confidence = Confidence::clamped(1.0);
    after.explanations = vec!["a person said so".to_owned()];
    match meaning {
        Meaning::Group(GroupKey::SaleListing) => after.listing.kind = Some(ListingType::Sale),
        Meaning::Group(GroupKey::LeaseListing) => after.listing.kind = Some(ListingType::Lease),
        _ => {}
    }
    after
}

/// A line for people in which one of them may be named.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Remark {
    /// Plain text; `{person}` stands for `person`.
    pub text: String,
    /// Slack user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

impl Remark {
    /// Without anybody's name.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), person: None }
    }

    /// `text` says `{person}` where somebody of `workspace` decided; whoever decided elsewhere is a colleague.
    #[must_use]
    pub fn by(text: &str, principal: &str, workspace: &str) -> Self {
        match slack_person(principal, workspace) {
            Some(person) => Self { text: text.to_owned(), person: Some(person.to_owned()) },
            None => Self::plain(&text.replace("{person}", "a colleague")),
        }
    }
}

/// One text per person in Slack.
#[must_use]
pub fn slack_principal(workspace: &str, user: &str) -> String {
    format!("{SLACK}{workspace}/{user}")
}

/// The user id of a principal of this workspace.
#[must_use]
pub fn slack_person<'a>(principal: &'a str, workspace: &str) -> Option<&'a str> {
    principal.strip_prefix(SLACK)?.strip_prefix(workspace)?.strip_prefix('/')
}

/// How a question ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended<'a> {
    /// Somebody said yes, or what it is.
    Confirmed(&'a str),
    /// Somebody said that nothing is to be done.
    Dismissed(&'a str),
    /// Its message has changed, and needs no answer any more.
    Changed,
    /// Its message is gone.
    Deleted,
    /// Nobody answered in time.
    Lapsed,
}

impl Ended<'_> {
    /// What stands in the thread instead of the question.
    #[must_use]
    pub fn remark(self, workspace: &str) -> Remark {
        match self {
            Self::Confirmed(by) => Remark::by("✅ Confirmed by {person}.", by, workspace),
            Self::Dismissed(by) => Remark::by("Ignored, as {person} said.", by, workspace),
            Self::Changed => Remark::plain("The message was changed; nothing needs to be answered any more."),
            Self::Deleted => Remark::plain("The message was deleted; nothing needs to be answered any more."),
            Self::Lapsed => Remark::plain("Nobody answered in time; nothing was done."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decided_is_named_in_the_own_workspace_only() {
        let named = Ended::Confirmed("slack:T1/U2").remark("T1");
        assert_eq!((named.text.as_str(), named.person.as_deref()), ("✅ Confirmed by {person}.", Some("U2")));
        for elsewhere in ["slack:T2/U2", "user:ann", "slack:T12/U2", ""] {
            let remark = Ended::Dismissed(elsewhere).remark("T1");
            assert_eq!((remark.text.as_str(), remark.person), ("Ignored, as a colleague said.", None), "{elsewhere}");
        }
    }

    #[test]
    fn alternatives_are_read_as_they_are_written() {
        for one in Alternative::ALL {
            assert_eq!(Alternative::parse(one.as_str()), Some(one));
            assert_eq!(serde_json::to_value(one).expect("JSON"), one.as_str());
        }
        assert_eq!(Alternative::parse("Task"), None);
    }
}
