//! A mind that computes instead of waiting thinks on a thread of its own, one text at a time: the runtime that it is asked on
//! also stores messages and drives every connection, and must not stand still meanwhile. Must not know what is thought.

use async_trait::async_trait;
use dispatch_classification::classification::Utterance;
use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Listener, Silence};
use futures_util::FutureExt as _;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// A classifier that never waits, asked beside the runtime.
pub struct Aside {
    mind: Arc<dyn Classifier>,
    turn: Semaphore,
}

impl Aside {
    /// Over a mind whose answer is there at the first look.
    #[must_use]
    pub fn new(mind: Arc<dyn Classifier>) -> Self {
        Self { mind, turn: Semaphore::new(1) }
    }
}

#[async_trait]
impl Classifier for Aside {
    fn name(&self) -> &str {
        self.mind.name()
    }

    /// As many as the mind takes: they wait for their turn here.
    fn width(&self) -> usize {
        self.mind.width()
    }

    async fn classify(&self, unit: &[Utterance], _: &dyn Listener) -> Result<Classified, ClassifierError> {
        let _turn = self.turn.acquire().await.map_err(|closed| ClassifierError::unavailable("busy", closed))?;
        let (mind, unit) = (self.mind.clone(), unit.to_vec());
        let thought = spawn_blocking(move || mind.classify(&unit, &Silence).now_or_never()).await;
        match thought {
            Ok(Some(answer)) => answer,
            Ok(None) => Err(ClassifierError::unavailable("busy", "the mind waits, which it must not")),
            Err(ended) => Err(ClassifierError::unusable("panicked", ended)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dispatch_classification::local::LocalClassifier;
    use dispatch_classification::testing::{classifier_contract, unit};
    use dispatch_mission::zone::Zone;

    #[tokio::test]
    async fn it_answers_as_the_mind_does() {
        classifier_contract(&Aside::new(Arc::new(LocalClassifier::new(Zone::toronto())))).await;
    }

    /// On one thread that thinks nothing else could happen.
    #[tokio::test(flavor = "current_thread")]
    async fn the_runtime_goes_on_while_it_thinks() {
        let aside = Aside::new(Arc::new(LocalClassifier::new(Zone::toronto())));
        let long = unit(&"closing at 12 Elm St, can Sam order the sign? ".repeat(300));
        let mut thought = std::pin::pin!(aside.classify(&long, &Silence));
        let mut turns = 0;
        loop {
            tokio::select! {
                biased;
                answer = &mut thought => break drop(answer.expect("an answer")),
                () = tokio::task::yield_now() => turns += 1,
            }
        }
        assert!(turns > 0, "it was thought about at the first look");
    }
}
