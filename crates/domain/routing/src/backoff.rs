//! When to try again: a schedule as data, with jitter; a destination's own wish is honoured in full.

use crate::delivery::{AttemptOutcome, DeliveryState};
use crate::delivery_queue::NextStep;
use crate::destination::DestinationKind;
use serde::Deserialize;
use std::time::Duration;

/// Pauses between attempts, and how old a delivery may become. After the last pause is used up it is exhausted.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetrySchedule {
    pauses_seconds: Vec<u64>,
    /// None: it may become as old as it likes.
    deadline_hours: Option<u64>,
}

impl Default for RetrySchedule {
    /// For messages to people. Their pauses have the shape that Standard Webhooks suggests (0, 5 s, 5 m, 30 m, 2 h, …),
    /// shortened to the hours in which a receipt still means something: who said a thing yesterday has asked by now.
    fn default() -> Self {
        Self { pauses_seconds: vec![1, 5, 30, 120, 600, 1800, 7200], deadline_hours: Some(24) }
    }
}

impl RetrySchedule {
    /// A schedule of these pauses, without a deadline.
    #[must_use]
    pub fn of_seconds(pauses_seconds: Vec<u64>) -> Self {
        Self { pauses_seconds, deadline_hours: None }
    }

    /// For programs, which want every event, if late: what Standard Webhooks suggests, three days of attempts. The deadline
    /// leaves room for the time in which a destination is left alone.
    #[must_use]
    pub fn of_machines() -> Self {
        let pauses_seconds = vec![5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
        Self { pauses_seconds, deadline_hours: Some(120) }
    }

    /// The age at which a delivery ends, whatever attempts are left.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline_hours.map(|hours| Duration::from_secs(hours.saturating_mul(3600)))
    }

    /// The pauses.
    #[must_use]
    pub fn pauses_seconds(&self) -> &[u64] {
        &self.pauses_seconds
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

/// The schedules of a policy: one for what people read, one for what programs take.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(from = "Table")]
pub struct Retries {
    people: RetrySchedule,
    machines: RetrySchedule,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    pauses_seconds: Vec<u64>,
    deadline_hours: Option<u64>,
    machines: Option<RetrySchedule>,
}

impl From<Table> for Retries {
    fn from(table: Table) -> Self {
        Self {
            people: RetrySchedule { pauses_seconds: table.pauses_seconds, deadline_hours: table.deadline_hours },
            machines: table.machines.unwrap_or_else(RetrySchedule::of_machines),
        }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self { people: RetrySchedule::default(), machines: RetrySchedule::of_machines() }
    }
}

impl Retries {
    /// The schedule of deliveries of this kind.
    #[must_use]
    pub fn of(&self, kind: DestinationKind) -> &RetrySchedule {
        let people = matches!(kind, DestinationKind::Storage | DestinationKind::Slack | DestinationKind::Sms);
        if people { &self.people } else { &self.machines }
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
