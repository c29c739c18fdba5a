//! Query: answers to questions about the brokerage's own data, told as they come about. With a model it converses; without one, or
//! when it fails, the local mind answers what it understands exactly. Must not know HTTP, nor which model talks.

mod converse;
mod history;
mod local;
mod narration;
#[cfg(test)]
mod tests;
mod toolbox;
mod wall;

use crate::agents::Meter;
use crate::ports::converser::Converser;
use crate::ports::records::{Records, Viewer};
use crate::ports::stories::Stories;
use crate::streams::{BeginError, Failure, Followed, Streams, Teller};
use converse::{Answered, Outcome};
use dispatch_classification::classifier::Usage;
use dispatch_mission::clock::Clock;
use dispatch_mission::mission_store::MissionStore;
use dispatch_mission::zone::Zone;
pub use history::{MOST_HISTORY_LINES, MOST_LINE_CHARS, MOST_QUESTION_CHARS};
pub use local::MODEL as LOCAL_MODEL;
use narration::{Narration, Voice};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Instant;
pub use toolbox::Citation;
use toolbox::Toolbox;
use wall::Wall;

/// Who said a line of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The person who asks.
    User,
    /// Dispatch.
    Assistant,
}

/// A line of a conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub content: String,
}

/// Whoever asks, and what they may see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asker {
    /// Whose eyes searches see with.
    pub viewer: Viewer,
    /// Whether missions, listings and people may be seen.
    pub missions: bool,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The question itself.
    pub text: String,
    /// What was said before, the oldest first.
    pub history: Vec<Line>,
}

/// What answers are made from.
#[derive(Clone)]
pub struct Sources {
    /// Searches.
    pub records: Arc<dyn Records>,
    /// What happened.
    pub stories: Arc<dyn Stories>,
    /// Single missions.
    pub missions: Arc<dyn MissionStore>,
}

/// The use case behind `/reason/query`.
#[derive(Clone)]
pub struct Query {
    tools: Toolbox,
    streams: Streams,
    minds: Arc<[Arc<dyn Converser>]>,
    meter: Arc<Meter>,
    clock: Arc<dyn Clock>,
    zone: Zone,
}

impl Query {
    /// Answers from `sources`; asks `minds` in order, and the local mind last. Days are those of `zone`.
    #[must_use]
    pub fn new(
        sources: Sources,
        streams: Streams,
        minds: Vec<Arc<dyn Converser>>,
        meter: Arc<Meter>,
        clock: Arc<dyn Clock>,
        zone: Zone,
    ) -> Self {
        let Sources { records, stories, missions } = sources;
        Self { tools: Toolbox { records, stories, missions }, streams, minds: minds.into(), meter, clock, zone }
    }

    /// Begins to answer. `owner` is whose stream it is.
    ///
    /// # Errors
    /// [`BeginError`]: nothing was begun.
    pub async fn ask(&self, owner: &str, asker: Asker, question: Question) -> Result<Followed, BeginError> {
        let mind = self.minds.first().map_or(local::PROVIDER, |mind| mind.name());
        let metadata = Map::from_iter([("mind".to_owned(), mind.into())]);
        let query = self.clone();
        self.streams
            .begin(owner, metadata, async move |teller: Teller| query.answer(&asker, &question, &teller).await)
            .await
    }

    /// The data of `complete`.
    async fn answer(
        &self,
        asker: &Asker,
        question: &Question,
        voice: &dyn Voice,
    ) -> Result<Map<String, Value>, Failure> {
        let begun = Instant::now();
        let wall = Wall { now: self.clock.now(), zone: self.zone };
        let narration = Narration::new(&self.tools, asker, wall, voice);
        let history = history::kept(&question.history);
        let mut origin = Origin::default();
        let mut attempt = 1;
        let text = if self.minds.is_empty() {
            None
        } else {
            match converse::converse(&narration, &self.minds, &self.meter, &question.text, history).await {
                Outcome::Answered(answered) => Some(origin.of_model(answered)),
                Outcome::Unanswered { attempt: next, reasons, usage } => {
                    (attempt, origin.reasons, origin.usage) = (next, reasons, usage);
                    None
                }
            }
        };
        let text = match text {
            Some(text) => text,
            None => self.answer_locally(&narration, &question.text, history, attempt).await?,
        };
        narration.cite(&text);
        let provenance = origin.told(begun);
        let mut complete = json!({
            "status": "success",
            "text": text,
            "provenance": provenance,
            "latency_ms": provenance["latency_ms"],
            "tool_calls": narration.calls(),
        });
        if let Some(usage) = complete["provenance"].get("usage").cloned() {
            complete["usage"] = usage;
        }
        Ok(match complete {
            Value::Object(complete) => complete,
            _ => Map::new(),
        })
    }

    async fn answer_locally(
        &self,
        narration: &Narration<'_>,
        question: &str,
        history: &[Line],
        attempt: u32,
    ) -> Result<String, Failure> {
        let begun = Instant::now();
        let answer = local::answer(narration, question, history).await;
        let outcome = answer.as_ref().map(|_| None).map_err(|error| error.code);
        self.meter.note("query.local", begun.elapsed(), outcome);
        let text = answer.map_err(|error| Failure::new("database_unavailable", true).detail(error.detail))?;
        for piece in text.split_inclusive('\n') {
            narration.voice.delta(local::PROVIDER, attempt, piece);
        }
        Ok(text)
    }
}

/// Who answered.
#[derive(Default)]
struct Origin {
    /// Provider and model; none for the local mind.
    model: Option<(String, String)>,
    usage: Option<Usage>,
    reasons: Vec<String>,
}

impl Origin {
    fn of_model(&mut self, answered: Answered) -> String {
        self.model = Some((answered.provider, answered.model));
        (self.usage, self.reasons) = (answered.usage, answered.reasons);
        answered.text
    }

    fn told(self, begun: Instant) -> Value {
        let is_model = self.model.is_some();
        let (provider, model) = self.model.unwrap_or_else(|| (local::PROVIDER.to_owned(), local::MODEL.to_owned()));
        let mut told = json!({
            "provider": provider,
            "model": model,
            "latency_ms": (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        });
        if is_model {
            told["prompt_version"] = converse::PROMPT_VERSION.into();
        }
        if let Some(usage) = self.usage {
            told["usage"] = json!(usage);
        }
        if !self.reasons.is_empty() {
            told["fallback_reason"] = self.reasons.join("; ").into();
        }
        told
    }
}
