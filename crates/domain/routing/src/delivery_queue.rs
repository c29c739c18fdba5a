//! The `DeliveryQueue` port: hands deliveries out and takes their settlements.

use crate::delivery::{AttemptOutcome, ClaimedDelivery, DeliveryState};
use crate::destination::DestinationKind;
use crate::queue::{ClaimRule, ClaimToken, QueueError, Settled};
use async_trait::async_trait;
use dispatch_mission::ids::DeliveryId;
use dispatch_mission::signal::Recipient;
use std::collections::HashMap;
use std::time::Duration;
use time::OffsetDateTime;

/// Hands deliveries out and takes their settlements. Each method is one atomic unit of work.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Claims due deliveries of one kind, whatever lane they are in: [`claim_within`](Self::claim_within) without bounds.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn claim(&self, kind: DestinationKind, rule: ClaimRule) -> Result<Vec<ClaimedDelivery>, QueueError> {
        self.claim_within(kind, rule, &Bounds::default()).await
    }

    /// Claims due deliveries of one kind, in turn from each lane that may be used now and within `bounds`. What waits in
    /// other lanes is not looked at, however much it is: where a circuit breaker is open, where the lane has had what its
    /// rate allows (by the limits that the queue was made with; all replicas share what is left), where somebody asked for
    /// a pause. A breaker that has been open for its time lets one delivery through. The attempt is counted in the claim.
    ///
    /// A delivery whose attempts are used up becomes `Exhausted` instead (`Unknown` where its last attempt may have been
    /// sent), and so does one that is past its deadline (`deadline_passed`). One that depends on another is due only when
    /// that one is delivered.
    ///
    /// One whose last claim ran out unsettled is claimed alone, and a storage delivery also after any other attempt: one
    /// that ends its worker takes its neighbours with it once at most, and ends alone.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn claim_within(
        &self,
        kind: DestinationKind,
        rule: ClaimRule,
        bounds: &Bounds,
    ) -> Result<Vec<ClaimedDelivery>, QueueError>;

    /// Records attempts and their consequences in one commit; answers in order. A settlement whose claim is lost
    /// writes nothing. Deliveries that depend on one that ends other than delivered are cancelled with it. What an attempt
    /// says of its destination goes to that one's breaker; a `retry_after` pauses what [`Lane::rests`](crate::lane::Lane::rests) says,
    /// and nothing else.
    ///
    /// # Errors
    /// `Unavailable`, or `Rejected` when one of several is at fault: the caller settles them singly.
    async fn settle(&self, settlements: Vec<DeliverySettlement>) -> Result<Vec<Settled>, QueueError>;

    /// Those of `recipients` that must not be written to, and why (`opted_out`, `app_uninstalled`): somebody said so. Asked
    /// of all deliveries of a claim, right before they are sent.
    ///
    /// # Errors
    /// `Unavailable`: then nothing is sent.
    async fn refusals(&self, recipients: &[Recipient]) -> Result<HashMap<Recipient, String>, QueueError>;

    /// Notes that `recipient` may be written to since then, for the provider itself shows it: a block is lifted, and a word
    /// from before that comes late does not block again. Answers why they were not to be written to, if so.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn allow(&self, recipient: &Recipient, since: OffsetDateTime) -> Result<Option<String>, QueueError>;

    /// Applies a storage delivery's effects, each once (a unique key per effect), and settles it in the same commit:
    /// `Delivered`; `Held` with a reason when the tables are not there yet (`cutover_expand_due`) or the row needs a
    /// realtor nobody can name (`realtor_unresolved`); due again after a transient error, without the attempt being counted
    /// where the database needs a privilege or a migration first; `Failed` when the row itself is refused.
    ///
    /// # Errors
    /// `Unavailable` when nothing could be written at all, the settlement included.
    async fn store(&self, delivery: &ClaimedDelivery) -> Result<StoreOutcome, QueueError>;

    /// Makes deliveries due that were held for a condition which holds now (the cut-over's expand). Answers how many.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn release_held(&self, limit: u32) -> Result<u32, QueueError>;
}

/// How much of a claim each destination may have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bounds {
    /// Deliveries of one destination that may be under way at this worker; none: as many as are claimed.
    pub each: Option<u32>,
    /// How many are, by [`Lane::destination`](crate::lane::Lane).
    pub under_way: HashMap<String, u32>,
    /// The age at which a delivery ends; none: it does not.
    pub deadline: Option<Duration>,
}

/// How a storage delivery ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreOutcome {
    /// Whether the claim stood.
    pub settled: Settled,
    /// Its state now.
    pub state: DeliveryState,
    /// The reason, when it is not delivered.
    pub reason: Option<String>,
}

/// One attempt and what follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliverySettlement {
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// The claim.
    pub token: ClaimToken,
    /// What the attempt came to.
    pub outcome: AttemptOutcome,
    /// How long it took.
    pub took: Duration,
    /// The state it leaves the delivery in.
    pub next: NextStep,
}

/// The state an attempt leaves its delivery in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NextStep {
    /// Finished in this state.
    End(DeliveryState),
    /// Due again after this long.
    Again(Duration),
}
