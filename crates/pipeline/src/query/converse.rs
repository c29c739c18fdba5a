//! A conversation with a model: it asks for tools, gets what they found, and answers. Bounded in rounds, tools, time and text;
//! when one model fails the next goes on where it was, and when none is left, that is the outcome. Must not know what the tools
//! do, nor any provider.

use super::narration::{Narration, Voice};
use super::toolbox::{self, Harvest, ToolError};
use super::{Asker, Line, Role, wall::Wall};
use crate::agents::Meter;
use crate::ports::converser::{Converser, Said, ToolCall, Turn};
use dispatch_classification::classifier::{ClassifierError, Listener, Usage};
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Name of the prompt in use.
pub(super) const PROMPT_VERSION: &str = "converse-1";
const PROMPT: &str = include_str!("converse-1.md");

/// How often a model may ask for tools before it has to answer.
const MOST_ROUNDS: usize = 6;
/// How many tools it may ask for at once.
const MOST_AT_ONCE: usize = 8;
/// How many of them search at the same time: the connections are everybody's who talks.
const SIDE_BY_SIDE: usize = 2;
/// Rows of one result that a model is given.
const MOST_ROWS: usize = 20;
/// Characters of all results that a model is given.
const MOST_RESULT_CHARS: usize = 60_000;
/// How long a conversation may take, with all models.
const BUDGET: Duration = Duration::from_secs(90);

/// What came of it.
pub(super) enum Outcome {
    Answered(Answered),
    /// No model answered. `attempt` is the next that nothing was told under.
    Unanswered {
        attempt: u32,
        reasons: Vec<String>,
        usage: Option<Usage>,
    },
}

pub(super) struct Answered {
    pub(super) text: String,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) usage: Option<Usage>,
    pub(super) reasons: Vec<String>,
}

/// The instructions: everything that is not data.
pub(super) fn system(asker: &Asker, wall: Wall) -> String {
    let who = match &asker.viewer.staff {
        Some(id) => {
            format!("Whoever asks is the member of staff `{id}`: \"I\", \"me\" and \"my\" are `me` in `assigned_to`.")
        }
        None => "Whoever asks is no member of staff: there is no \"my\" or \"me\".".to_owned(),
    };
    let now = format!("{} {}", wall.said(wall.now), wall.today().year());
    PROMPT.replace("{{now}}", &now).replace("{{zone}}", wall.zone.name()).replace("{{asker}}", &who)
}

/// Converses until there is an answer.
pub(super) async fn converse(
    narration: &Narration<'_>,
    minds: &[Arc<dyn Converser>],
    meter: &Meter,
    question: &str,
    history: &[Line],
) -> Outcome {
    let system = system(narration.asker, narration.wall);
    let mut turns: Vec<Turn> = history.iter().map(turn).collect();
    turns.push(Turn::Person(question.to_owned()));
    let mut talk =
        Talk { narration, meter, turns, ear: Ear::new(narration.voice), asked: HashSet::new(), given: 0, usage: None };
    let until = Instant::now() + BUDGET;
    let mut reasons = Vec::new();
    for mind in minds {
        match talk.with(mind.as_ref(), &system, until).await {
            Ok((text, model)) => {
                let provider = mind.name().to_owned();
                return Outcome::Answered(Answered { text, provider, model, usage: talk.usage, reasons });
            }
            Err(code) => {
                tracing::debug!(mind = mind.name(), code, "the model did not answer");
                reasons.push(format!("{}: {code}", mind.name()));
                talk.ear.begin_anew();
            }
        }
    }
    Outcome::Unanswered { attempt: talk.ear.next_attempt(), reasons, usage: talk.usage }
}

fn turn(line: &Line) -> Turn {
    match line.role {
        Role::User => Turn::Person(line.content.clone()),
        Role::Assistant => Turn::Model { text: line.content.clone(), calls: Vec::new() },
    }
}

struct Talk<'a> {
    narration: &'a Narration<'a>,
    meter: &'a Meter,
    turns: Vec<Turn>,
    ear: Ear<'a>,
    /// What tools were asked, so that the same is not asked for ever.
    asked: HashSet<String>,
    given: usize,
    usage: Option<Usage>,
}

