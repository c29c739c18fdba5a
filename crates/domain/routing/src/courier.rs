//! The `Courier` port: sends to one kind of destination. It never retries by itself.

use crate::delivery::{AttemptOutcome, ClaimedDelivery};
use crate::destination::DestinationKind;
use async_trait::async_trait;

/// Sends deliveries to one kind of destination.
#[async_trait]
pub trait Courier: Send + Sync {
    /// The kind of destination it serves.
    fn serves(&self) -> DestinationKind;

    /// Makes one attempt and classifies its outcome; never panics and never returns later than its own time-out.
    ///
    /// When `delivery.may_have_been_sent`, it first looks at the destination for the delivery id: found means
    /// `Delivered`, not found means it sends, and when it cannot look it sends nothing and answers `Unknowable`, or
    /// `Retryable` when looking may work later. Where the destination keeps no ids, it looks for the same text, and one
    /// that is found is `Unknowable` too: it may be another delivery's. Where the destination itself knows a repeat by the
    /// delivery id, nothing is looked for: it is sent again.
    ///
    /// A recipient who told the provider not to be written to is `Unwanted`, a refusal for any other lasting reason
    /// `Permanent`; where nobody listens any more, `Disabled`. A time-out or a cut connection after the request went out is `Ambiguous`; a connection that was never made is
    /// `Retryable`.
    async fn deliver(&self, delivery: &ClaimedDelivery) -> AttemptOutcome;
}
