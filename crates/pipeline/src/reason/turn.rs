//! One turn of the reason lane: what is claimed, thought about and settled at the same time. Must not know how any of that
//! is done.
//!
//! All three go on beside each other: while a settlement waits for the database, thoughts are still heard and their claims
//! renewed; while a thought waits for its mind, other units are claimed and settled. A claim and a settlement cost the
//! database much the same whatever they carry: while others are in hand, each waits a moment for company.

use super::Reason;
use crate::under_way::ended;
use dispatch_routing::queue::QueueError;
use dispatch_routing::unit::ClaimedUnit;
use dispatch_routing::unit_queue::UnitSettlement;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a claim or a settlement that is less than half of a full one waits for company, from the end of the last one.
const LINGER: Duration = Duration::from_millis(20);
/// Settlements at a time: while the database writes one, the next is put into words.
const SETTLEMENTS: usize = 2;
/// How long what goes on is waited for before the queue, once found empty, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(super) struct Turn<'a> {
    reason: &'a Reason,
    stop: &'a CancellationToken,
    claiming: Option<BoxFuture<'a, Result<Vec<ClaimedUnit>, QueueError>>>,
    thinking: FuturesUnordered<BoxFuture<'a, Option<UnitSettlement>>>,
    understood: Vec<UnitSettlement>,
    settling: FuturesUnordered<BoxFuture<'a, Result<(), QueueError>>>,
    claimed_at: Instant,
    settled_at: Instant,
    /// The last look found nothing.
    is_drained: bool,
    /// Nothing more is claimed until all that is in hand has ended.
    makes_room: bool,
    outcome: Result<usize, QueueError>,
}

impl<'a> Turn<'a> {
    pub fn new(reason: &'a Reason, stop: &'a CancellationToken) -> Self {
        Self {
            reason,
            stop,
            claiming: None,
            thinking: FuturesUnordered::new(),
            understood: Vec::new(),
            settling: FuturesUnordered::new(),
            claimed_at: Instant::now(),
            settled_at: Instant::now(),
            is_drained: false,
            makes_room: false,
            outcome: Ok(0),
        }
    }

    /// Until nothing is due and nothing in hand. After a fault nothing more is claimed, but what is under way is never cut
    /// off: its answer is paid for.
    pub async fn run(mut self) -> Result<usize, QueueError> {
        loop {
            let lingers = self.begin();
            if self.is_idle() {
                return self.outcome;
            }
            tokio::select! {
                claimed = ended(&mut self.claiming) => self.claimed(claimed),
                Some(settled) = self.settling.next() => self.settled(settled),
                // One at a time: a mind that never waits would not let claim and settlement go on beside it.
                Some(thought) = self.thinking.next() => self.understood.extend(thought),
                () = tokio::time::sleep(LINGER), if lingers => {}
                () = tokio::time::sleep(LOOK_AGAIN) => self.is_drained = false,
            }
        }
    }

    /// Begins whatever can begin now. Answers whether something waits for company.
    fn begin(&mut self) -> bool {
        if self.is_idle() {
            self.makes_room = false;
        }
        let width = self.reason.classifier.width().max(1);
        // More would not be claimed at once, nor thought about at the same time.
        let full = width.min(usize::try_from(self.reason.claim.limit).unwrap_or(usize::MAX));
        let is_worth_it = |count: usize, since: Instant, is_all: bool| {
            count > 0 && (is_all || count * 2 >= full || since.elapsed() >= LINGER)
        };
        let is_all = self.thinking.is_empty();
        let understood = self.understood.len();
        let may_settle = self.settling.len() < SETTLEMENTS;
        if may_settle && is_worth_it(understood, self.settled_at, is_all) {
            let understood = std::mem::take(&mut self.understood);
            self.settling.push(self.reason.settle(understood).boxed());
        }
        // No more than can be thought about and settled: a claim must not age while it waits for its neighbours.
        let free = width.saturating_sub(self.thinking.len() + self.understood.len());
        let wants = self.outcome.is_ok()
            && !self.stop.is_cancelled()
            && !self.is_drained
            && !self.makes_room
            && self.claiming.is_none();
        if wants && is_worth_it(free, self.claimed_at, is_all) {
            self.claiming = Some(self.reason.claim(free).boxed());
        }
        (self.settling.len() < SETTLEMENTS && !self.understood.is_empty())
            || (wants && self.claiming.is_none() && free > 0)
    }

    fn is_idle(&self) -> bool {
        self.claiming.is_none() && self.settling.is_empty() && self.thinking.is_empty() && self.understood.is_empty()
    }

    fn claimed(&mut self, claimed: Result<Vec<ClaimedUnit>, QueueError>) {
        let (reason, stop) = (self.reason, self.stop);
        self.claimed_at = Instant::now();
        match claimed {
            Ok(units) => {
                self.is_drained = units.is_empty();
                // One that ended its worker before may do so again: it must be alone in this worker's hands.
                if units.iter().any(|unit| unit.attempts > 1) {
                    if !self.is_idle() {
                        self.makes_room = true;
                        // Beside the others, not before them: they hold connections, and end only when they are looked at.
                        let handed_back = |unit: ClaimedUnit| async move {
                            reason.hand_back(&unit).await;
                            None
                        };
                        self.thinking.extend(units.into_iter().map(|unit| handed_back(unit).boxed()));
                        return;
                    }
                    self.makes_room = true;
                }
                if let Ok(moved) = &mut self.outcome {
                    *moved += units.len();
                }
                self.thinking.extend(units.into_iter().map(|unit| reason.understand(unit, stop).boxed()));
            }
            Err(error) => self.outcome = Err(error),
        }
    }

    fn settled(&mut self, settled: Result<(), QueueError>) {
        self.settled_at = Instant::now();
        // What was waited for may have made room for the next of its conversation.
        self.is_drained = false;
        if let Err(error) = settled {
            self.outcome = Err(error);
        }
    }
}
