//! `LlmClassifier`: a unit of messages to a model and its answer back, once more when that cannot be used; all within the
//! provider's time budget. Must not know other classifiers.

use crate::answer::{self, Fault};
use crate::ask::Hearing;
use crate::failure::Failure;
use crate::gate::Use;
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
    of: Use,
}

/// What came of one question, beside what it means.
struct Heard {
    text: String,
    model: String,
    usage: Option<Usage>,
}

impl LlmClassifier {
    /// A classifier whose due dates are wall times of `zone`.
    #[must_use]
    pub fn new(provider: Arc<Provider>, zone: Zone) -> Self {
        Self { provider, zone, of: Use::Intake }
    }

    /// The same for texts that somebody asks about: it leaves slots free for those that came in.
    #[must_use]
    pub fn on_request(provider: Arc<Provider>, zone: Zone) -> Self {
        Self { provider, zone, of: Use::OnRequest }
    }

    async fn put(
        &self,
        question: &CompletionRequest,
        texts: &[&str],
        hearing: &mut Hearing<'_>,
        deadline: Instant,
    ) -> Result<(Result<Classification, Fault>, Heard), Failure> {
        let answer = self.provider.ask(question, self.of, hearing, deadline).await?;
        let text = answer.response.text();
        let read = answer::parse(&text, texts);
        let model = self.provider.who_answered(&answer.response);
        Ok((read, Heard { text, model, usage: answer.usage }))
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
        let (read, first) = self.put(&question, &texts, &mut hearing, deadline).await.map_err(Failure::into_error)?;
        let fault = match read {
            Ok(classification) => return Ok((classification, first)),
            Err(fault) => fault,
        };
        let again = prompt::question_again(&question, &first.text, fault);
        let (read, second) = self.put(&again, &texts, &mut hearing, deadline).await.map_err(Failure::into_error)?;
        let heard = Heard { usage: first.usage.zip(second.usage).map(|(one, two)| one + two), ..second };
        let unusable = |_| ClassifierError::unusable("invalid_answer", "the answer is no classification, asked twice");
        read.map(|classification| (classification, heard)).map_err(unusable)
    }
}

#[async_trait]
impl Classifier for LlmClassifier {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn width(&self) -> usize {
        self.provider.width(self.of)
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
