//! How fast destinations may be written to, as data: a token bucket per lane, whose rows all replicas share.
//!
//! Must not know a clock: a bucket is known by how long it takes until it is full again.

use crate::breaker::BreakerRule;
use crate::destination::DestinationKind;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// A token bucket: so many a second, and so many at once after a pause.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(try_from = "RateData")]
pub struct Rate {
    interval: Duration,
    burst: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateData {
    per_second: f64,
    burst: u32,
}

impl TryFrom<RateData> for Rate {
    type Error = &'static str;

    fn try_from(data: RateData) -> Result<Self, Self::Error> {
        Self::new(data.per_second, data.burst)
            .ok_or("per_second must be a number from 0.001 to 1000000 and burst at least 1")
    }
}

impl Rate {
    /// So many a second, `burst` at once. `None` where that is no rate.
    #[must_use]
    pub fn new(per_second: f64, burst: u32) -> Option<Self> {
        let sound = (0.001..=1_000_000.0).contains(&per_second) && burst > 0;
        sound.then(|| Self { interval: Duration::from_secs_f64(per_second.recip()), burst })
    }

    /// How many may pass now, where the bucket is full again after `until_full`.
    #[must_use]
    pub fn available(&self, until_full: Duration) -> u32 {
        let left = self.interval.saturating_mul(self.burst).saturating_sub(until_full);
        u32::try_from(left.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u32::MAX).min(self.burst)
    }

    /// How long until the bucket is full when `taken` more have passed.
    #[must_use]
    pub fn after(&self, until_full: Duration, taken: u32) -> Duration {
        until_full.saturating_add(self.interval.saturating_mul(taken))
    }

    /// How long until the next one may pass.
    #[must_use]
    pub fn wait(&self, until_full: Duration) -> Duration {
        until_full.saturating_sub(self.interval.saturating_mul(self.burst - 1))
    }
}

/// The limits of all destinations.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// By destination (`webhook/crm`), or by its kind (`slack`): the rate of each of its lanes. Who is not named is
    /// written to as fast as it answers.
    pub rates: BTreeMap<String, Rate>,
    /// When a destination that fails is left alone.
    pub breaker: BreakerRule,
    /// Kinds whose messages go to each conversation in the order in which they were planned: a later one waits for an
    /// earlier one that is tried again.
    pub in_order: Vec<DestinationKind>,
    /// How many agents may answer one after another: the last of them hands on to nobody. 1 to 10.
    #[serde(deserialize_with = "depth")]
    pub agent_depth: u32,
}

/// Agents that may answer one after another, unless said otherwise.
const AGENT_DEPTH: u32 = 3;

fn depth<'de, D: Deserializer<'de>>(value: D) -> Result<u32, D::Error> {
    let depth = u32::deserialize(value)?;
    let is_sound = (1..=10).contains(&depth);
    if is_sound { Ok(depth) } else { Err(D::Error::custom(format!("agent_depth must be 1 to 10, not {depth}"))) }
}

impl Default for Limits {
    /// Slack takes about one message a second in a channel, and short bursts; a carrier about one a second from a number.
    fn default() -> Self {
        let rates = [("slack", Rate::new(1.0, 3)), ("sms", Rate::new(1.0, 10))];
        let rates = rates.into_iter().filter_map(|(kind, rate)| Some((kind.to_owned(), rate?))).collect();
        Self {
            rates,
            breaker: BreakerRule::default(),
            in_order: vec![DestinationKind::Slack],
            agent_depth: AGENT_DEPTH,
        }
    }
}

impl Limits {
    /// No rates at all, and no order.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { rates: BTreeMap::new(), breaker: BreakerRule::default(), in_order: Vec::new(), agent_depth: AGENT_DEPTH }
    }

    /// The rate of each lane of this destination, if it has one.
    #[must_use]
    pub fn rate(&self, destination: &str) -> Option<Rate> {
        let kind = destination.split('/').next().unwrap_or_default();
        self.rates.get(destination).or_else(|| self.rates.get(kind)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(text: &str) -> Result<Limits, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_destination_has_its_own_rate_or_that_of_its_kind() {
        let limits = limits(
            "rates = { webhook = { per_second = 5, burst = 5 }, 'webhook/crm' = { per_second = 0.5, burst = 1 } }",
        )
        .expect("sound");
        assert_eq!(limits.rate("webhook/crm"), Rate::new(0.5, 1));
        assert_eq!(limits.rate("webhook/erp"), Rate::new(5.0, 5));
        assert_eq!(limits.rate("slack/T1"), None);
        assert_eq!(Limits::default().rate("slack/T1"), Rate::new(1.0, 3));
        assert_eq!(limits.in_order, [DestinationKind::Slack], "what is not said is as it was");
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for rate in [
            "per_second = 0, burst = 1",
            "per_second = -1, burst = 1",
            "per_second = 1, burst = 0",
            "per_second = nan, burst = 1",
        ] {
            assert!(limits(&format!("rates = {{ slack = {{ {rate} }} }}")).is_err(), "{rate}");
        }
        assert!(limits("rate = {}").is_err());
        assert!(limits("agent_depth = 0").is_err() && limits("agent_depth = 11").is_err());
        assert_eq!(limits("agent_depth = 1").expect("sound").agent_depth, 1);
    }

    proptest! {
        /// However often the bucket is asked, no stretch of time sees more than the burst and what the rate adds to it.
        #[test]
        fn a_bucket_never_lets_more_through(
            burst in 1u32..10, millis in 1u64..2_000, asks in proptest::collection::vec((0u64..3_000, 1u32..12), 1..80),
        ) {
            let rate = Rate { interval: Duration::from_millis(millis), burst };
            let (mut now, mut full_at) = (Duration::ZERO, Duration::ZERO);
            let mut passed: Vec<Duration> = Vec::new();
            for (pause, wanted) in asks {
                now += Duration::from_millis(pause);
                let until_full = full_at.saturating_sub(now);
                let taken = rate.available(until_full).min(wanted);
                prop_assert!(taken > 0 || rate.wait(until_full) > Duration::ZERO);
                full_at = now + rate.after(until_full, taken);
                passed.extend((0..taken).map(|_| now));
                for first in &passed {
                    let since = passed.iter().filter(|at| *at >= first).count() as u128;
                    let most = u128::from(burst) + (now - *first).as_millis() / u128::from(millis);
                    prop_assert!(since <= most, "{since} of {most}");
                }
                // Who waits as long as he is told may pass.
                let wait = rate.wait(full_at.saturating_sub(now));
                prop_assert!(rate.available(full_at.saturating_sub(now + wait)) > 0);
            }
        }
    }
}
