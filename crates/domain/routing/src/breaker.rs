//! Circuit breakers: a destination that fails again and again is left alone for a while, then asked with one delivery.
//!
//! A breaker is a row that all replicas share; here are the rules by which it changes. Must not know a clock.

use crate::delivery::AttemptOutcome;
use serde::Deserialize;
use std::time::Duration;

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerRule {
    /// Faults in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open the first time, in seconds; twice as long each time that the delivery it was asked with failed.
    pub open_seconds: u64,
    /// The longest it stays open.
    pub longest_seconds: u64,
}

impl Default for BreakerRule {
    fn default() -> Self {
        Self { failures: 5, open_seconds: 30, longest_seconds: 600 }
    }
}

impl BreakerRule {
    /// How long it stays open when it has opened `openings` times in a row.
    #[must_use]
    pub fn open_for(&self, openings: u32) -> Duration {
        let doubled = 2u64.saturating_pow(openings.saturating_sub(1));
        Duration::from_secs(self.open_seconds.saturating_mul(doubled).min(self.longest_seconds.max(self.open_seconds)))
    }
}

/// Whether deliveries pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BreakerState {
    /// They do.
    Closed,
    /// None does for now: they are kept.
    Open,
    /// One at a time does, and what becomes of it decides.
    HalfOpen,
}

impl BreakerState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// The column's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }

    /// Reads that spelling.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What an attempt says about its destination, whatever it says about the delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Health {
    /// It answered as one who is there: it took the delivery, or had something against it.
    Alive,
    /// It answered that it has too much to do. Its own pause is what it asks for.
    Busy,
    /// It did not answer, or could not.
    Fault,
    /// Nothing: the attempt did not get as far.
    Unknown,
}

impl Health {
    /// What `outcome` says.
    #[must_use]
    pub fn of(outcome: &AttemptOutcome) -> Self {
        match outcome {
            AttemptOutcome::Delivered { .. } | AttemptOutcome::Answered { .. } | AttemptOutcome::Permanent { .. } => {
                Self::Alive
            }
            AttemptOutcome::Unwanted { .. } | AttemptOutcome::Disabled | AttemptOutcome::Unknowable { .. } => {
                Self::Unknown
            }
            AttemptOutcome::Retryable { code, .. } | AttemptOutcome::Ambiguous { code }
                if ["permission_unknown", "courier_panicked"].contains(&code.as_str()) =>
            {
                Self::Unknown
            }
            AttemptOutcome::Retryable { retry_after: Some(_), .. } => Self::Busy,
            AttemptOutcome::Retryable { code, .. } if ["rate_limited", "http_429"].contains(&code.as_str()) => {
                Self::Busy
            }
            AttemptOutcome::Retryable { .. } | AttemptOutcome::Ambiguous { .. } => Self::Fault,
        }
    }
}

/// A breaker as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Breaker {
    /// Whether deliveries pass.
    pub state: BreakerState,
    /// Faults since the destination was last seen alive.
    pub failures: u32,
    /// How many times it opened since it was last closed.
    pub openings: u32,
}

impl Breaker {
    /// Where nothing has failed yet.
    pub const CLOSED: Self = Self { state: BreakerState::Closed, failures: 0, openings: 0 };

    /// The breaker after an attempt. `probe`: it was the one that a half-open breaker let through. What was under way
    /// when the breaker opened, and ends later, decides nothing.
    #[must_use]
    pub fn after(self, rule: &BreakerRule, health: Health, probe: bool) -> Self {
        match (self.state, health) {
            (BreakerState::Closed, Health::Alive) => Self::CLOSED,
            (BreakerState::Closed, Health::Fault) => {
                let failures = self.failures.saturating_add(1);
                if failures >= rule.failures.max(1) { self.opened(failures) } else { Self { failures, ..self } }
            }
            (BreakerState::HalfOpen, Health::Alive | Health::Busy) if probe => Self::CLOSED,
            (BreakerState::HalfOpen, Health::Fault) if probe => self.opened(self.failures.saturating_add(1)),
            _ => self,
        }
    }

