//! The `UnitQueue` port: from due signals to settled units.

use crate::plan::Decision;
use crate::queue::{ClaimRule, ClaimToken, QueueError, Settled};
use crate::unit::{BurstRule, ClaimedUnit};
use async_trait::async_trait;
use dispatch_classification::classifier::Classified;
use dispatch_mission::ids::{ClassificationId, DispatchId, UnitId};
use std::time::Duration;

/// Closes bursts into units, hands units out and takes their settlements. Each method is one atomic unit of work;
/// any number of replicas may call any of them at any time.
#[async_trait]
pub trait UnitQueue: Send + Sync {
    /// Applies up to `limit` amendments (edits and deletions) to the messages they are about, and ends them. Answers how
    /// many were ended.
    ///
    /// A message that is still due, or whose unit nobody has claimed yet, simply changes. A unit that was settled before
    /// becomes due again as a [`Revision`](crate::unit::Revision); one that loses its last message is ended, its unsent
    /// messages are cancelled and its missions that nobody took are cancelled. While a unit is claimed its amendments
    /// wait. So does one that overtook its message, for ten minutes (Slack's last repeat comes after five); then an edit
    /// stands for the message itself if that is not older than a day, and everything else ends without effect.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn amend(&self, limit: u32) -> Result<u32, QueueError>;

    /// Closes up to `limit` due bursts. A signal belongs to one unit at most; one that becomes visible after its burst
    /// was closed is still due and opens the next one. A reply in a thread that a mission of ours waits for an answer in
    /// joins that mission's unit, which becomes due again as a revision. Answers how many units were made or joined.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn close_bursts(&self, rule: BurstRule, limit: u32) -> Result<u32, QueueError>;

    /// Closes up to `rule.limit` due bursts and claims in the same commit the units that it makes, as
    /// [`close_bursts`](Self::close_bursts) and [`claim`](Self::claim) would one after the other, with half of the writing.
    /// Answers those claimed: a unit that is not the first of its conversation, or is joined, is left to `claim`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn claim_bursts(&self, burst: BurstRule, rule: ClaimRule) -> Result<Vec<ClaimedUnit>, QueueError>;

    /// Claims due units, the oldest of each conversation only, so that a conversation is understood in order. The
    /// attempt is counted in the claim. A unit whose attempts are used up becomes a dead letter instead.
    ///
    /// A unit that was claimed before is claimed alone: one that ends its worker takes its neighbours with it once at
    /// most, and ends alone.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn claim(&self, rule: ClaimRule) -> Result<Vec<ClaimedUnit>, QueueError>;

    /// Prolongs a claim. `Lost` when it no longer stands.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn renew(&self, unit: UnitId, token: ClaimToken, lease: Duration) -> Result<Settled, QueueError>;

    /// Writes classification, dispatch, deliveries and whatever storage effects succeed at once, in one commit for the
    /// whole batch; answers in order. A settlement whose claim is lost writes nothing. A storage effect that fails does
    /// not fail the settlement: its delivery stays due.
    ///
    /// # Errors
    /// `Unavailable`, or `Rejected` when one of several is at fault: the caller settles them singly.
    async fn settle(&self, settlements: Vec<UnitSettlement>) -> Result<Vec<Settled>, QueueError>;

    /// Gives a unit back after a failed attempt, due again after `delay`, or as a dead letter when `delay` is `None`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn give_back(
        &self,
        unit: UnitId,
        token: ClaimToken,
        delay: Option<Duration>,
        reason: &str,
    ) -> Result<Settled, QueueError>;

    /// Hands a unit back that nobody has begun to work on, as when a worker is told to stop: it is due at once, and the
    /// attempt counts for nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn hand_back(&self, unit: UnitId, token: ClaimToken) -> Result<Settled, QueueError>;

    /// Ends held units whose time has run out. Answers how many.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn expire_held(&self, limit: u32) -> Result<u32, QueueError>;
}

/// Everything that becomes true when a unit is understood and routed.
#[derive(Clone, PartialEq, Debug)]
pub struct UnitSettlement {
    /// The unit.
    pub unit_id: UnitId,
    /// The claim.
    pub token: ClaimToken,
    /// Id of the classification to write.
    pub classification_id: ClassificationId,
    /// What the unit means.
    pub classified: Classified,
    /// Id of the dispatch to write, unless the unit is held or means nothing.
    pub dispatch_id: DispatchId,
    /// What is done about it.
    pub decision: Decision,
}
