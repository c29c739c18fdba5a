//! What waits for a batch: bounded in number and bytes, first in, first out. Must not know how a batch is committed.

use super::{Answer, Limits};
use dispatch_mission::signal::NewSignal;
use std::collections::VecDeque;
use tokio::sync::oneshot;

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

    /// The next batch: as many callers as fit, the first one always.
    pub(super) fn take(&mut self, limits: &Limits) -> Vec<Waiting> {
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

    /// Whether there is a lane to open; it counts as open from now on.
    pub(super) fn open_lane(&mut self, lanes: usize) -> bool {
        let free = self.lanes < lanes.max(1);
        self.lanes += usize::from(free);
        free
    }

    pub(super) fn close_lane(&mut self) {
        self.lanes -= 1;
    }

    /// Whether nothing waits and nothing commits.
    pub(super) fn is_idle(&self) -> bool {
        self.lanes == 0 && self.waiting.is_empty()
    }
}

fn weight(signal: &NewSignal) -> usize {
    OVERHEAD + signal.payload.len() + signal.text.len()
}
