//! Classify on demand: what do these texts mean, and what would be done about them? Nothing is done. Must not know how the
//! answer travels, or which mind gives it.

#[cfg(test)]
mod tests;

use crate::failpoint;
use crate::ports::classifications::{
    ClassificationStore, ClassificationStoreError, KeptClassification, Preview, Question,
};
use dispatch_classification::classification::Utterance;
use dispatch_classification::classifier::{Classified, Classifier, ClassifierError, Listener, Silence, Usage};
use dispatch_mission::clock::Clock;
use dispatch_mission::ids::{ClassificationId, OperationId};
use dispatch_mission::signal::Source;
use dispatch_mission::zone::Zone;
use dispatch_routing::policy::{Circumstances, Policy};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;
use uuid::Uuid;

/// Most texts of one request.
pub const MOST_TEXTS: usize = 50;

/// Why a text of one answer was given to the mind that is always quick.
const TIME_IS_UP: &str = "deadline";

/// One text, as its caller sent it.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // as in `Question`
pub struct Asked {
    pub text: String,
    pub source: Option<Source>,
    /// Now, unless said otherwise.
    pub said_at: Option<OffsetDateTime>,
    pub metadata: Map<String, Value>,
}

/// Texts that wait for an answer, each with the id that its answer will have.
#[derive(Clone, PartialEq, Debug)]
pub struct Questions {
    operation: Option<OperationId>,
    each: Vec<(ClassificationId, Question)>,
}

impl Questions {
    /// The ids of the answers, in the order of the texts.
    pub fn ids(&self) -> impl Iterator<Item = ClassificationId> {
        self.each.iter().map(|(id, _)| *id)
    }
}

/// Hears what comes of questions while they are thought about. Must return at once.
pub trait Audience: Send + Sync {
    /// The next piece of what `provider` writes about text number `index`; see [`Listener::delta`].
    fn delta(&self, index: usize, provider: &str, attempt: u32, text: &str);

    /// Text number `index` has its answer, which is kept.
    fn answered(&self, index: usize, answer: &KeptClassification);
}

/// Hears nothing before the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Audience for Nobody {
    fn delta(&self, _: usize, _: &str, _: u32, _: &str) {}

    fn answered(&self, _: usize, _: &KeptClassification) {}
}

