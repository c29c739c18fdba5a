//! The guard of a flip: what traffic looked like before, what the contract that was introduced makes of it since, and whether
//! that is a reason to go back. A pure judgement. Must not know who counts, nor who flips.

use crate::ports::flag::ApiVersion;
use std::time::Duration;

/// Requests of legacy paths over some time, of all replicas together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// How many were answered.
    pub answered: u64,
    /// How many of them with 5xx.
    pub failed: u64,
    /// How many took longer than `SLOW`.
    pub slow: u64,
}

/// What takes longer is slow: a provider waits 3 s at most, and a person a second.
pub const SLOW: Duration = Duration::from_secs(1);

impl Traffic {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            failed: self.failed + other.failed,
            slow: self.slow + other.slow,
        }
    }

    fn share(self, of: u64) -> f64 {
        if self.answered == 0 { 0.0 } else { of as f64 / self.answered as f64 }
    }

    /// In words: how much of it failed, and was slow.
    fn words(self) -> String {
        let Self { answered, failed, slow } = self;
        format!("{} % of {answered} failed, {} % were slow", percent(self.share(failed)), percent(self.share(slow)))
    }
}

/// What a guard does not let pass.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Guard {
    /// How much larger the share of failures may be than before, from 0 to 1.
    pub errors: f64,
    /// The same of slow answers.
    pub slow: f64,
    /// Fewer requests than this tell nothing.
    pub least: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self { errors: 0.01, slow: 0.05, least: 20 }
    }
}

/// What a guard says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GuardVerdict {
    /// Nothing is wrong as far as these figures tell, or they are too few to tell.
    Stay(String),
    /// Go back, for this reason.
    GoBack(String),
}

impl Guard {
    /// Judges what `contract`, which was introduced, has answered since the flip against what the other one did before it. Too
    /// little before counts as nothing wrong before.
    #[must_use]
    pub fn judge(&self, contract: ApiVersion, before: Traffic, since: Traffic) -> GuardVerdict {
        let (by, least) = (contract.as_str(), self.least);
        if since.answered < least {
            let requests = if since.answered == 1 { "request" } else { "requests" };
            return GuardVerdict::Stay(format!(
                "{} {requests} answered by {by}, too few to judge (at least {least})",
                since.answered
            ));
        }
        let is_known = before.answered >= least;
        let before = if is_known { before } else { Traffic::default() };
        let then_of = |share: f64| {
            if is_known {
                format!("{} % before the flip", percent(share))
            } else {
                "too few before the flip to compare".into()
            }
        };
        let worse = [
            ("failed", since.share(since.failed), before.share(before.failed), self.errors),
            ("took longer than a second", since.share(since.slow), before.share(before.slow), self.slow),
        ];
        let reason = worse.into_iter().find(|(_, now, then, allowed)| now - then > *allowed);
        match reason {
            Some((what, now, then, _)) => {
                let (now, of, then) = (percent(now), since.answered, then_of(then));
                GuardVerdict::GoBack(format!("{now} % of {of} requests by {by} {what}, {then}"))
            }
            None => {
                let then = if is_known { before.words() } else { "too few to compare".into() };
                GuardVerdict::Stay(format!("by {by} {}; before the flip {then}", since.words()))
            }
        }
    }
}

/// With one decimal at most.
fn percent(share: f64) -> f64 {
    (share * 1000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(answered: u64, failed: u64, slow: u64) -> Traffic {
        Traffic { answered, failed, slow }
    }

    fn judge(before: Traffic, since: Traffic) -> GuardVerdict {
        Guard::default().judge(ApiVersion::Dispatch, before, since)
    }

    #[test]
    fn what_is_no_worse_than_before_stays_and_says_its_figures() {
        let before = "before the flip";
        for (then, since, figures) in [
            (
                traffic(1000, 0, 0),
                traffic(0, 0, 0),
                "0 requests answered by dispatch, too few to judge (at least 20)".to_owned(),
            ),
            (
                traffic(1000, 0, 0),
                traffic(19, 19, 19),
                "19 requests answered by dispatch, too few to judge (at least 20)".to_owned(),
            ),
            (
                traffic(1000, 0, 0),
                traffic(1000, 10, 50),
                format!("by dispatch 1 % of 1000 failed, 5 % were slow; {before} 0 % of 1000 failed, 0 % were slow"),
            ),
            (
                traffic(1000, 200, 0), // as bad as it was
                traffic(1000, 205, 0),
                format!(
                    "by dispatch 20.5 % of 1000 failed, 0 % were slow; {before} 20 % of 1000 failed, 0 % were slow"
                ),
            ),
            (
                traffic(0, 0, 0),
                traffic(100, 1, 0),
                format!("by dispatch 1 % of 100 failed, 0 % were slow; {before} too few to compare"),
            ),
        ] {
            assert_eq!(judge(then, since), GuardVerdict::Stay(figures));
        }
    }

    #[test]
    fn more_failures_or_slower_answers_go_back_with_the_figures() {
        let said = |before, since| match judge(before, since) {
            GuardVerdict::GoBack(why) => why,
            GuardVerdict::Stay(figures) => panic!("{figures} stays"),
        };
        let before = traffic(1000, 1, 0);
        assert_eq!(said(before, traffic(200, 10, 0)), "5 % of 200 requests by dispatch failed, 0.1 % before the flip");
        assert!(
            said(before, traffic(200, 0, 20)).starts_with("10 % of 200 requests by dispatch took longer than a second")
        );
        // One that failed of three before is no measure.
        let few = said(traffic(3, 1, 0), traffic(100, 20, 0));
        assert_eq!(few, "20 % of 100 requests by dispatch failed, too few before the flip to compare");
    }
}
