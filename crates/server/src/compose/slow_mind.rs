//! For tests of streams (feature `testing`): a mind that takes its time over messages that ask it to. Absent from a release.
//!
//! `slowly 40` is told in 40 words, one every tenth of a second; `slowly 40 x1000` in words of 1000 letters.

use async_trait::async_trait;
use dispatch_classification::classification::Utterance;
use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Listener};
use std::sync::Arc;
use std::time::Duration;

/// Between two words.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes its time, then asks another.
pub struct SlowMind(pub Arc<dyn Classifier>);

/// Says so when it is stopped before its last word.
struct Unfinished(bool);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.0 {
            tracing::info!("a slow mind was stopped");
        }
    }
}

#[async_trait]
impl Classifier for SlowMind {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn width(&self) -> usize {
        8
    }

    async fn classify(&self, unit: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError> {
        let asked = unit.iter().find_map(|said| said.text.strip_prefix("slowly "));
        let mut numbers = asked.unwrap_or_default().split(" x").map(|number| number.trim().parse::<usize>());
        let (words, letters) = (numbers.next().and_then(Result::ok), numbers.next().and_then(Result::ok));
        let mut unfinished = Unfinished(true);
        for number in 0..words.unwrap_or_default() {
            listener.delta("slow", 1, &format!("{number}{} ", "x".repeat(letters.unwrap_or_default())));
            tokio::time::sleep(PAUSE).await;
        }
        unfinished.0 = false;
        self.0.classify(unit, listener).await
    }
}
