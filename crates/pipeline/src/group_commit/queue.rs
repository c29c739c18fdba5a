//! What waits for a batch: bounded in number and bytes, first in, first out. Must not know how a batch is committed.

use super::{Answer, Limits};
use dispatch_mission::signal::NewSignal;
use std::collections::VecDeque;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What a signal costs beyond its longest texts.
const OVERHEAD: usize = 1024;

/// One caller's signals, which stay together.
pub(super) struct Waiting {
    pub(super) signals: Vec<NewSignal>,
    pub(super) answer: oneshot::Sender<Answer>,
    ticket: u64,
    bytes: usize,
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    signals: usize,
    bytes: usize,
    tickets: u64,
    lanes: usize,
    /// When the last batch was taken.
    taken: Option<Instant>,
}

impl Queue {
    /// Puts a caller at the end; `None` when there is no room. Where nobody waits there is always room.
    pub(super) fn push(
        &mut self,
        limits: &Limits,
        signals: Vec<NewSignal>,
        answer: oneshot::Sender<Answer>,
    ) -> Option<u64> {
        let bytes = signals.iter().map(weight).sum();
        let full = self.signals + signals.len() > limits.waiting || self.bytes + bytes > limits.waiting_bytes;
        if full && !self.waiting.is_empty() {
            return None;
        }
        self.tickets += 1;
        self.signals += signals.len();
        self.bytes += bytes;
        self.waiting.push_back(Waiting { signals, answer, ticket: self.tickets, bytes });
        Some(self.tickets)
    }

    /// Takes a caller back out; false when it is in a batch already.
    pub(super) fn withdraw(&mut self, ticket: u64) -> bool {
        let found = self.waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket);
        let taken = found.ok().and_then(|at| self.waiting.remove(at));
        taken.is_some_and(|waiting| {
            self.leave(&waiting);
            true
        })
    }

    /// As many callers as fit, the first one always.
    fn take(&mut self, limits: &Limits) -> Vec<Waiting> {
        let (mut signals, mut bytes, mut callers) = (0, 0, 0);
        for waiting in &self.waiting {
            signals += waiting.signals.len();
            bytes += waiting.bytes;
            if callers > 0 && (signals > limits.batch || bytes > limits.batch_bytes) {
                break;
            }
            callers += 1;
        }
        let batch: Vec<Waiting> = self.waiting.drain(..callers).collect();
        batch.iter().for_each(|waiting| self.leave(waiting));
        batch
    }

    fn leave(&mut self, waiting: &Waiting) {
        self.signals -= waiting.signals.len();
        self.bytes -= waiting.bytes;
    }

    /// Whether to open a lane; it counts as open from now on.
    pub(super) fn open_lane(&mut self, limits: &Limits) -> bool {
        let free = self.lanes < limits.lanes.max(1) && !self.waiting.is_empty();
        let open = free && self.is_worth_a_lane(limits, self.lanes);
        self.lanes += usize::from(open);
        open
    }

    /// Whether what waits should go now, beside `others` that commit: a small batch costs nearly as much as a large one and
    /// is better left to grow, unless the others are stuck.
    fn is_worth_a_lane(&self, limits: &Limits, others: usize) -> bool {
        let stuck = || self.taken.is_none_or(|taken| taken.elapsed() >= limits.stuck);
        others == 0 || self.signals >= limits.worthwhile || stuck()
    }

    /// The next batch for a lane, or nothing: then the lane is closed.
    pub(super) fn next(&mut self, limits: &Limits) -> Option<Vec<Waiting>> {
        if self.waiting.is_empty() || !self.is_worth_a_lane(limits, self.lanes - 1) {
            self.lanes -= 1;
            return None;
        }
        self.taken = Some(Instant::now());
        Some(self.take(limits))
    }

    /// Whether nothing waits and nothing commits.
    pub(super) fn is_idle(&self) -> bool {
        self.lanes == 0 && self.waiting.is_empty()
    }
}

fn weight(signal: &NewSignal) -> usize {
    OVERHEAD + signal.payload.len() + signal.text.len()
}