impl Talk<'_> {
    /// Goes on with this model. Answers the whole text and the model's name, or why there is none.
    async fn with(
        &mut self,
        mind: &dyn Converser,
        system: &str,
        until: Instant,
    ) -> Result<(String, String), &'static str> {
        let tools = toolbox::specs(self.narration.asker);
        for round in 0..=MOST_ROUNDS {
            let last = round == MOST_ROUNDS;
            let offered = if last { &[] } else { tools.as_slice() };
            let begun = Instant::now();
            let said = tokio::time::timeout_at(until, mind.say(system, &self.turns, offered, &self.ear)).await;
            let said =
                said.unwrap_or_else(|_| Err(ClassifierError::unavailable("timeout", "the conversation took too long")));
            let noted = said.as_ref().map(|said| said.usage).map_err(ClassifierError::code);
            self.meter.note(&format!("query.{}", mind.name()), begun.elapsed(), noted);
            let said = said.map_err(|error| error.code())?;
            self.spent(said.usage);
            self.ear.hear_out(mind.name(), &said.text);
            if said.calls.is_empty() || last {
                let text = self.ear.text();
                return if text.trim().is_empty() { Err("empty_answer") } else { Ok((text, said.model)) };
            }
            self.use_tools(mind.name(), said).await;
        }
        Err("empty_answer")
    }

    fn spent(&mut self, usage: Option<Usage>) {
        self.usage = match (self.usage, usage) {
            (Some(before), Some(more)) => Some(before + more),
            (before, more) => before.or(more),
        };
    }

    /// A few side by side, told in the order in which they were asked for.
    async fn use_tools(&mut self, provider: &str, said: Said) {
        let narration = self.narration;
        let begun: Vec<(String, &ToolCall, Option<ToolError>)> = said
            .calls
            .iter()
            .enumerate()
            .map(|(n, call)| {
                let id = narration.begin(&call.name, &call.arguments);
                let again = !self.asked.insert(format!("{} {}", call.name, call.arguments));
                let refused = if n >= MOST_AT_ONCE {
                    Some(ToolError::new("too_many", format!("no more than {MOST_AT_ONCE} tools at once")))
                } else if again {
                    Some(ToolError::new("repeated", "this was asked before, and its result stands above"))
                } else {
                    None
                };
                (id, call, refused)
            })
            .collect();
        let uses = begun.iter().map(|(_, call, refused)| async move {
            match refused {
                Some(error) => Err(error.clone()),
                None => narration.tools.use_tool(narration.asker, narration.wall, &call.name, &call.arguments).await,
            }
        });
        let results: Vec<Result<Harvest, ToolError>> =
            stream::iter(uses.collect::<Vec<_>>()).buffered(SIDE_BY_SIDE).collect().await;
        let mut answers = Vec::new();
        for ((id, call, _), result) in begun.iter().zip(&results) {
            narration.end(id, &call.name, result);
            let content = self.content(result);
            answers.push(Turn::Tool { call_id: call.call_id.clone(), name: call.name.clone(), content });
        }
        self.ear.pause(provider);
        self.turns.push(Turn::Model { text: said.text, calls: said.calls });
        self.turns.extend(answers);
    }

    /// What a model is given of a result.
    fn content(&mut self, result: &Result<Harvest, ToolError>) -> String {
        let told = match result {
            Ok(harvest) => {
                let mut rows: Vec<Value> = harvest.rows(self.narration.wall);
                let more = harvest.more() || rows.len() > MOST_ROWS;
                rows.truncate(MOST_ROWS);
                json!({ "summary": harvest.summary(), "rows": rows, "more": more })
            }
            Err(error) => json!({ "error": { "code": error.code, "detail": error.detail } }),
        };
        let text = told.to_string();
        let length = text.chars().count();
        if self.given + length > MOST_RESULT_CHARS {
            return json!({ "error": { "code": "too_much", "detail": "no more results fit into this conversation; answer now" } })
                .to_string();
        }
        self.given += length;
        text
    }
}

/// Hears what models write over all rounds, and tells it on as one text: attempts never go back, and a new one tells from the
/// beginning.
struct Ear<'a> {
    voice: &'a dyn Voice,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    /// What earlier rounds said; it stands.
    settled: String,
    /// What this round said so far.
    round: String,
    /// Added to the attempts that a model counts.
    base: u32,
    /// The attempt that is being told; 0 before the first word.
    attempt: u32,
}

impl<'a> Ear<'a> {
    fn new(voice: &'a dyn Voice) -> Self {
        Self { voice, heard: Mutex::default() }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The round is over. Tells what a model that does not write piece by piece has said.
    fn hear_out(&self, provider: &str, text: &str) {
        let unheard = self.heard().round.is_empty() && !text.is_empty();
        if unheard {
            self.delta(provider, 1, text);
        }
        let mut heard = self.heard();
        heard.settled.push_str(text);
        heard.round.clear();
        heard.base = heard.attempt.saturating_sub(1);
    }

    /// Between two rounds.
    fn pause(&self, provider: &str) {
        let mut heard = self.heard();
        if !heard.settled.is_empty() && !heard.settled.ends_with('\n') {
            heard.settled.push_str("\n\n");
            self.voice.delta(provider, heard.attempt.max(1), "\n\n");
        }
    }

    /// The next model begins a new attempt.
    fn begin_anew(&self) {
        let mut heard = self.heard();
        heard.round.clear();
        heard.base = heard.attempt;
    }

    fn text(&self) -> String {
        self.heard().settled.clone()
    }

    fn next_attempt(&self) -> u32 {
        self.heard().attempt + 1
    }
}

impl Listener for Ear<'_> {
    fn delta(&self, provider: &str, attempt: u32, text: &str) {
        let mut heard = self.heard();
        let attempt = heard.base + attempt.max(1);
        if attempt < heard.attempt || text.is_empty() {
            return;
        }
        if attempt > heard.attempt {
            heard.attempt = attempt;
            heard.round.clear();
            if !heard.settled.is_empty() {
                self.voice.delta(provider, attempt, &heard.settled);
            }
        }
        heard.round.push_str(text);
        self.voice.delta(provider, attempt, text);
    }
}

#[cfg(test)]
mod tests;
