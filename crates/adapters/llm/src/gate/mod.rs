//! What every call to one provider passes: so many at a time, and nobody while the provider is down or asked for silence.
//! Classification and conversation of a provider share one. Must not know what is asked.

mod breaker;

pub use breaker::{State, Verdict};

use breaker::{Breaker, Shut, Ticket};
use std::sync::{Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

/// What a call is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// A message that came in.
    Intake,
    /// Somebody who waits for an answer. However many they are, messages that came in find a slot.
    OnRequest,
}

/// The gate of one provider.
#[derive(Debug)]
pub struct Gate {
    slots: Semaphore,
    /// Those of all slots that calls on request may have.
    on_request: Semaphore,
    width: usize,
    breaker: Mutex<Breaker>,
}

/// Why a call does not go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Turned {
    /// The provider is taken for down.
    #[error("the provider is left alone after failures")]
    CircuitOpen,
    /// No slot became free in time.
    #[error("as many calls as allowed are under way")]
    Busy,
    /// The provider asked for a longer silence than there is time.
    #[error("the provider asked to wait")]
    RateLimited,
}

impl Turned {
    /// The code of a classifier's error.
    pub fn code(self) -> &'static str {
        match self {
            Self::CircuitOpen => "circuit_open",
            Self::Busy => "busy",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// One call that was let through. Dropped without a word, it counts for nothing.
#[derive(Debug)]
pub struct Pass<'a> {
    gate: &'a Gate,
    ticket: Ticket,
    told: bool,
    _slot: Slot<'a>,
}

/// One of the slots, and for a call on request one of its share.
type Slot<'a> = (Option<SemaphorePermit<'a>>, SemaphorePermit<'a>);

impl Gate {
    /// A gate that lets `width` calls through at a time, and of those on request a quarter fewer; one at least.
    #[must_use]
    pub fn new(width: usize) -> Self {
        let on_request = Semaphore::new(share_on_request(width));
        Self { slots: Semaphore::new(width), on_request, width, breaker: Mutex::default() }
    }

    /// How many calls of this use it lets through at a time.
    #[must_use]
    pub fn width(&self, of: Use) -> usize {
        match of {
            Use::Intake => self.width,
            Use::OnRequest => share_on_request(self.width),
        }
    }

    /// Whether calls go through now.
    #[must_use]
    pub fn state(&self) -> State {
        self.breaker().state(Instant::now())
    }

    /// Waits for its turn, until `deadline` at most.
    ///
    /// # Errors
    /// [`Turned`]: the call must not be made.
    pub async fn enter(&self, of: Use, deadline: Instant) -> Result<Pass<'_>, Turned> {
        // Who will be turned away anyway should not stand in the queue.
        if let State::Open { .. } = self.state() {
            return Err(Turned::CircuitOpen);
        }
        let slot = timeout_at(deadline, self.slot(of)).await.ok().flatten().ok_or(Turned::Busy)?;
        loop {
            let entered = self.breaker().enter(Instant::now());
            match entered {
                Ok(ticket) => return Ok(Pass { gate: self, ticket, told: false, _slot: slot }),
                Err(Shut::Open) => return Err(Turned::CircuitOpen),
                Err(Shut::Quiet(until)) if until >= deadline => return Err(Turned::RateLimited),
                Err(Shut::Quiet(until)) => sleep_until(until).await,
            }
        }
    }

    /// Its share first: who waits for that stands in nobody's way. None never comes, for no semaphore is closed.
    async fn slot(&self, of: Use) -> Option<Slot<'_>> {
        let share = match of {
            Use::Intake => None,
            Use::OnRequest => Some(self.on_request.acquire().await.ok()?),
        };
        Some((share, self.slots.acquire().await.ok()?))
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn share_on_request(width: usize) -> usize {
    (width - (width / 4).max(1).min(width)).max(1)
}

impl Pass<'_> {
    /// What came of the call.
    pub fn tell(mut self, verdict: Verdict) {
        self.told = true;
        self.gate.breaker().heard(self.ticket, verdict, Instant::now());
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.gate.breaker().abandoned(self.ticket, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn in_seconds(seconds: u32) -> Instant {
        Instant::now() + seconds * SECOND
    }

    async fn open(gate: &Gate) {
        gate.enter(Use::Intake, in_seconds(1)).await.expect("let through").tell(Verdict::Mistake);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_waited_for_until_the_deadline() {
        let gate = Gate::new(1);
        let first = gate.enter(Use::Intake, in_seconds(1)).await.expect("let through");
        let begun = Instant::now();
        assert_eq!(gate.enter(Use::Intake, in_seconds(3)).await.expect_err("full"), Turned::Busy);
        assert_eq!(begun.elapsed(), 3 * SECOND);
        drop(first);
        gate.enter(Use::Intake, in_seconds(1)).await.expect("a free slot");
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_circuit_turns_away_without_a_wait_and_lets_one_look_later() {
        let gate = Gate::new(4);
        open(&gate).await;
        let begun = Instant::now();
        assert_eq!(gate.enter(Use::Intake, in_seconds(30)).await.expect_err("open"), Turned::CircuitOpen);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let State::Open { retry_in, .. } = gate.state() else { panic!("{:?}", gate.state()) };
        tokio::time::advance(retry_in).await;
        let probe = gate.enter(Use::Intake, in_seconds(1)).await.expect("one looks");
        assert_eq!(gate.enter(Use::Intake, in_seconds(1)).await.expect_err("one only"), Turned::CircuitOpen);
        probe.tell(Verdict::Fine);
        assert_eq!(gate.state(), State::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_is_cancelled_is_looked_again() {
        let gate = Gate::new(4);
        open(&gate).await;
        tokio::time::advance(60 * SECOND).await;
        drop(gate.enter(Use::Intake, in_seconds(1)).await.expect("one looks"));
        gate.enter(Use::Intake, in_seconds(1)).await.expect("the next one looks").tell(Verdict::Fine);
        assert_eq!(gate.state(), State::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_that_fits_is_kept_and_silence_that_does_not_is_told_at_once() {
        let gate = Gate::new(1);
        let limited = Verdict::Transient(Some(4 * SECOND));
        gate.enter(Use::Intake, in_seconds(1)).await.expect("let through").tell(limited);
        let begun = Instant::now();
        assert_eq!(gate.enter(Use::Intake, in_seconds(3)).await.expect_err("too long"), Turned::RateLimited);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        gate.enter(Use::Intake, in_seconds(5)).await.expect("after the silence");
        assert_eq!(begun.elapsed(), 4 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn those_on_request_leave_slots_for_what_came_in() {
        for (width, share) in [(1, 1), (2, 1), (3, 2), (4, 3), (8, 6), (256, 192)] {
            assert_eq!(Gate::new(width).width(Use::OnRequest), share, "{width}");
        }
        let gate = Gate::new(4);
        let mut asked = Vec::new();
        for _ in 0..3 {
            asked.push(gate.enter(Use::OnRequest, in_seconds(1)).await.expect("let through"));
        }
        let (fourth, came_in) =
            tokio::join!(gate.enter(Use::OnRequest, in_seconds(1)), gate.enter(Use::Intake, in_seconds(1)));
        assert_eq!(fourth.expect_err("its share is used"), Turned::Busy);
        came_in.expect("a slot is left");
        asked.clear();
        gate.enter(Use::OnRequest, in_seconds(1)).await.expect("let through");
    }
}
