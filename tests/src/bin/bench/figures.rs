//! Numbers out of runs: percentiles, medians. Must not know what was run.

use serde::{Deserialize, Serialize};

/// Latencies in milliseconds.
#[derive(Serialize, Deserialize, Clone, Copy, Default, Debug)]
pub struct Latencies {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Latencies {
    /// Of these microseconds, which are sorted by it.
    pub fn of(micros: &mut [u32]) -> Self {
        micros.sort_unstable();
        let at = |share: f64| {
            let index = (micros.len() as f64 * share).ceil() as usize;
            micros.get(index.saturating_sub(1)).map_or(0.0, |micros| f64::from(*micros) / 1e3)
        };
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }

    /// The median of each figure.
    pub fn median(all: &[Self]) -> Self {
        let of = |pick: fn(&Self) -> f64| median(all.iter().map(pick));
        Self { p50: of(|l| l.p50), p99: of(|l| l.p99), p999: of(|l| l.p999), max: of(|l| l.max) }
    }
}

/// The one in the middle, or between the two in the middle; 0 of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians() {
        let mut micros: Vec<u32> = (1..=1000).rev().map(|ms| ms * 1000).collect();
        let latencies = Latencies::of(&mut micros);
        assert_eq!((latencies.p50, latencies.p99, latencies.p999, latencies.max), (500.0, 990.0, 999.0, 1000.0));
        assert_eq!(Latencies::of(&mut []).max, 0.0);
        assert_eq!((median([3.0, 1.0, 2.0]), median([4.0, 1.0]), median([])), (2.0, 2.5, 0.0));
    }
}
