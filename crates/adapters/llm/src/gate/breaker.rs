//! A circuit breaker: after some failures in a row nobody is let through for a while, then one, to see. Pure: the time is
//! told. Must not know what is called.

use std::time::Duration;
use tokio::time::Instant;

/// So many transient failures in a row open it.
const FAILURES: u32 = 5;
/// How long it stays open the first time; each further time twice as long.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(5);
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(300);
/// A refused key or an unknown model does not mend itself within seconds.
const COOL_DOWN_OF_A_MISTAKE: Duration = Duration::from_secs(60);

/// Whether calls go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// They do.
    Closed,
    /// They do not, for so much longer.
    Open {
        /// The rest of the cool-down.
        retry_in: Duration,
    },
    /// One is let through, to see.
    HalfOpen,
}

/// What came of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was answered.
    Fine,
    /// It may go better next time, not before the wait that the provider asked for.
    Transient(Option<Duration>),
    /// It will go as badly until a person changes something: a key, a model's name.
    Mistake,
}

#[derive(Debug)]
enum Phase {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

/// The breaker of one provider.
#[derive(Debug)]
pub struct Breaker {
    phase: Phase,
    /// How often it opened since the last call that went well.
    opened: u32,
    /// The provider asked for silence until then.
    quiet_until: Option<Instant>,
}

/// Why nobody is let through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shut {
    /// It is open, or somebody else looks whether it may close.
    Open,
    /// The provider asked to be left alone until then.
    Quiet(Instant),
}

impl Default for Breaker {
    fn default() -> Self {
        Self { phase: Phase::Closed { failures: 0 }, opened: 0, quiet_until: None }
    }
}

impl Breaker {
    /// Lets one call through, or says why not. The answer tells whether the call is the one that looks; it must be
    /// followed by [`heard`](Self::heard) or [`abandoned`](Self::abandoned).
    pub fn enter(&mut self, now: Instant) -> Result<bool, Shut> {
        match self.phase {
            Phase::Closed { .. } => match self.quiet_until.filter(|until| *until > now) {
                Some(until) => Err(Shut::Quiet(until)),
                None => Ok(false),
            },
            Phase::Open { until } if until <= now => {
                self.phase = Phase::HalfOpen;
                Ok(true)
            }
            Phase::Open { .. } | Phase::HalfOpen => Err(Shut::Open),
        }
    }

    /// A call came to its end. What calls of before it opened say late changes nothing.
    pub fn heard(&mut self, probe: bool, verdict: Verdict, now: Instant) {
        if let Verdict::Transient(Some(wait)) = verdict {
            self.quiet_until = self.quiet_until.max(Some(now + wait));
        }
        match (&mut self.phase, verdict) {
            (Phase::Closed { failures }, Verdict::Fine) => {
                *failures = 0;
                self.opened = 0;
            }
            (Phase::Closed { failures }, Verdict::Transient(_)) => {
                *failures += 1;
                if *failures >= FAILURES {
                    self.open(verdict, now);
                }
            }
            (Phase::Closed { .. }, Verdict::Mistake) => self.open(verdict, now),
            (Phase::HalfOpen, Verdict::Fine) if probe => *self = Self::default(),
            (Phase::HalfOpen, _) if probe => self.open(verdict, now),
            (Phase::Open { .. } | Phase::HalfOpen, _) => {}
        }
    }

    /// A call was given up before anything was heard. When it was the one that looks, the next one looks.
    pub fn abandoned(&mut self, probe: bool, now: Instant) {
        if probe && matches!(self.phase, Phase::HalfOpen) {
            self.phase = Phase::Open { until: now };
        }
    }

    /// Whether calls go through at `now`.
    #[must_use]
    pub fn state(&self, now: Instant) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { until } if until > now => State::Open { retry_in: until - now },
            Phase::Open { .. } | Phase::HalfOpen => State::HalfOpen,
        }
    }

    fn open(&mut self, verdict: Verdict, now: Instant) {
        let grown = FIRST_COOL_DOWN.saturating_mul(1 << self.opened.min(16)).min(LONGEST_COOL_DOWN);
        let least = if verdict == Verdict::Mistake { COOL_DOWN_OF_A_MISTAKE } else { Duration::ZERO };
        let until = (now + grown.max(least)).max(self.quiet_until.unwrap_or(now));
        self.opened += 1;
        self.phase = Phase::Open { until };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn failing(breaker: &mut Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            let probe = breaker.enter(now).expect("let through");
            breaker.heard(probe, Verdict::Transient(None), now);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, FAILURES - 1, now);
        breaker.heard(false, Verdict::Fine, now);
        failing(&mut breaker, FAILURES - 1, now);
        assert_eq!(breaker.state(now), State::Closed);
        failing(&mut breaker, 1, now);
        assert_eq!(breaker.state(now), State::Open { retry_in: FIRST_COOL_DOWN });
        assert_eq!(breaker.enter(now), Err(Shut::Open));
    }

    #[test]
    fn one_looks_and_the_others_wait_for_what_it_hears() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, FAILURES, start);
        let later = start + FIRST_COOL_DOWN;
        assert_eq!(breaker.state(later), State::HalfOpen);
        assert_eq!(breaker.enter(later), Ok(true));
        assert_eq!(breaker.enter(later), Err(Shut::Open), "one is enough");
        breaker.heard(false, Verdict::Fine, later);
        assert_eq!(breaker.enter(later), Err(Shut::Open), "a latecomer from before is no look");
        breaker.heard(true, Verdict::Fine, later);
        assert_eq!(breaker.state(later), State::Closed);
        assert_eq!(breaker.enter(later), Ok(false));
    }

    #[test]
    fn the_cool_down_grows_to_its_limit_and_begins_anew_after_a_success() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, FAILURES, now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let State::Open { retry_in } = breaker.state(now) else { panic!("{:?}", breaker.state(now)) };
            waits.push(retry_in.as_secs());
            now += retry_in;
            failing(&mut breaker, 1, now);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        now += LONGEST_COOL_DOWN;
        assert_eq!(breaker.enter(now), Ok(true));
        breaker.heard(true, Verdict::Fine, now);
        failing(&mut breaker, FAILURES, now);
        assert_eq!(breaker.state(now), State::Open { retry_in: FIRST_COOL_DOWN });
    }

    #[test]
    fn a_look_that_is_given_up_leaves_the_next_one_to_look() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, FAILURES, start);
        let later = start + FIRST_COOL_DOWN;
        assert_eq!(breaker.enter(later), Ok(true));
        breaker.abandoned(true, later);
        assert_eq!(breaker.enter(later), Ok(true));
    }

    #[test]
    fn a_mistake_opens_it_at_once_and_for_longer() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        breaker.heard(false, Verdict::Mistake, now);
        assert_eq!(breaker.state(now), State::Open { retry_in: COOL_DOWN_OF_A_MISTAKE });
    }

    #[test]
    fn who_asks_for_silence_gets_it_in_full() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        breaker.heard(false, Verdict::Transient(Some(30 * SECOND)), now);
        breaker.heard(false, Verdict::Transient(Some(2 * SECOND)), now);
        assert_eq!(breaker.state(now), State::Closed, "one refusal says nothing about its health");
        assert_eq!(breaker.enter(now), Err(Shut::Quiet(now + 30 * SECOND)));
        assert_eq!(breaker.enter(now + 30 * SECOND), Ok(false));
        for _ in 0..FAILURES {
            breaker.heard(false, Verdict::Transient(Some(900 * SECOND)), now);
        }
        assert_eq!(breaker.state(now), State::Open { retry_in: 900 * SECOND }, "longer than its own cool-down");
    }
}
