//! The `Classifier` port: from messages to meaning, by whatever mind stands behind it.

use crate::classification::{Classification, Utterance};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

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
    /// How long it took, in microseconds.
    pub latency_us: i64,
    /// Why a better mind was not asked or not heard.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fallback_reason: Option<String>,
}

/// A classification with its origin.
#[derive(Clone, PartialEq, Debug)]
pub struct Classified {
    /// What it means.
    pub classification: Classification,
    /// Who says so.
    pub provenance: Provenance,
}

/// Understands a unit of messages.
#[async_trait]
pub trait Classifier: Send + Sync {
    /// Classifies the messages of one unit, oldest first; never called with none. Content never instructs the
    /// classifier. The answer keeps the one-key rule by construction.
    ///
    /// # Errors
    /// `Unavailable` when the mind cannot be reached in its time budget; `Unusable` when its answer cannot be read.
    async fn classify(&self, unit: &[Utterance]) -> Result<Classified, ClassifierError>;
}

/// What a classifier may answer instead.
#[derive(Debug, Error)]
pub enum ClassifierError {
    /// Not reachable, overloaded or too slow. Ask later, or ask another.
    #[error("the classifier is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered, but not with a classification. Asking again gives the same.
    #[error("the classifier's answer is unusable")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ClassifierError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
