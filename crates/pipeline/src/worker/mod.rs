//! The worker: turns the use cases round until it is told to stop. Polling is the truth; the doorbell only wakes.
//! Any number of workers share one database, and nothing of value lives in their memory.

mod lane;
mod upkeep;

use crate::agents::Meter;
use crate::answers::Clerk;
use crate::deliver::Deliver;
use crate::ports::doorbell::Doorbell;
use crate::ports::worker_registry::WorkerRegistry;
use crate::reason::Reason;
use crate::replay::Batches;
use crate::route::Route;
use dispatch_classification::classifier::Classifier;
use dispatch_mission::zone::Zone;
use dispatch_routing::answer_queue::AnswerQueue;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery_queue::DeliveryQueue;
use dispatch_routing::held_work::HeldWork;
use dispatch_routing::policy::Policy;
use dispatch_routing::queue::{ClaimRule, QueueError};
use dispatch_routing::unit::BurstRule;
use dispatch_routing::unit_queue::UnitQueue;
use lane::Lane;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
pub use upkeep::Upkeep;

/// How often a worker reports that it is alive, and looks after held work.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// What a worker works with.
#[allow(missing_docs)] // one field, one port
pub struct WorkerParts {
    /// Unique among all replicas.
    pub name: String,
    pub units: Arc<dyn UnitQueue>,
    pub answers: Arc<dyn AnswerQueue>,
    pub held: Arc<dyn HeldWork>,
    pub deliveries: Arc<dyn DeliveryQueue>,
    pub classifier: Arc<dyn Classifier>,
    /// One per kind of destination other than storage.
    pub couriers: Vec<Arc<dyn Courier>>,
    pub policy: Policy,
    pub zone: Zone,
    pub registry: Arc<dyn WorkerRegistry>,
    pub doorbell: Arc<dyn Doorbell>,
    pub upkeep: Upkeep,
    pub meter: Arc<Meter>,
    pub replays: Batches,
}

/// How a worker works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorkerSettings {
    /// When bursts close.
    pub burst: BurstRule,
    /// How much to claim and for how long.
    pub claim: ClaimRule,
    /// How often to look when nothing rings.
    pub poll: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            burst: BurstRule::default(),
            claim: ClaimRule { limit: 100, lease: Duration::from_secs(30), max_attempts: 5 },
            poll: Duration::from_millis(250),
        }
    }
}

/// Turns the use cases round.
pub struct Worker {
    name: String,
    reason: Reason,
    clerk: Clerk,
    deliver: Deliver,
    couriers: Vec<Arc<dyn Courier>>,
    registry: Arc<dyn WorkerRegistry>,
    doorbell: Arc<dyn Doorbell>,
    upkeep: Upkeep,
    replays: Batches,
    poll: Duration,
}

impl Worker {
    /// Puts a worker together.
    #[must_use]
    pub fn new(parts: WorkerParts, settings: WorkerSettings) -> Self {
        let retries = parts.policy.retry.clone();
        let route = Route::new(parts.held, parts.policy.clone(), parts.zone);
        Self {
            name: parts.name,
            clerk: Clerk::new(parts.answers, route, settings.claim),
            reason: Reason::new(
                parts.units,
                parts.classifier,
                parts.policy,
                parts.zone,
                settings.burst,
                settings.claim,
                parts.meter.clone(),
            ),
            deliver: Deliver::new(parts.deliveries, retries, settings.claim, parts.meter),
            couriers: parts.couriers,
            registry: parts.registry,
            doorbell: parts.doorbell,
            upkeep: parts.upkeep,
            replays: parts.replays,
            poll: settings.poll,
        }
    }

    /// Works until `stop` is cancelled, then finishes what is in hand, claims nothing more and returns. Lanes run side
    /// by side, so that a slow destination delays nobody else.
    pub async fn run(self, stop: CancellationToken) {
        let (bell, ring) = watch::channel(0u64);
        let lane = |name| Lane::new(name, self.poll, stop.clone(), ring.clone());
        let sends = self
            .couriers
            .iter()
            .map(|courier| lane(courier.serves().as_str()).run(|| self.deliver.send_turn(courier.as_ref(), &stop)));
        tokio::join!(
            lane("bursts").run(|| self.gather(&bell)),
            lane("reason").run(|| self.reason.think_turn(&stop)),
            lane("answers").run(|| self.clerk.turn(&stop)),
            lane("storage").run(|| self.deliver.store_turn()),
            lane("replays").run(|| self.replays.turn()),
            futures_util::future::join_all(sends),
            self.listen(&bell, &stop),
            self.report(&stop),
            self.upkeep.run(&stop),
        );
        if let Err(error) = self.registry.leave(&self.name).await {
            tracing::debug!(%error, "worker could not sign off");
        }
    }

    /// A unit that was made is told to the other lanes at once.
    async fn gather(&self, bell: &watch::Sender<u64>) -> Result<usize, QueueError> {
        let moved = self.reason.gather_turn().await?;
        if moved > 0 {
            ring(bell);
        }
        Ok(moved)
    }

    /// Passes every ring on to all lanes; a lane that is busy finds it later.
    async fn listen(&self, bell: &watch::Sender<u64>, stop: &CancellationToken) {
        while stop.run_until_cancelled(self.doorbell.rung()).await.is_some() {
            ring(bell);
        }
    }

    /// Reports this worker alive, and looks after held work, until told to stop. Nothing that may take long
    /// belongs here: who is not heard of is taken for dead.
    async fn report(&self, stop: &CancellationToken) {
        loop {
            if let Err(error) = self.registry.beat(&self.name).await {
                tracing::warn!(%error, "worker could not report");
            }
            for (what, result) in
                [("expire", self.reason.expire_held().await), ("release", self.deliver.release_held().await)]
            {
                match result {
                    Ok(0) => {}
                    Ok(rows) => tracing::info!(what, rows, "held work moved"),
                    Err(error) => tracing::warn!(what, %error, "held work could not be looked after"),
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(HEARTBEAT)).await.is_none() {
                return;
            }
        }
    }
}

fn ring(bell: &watch::Sender<u64>) {
    bell.send_modify(|rings| *rings = rings.wrapping_add(1));
}
