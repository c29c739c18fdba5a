//! One turn of a lane of sends: what is claimed, under way and settled at the same time. Must not know how any of that is done.
//!
//! One claim and one settlement at a time, beside each other and beside the sends: what ends meanwhile shares the next
//! settlement, and the places that it leaves are filled by the next claim. A claim costs the database much the same whatever
//! it carries: after one that found something the next waits a moment for more places.

use super::Deliver;
use super::permission::Permission;
use super::places::Places;
use crate::under_way::ended;
use dispatch_routing::backoff::RetrySchedule;
use dispatch_routing::courier::Courier;
use dispatch_routing::delivery::ClaimedDelivery;
use dispatch_routing::delivery_queue::DeliverySettlement;
use dispatch_routing::queue::{ClaimRule, QueueError};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long places are waited for after a claim that found something, while sends are under way.
const LINGER: Duration = Duration::from_millis(10);
/// How long an answer is waited for before the queue is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

type Claimed = Result<Vec<(ClaimedDelivery, Permission)>, QueueError>;

pub(super) struct Turn<'a> {
    deliver: &'a Deliver,
    courier: &'a dyn Courier,
    schedule: &'a RetrySchedule,
    stop: &'a CancellationToken,
    claiming: Option<BoxFuture<'a, Claimed>>,
    /// Each with its destination.
    sends: FuturesUnordered<BoxFuture<'a, (String, DeliverySettlement)>>,
    places: Places,
    ended: Vec<DeliverySettlement>,
    settling: Option<BoxFuture<'a, Result<(), QueueError>>>,
    /// Something may be due that was not when the queue was last looked at, or had no place.
    look: bool,
    /// The last claim found something: there may be more.
    more: bool,
    claimed_at: Instant,
    outcome: Result<usize, QueueError>,
}

impl<'a> Turn<'a> {
    pub fn new(deliver: &'a Deliver, courier: &'a dyn Courier, stop: &'a CancellationToken) -> Self {
        Self {
            deliver,
            courier,
            schedule: deliver.retries.of(courier.serves()),
            stop,
            claiming: None,
            sends: FuturesUnordered::new(),
            places: Places::default(),
            ended: Vec::new(),
            settling: None,
            look: true,
            more: false,
            claimed_at: Instant::now(),
            outcome: Ok(0),
        }
    }

    /// Until nothing is due and nothing in hand. After a fault nothing more is claimed, but what is under way is settled all
    /// the same.
    pub async fn run(mut self) -> Result<usize, QueueError> {
        loop {
            let lingers = self.begin();
            if self.claiming.is_none() && self.settling.is_none() && self.sends.is_empty() {
                return self.outcome;
            }
            tokio::select! {
                claimed = ended(&mut self.claiming) => self.claimed(claimed),
                settled = ended(&mut self.settling) => self.settled(settled),
                Some((destination, end)) = self.sends.next() => {
                    self.places.give_back(&destination);
                    self.ended.push(end);
                }
                () = tokio::time::sleep_until(self.claimed_at + LINGER), if lingers => {}
                // What becomes due meanwhile is not kept waiting by what does not end.
                () = tokio::time::sleep(LOOK_AGAIN), if self.claiming.is_none() => self.look = true,
            }
        }
    }

    /// Begins whatever can begin now. Answers whether a claim waits for places.
    fn begin(&mut self) -> bool {
        if !self.ended.is_empty() && self.settling.is_none() {
            self.settling = Some(self.deliver.settle(std::mem::take(&mut self.ended)).boxed());
        }
        // No more than there are places, and nothing while much waits to be settled: a claim must not age while it waits for
        // its neighbours.
        let most = self.deliver.claim.limit;
        let limit = most.min(self.places.free());
        let is_behind = self.ended.len() >= usize::try_from(most).unwrap_or(usize::MAX);
        let may = self.outcome.is_ok() && !self.stop.is_cancelled() && limit > 0 && !is_behind;
        let lingers = self.more && !self.sends.is_empty() && self.claimed_at.elapsed() < LINGER;
        if may && self.claiming.is_none() && (self.look || self.more) && !lingers {
            let rule = ClaimRule { limit, max_attempts: self.schedule.max_attempts(), ..self.deliver.claim };
            let bounds = self.places.bounds(self.schedule.deadline());
            self.claiming = Some(self.deliver.claim(self.courier.serves(), rule, bounds).boxed());
            (self.look, self.more) = (false, false);
        }
        may && lingers && self.claiming.is_none()
    }

    fn claimed(&mut self, claimed: Claimed) {
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                self.outcome = Err(error);
                return;
            }
        };
        if let Ok(moved) = &mut self.outcome {
            *moved += claimed.len();
        }
        (self.more, self.claimed_at) = (!claimed.is_empty(), Instant::now());
        for (delivery, permission) in claimed {
            let destination = delivery.destination.lane().destination;
            self.places.take(&destination);
            let attempt = self.deliver.attempt(self.courier, self.schedule, delivery, permission);
            self.sends.push(attempt.map(|end| (destination, end)).boxed());
        }
    }

    /// What was settled may have made others due, and has left its places.
    fn settled(&mut self, settled: Result<(), QueueError>) {
        self.look = true;
        if let Err(error) = settled {
            self.outcome = Err(error);
        }
    }
}
