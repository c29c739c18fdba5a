//! What the policy decides about one unit.

use crate::destination::Destination;
use crate::event::EventWork;
use crate::question::{Question, Remark};
use crate::storage::StorageWork;
use dispatch_mission::mission::RoutingDecision;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The decision about one unit: every classification gets exactly one.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// Shown with the mission: whether Dispatch acted by itself, and why.
    pub routing: RoutingDecision,
    /// The policy rule that decided, by its name in the policy file.
    pub rule: String,
    /// What is done.
    pub verdict: Verdict,
    /// What is asked where it comes to wait for a person: because it is held, or because nobody can tell whose work it is.
    /// An earlier question about the unit makes room for it; otherwise it is left out when its quota is used up.
    pub question: Option<Box<PlannedDelivery>>,
}

/// What the policy makes of a meaning, before anything is planned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// Whether Dispatch acts by itself, and why.
    pub routing: RoutingDecision,
    /// The policy rule that decides, by its name in the policy file.
    pub rule: String,
    /// Why it waits for a person instead.
    pub hold: Option<Hold>,
}

/// What is done about a unit.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// These deliveries are made.
    Dispatch(Vec<PlannedDelivery>),
    /// A person decides; with an expiry it lapses silently when nobody does.
    Hold(Hold),
    /// Nothing: chatter.
    Nothing,
}

/// Why a unit waits for a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// A stable code: `below_threshold`, `realtor_unresolved`, …
    pub reason: String,
    /// When it lapses, if it does.
    pub expires_after: Option<Duration>,
}

/// One delivery of a plan.
#[derive(Clone, PartialEq, Debug)]
pub struct PlannedDelivery {
    /// Where it goes.
    pub destination: Destination,
    /// What it carries.
    pub content: Content,
    /// Index in the plan of a delivery that must have succeeded first: a receipt is not sent for a mission that was
    /// never stored. It is cancelled when that one ends otherwise.
    pub after: Option<usize>,
    /// At most one per key and interval; one too many is left out of the plan, with an entry in the story.
    pub quota: Option<Quota>,
}

/// At most one delivery per key and interval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quota {
    /// What is limited: `question:<conversation key>`.
    pub key: String,
    /// How often.
    pub every: Duration,
}

/// What a delivery carries; the stored payload's JSON shape.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "content", rename_all = "snake_case")]
pub enum Content {
    /// Rows to write.
    Storage(Box<StorageWork>),
    /// A text for people.
    Message {
        /// Plain text; the courier escapes it for its destination.
        text: String,
    },
    /// What a program is told.
    Event(Box<EventWork>),
    /// A question with its answers, for Slack: `{"content": "question", "text": …, "asks": {"about": "meaning", …}}`.
    Question(Box<Question>),
    /// What stands in a question's place when it is decided.
    Closing {
        /// The destination's name for the question's message.
        message_ref: String,
        /// What is said there now.
        #[serde(flatten)]
        remark: Remark,
    },
    /// A line that one person reads, where he or she answered a question.
    Whisper {
        /// Slack user id.
        to: String,
        /// What is said.
        #[serde(flatten)]
        remark: Remark,
    },
}

impl Content {
    /// What people read; nothing for rows and programs.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Storage(_) | Self::Event(_) => None,
            Self::Message { text } => Some(text),
            Self::Question(question) => Some(&question.text),
            Self::Closing { remark, .. } | Self::Whisper { remark, .. } => Some(&remark.text),
        }
    }
}
