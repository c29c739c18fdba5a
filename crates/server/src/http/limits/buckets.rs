//! One token bucket per key, bounded: a flood of keys cannot grow memory. Must not know what a key stands for.

use crate::config::Rate;
use governor::clock::Clock;
#[cfg(not(test))]
use governor::clock::DefaultClock as ProcessClock;
#[cfg(test)]
use governor::clock::FakeRelativeClock as ProcessClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Keys remembered at most; the rest share buckets. A key with its state takes less than a hundred bytes.
const MOST_KEYS: usize = 20_000;
/// Below this nobody sweeps.
const FEW_KEYS: usize = 1_000;

/// Keys that are counted, and the larger whole that a key is counted with when there are too many of them.
pub trait Key: Hash + Eq + Clone {
    /// One of few.
    #[must_use]
    fn coarse(&self) -> Self;
}

type Limiter<K, C> = RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A bucket for each key.
pub struct Buckets<K: Key, C: Clock = ProcessClock> {
    limiter: Limiter<K, C>,
    clock: C,
    most: usize,
    /// Swept when there are so many keys.
    sweep_at: AtomicUsize,
}

impl<K: Key> Buckets<K> {
    /// By the process' own clock, which stands still in tests.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self::with(rate, ProcessClock::default(), MOST_KEYS)
    }
}

impl<K: Key, C: Clock + Clone> Buckets<K, C> {
    fn with(rate: Rate, clock: C, most: usize) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let limiter = RateLimiter::hashmap_with_clock(quota, clock.clone());
        Self { limiter, clock, most, sweep_at: AtomicUsize::new(FEW_KEYS.min(most)) }
    }

    /// Takes one from the key's bucket.
    ///
    /// # Errors
    /// How long until there is one again.
    pub fn take(&self, key: &K) -> Result<(), Duration> {
        let full = self.sweep();
        let answer = if full { self.limiter.check_key(&key.coarse()) } else { self.limiter.check_key(key) };
        answer.map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets buckets that are full again, when there are twice as many keys as after the last time: each call pays a
    /// constant share. Answers whether there are too many keys all the same.
    fn sweep(&self) -> bool {
        let sweep_at = self.sweep_at.load(Ordering::Relaxed);
        if self.limiter.len() < sweep_at {
            return false;
        }
        self.limiter.retain_recent();
        let left = self.limiter.len();
        if left < self.most / 2 {
            self.limiter.shrink_to_fit();
        }
        // One sweeper at a time is enough, but two do no harm.
        self.sweep_at.store((left * 2).clamp(FEW_KEYS.min(self.most), self.most), Ordering::Relaxed);
        left >= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;
    use std::num::NonZeroU32;

    impl Key for u32 {
        fn coarse(&self) -> Self {
            u32::MAX
        }
    }

    fn buckets(per_second: u32, burst: u32, most: usize) -> (Buckets<u32, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let number = |number| NonZeroU32::new(number).expect("not zero");
        let rate = Rate { per_second: number(per_second), burst: number(burst) };
        (Buckets::with(rate, clock.clone(), most), clock)
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let (buckets, clock) = buckets(2, 3, 100);
        for _ in 0..3 {
            assert_eq!(buckets.take(&1), Ok(()));
        }
        assert_eq!(buckets.take(&1), Err(Duration::from_millis(500)));
        assert_eq!(buckets.take(&2), Ok(()), "each has a bucket of his own");
        clock.advance(Duration::from_millis(499));
        assert_eq!(buckets.take(&1), Err(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(buckets.take(&1), Ok(()));
        clock.advance(Duration::from_secs(3600));
        assert_eq!((0..9).filter(|_| buckets.take(&1).is_ok()).count(), 3, "a long pause saves no more than a burst");
    }

    #[test]
    fn a_flood_of_keys_does_not_grow_memory_and_passes() {
        let (buckets, clock) = buckets(1, 2, 100);
        let passed = (0..100_000).filter(|key| buckets.take(key).is_ok()).count();
        assert!(buckets.limiter.len() <= 101, "{}", buckets.limiter.len());
        assert_eq!(passed, 102, "who comes when it is full shares a bucket");
        clock.advance(Duration::from_secs(60));
        assert_eq!(buckets.take(&7_000_000), Ok(()), "who is quiet is forgotten");
        assert_eq!(buckets.limiter.len(), 1);
    }
}
