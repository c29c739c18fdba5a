//! A circuit breaker: after some failures in a row nobody is let through for a while, then one, to see. Pure: the time is
//! told. Must not know what is called.

use std::time::Duration;
use tokio::time::Instant;

/// So many transient failures in a row open it.
const FAILURES: u32 = 5;
/// How long it stays open the first time; each further time twice as long.
const FIRST_COOL_DOWN: Duration = Duration::from_secs(5);
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(300);
/// A refused key does not mend itself within seconds.
const COOL_DOWN_OF_A_MISTAKE: Duration = Duration::from_secs(60);

/// Why it is open.
const CIRCUIT_OPEN: &str = "circuit_open";
const RATE_LIMITED: &str = "rate_limited";
const UNAUTHORIZED: &str = "unauthorized";
/// No provider is left alone for longer because it said so: what it asks for may be a mistake, or mended before.
const LONGEST_SILENCE: Duration = Duration::from_secs(900);

/// Whether calls go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// They do.
    Closed,
    /// They do not, for so much longer.
    Open {
        /// The rest of the cool-down.
        retry_in: Duration,
        /// Why, as one of the codes of a classifier's error.
        why: &'static str,
    },
    /// They do not, for the provider asked to be left alone for so much longer.
    Quiet {
        /// The rest of the silence.
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
    Open { until: Instant, why: &'static str },
    HalfOpen,
}

/// Which phase a call belongs to. What it says after that phase changes nothing: calls of before the breaker opened come
/// to their end late, also when it has closed again, and the only one of a half-open phase is the one that looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(u64);

/// The breaker of one provider.
#[derive(Debug)]
pub struct Breaker {
    phase: Phase,
    /// Grows with every change of phase.
    current: Ticket,
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
        Self { phase: Phase::Closed { failures: 0 }, current: Ticket(0), opened: 0, quiet_until: None }
    }
}

impl Breaker {
    /// Lets one call through, or says why not. The call must be followed by [`heard`](Self::heard) or
    /// [`abandoned`](Self::abandoned).
    pub fn enter(&mut self, now: Instant) -> Result<Ticket, Shut> {
        match self.phase {
            Phase::Closed { .. } => match self.quiet_until.filter(|until| *until > now) {
                Some(until) => Err(Shut::Quiet(until)),
                None => Ok(self.current),
            },
            Phase::Open { until, .. } if until <= now => {
                self.change(Phase::HalfOpen);
                Ok(self.current)
            }
            Phase::Open { .. } | Phase::HalfOpen => Err(Shut::Open),
        }
    }

    /// A call came to its end. A wish for silence counts whenever it is uttered.
    pub fn heard(&mut self, ticket: Ticket, verdict: Verdict, now: Instant) {
        if let Verdict::Transient(Some(wait)) = verdict {
            self.quiet_until = self.quiet_until.max(Some(now + wait.min(LONGEST_SILENCE)));
        }
        if ticket != self.current {
            return;
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
            (Phase::HalfOpen, Verdict::Fine) => {
                self.change(Phase::Closed { failures: 0 });
                (self.opened, self.quiet_until) = (0, None);
            }
            (Phase::Closed { .. }, Verdict::Mistake) | (Phase::HalfOpen, _) => self.open(verdict, now),
            (Phase::Open { .. }, _) => {}
        }
    }

    /// A call was given up before anything was heard. When it was the one that looks, the next one looks.
    pub fn abandoned(&mut self, ticket: Ticket, now: Instant) {
        if ticket == self.current && matches!(self.phase, Phase::HalfOpen) {
            self.change(Phase::Open { until: now, why: CIRCUIT_OPEN });
        }
    }

    /// Whether calls go through at `now`.
    #[must_use]
    pub fn state(&self, now: Instant) -> State {
        match self.phase {
            Phase::Closed { .. } => match self.quiet_until.filter(|until| *until > now) {
                Some(until) => State::Quiet { retry_in: until - now },
                None => State::Closed,
            },
            Phase::Open { until, why } if until > now => State::Open { retry_in: until - now, why },
            Phase::Open { .. } | Phase::HalfOpen => State::HalfOpen,
        }
    }

    fn change(&mut self, phase: Phase) {
        self.phase = phase;
        self.current.0 += 1;
    }

    fn open(&mut self, verdict: Verdict, now: Instant) {
        let grown = FIRST_COOL_DOWN.saturating_mul(1 << self.opened.min(16)).min(LONGEST_COOL_DOWN);
        let (least, why) = match verdict {
            Verdict::Mistake => (COOL_DOWN_OF_A_MISTAKE, UNAUTHORIZED),
            Verdict::Transient(Some(_)) => (Duration::ZERO, RATE_LIMITED),
            Verdict::Transient(None) | Verdict::Fine => (Duration::ZERO, CIRCUIT_OPEN),
        };
        let until = (now + grown.max(least)).max(self.quiet_until.unwrap_or(now));
        self.opened += 1;
        self.change(Phase::Open { until, why });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn failing(breaker: &mut Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            let ticket = breaker.enter(now).expect("let through");
            breaker.heard(ticket, Verdict::Transient(None), now);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, FAILURES - 1, now);
        let ticket = breaker.enter(now).expect("let through");
        breaker.heard(ticket, Verdict::Fine, now);
        failing(&mut breaker, FAILURES - 1, now);
        assert_eq!(breaker.state(now), State::Closed);
        failing(&mut breaker, 1, now);
        assert_eq!(breaker.state(now), State::Open { retry_in: FIRST_COOL_DOWN, why: CIRCUIT_OPEN });
        assert_eq!(breaker.enter(now), Err(Shut::Open));
    }

