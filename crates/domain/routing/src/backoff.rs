//! When to try again: a schedule as data, with jitter; a destination's own wish is honoured in full.

use crate::delivery::{AttemptOutcome, DeliveryState};
use crate::delivery_queue::NextStep;
use serde::Deserialize;
use std::time::Duration;

/// Pauses between attempts. After the last pause is used up the delivery is exhausted.
///
/// The default follows the shape of Standard Webhooks' suggested schedule (0, 5 s, 5 m, 30 m, 2 h, …), shortened to the
/// hours in which a receipt still means something.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(transparent)]
pub struct RetrySchedule {
    pauses_seconds: Vec<u64>,
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self { pauses_seconds: vec![1, 5, 30, 120, 600, 1800, 7200] }
    }
}

impl RetrySchedule {
    /// A schedule of these pauses.
    #[must_use]
    pub fn of_seconds(pauses_seconds: Vec<u64>) -> Self {
        Self { pauses_seconds }
    }

    /// How many attempts there are at most.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        u32::try_from(self.pauses_seconds.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// What follows attempt number `attempts` (1 is the first) with this outcome. `spread` from 0 to 1 is the dice.
    #[must_use]
    pub fn after(&self, attempts: u32, outcome: &AttemptOutcome, spread: f64) -> NextStep {
        let wish = match outcome {
            AttemptOutcome::Delivered { .. } | AttemptOutcome::Answered { .. } => {
                return NextStep::End(DeliveryState::Delivered);
            }
            AttemptOutcome::Disabled => return NextStep::End(DeliveryState::Held),
            AttemptOutcome::Permanent { .. } => return NextStep::End(DeliveryState::Failed),
            AttemptOutcome::Unwanted { .. } => return NextStep::End(DeliveryState::Cancelled),
            AttemptOutcome::Unknowable { .. } => return NextStep::End(DeliveryState::Unknown),
            AttemptOutcome::Retryable { retry_after, .. } => *retry_after,
            AttemptOutcome::Ambiguous { .. } => None,
        };
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        match self.pauses_seconds.get(index) {
            Some(seconds) => {
                let pause = jittered(Duration::from_secs(*seconds), spread);
                NextStep::Again(pause.max(wish.unwrap_or_default()))
            }
            None if matches!(outcome, AttemptOutcome::Ambiguous { .. }) => NextStep::End(DeliveryState::Unknown),
            None => NextStep::End(DeliveryState::Exhausted),
        }
    }

    /// [`after`](Self::after) with a random spread.
    #[must_use]
    pub fn after_with_jitter(&self, attempts: u32, outcome: &AttemptOutcome) -> NextStep {
        self.after(attempts, outcome, fastrand::f64())
    }
}

/// Between 80 % and 120 % of `pause`, so that many deliveries refused at once do not come back at once.
fn jittered(pause: Duration, spread: f64) -> Duration {
    pause.mul_f64(0.8 + 0.4 * spread.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(retry_after: Option<u64>) -> AttemptOutcome {
        AttemptOutcome::Retryable { code: "http_503".into(), retry_after: retry_after.map(Duration::from_secs) }
    }

    proptest! {
        #[test]
        fn pauses_stay_within_jitter_and_never_undercut_retry_after(
            attempts in 1u32..8, spread in 0.0f64..=1.0, wish in proptest::option::of(0u64..10_000),
        ) {
            let schedule = RetrySchedule::default();
            let NextStep::Again(pause) = schedule.after(attempts, &refused(wish), spread) else {
                return Err(TestCaseError::fail("an attempt below the cap is tried again"));
            };
            let base = schedule.pauses_seconds[attempts as usize - 1] as f64;
            prop_assert!(pause.as_secs_f64() >= base * 0.8 - 1e-6);
            prop_assert!(pause >= Duration::from_secs(wish.unwrap_or(0)));
            prop_assert!(pause.as_secs_f64() <= (base * 1.2 + 1e-6).max(wish.unwrap_or(0) as f64));
        }
    }

    #[test]
    fn the_last_attempt_ends_it() {
        let schedule = RetrySchedule::of_seconds(vec![1]);
        assert_eq!(schedule.max_attempts(), 2);
        assert_eq!(schedule.after(2, &refused(None), 0.5), NextStep::End(DeliveryState::Exhausted));
        let vague = AttemptOutcome::Ambiguous { code: "timeout".into() };
        assert_eq!(schedule.after(2, &vague, 0.5), NextStep::End(DeliveryState::Unknown));
        assert!(matches!(schedule.after(1, &vague, 0.5), NextStep::Again(_)));
    }

    #[test]
    fn a_refusal_for_good_is_never_tried_again_and_nobodys_wish_is_no_fault() {
        for (refusal, state) in [
            (AttemptOutcome::Permanent { code: "channel_not_found".into() }, DeliveryState::Failed),
            (AttemptOutcome::Unwanted { code: "opted_out".into() }, DeliveryState::Cancelled),
        ] {
            assert_eq!(RetrySchedule::default().after(1, &refusal, 0.0), NextStep::End(state));
        }
    }
}
