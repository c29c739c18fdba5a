//! The `ClassificationStore` port: what texts were understood to mean that somebody asked about, and what units were. Must not know who
//! classified.

#[cfg(any(test, feature = "testing"))]
mod memory;

#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryClassifications;

use async_trait::async_trait;
use dispatch_classification::classifier::Classified;
use dispatch_mission::ids::{ClassificationId, OperationId, UnitId};
use dispatch_mission::mission::RoutingDecision;
use dispatch_mission::signal::Source;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use thiserror::Error;
use time::OffsetDateTime;

/// One text that a caller wants to be understood.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// Who asks.
    pub principal: String,
    /// The request it came with, and its place among the texts of that request. A repeat finds the first one's answer.
    pub operation: Option<(OperationId, u16)>,
    /// What was written.
    pub text: String,
    /// Where, if the caller says so.
    pub source: Option<Source>,
    /// When: its dates are relative to that.
    pub said_at: OffsetDateTime,
    /// What the caller wants to find again with it. Never read by a mind.
    pub metadata: Map<String, Value>,
}

/// What the policy would do, had the text come in by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preview {
    /// Whether Dispatch would act by itself, and why.
    pub routing: RoutingDecision,
    /// The policy's rule, by its name in the policy file.
    pub rule: String,
}

/// A classification that is kept.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct KeptClassification {
    pub classification_id: ClassificationId,
    /// What it means, and who says so.
    pub classified: Classified,
    /// The decision; for a unit the one that was made.
    pub preview: Option<Preview>,
    /// The unit that it is the meaning of. None for a text that somebody asked about.
    pub unit_id: Option<UnitId>,
    /// Who asked. None for a unit's.
    pub principal: Option<String>,
    /// What the caller gave with it.
    pub metadata: Map<String, Value>,
    pub created_at: OffsetDateTime,
}

/// Keeps and finds classifications.
#[async_trait]
pub trait ClassificationStore: Send + Sync {
    /// Keeps the answer to a question. Where its operation has been answered before, that answer stands and is given.
    ///
    /// # Errors
    /// `Unavailable`, or `Rejected` for a text that cannot be kept.
    async fn keep(
        &self,
        id: ClassificationId,
        question: &Question,
        classified: &Classified,
        preview: &Preview,
    ) -> Result<KeptClassification, ClassificationStoreError>;

    /// The answers that this operation's texts got before, by their place.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn answered(
        &self,
        operation: OperationId,
    ) -> Result<BTreeMap<u16, KeptClassification>, ClassificationStoreError>;

    /// By its id, a unit's too.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn find(&self, id: ClassificationId) -> Result<Option<KeptClassification>, ClassificationStoreError>;
}

/// What the store may answer instead.
#[derive(Debug, Error)]
pub enum ClassificationStoreError {
    /// It did not answer, or not in time. The same call may succeed later.
    #[error("the classifications are unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refuses this row. Asking again gives the same.
    #[error("the classification cannot be kept")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
}
