//! One classification: what a unit of messages means. Only valid ones can be built.

use crate::taxonomy::{GroupKey, ListingType, MessageType, TaskKey};
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use time::{OffsetDateTime, PrimitiveDateTime};

/// Version of the classification's shape.
pub const SCHEMA_VERSION: u8 = 1;

/// Type and key together, so that a key can neither be missing nor stand where none belongs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Meaning {
    /// Declares or updates a listing or deal.
    Group(GroupKey),
    /// One actionable piece of work.
    Stray(TaskKey),
    /// About operations, but too incomplete to act on.
    InfoRequest,
    /// Chatter.
    Ignore,
}

impl Meaning {
    /// The message type alone.
    #[must_use]
    pub fn message_type(self) -> MessageType {
        match self {
            Self::Group(_) => MessageType::Group,
            Self::Stray(_) => MessageType::Stray,
            Self::InfoRequest => MessageType::InfoRequest,
            Self::Ignore => MessageType::Ignore,
        }
    }

    /// The group key of a GROUP.
    #[must_use]
    pub fn group_key(self) -> Option<GroupKey> {
        if let Self::Group(key) = self { Some(key) } else { None }
    }

    /// The task key of a STRAY.
    #[must_use]
    pub fn task_key(self) -> Option<TaskKey> {
        if let Self::Stray(key) = self { Some(key) } else { None }
    }

    /// Puts type and keys together again, as stored or as a model answered.
    #[must_use]
    pub fn from_parts(kind: MessageType, group: Option<GroupKey>, task: Option<TaskKey>) -> Option<Self> {
        match (kind, group, task) {
            (MessageType::Group, Some(key), None) => Some(Self::Group(key)),
            (MessageType::Stray, None, Some(key)) => Some(Self::Stray(key)),
            (MessageType::InfoRequest, None, None) => Some(Self::InfoRequest),
            (MessageType::Ignore, None, None) => Some(Self::Ignore),
            _ => None,
        }
    }
}

/// How sure the classifier is that type and key are right: 0 to 1.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Serialize, Deserialize)]
#[serde(try_from = "f32", into = "f32")]
pub struct Confidence(f32);

/// Not a number from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug, Error)]
#[error("confidence must be a number from 0 to 1")]
pub struct NotAConfidence;

impl Confidence {
    /// The number itself.
    #[must_use]
    pub fn get(self) -> f32 {
        self.0
    }

    /// The nearest valid confidence; not-a-number becomes 0.
    #[must_use]
    pub fn clamped(value: f32) -> Self {
        Self(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) })
    }
}

impl TryFrom<f32> for Confidence {
    type Error = NotAConfidence;

    fn try_from(value: f32) -> Result<Self, NotAConfidence> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(NotAConfidence) }
    }
}

impl From<Confidence> for f32 {
    fn from(value: Confidence) -> Self {
        value.0
    }
}

/// A task's title: at most 80 characters, never empty, one line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskTitle(String);

impl TaskTitle {
    /// The longest title, in characters.
    pub const MAX: usize = 80;

    /// Folds white space and cuts at a word where `text` is too long. `None` when nothing is left.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if folded.is_empty() {
            return None;
        }
        if folded.chars().count() <= Self::MAX {
            return Some(Self(folded));
        }
        let cut: String = folded.chars().take(Self::MAX - 1).collect();
        let at_word = cut.rfind(' ').filter(|at| *at > cut.len() / 2).unwrap_or(cut.len());
        Some(Self(format!("{}…", cut[..at_word].trim_end_matches([',', ';', ':', '-', ' ']))))
    }

    /// The title itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the message says about a listing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListingHint {
    /// Sale or lease, when explicit or clearly implied.
    pub kind: Option<ListingType>,
    /// The address as typed, only if it is in the text or a link.
    pub address: Option<String>,
}

/// What a unit of messages means.
#[derive(Clone, PartialEq, Debug)]
pub struct Classification {
    /// Type and key.
    pub meaning: Meaning,
    /// The listing it speaks of.
    pub listing: ListingHint,
    /// A person named or @-mentioned to do the work, as typed.
    pub assignee_hint: Option<String>,
    /// Local wall time, minutes precision, in the brokerage's zone; never an instant.
    pub due_date: Option<PrimitiveDateTime>,
    /// What to call the work.
    pub task_title: Option<TaskTitle>,
    /// How sure the classifier is of `meaning`.
    pub confidence: Confidence,
    /// The evidence, or what is missing; short phrases for people.
    pub explanations: Vec<String>,
}

/// One message of a unit with the instant it was written, which its relative dates refer to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Utterance {
    /// What was written, as received.
    pub text: String,
    /// When, by the provider's clock.
    pub at: OffsetDateTime,
}
