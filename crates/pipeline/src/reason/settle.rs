//! What was understood becomes true: in one commit if the database takes it, one by one where a unit is poisoned. Must not
//! know what was understood.

use super::{ORCHESTRATOR, Reason};
use crate::failpoint;
use dispatch_routing::plan::{Content, Verdict};
use dispatch_routing::queue::{QueueError, Settled};
use dispatch_routing::unit_queue::UnitSettlement;
use std::time::{Duration, Instant};

/// Pauses between tries to settle; together far less than a lease.
const SETTLE_PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];

impl Reason {
    /// Settles the batch; when the database refuses it, one by one, so that a poisoned unit fails alone.
    pub(super) async fn settle(&self, settlements: Vec<UnitSettlement>) -> Result<(), QueueError> {
        if settlements.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        match self.settle_while_claimed(&settlements).await {
            Ok(results) => {
                note_lost(&settlements, &results);
                self.note_stored(&settlements, begun.elapsed());
            }
            Err(QueueError::Rejected(_)) => {
                for settlement in settlements {
                    self.settle_alone(settlement).await?;
                }
            }
            Err(unavailable) => return Err(unavailable),
        }
        failpoint::pass("unit.settled", String::new);
        Ok(())
    }

    /// Missions were made in the commit that settled their units: each has its share of the time that this took.
    fn note_stored(&self, settlements: &[UnitSettlement], took: Duration) {
        let share = took / u32::try_from(settlements.len()).unwrap_or(u32::MAX);
        for _ in settlements.iter().filter(|settlement| stores(settlement)) {
            self.meter.note(ORCHESTRATOR, share, Ok(None));
        }
    }

    /// Tries a passing fault again at once: the answers are paid for, and their claims still hold.
    async fn settle_while_claimed(&self, settlements: &[UnitSettlement]) -> Result<Vec<Settled>, QueueError> {
        for pause in SETTLE_PAUSES {
            match self.queue.settle(settlements.to_vec()).await {
                Err(QueueError::Unavailable(error)) => {
                    tracing::warn!(%error, units = settlements.len(), "settlement is tried again");
                    tokio::time::sleep(pause).await;
                }
                other => return other,
            }
        }
        self.queue.settle(settlements.to_vec()).await
    }

    async fn settle_alone(&self, settlement: UnitSettlement) -> Result<(), QueueError> {
        let (unit, token) = (settlement.unit_id, settlement.token);
        match self.queue.settle(vec![settlement]).await {
            Ok(_) => Ok(()),
            Err(QueueError::Rejected(error)) => {
                tracing::error!(unit_id = %unit, %error, "unit was refused and is a dead letter");
                self.queue.give_back(unit, token, None, "settlement_rejected").await.map(drop)
            }
            Err(unavailable) => Err(unavailable),
        }
    }
}

fn stores(settlement: &UnitSettlement) -> bool {
    let Verdict::Dispatch(plan) = &settlement.decision.verdict else { return false };
    plan.iter().any(|one| matches!(one.content, Content::Storage(_)))
}

fn note_lost(settlements: &[UnitSettlement], results: &[Settled]) {
    for (settlement, result) in settlements.iter().zip(results) {
        if *result == Settled::Lost {
            tracing::info!(unit_id = %settlement.unit_id, "claim was lost; somebody else settles the unit");
        }
    }
}
