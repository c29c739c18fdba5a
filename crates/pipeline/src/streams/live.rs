//! A stream as the process that tells it remembers it: what is committed, and who listens. Must not know the store.

use super::teller::Memory;
use crate::ports::streams::StreamEvent;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stand {
    /// So many events are committed; more may come.
    Goes(usize),
    /// So many are, and the last one is the end.
    Ended(usize),
    /// What comes after those that are here is known to the rows alone.
    Detached,
}

/// One stream that is told here.
pub(super) struct Live {
    owner: String,
    /// Number n stands at n - 1.
    events: RwLock<Vec<Arc<StreamEvent>>>,
    stand: watch::Sender<Stand>,
    attendance: Mutex<Attendance>,
    /// Taken as long as anybody reads it.
    _memory: Arc<Memory>,
}

struct Attendance {
    readers: usize,
    /// When the last one left.
    since: Instant,
}

impl Live {
    pub fn new(owner: String, first: StreamEvent, memory: Arc<Memory>) -> Self {
        Self {
            owner,
            events: RwLock::new(vec![Arc::new(first)]),
            stand: watch::Sender::new(Stand::Goes(1)),
            attendance: Mutex::new(Attendance { readers: 0, since: Instant::now() }),
            _memory: memory,
        }
    }

    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// These are committed.
    pub fn publish(&self, committed: Vec<StreamEvent>) {
        if committed.is_empty() {
            return;
        }
        let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
        events.extend(committed.into_iter().map(Arc::new));
        let ended = events.last().is_some_and(|last| last.name.is_terminal());
        let count = events.len();
        drop(events);
        self.stand.send_replace(if ended { Stand::Ended(count) } else { Stand::Goes(count) });
    }

    /// What comes from here on is known to the rows alone. An end that was heard stays.
    pub fn detach(&self) {
        self.stand.send_if_modified(|stand| {
            let goes = matches!(stand, Stand::Goes(_));
            if goes {
                *stand = Stand::Detached;
            }
            goes
        });
    }

    /// Whether it has ended, and nothing comes after this number.
    pub fn ends_by(&self, after: u32) -> bool {
        matches!(*self.stand.borrow(), Stand::Ended(count) if after as usize >= count)
    }

    /// How long nobody has listened here.
    pub fn unattended(&self) -> Duration {
        let attendance = self.attendance();
        if attendance.readers > 0 { Duration::ZERO } else { attendance.since.elapsed() }
    }

    fn attendance(&self) -> MutexGuard<'_, Attendance> {
        self.attendance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, seq: u32) -> Option<Arc<StreamEvent>> {
        let events = self.events.read().unwrap_or_else(PoisonError::into_inner);
        events.get((seq as usize).checked_sub(1)?).cloned()
    }
}

/// One who listens here; a place in the stream and nothing more.
pub(super) struct Listening {
    live: Arc<Live>,
    stand: watch::Receiver<Stand>,
}

impl Listening {
    pub fn to(live: &Arc<Live>) -> Self {
        live.attendance().readers += 1;
        Self { live: Arc::clone(live), stand: live.stand.subscribe() }
    }

    /// The event of this number as soon as there is one.
    pub async fn event(&mut self, seq: u32) -> Heard {
        loop {
            let stand = *self.stand.borrow_and_update();
            if let Some(event) = self.live.event(seq) {
                return Heard::Event(event);
            }
            match stand {
                Stand::Ended(_) => return Heard::End,
                Stand::Detached => return Heard::Elsewhere,
                // The sender is here, in `live`.
                Stand::Goes(_) => _ = self.stand.changed().await,
            }
        }
    }
}

/// What one who listens hears next.
pub(super) enum Heard {
    /// The event.
    Event(Arc<StreamEvent>),
    /// Nothing more: the end was before.
    End,
    /// It is to be found in the rows.
    Elsewhere,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut attendance = self.live.attendance();
        attendance.readers -= 1;
        attendance.since = Instant::now();
    }
}
