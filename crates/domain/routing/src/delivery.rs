//! One delivery: its states, and what an attempt may come to.

use crate::answer::AgentAnswer;
use crate::destination::Destination;
use crate::plan::Content;
use crate::queue::ClaimToken;
use dispatch_mission::ids::{DeliveryId, DispatchId, UnitId};
use std::time::Duration;

/// Why a delivery waits whose destination is switched off, and why nothing is sent there.
pub const ENDPOINT_DISABLED: &str = "endpoint_disabled";

/// Where a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeliveryState {
    /// Due now or later.
    Pending,
    /// Done; its effect is there.
    Delivered,
    /// Waits for a condition outside (a person, the cut-over's expand).
    Held,
    /// Every attempt failed in a way that might have mended itself.
    Exhausted,
    /// Refused for good: no attempt will help.
    Failed,
    /// Nobody can tell whether the send happened; a person looks.
    Unknown,
    /// Not wanted: its recipient said so, or what it depends on did not happen.
    Cancelled,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Delivered, Self::Held, Self::Exhausted, Self::Failed, Self::Unknown, Self::Cancelled];

    /// The spelling of API and column alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Held => "held",
            Self::Exhausted => "exhausted",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A delivery in the hands of one worker.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimedDelivery {
    /// The delivery; attached to every send, so that a repeat can be recognised.
    pub delivery_id: DeliveryId,
    /// The dispatch it belongs to.
    pub dispatch_id: DispatchId,
    /// The unit it serves.
    pub unit_id: UnitId,
    /// Proof of the claim.
    pub token: ClaimToken,
    /// How many times it was claimed, this time included.
    pub attempts: u32,
    /// How long nothing but its destination has kept it waiting: what its deadline counts from.
    pub age: Duration,
    /// Where it goes.
    pub destination: Destination,
    /// What it carries.
    pub content: Content,
    /// Whether an earlier attempt may have reached its destination: it ended ambiguously, or its worker died. The
    /// courier must then look before it sends.
    pub may_have_been_sent: bool,
}

/// What one attempt came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttemptOutcome {
    /// It arrived.
    Delivered {
        /// The destination's name for it (Slack `ts`), if any.
        reference: Option<String>,
    },
    /// It arrived at an agent, which answered with something to route on.
    Answered {
        /// What it answered, or a stable code of why that cannot be read: `answer_malformed`, …
        answer: Result<Box<AgentAnswer>, String>,
    },
    /// Refused for now; the destination did not act on it.
    Retryable {
        /// A stable code: `rate_limited`, `http_503`, …
        code: String,
        /// How long the destination asks to wait; honoured in full.
        retry_after: Option<Duration>,
    },
    /// Refused for good.
    Permanent {
        /// A stable code: `channel_not_found`, …
        code: String,
    },
    /// Not sent, or refused, because its recipient does not want it. No fault: nobody has to look into it.
    Unwanted {
        /// A stable code: `opted_out`, `app_uninstalled`, …
        code: String,
    },
    /// Not sent, or refused, because its destination is switched off: nobody listens there. It waits until somebody
    /// switches the destination on again.
    Disabled,
    /// It may or may not have arrived.
    Ambiguous {
        /// A stable code: `timeout`, …
        code: String,
    },
    /// It cannot be known whether an earlier attempt arrived, so nothing was sent.
    Unknowable {
        /// A stable code.
        code: String,
    },
}

impl AttemptOutcome {
    /// The outcome class: a bounded metric label, and a word in the story.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Delivered { .. } | Self::Answered { .. } => "delivered",
            Self::Retryable { .. } => "retryable",
            Self::Permanent { .. } => "permanent",
            Self::Unwanted { .. } => "unwanted",
            Self::Disabled => "disabled",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Unknowable { .. } => "unknown",
        }
    }

    /// The code, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Delivered { .. } | Self::Answered { .. } => None,
            Self::Disabled => Some(ENDPOINT_DISABLED),
            Self::Retryable { code, .. }
            | Self::Permanent { code }
            | Self::Unwanted { code }
            | Self::Ambiguous { code }
            | Self::Unknowable { code } => Some(code),
        }
    }
}