/// Why there is no answer. What was answered before it is kept.
#[derive(Debug, Error)]
pub enum ClassifyError {
    /// No mind answered, or none usably.
    #[error("a text was not classified")]
    NotUnderstood(#[source] ClassifierError),
    /// The answer could not be kept.
    #[error(transparent)]
    NotKept(#[from] ClassificationStoreError),
    /// It panicked, or the process stops. Says nothing of what a panic said, for that may quote what was worked on.
    #[error("the classification was cut off")]
    CutOff,
}

/// The use cases behind `/reason/classify` and `/reason/classifications`.
pub struct Classify {
    classifier: Arc<dyn Classifier>,
    store: Arc<dyn ClassificationStore>,
    policy: Policy,
    zone: Zone,
    clock: Arc<dyn Clock>,
    minds: Vec<String>,
    home: Handle,
    haste: Option<Haste>,
}

/// How long one answer may take, and who answers what is left then.
struct Haste {
    budget: Duration,
    last: Arc<dyn Classifier>,
}

impl Classify {
    /// Over these parts, at home on the runtime that this is called on; `minds` are the agents that `classifier` may ask, in order, by name.
    /// The policy's hours are those of `zone`.
    #[must_use]
    pub fn new(
        classifier: Arc<dyn Classifier>,
        store: Arc<dyn ClassificationStore>,
        policy: Policy,
        zone: Zone,
        clock: Arc<dyn Clock>,
        minds: Vec<String>,
    ) -> Self {
        Self { classifier, store, policy, zone, clock, minds, home: Handle::current(), haste: None }
    }

    /// What is answered in one piece takes `budget` and not much longer: `last`, a quick mind, answers what is left then.
    #[must_use]
    pub fn within(self, budget: Duration, last: Arc<dyn Classifier>) -> Self {
        Self { haste: Some(Haste { budget, last }), ..self }
    }

    /// The agents that may be asked, in order.
    #[must_use]
    pub fn minds(&self) -> &[String] {
        &self.minds
    }

    /// Takes the texts of one request. Under the same operation they get the same ids.
    #[must_use]
    pub fn take(&self, principal: &str, operation: Option<OperationId>, texts: Vec<Asked>) -> Questions {
        let now = self.clock.now();
        let question = |(place, asked): (u16, Asked)| {
            let operation = operation.map(|operation| (operation, place));
            let id = operation.map_or_else(ClassificationId::mint, |(of, place)| answer_of(of, place));
            let question = Question {
                principal: principal.to_owned(),
                operation,
                text: asked.text,
                source: asked.source,
                said_at: asked.said_at.unwrap_or(now),
                metadata: asked.metadata,
            };
            (id, question)
        };
        Questions { operation, each: (0..).zip(texts).map(question).collect() }
    }

    /// Answers all of them, as many at a time as the classifier can think about. What the operation was answered before is
    /// not thought about again.
    ///
    /// # Errors
    /// [`ClassifyError`] of the first that has no answer; the rest is given up.
    pub async fn answer(
        &self,
        questions: &Questions,
        audience: &dyn Audience,
    ) -> Result<Vec<KeptClassification>, ClassifyError> {
        self.answer_by(None, questions, audience).await
    }

    async fn answer_by(
        &self,
        by: Option<Instant>,
        questions: &Questions,
        audience: &dyn Audience,
    ) -> Result<Vec<KeptClassification>, ClassifyError> {
        let mut before = match questions.operation {
            Some(operation) => self.store.answered(operation).await?,
            None => BTreeMap::new(),
        };
        let mut thinking: Vec<BoxFuture<'_, _>> = Vec::new();
        for (index, (place, (id, question))) in (0..).zip(&questions.each).enumerate() {
            let known = before.remove(&place);
            let place = Place { index, by, audience };
            thinking.push(self.one(place, *id, question, known).boxed());
        }
        stream::iter(thinking).buffered(self.classifier.width().max(1)).try_collect().await
    }

    async fn one(
        &self,
        place: Place<'_>,
        id: ClassificationId,
        question: &Question,
        known: Option<KeptClassification>,
    ) -> Result<KeptClassification, ClassifyError> {
        let answer = match known {
            Some(answer) => answer,
            None => self.think(&place, id, question).await?,
        };
        place.audience.answered(place.index, &answer);
        Ok(answer)
    }

    /// The same in one piece, at home: whoever calls may come from another runtime. When he goes, it is given up.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub async fn answer_at_home(
        self: Arc<Self>,
        questions: Questions,
    ) -> Result<Vec<KeptClassification>, ClassifyError> {
        let home = self.home.clone();
        let by = self.haste.as_ref().map(|haste| Instant::now() + haste.budget);
        let answer = async move { self.answer_by(by, &questions, &Nobody).await };
        let answer = AbortOnDropHandle::new(home.spawn(answer.in_current_span())).await;
        answer.unwrap_or_else(|_| Err(ClassifyError::CutOff))
    }

    /// What a text means, without anything being kept. At home; whoever calls need not wait for it.
    ///
    /// # Errors
    /// [`ClassifyError`].
    pub async fn look(self: Arc<Self>, asked: Asked) -> Result<Classified, ClassifyError> {
        let home = self.home.clone();
        let unit = [Utterance { text: asked.text, at: asked.said_at.unwrap_or_else(|| self.clock.now()) }];
        let look = async move { self.classifier.classify(&unit, &Silence).await };
        let looked = AbortOnDropHandle::new(home.spawn(look.in_current_span())).await;
        looked.map_err(|_| ClassifyError::CutOff)?.map_err(ClassifyError::NotUnderstood)
    }

    async fn think(
        &self,
        place: &Place<'_>,
        id: ClassificationId,
        question: &Question,
    ) -> Result<KeptClassification, ClassifyError> {
        let unit = [Utterance { text: question.text.clone(), at: question.said_at }];
        let classified = self.understand(&unit, place).await.map_err(ClassifyError::NotUnderstood)?;
        let circumstances = Circumstances::of_text(question.source, question.said_at, &self.zone);
        let judged = self.policy.judge(&classified.classification, &circumstances);
        let preview = Preview { routing: judged.routing, rule: judged.rule };
        let kept = self.store.keep(id, question, &classified, &preview).await?;
        failpoint::pass("text.classified", || question.text.clone());
        Ok(kept)
    }

    async fn understand(&self, unit: &[Utterance], place: &Place<'_>) -> Result<Classified, ClassifierError> {
        let (Some(by), Some(Haste { last, .. })) = (place.by, &self.haste) else {
            return self.classifier.classify(unit, place).await;
        };
        if Instant::now() < by
            && let Ok(answer) = timeout_at(by, self.classifier.classify(unit, place)).await
        {
            return answer;
        }
        let mut classified = last.classify(unit, place).await?;
        classified.provenance.fallback_reason = Some(TIME_IS_UP.to_owned());
        Ok(classified)
    }

    /// The classification with this id, if `principal` asked for it or `observes` all.
    ///
    /// # Errors
    /// [`ClassificationStoreError`].
    pub async fn find(
        &self,
        id: ClassificationId,
        principal: &str,
        observes: bool,
    ) -> Result<Option<KeptClassification>, ClassificationStoreError> {
        let found = self.store.find(id).await?;
        Ok(found.filter(|kept| observes || kept.principal.as_deref() == Some(principal)))
    }
}

/// What all the calls to models came to, where any of them says so.
#[must_use]
pub fn usage(answers: &[KeptClassification]) -> Option<Usage> {
    answers.iter().filter_map(|kept| kept.classified.provenance.usage).reduce(|one, two| one + two)
}

/// Whoever goes on with an operation announces the same id: it follows from operation and place, and stays a UUIDv7 of the
/// operation's time.
fn answer_of(operation: OperationId, place: u16) -> ClassificationId {
    ClassificationId(Uuid::from_u128(operation.0.as_u128() ^ (u128::from(place) + 1)))
}

/// One text of a request: which it is, until when the better minds may think about it, and who hears of it.
struct Place<'a> {
    index: usize,
    by: Option<Instant>,
    audience: &'a dyn Audience,
}

impl Listener for Place<'_> {
    fn delta(&self, provider: &str, attempt: u32, text: &str) {
        self.audience.delta(self.index, provider, attempt, text);
    }
}
