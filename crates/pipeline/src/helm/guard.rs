//! The guard of a flip: what traffic looked like before, what it looks like since, and whether that is a reason to go back. A
//! pure judgement. Must not know who counts, nor who flips.

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
    /// Nothing is wrong, or too little was seen to tell.
    Stay,
    /// Go back, for this reason.
    GoBack(String),
}

impl Guard {
    /// Judges what was seen since the flip against what was seen before it.
    #[must_use]
    pub fn judge(&self, before: Traffic, since: Traffic) -> GuardVerdict {
        if since.answered < self.least {
            return GuardVerdict::Stay;
        }
        let worse = [
            ("failed", since.share(since.failed), before.share(before.failed), self.errors),
            ("took longer than a second", since.share(since.slow), before.share(before.slow), self.slow),
        ];
        let reason = worse.into_iter().find(|(_, now, then, allowed)| now - then > *allowed);
        reason.map_or(GuardVerdict::Stay, |(what, now, then, _)| {
            let percent = |share: f64| (share * 1000.0).round() / 10.0;
            let (now, then, of) = (percent(now), percent(then), since.answered);
            GuardVerdict::GoBack(format!("{now} % of {of} requests {what}, {then} % before the flip"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(answered: u64, failed: u64, slow: u64) -> Traffic {
        Traffic { answered, failed, slow }
    }

    #[test]
    fn what_is_no_worse_than_before_stays() {
        let guard = Guard::default();
        for (before, since) in [
            (traffic(1000, 0, 0), traffic(19, 19, 19)), // too few to tell
            (traffic(1000, 0, 0), traffic(1000, 10, 50)),
            (traffic(1000, 200, 0), traffic(1000, 205, 0)), // as bad as it was
            (traffic(0, 0, 0), traffic(100, 1, 0)),
        ] {
            assert_eq!(guard.judge(before, since), GuardVerdict::Stay, "{since:?}");
        }
    }

    #[test]
    fn more_failures_or_slower_answers_go_back_with_the_figures() {
        let guard = Guard::default();
        let before = traffic(1000, 1, 0);
        let said = |since| match guard.judge(before, since) {
            GuardVerdict::GoBack(why) => why,
            GuardVerdict::Stay => panic!("{since:?} stays"),
        };
        assert_eq!(said(traffic(200, 10, 0)), "5 % of 200 requests failed, 0.1 % before the flip");
        assert!(said(traffic(200, 0, 20)).starts_with("10 % of 200 requests took longer than a second"));
    }
}
