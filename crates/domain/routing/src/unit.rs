//! A unit: one burst of signals by one author in one conversation, understood as a whole.

use dispatch_classification::classification::Utterance;
use dispatch_mission::ids::{ReplayId, SignalId, UnitId};
use dispatch_mission::signal::{Attachment, Conversation};
use std::time::Duration;
use time::OffsetDateTime;

use crate::destination::StorageTable;
use crate::queue::ClaimToken;

/// When a burst is closed into a unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BurstRule {
    /// Closed when nothing more came for this long.
    pub quiet: Duration,
    /// Closed at this many signals, however short the pauses.
    pub max: u32,
}

impl Default for BurstRule {
    fn default() -> Self {
        Self { quiet: Duration::from_secs(2), max: 10 }
    }
}

/// A unit in the hands of one worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedUnit {
    /// The unit.
    pub unit_id: UnitId,
    /// Proof of the claim: only its holder may settle.
    pub token: ClaimToken,
    /// How many times the unit has been claimed, this time included.
    pub attempts: u32,
    /// Where it was said.
    pub conversation: Conversation,
    /// Who said it: Slack user id or phone number.
    pub author: String,
    /// The signals, oldest first; never empty.
    pub members: Vec<Member>,
    /// The W3C trace id of the request that brought the first signal.
    pub trace_id: String,
    /// Set when the unit was settled before and its messages have changed since: by an edit, a deletion, or an answer.
    pub revision: Option<Revision>,
    /// Set when it is due because somebody asked for that, and not because anything new was said.
    pub replay: Option<Replaying>,
}

/// That a unit is understood anew because somebody asked for that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replaying {
    /// The replay.
    pub replay_id: ReplayId,
    /// Whether what succeeded is done once more.
    pub force: bool,
}

impl Replaying {
    /// What tells effects that are done once more from those before.
    #[must_use]
    pub fn nonce(self) -> Option<ReplayId> {
        self.force.then_some(self.replay_id)
    }
}

/// What a unit that is understood once more has led to so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// Counts from 1. What an older one wrote never overwrites what a newer one wrote.
    pub number: u32,
    /// Where rows of earlier revisions are, each table once.
    pub made: Vec<StorageTable>,
    /// Whether somebody took up a mission of it meanwhile: then its missions are that person's and stay as they are.
    pub taken: bool,
    /// Whether a mission of it waits for an answer.
    pub waiting: bool,
}

/// One signal of a unit.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Member {
    pub signal_id: SignalId,
    pub message_ref: String,
    pub text: String,
    pub attachments: Vec<Attachment>,
    pub at: OffsetDateTime,
}

impl ClaimedUnit {
    /// What the classifier reads.
    #[must_use]
    pub fn utterances(&self) -> Vec<Utterance> {
        self.members.iter().map(|member| Utterance { text: member.text.clone(), at: member.at }).collect()
    }

    /// All texts, one paragraph each.
    #[must_use]
    pub fn text(&self) -> String {
        self.members.iter().map(|member| member.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Whether it is nothing but files: what they are for, nobody has said.
    #[must_use]
    pub fn is_wordless(&self) -> bool {
        self.members.iter().any(|member| !member.attachments.is_empty())
            && self.members.iter().all(|member| member.text.trim().is_empty())
    }

    /// What a person who does the work reads: all texts, then what came with them.
    #[must_use]
    pub fn notes(&self) -> String {
        let named = |file: &Attachment| {
            let kind = file.media_type.as_deref().unwrap_or("file");
            file.name.as_ref().map_or_else(|| format!("[{kind}]"), |name| format!("[{kind}: {name}]"))
        };
        let files = self.members.iter().flat_map(|member| &member.attachments).map(named);
        let texts = self.members.iter().map(|member| member.text.clone());
        texts.chain(files).filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
    }
}
