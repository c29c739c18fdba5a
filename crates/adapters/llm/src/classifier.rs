//! `LlmClassifier`: a unit of messages to a model and its answer back, once more when that cannot be used; all within the
//! provider's time budget. Must not know other classifiers.

use crate::answer::{self, Fault};
use crate::ask::Hearing;
use crate::failure::Failure;
use crate::prompt;
use crate::provider::Provider;
use async_trait::async_trait;
use dispatch_classification::classification::{Classification, Utterance};
use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Listener, Provenance, Usage};
use dispatch_mission::zone::Zone;
use rig_core::completion::CompletionRequest;
use std::sync::Arc;
use tokio::time::Instant;

/// Classifies by asking one provider.
#[derive(Debug)]
pub struct LlmClassifier {
    provider: Arc<Provider>,
    zone: Zone,
}

/// What came of one question.
struct Heard {
    read: Result<Classification, Fault>,
    text: String,
    model: String,
    usage: Option<Usage>,
}

impl LlmClassifier {
    /// A classifier whose due dates are wall times of `zone`.
    #[must_use]
    pub fn new(provider: Arc<Provider>, zone: Zone) -> Self {
        Self { provider, zone }
    }

    async fn put(
        &self,
        question: &CompletionRequest,
        texts: &[&str],
        hearing: &mut Hearing<'_>,
        deadline: Instant,
    ) -> Result<Heard, Failure> {
        let answer = self.provider.ask(question, hearing, deadline).await?;
        let text = answer.response.text();
        let read = answer::parse(&text, texts);
        let model = answer.response.model().unwrap_or(self.provider.model()).to_owned();
        Ok(Heard { read, text, model, usage: answer.usage })
    }

    async fn hear(
        &self,
        unit: &[Utterance],
        listener: &dyn Listener,
    ) -> Result<(Classification, Heard), ClassifierError> {
        let deadline = Instant::now() + self.provider.timeout;
        let texts: Vec<&str> = unit.iter().map(|utterance| utterance.text.as_str()).collect();
        let mut hearing = Hearing::new(listener);
        let question = prompt::question(unit, &self.zone);
        let mut heard = self.put(&question, &texts, &mut hearing, deadline).await.map_err(Failure::into_error)?;
        let Err(Fault(fault)) = &heard.read else { return taken(heard) };
        let again = prompt::question_again(&question, &heard.text, fault);
        let second = self.put(&again, &texts, &mut hearing, deadline).await.map_err(Failure::into_error)?;
        heard = Heard { usage: heard.usage.zip(second.usage).map(|(one, two)| one + two), ..second };
        taken(heard)
    }
}

/// The classification, or that there is none. The fault is not kept: it may quote what was said.
fn taken(mut heard: Heard) -> Result<(Classification, Heard), ClassifierError> {
    match std::mem::replace(&mut heard.read, Err(Fault(String::new()))) {
        Ok(classification) => Ok((classification, heard)),
        Err(_) => Err(ClassifierError::unusable("invalid_answer", "the answer is no classification, asked twice")),
    }
}

#[async_trait]
impl Classifier for LlmClassifier {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn width(&self) -> usize {
        self.provider.width()
    }

    async fn classify(&self, unit: &[Utterance], listener: &dyn Listener) -> Result<Classified, ClassifierError> {
        let begun = Instant::now();
        let (classification, heard) = self.hear(unit, listener).await?;
        let provenance = Provenance {
            provider: self.provider.name().to_owned(),
            model: heard.model,
            prompt_version: Some(prompt::VERSION.to_owned()),
            latency_us: i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX),
            usage: heard.usage,
            fallback_reason: None,
        };
        Ok(Classified { classification, provenance })
    }
}

#[cfg(test)]
mod tests;
