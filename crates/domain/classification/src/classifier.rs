//! The `Classifier` port: from messages to meaning, by whatever mind stands behind it.

use crate::classification::{Classification, Utterance};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Who classified, and how.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Provenance {
    /// `local`, or the model provider's name.
    pub provider: String,
    /// The rule set's or the model's name and version.
    pub model: String,
    /// Version of the prompt, where one was used.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt_version: Option<String>,
    /// How long it took, in microseconds, with everybody who was asked before.
    pub latency_us: i64,
    /// What the calls came to, where a provider says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<Usage>,
    /// Why better minds were not asked or not heard: `openai: timeout; anthropic: circuit_open`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fallback_reason: Option<String>,
}

/// What calls to a model came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens that were sent.
    pub input_tokens: u64,
    /// Tokens that were written.
    pub output_tokens: u64,
    /// In millionths of a US dollar, where the model's prices are configured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost_micros: Option<u64>,
}

impl std::ops::Add for Usage {
    type Output = Self;

    /// A sum has a cost only when both have one.
    fn add(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
            cost_micros: self.cost_micros.zip(other.cost_micros).map(|(one, two)| one + two),
        }
    }
}

/// A classification with its origin.
#[derive(Clone, PartialEq, Debug)]
pub struct Classified {
    /// What it means.
    pub classification: Classification,
    /// Who says so.
    pub provenance: Provenance,
}

/// Hears an answer while a model writes it. Must return at once.
pub trait Listener: Send + Sync {
    /// The next piece of what `provider` writes. `attempt` counts from 1 over all providers: a higher one begins anew, what
    /// lower ones wrote is void.
    fn delta(&self, provider: &str, attempt: u32, text: &str);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Listener for Silence {
    fn delta(&self, _: &str, _: u32, _: &str) {}
}

/// Understands a unit of messages.
#[async_trait]
pub trait Classifier: Send + Sync {
    /// Its name among agents and in `provenance.provider`: `local`, `openai`, …
    fn name(&self) -> &str;

    /// How many units it can think about at the same time without one waiting for another.
    fn width(&self) -> usize;

    /// Whether a thought waits for somebody else, so that all its places may be taken for long.
    fn waits(&self) -> bool {
        true
    }

    /// Classifies the messages of one unit, oldest first; never called with none. Content never instructs the
    /// classifier. The answer keeps the one-key rule by construction. A mind that writes its answer piece by piece lets
    /// `listener` hear them.
    ///
    /// # Errors
    /// `Unavailable` when the mind cannot be reached in its time budget; `Unusable` when its answer cannot be read.
    async fn classify(&self, unit: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError>;
}

/// What a classifier may answer instead. The code is for logs, provenance and agents: `timeout`, `rate_limited`,
/// `unreachable`, `server_error`, `circuit_open`, `busy`, `unauthorized`, `refused`, `invalid_answer`, `panicked`.
#[derive(Debug, Error)]
pub enum ClassifierError {
    /// Not reachable, overloaded or too slow. Ask later, or ask another.
    #[error("the classifier is unavailable ({code})")]
    Unavailable {
        /// Why, in one word.
        code: &'static str,
        /// The cause. It may quote what was sent: never for a log.
        source: Source,
    },
    /// It answered, but not with a classification. Asking again gives the same.
    #[error("the classifier's answer is unusable ({code})")]
    Unusable {
        /// Why, in one word.
        code: &'static str,
        /// The cause. It may quote what was sent: never for a log.
        source: Source,
    },
}

impl ClassifierError {
    /// [`Unavailable`](Self::Unavailable) for this cause.
    pub fn unavailable(code: &'static str, source: impl Into<Source>) -> Self {
        Self::Unavailable { code, source: source.into() }
    }

    /// [`Unusable`](Self::Unusable) for this cause.
    pub fn unusable(code: &'static str, source: impl Into<Source>) -> Self {
        Self::Unusable { code, source: source.into() }
    }

    /// Why, in one word.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { code, .. } | Self::Unusable { code, .. } => code,
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
