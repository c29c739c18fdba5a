//! Answers, remembered for a while. Must not know what they are about.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many answers are remembered: strangers may ask for any number of things.
const MOST: usize = 4096;

/// Answers that are not older than `time`.
pub(crate) struct Remembered<K, V> {
    time: Duration,
    answers: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    pub(crate) fn new(time: Duration) -> Self {
        Self { time, answers: Mutex::default() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(key).filter(|(at, _)| at.elapsed() < self.time).map(|(_, value)| value.clone())
    }

    pub(crate) fn put(&self, key: K, value: V) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, (at, _)| at.elapsed() < self.time);
        }
        if answers.len() >= MOST {
            // Every one is fresh: somebody tries things. Asking again costs less than remembering all.
            answers.clear();
        }
        answers.insert(key, (Instant::now(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_age_and_never_pile_up() {
        let remembered = Remembered::new(Duration::from_secs(5));
        remembered.put(0, "a");
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(remembered.get(&0), Some("a"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(remembered.get(&0), None);
        for key in 0..3 * MOST {
            remembered.put(key, "b");
        }
        assert!(remembered.answers.lock().expect("no holder panics").len() <= MOST);
        assert_eq!(remembered.get(&(3 * MOST - 1)), Some("b"));
    }
}
