//! A queue that hands out what it is told to, and notes what happens to it.

use async_trait::async_trait;
use dispatch_mission::ids::UnitId;
use dispatch_routing::queue::{ClaimRule, ClaimToken, QueueError, Settled};
use dispatch_routing::testing::claimed_unit;
use dispatch_routing::unit::{BurstRule, ClaimedUnit};
use dispatch_routing::unit_queue::{UnitQueue, UnitSettlement};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Units that are due, those handed back, and what was settled together.
#[derive(Default)]
pub(super) struct Script {
    pub(super) due: Vec<ClaimedUnit>,
    /// Bursts that are not closed yet.
    pub(super) bursts: Vec<ClaimedUnit>,
    pub(super) bursts_fail: bool,
    pub(super) closed_apart: u32,
    pub(super) claims_that_fail: u32,
    pub(super) settled: Vec<Vec<UnitId>>,
    pub(super) handed_back: usize,
    pub(super) most_claimed: usize,
    pub(super) renewed: usize,
    pub(super) settling_takes: Duration,
    pub(super) handing_back_takes: Duration,
}

#[derive(Default)]
pub(super) struct ScriptedQueue(Mutex<Script>);

impl ScriptedQueue {
    pub(super) fn of(texts: &[&str]) -> Arc<Self> {
        let due = texts.iter().map(|text| claimed_unit(text)).collect();
        Arc::new(Self(Mutex::new(Script { due, ..Script::default() })))
    }

    pub(super) fn see<T>(&self, look: impl FnOnce(&mut Script) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl UnitQueue for ScriptedQueue {
    async fn amend(&self, _: u32) -> Result<u32, QueueError> {
        Ok(0)
    }

    async fn close_bursts(&self, _: BurstRule, _: u32) -> Result<u32, QueueError> {
        self.see(|script| {
            let bursts: Vec<_> = script.bursts.drain(..).collect();
            script.closed_apart += bursts.len() as u32;
            script.due.extend(bursts);
        });
        Ok(0)
    }

    async fn claim_bursts(&self, _: BurstRule, rule: ClaimRule) -> Result<Vec<ClaimedUnit>, QueueError> {
        self.see(|script| {
            if script.bursts_fail {
                return Err(QueueError::Unavailable("down".into()));
            }
            let count = script.bursts.len().min(rule.limit as usize);
            Ok(script.bursts.drain(..count).collect())
        })
    }

    async fn claim(&self, rule: ClaimRule) -> Result<Vec<ClaimedUnit>, QueueError> {
        self.see(|script| {
            if script.due.is_empty() && script.claims_that_fail > 0 {
                script.claims_that_fail -= 1;
                return Err(QueueError::Unavailable("down".into()));
            }
            // As the real one: what was claimed before is claimed alone.
            let fresh = script.due.iter().take_while(|unit| unit.attempts == 1).count();
            let count = script.due.len().min(rule.limit as usize).min(fresh.max(1));
            script.most_claimed = script.most_claimed.max(count);
            Ok(script.due.drain(..count).collect())
        })
    }

    async fn renew(&self, _: UnitId, _: ClaimToken, _: Duration) -> Result<Settled, QueueError> {
        self.see(|script| script.renewed += 1);
        Ok(Settled::Stood)
    }

    async fn settle(&self, settlements: Vec<UnitSettlement>) -> Result<Vec<Settled>, QueueError> {
        tokio::time::sleep(self.see(|script| script.settling_takes)).await;
        self.see(|script| script.settled.push(settlements.iter().map(|one| one.unit_id).collect()));
        Ok(vec![Settled::Stood; settlements.len()])
    }

    async fn give_back(&self, _: UnitId, _: ClaimToken, _: Option<Duration>, _: &str) -> Result<Settled, QueueError> {
        Ok(Settled::Stood)
    }

    async fn hand_back(&self, unit: UnitId, _: ClaimToken) -> Result<Settled, QueueError> {
        tokio::time::sleep(self.see(|script| script.handing_back_takes)).await;
        self.see(|script| {
            script.handed_back += 1;
            let mut again = claimed_unit("claimed before");
            (again.unit_id, again.attempts) = (unit, 2);
            script.due.insert(0, again);
        });
        Ok(Settled::Stood)
    }

    async fn expire_held(&self, _: u32) -> Result<u32, QueueError> {
        Ok(0)
    }
}