    fn opened(self, failures: u32) -> Self {
        Self { state: BreakerState::Open, failures, openings: self.openings.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: BreakerRule = BreakerRule { failures: 3, open_seconds: 30, longest_seconds: 100 };

    fn after(breaker: Breaker, healths: &[Health]) -> Breaker {
        healths.iter().fold(breaker, |breaker, health| breaker.after(&RULE, *health, false))
    }

    #[test]
    fn faults_in_a_row_open_it_and_others_do_not() {
        use Health::{Alive, Busy, Fault, Unknown};
        let apart = after(Breaker::CLOSED, &[Fault, Fault, Alive, Fault, Fault]);
        assert_eq!((apart.state, apart.failures), (BreakerState::Closed, 2));
        let mixed = after(Breaker::CLOSED, &[Fault, Busy, Fault, Unknown, Fault]);
        assert_eq!((mixed.state, mixed.openings), (BreakerState::Open, 1));
        assert_eq!(after(mixed, &[Fault, Alive, Busy]), mixed, "what was under way decides nothing");
    }

    #[test]
    fn what_it_is_asked_with_decides() {
        let half = Breaker { state: BreakerState::HalfOpen, failures: 3, openings: 1 };
        assert_eq!(half.after(&RULE, Health::Alive, true), Breaker::CLOSED);
        assert_eq!(half.after(&RULE, Health::Busy, true), Breaker::CLOSED);
        assert_eq!(half.after(&RULE, Health::Unknown, true), half);
        let again = half.after(&RULE, Health::Fault, true);
        assert_eq!((again.state, again.openings), (BreakerState::Open, 2));
        assert_eq!(half.after(&RULE, Health::Alive, false), half);
        assert_eq!([1, 2, 3, 90].map(|openings| RULE.open_for(openings).as_secs()), [30, 60, 100, 100]);
    }

    #[test]
    fn outcomes_speak_of_the_delivery_or_of_the_destination() {
        let retryable = |code: &str, seconds: Option<u64>| AttemptOutcome::Retryable {
            code: code.into(),
            retry_after: seconds.map(Duration::from_secs),
        };
        for (outcome, health) in [
            (AttemptOutcome::Delivered { reference: None }, Health::Alive),
            (AttemptOutcome::Permanent { code: "channel_not_found".into() }, Health::Alive),
            (AttemptOutcome::Unwanted { code: "opted_out".into() }, Health::Unknown),
            (retryable("http_503", None), Health::Fault),
            (retryable("http_503", Some(9)), Health::Busy),
            (retryable("rate_limited", None), Health::Busy),
            (retryable("permission_unknown", None), Health::Unknown),
            (AttemptOutcome::Ambiguous { code: "timeout".into() }, Health::Fault),
            (AttemptOutcome::Ambiguous { code: "courier_panicked".into() }, Health::Unknown),
        ] {
            assert_eq!(Health::of(&outcome), health, "{outcome:?}");
        }
    }

    proptest! {
        #[test]
        fn it_opens_by_faults_alone_and_closes_by_a_sign_of_life(
            told in proptest::collection::vec((0usize..4, any::<bool>()), 0..60),
        ) {
            let healths = [Health::Alive, Health::Busy, Health::Fault, Health::Unknown];
            let mut breaker = Breaker::CLOSED;
            for (health, probe) in told {
                let next = breaker.after(&RULE, healths[health], probe);
                if next.state != breaker.state {
                    let because = match next.state {
                        BreakerState::Open => healths[health] == Health::Fault,
                        BreakerState::Closed => probe && matches!(healths[health], Health::Alive | Health::Busy),
                        BreakerState::HalfOpen => false,
                    };
                    prop_assert!(because, "{breaker:?} {next:?}");
                }
                // Time passes: who is open is asked.
                breaker = if next.state == BreakerState::Open && probe { Breaker { state: BreakerState::HalfOpen, ..next } } else { next };
            }
        }
    }
}
