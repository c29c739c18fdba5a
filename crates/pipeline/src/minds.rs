//! Several minds as one: the best first, the next when it does not answer, the local one last, for that one always does. Says
//! why the better ones were not heard. Must not know what any of them is made of.

use crate::agents::Meter;
use async_trait::async_trait;
use dispatch_classification::classification::Utterance;
use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Listener};
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// The chain.
pub struct Minds {
    better: Vec<Arc<dyn Classifier>>,
    last: Arc<dyn Classifier>,
    meter: Arc<Meter>,
}

/// What a classifier is called among the agents.
#[must_use]
pub fn agent_name(classifier: &dyn Classifier) -> String {
    format!("classifier.{}", classifier.name())
}

impl Minds {
    /// Asks `better` in order, then `last`; each try is noted in `meter`.
    #[must_use]
    pub fn new(better: Vec<Arc<dyn Classifier>>, last: Arc<dyn Classifier>, meter: Arc<Meter>) -> Self {
        Self { better, last, meter }
    }

    /// All of them, in the order in which they are asked.
    pub fn each(&self) -> impl Iterator<Item = &Arc<dyn Classifier>> {
        self.better.iter().chain([&self.last])
    }

    async fn ask(
        &self,
        mind: &dyn Classifier,
        unit: &[Utterance],
        listener: &dyn Listener,
    ) -> Result<Classified, ClassifierError> {
        let begun = Instant::now();
        let answer = AssertUnwindSafe(mind.classify(unit, listener)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_panic| Err(ClassifierError::unusable("panicked", "the mind panicked")));
        let outcome = match &answer {
            Ok(classified) => Ok(classified.provenance.usage),
            Err(error) => Err(error.code()),
        };
        self.meter.note(&agent_name(mind), begun.elapsed(), outcome);
        answer
    }
}

#[async_trait]
impl Classifier for Minds {
    fn name(&self) -> &'static str {
        "minds"
    }

    /// As many as the first mind can that can at all at this moment: while nobody better is there, the last one works
    /// through the rest at its own pace.
    fn width(&self) -> usize {
        self.each().map(|mind| mind.width()).find(|width| *width > 0).unwrap_or(1)
    }

    /// As the one does whose width it is.
    fn waits(&self) -> bool {
        self.each().find(|mind| mind.width() > 0).is_none_or(|mind| mind.waits())
    }

    async fn classify(&self, unit: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError> {
        let begun = Instant::now();
        let onward = Onward { listener, base: AtomicU32::new(0), highest: AtomicU32::new(0) };
        let mut unheard: Vec<String> = Vec::new();
        for mind in &self.better {
            match self.ask(mind.as_ref(), unit, &onward).await {
                Ok(classified) => return Ok(told(classified, &unheard, begun)),
                Err(error) => {
                    tracing::debug!(mind = mind.name(), code = error.code(), "mind did not answer; the next is asked");
                    unheard.push(format!("{}: {}", mind.name(), error.code()));
                }
            }
            onward.next_mind();
        }
        let classified = self.ask(self.last.as_ref(), unit, &onward).await?;
        Ok(told(classified, &unheard, begun))
    }
}

/// The answer, with what came before it.
fn told(mut classified: Classified, unheard: &[String], begun: Instant) -> Classified {
    let provenance = &mut classified.provenance;
    if !unheard.is_empty() {
        provenance.fallback_reason = Some(unheard.join("; "));
        provenance.latency_us = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
    }
    classified
}

/// Counts attempts on over all minds: each mind begins at 1.
struct Onward<'a> {
    listener: &'a dyn Listener,
    base: AtomicU32,
    highest: AtomicU32,
}

impl Onward<'_> {
    fn next_mind(&self) {
        self.base.store(self.highest.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Listener for Onward<'_> {
    fn delta(&self, provider: &str, attempt: u32, text: &str) {
        let attempt = self.base.load(Ordering::Relaxed) + attempt;
        self.highest.fetch_max(attempt, Ordering::Relaxed);
        self.listener.delta(provider, attempt, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_classification::classification::Meaning;
    use dispatch_classification::local::LocalClassifier;
    use dispatch_classification::testing::{FixedClassifier, bare, unit};
    use dispatch_mission::zone::Zone;
    use std::sync::Mutex;

    /// Says a word per attempt, then fails.
    struct Mumbler(&'static str, u32);

    #[async_trait]
    impl Classifier for Mumbler {
        fn name(&self) -> &str {
            self.0
        }

        fn width(&self) -> usize {
            0
        }

        async fn classify(&self, _: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError> {
            for attempt in 1..=self.1 {
                listener.delta(self.0, attempt, "hm");
            }
            Err(ClassifierError::unavailable("timeout", "too slow"))
        }
    }

    struct Panics;

    #[async_trait]
    impl Classifier for Panics {
        fn name(&self) -> &'static str {
            "panics"
        }

        fn width(&self) -> usize {
            3
        }

        async fn classify(&self, _: &[Utterance], _: &dyn Listener) -> Result<Classified, ClassifierError> {
            panic!("as configured")
        }
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<(String, u32)>>);

    impl Listener for Heard {
        fn delta(&self, provider: &str, attempt: u32, _: &str) {
            self.0.lock().unwrap().push((provider.to_owned(), attempt));
        }
    }

    fn fixed() -> Arc<dyn Classifier> {
        Arc::new(FixedClassifier::default().when("lol", bare(Meaning::Ignore, 0.9)))
    }

    #[tokio::test]
    async fn the_last_one_answers_and_says_why_the_others_did_not() {
        let meter = Arc::new(Meter::default());
        let minds = Minds::new(
            vec![Arc::new(Mumbler("one", 2)), Arc::new(Panics), Arc::new(Mumbler("two", 1))],
            fixed(),
            meter.clone(),
        );
        let heard = Heard::default();
        let answer = minds.classify(&unit("lol"), &heard).await.unwrap();
        assert_eq!(answer.provenance.provider, "fixed");
        assert_eq!(answer.provenance.fallback_reason.as_deref(), Some("one: timeout; panics: panicked; two: timeout"));
        let heard = heard.0.into_inner().unwrap();
        assert_eq!(heard, [("one".into(), 1), ("one".into(), 2), ("two".into(), 3)], "attempts never begin again");
        let tallies = meter.take();
        assert_eq!(tallies["classifier.one"].failures["timeout"], 1);
        assert_eq!((tallies["classifier.fixed"].calls, tallies["classifier.fixed"].failures.len()), (1, 0));
    }

    #[tokio::test]
    async fn the_first_that_answers_is_heard_alone() {
        let minds = Minds::new(vec![fixed()], Arc::new(Panics), Arc::default());
        let answer = minds.classify(&unit("lol"), &Heard::default()).await.unwrap();
        assert_eq!(answer.provenance.fallback_reason, None);
    }

    #[tokio::test]
    async fn width_is_that_of_the_first_who_is_there() {
        let minds = Minds::new(vec![Arc::new(Mumbler("away", 0)), Arc::new(Panics)], fixed(), Arc::default());
        assert_eq!(minds.width(), 3);
    }

    /// Its bursts are then claimed as they close, however many better minds are away.
    #[tokio::test]
    async fn it_waits_while_a_better_mind_is_there_that_does() {
        let local = || Arc::new(LocalClassifier::new(Zone::toronto()));
        let away = Minds::new(vec![Arc::new(Mumbler("away", 0))], local(), Arc::default());
        let there = Minds::new(vec![fixed()], local(), Arc::default());
        assert_eq!((away.waits(), there.waits()), (false, true));
    }
}