    #[test]
    fn one_looks_and_the_others_wait_for_what_it_hears() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        let late = breaker.enter(start).expect("let through");
        failing(&mut breaker, FAILURES, start);
        let later = start + FIRST_COOL_DOWN;
        assert_eq!(breaker.state(later), State::HalfOpen);
        let look = breaker.enter(later).expect("one looks");
        assert_eq!(breaker.enter(later), Err(Shut::Open), "one is enough");
        breaker.heard(late, Verdict::Fine, later);
        assert_eq!(breaker.enter(later), Err(Shut::Open), "a latecomer from before is no look");
        breaker.heard(look, Verdict::Fine, later);
        assert_eq!(breaker.state(later), State::Closed);
        breaker.enter(later).expect("let through");
    }

    #[test]
    fn what_failed_before_it_opened_does_not_open_it_again() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        let late: Vec<_> = (0..FAILURES).map(|_| breaker.enter(start).expect("let through")).collect();
        failing(&mut breaker, FAILURES, start);
        let later = start + FIRST_COOL_DOWN;
        let look = breaker.enter(later).expect("one looks");
        breaker.heard(look, Verdict::Fine, later);
        for ticket in late {
            breaker.heard(ticket, Verdict::Mistake, later);
            breaker.heard(ticket, Verdict::Transient(None), later);
        }
        assert_eq!(breaker.state(later), State::Closed);
    }

    #[test]
    fn the_cool_down_grows_to_its_limit_and_begins_anew_after_a_success() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, FAILURES, now);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let State::Open { retry_in, .. } = breaker.state(now) else { panic!("{:?}", breaker.state(now)) };
            waits.push(retry_in.as_secs());
            now += retry_in;
            failing(&mut breaker, 1, now);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        now += LONGEST_COOL_DOWN;
        let look = breaker.enter(now).expect("one looks");
        breaker.heard(look, Verdict::Fine, now);
        failing(&mut breaker, FAILURES, now);
        assert_eq!(breaker.state(now), State::Open { retry_in: FIRST_COOL_DOWN, why: CIRCUIT_OPEN });
    }

    #[test]
    fn a_look_that_is_given_up_leaves_the_next_one_to_look() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        failing(&mut breaker, FAILURES, start);
        let later = start + FIRST_COOL_DOWN;
        let look = breaker.enter(later).expect("one looks");
        breaker.abandoned(look, later);
        let next = breaker.enter(later).expect("the next one looks");
        breaker.abandoned(look, later);
        assert_eq!(breaker.enter(later), Err(Shut::Open), "it is given up once");
        breaker.heard(next, Verdict::Fine, later);
        assert_eq!(breaker.state(later), State::Closed);
    }

    #[test]
    fn a_mistake_opens_it_at_once_and_for_longer() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let ticket = breaker.enter(now).expect("let through");
        breaker.heard(ticket, Verdict::Mistake, now);
        assert_eq!(breaker.state(now), State::Open { retry_in: COOL_DOWN_OF_A_MISTAKE, why: UNAUTHORIZED });
    }

    #[test]
    fn who_asks_for_silence_gets_it_in_full() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let ticket = breaker.enter(now).expect("let through");
        breaker.heard(ticket, Verdict::Transient(Some(30 * SECOND)), now);
        breaker.heard(ticket, Verdict::Transient(Some(2 * SECOND)), now);
        assert_eq!(breaker.state(now), State::Quiet { retry_in: 30 * SECOND });
        assert_eq!(breaker.enter(now), Err(Shut::Quiet(now + 30 * SECOND)));
        assert_eq!(breaker.state(now + 30 * SECOND), State::Closed);
        breaker.enter(now + 30 * SECOND).expect("let through");
        for _ in 0..FAILURES {
            breaker.heard(ticket, Verdict::Transient(Some(900 * SECOND)), now);
        }
        let open = State::Open { retry_in: 900 * SECOND, why: RATE_LIMITED };
        assert_eq!(breaker.state(now), open, "longer than its own cool-down");
    }

    #[test]
    fn nobody_is_silenced_for_a_day() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let ticket = breaker.enter(now).expect("let through");
        breaker.heard(ticket, Verdict::Transient(Some(86_400 * SECOND)), now);
        assert_eq!(breaker.state(now), State::Quiet { retry_in: LONGEST_SILENCE });
        breaker.enter(now + LONGEST_SILENCE).expect("somebody asks again");
    }
}
