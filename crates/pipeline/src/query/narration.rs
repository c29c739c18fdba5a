//! How an answer comes about, told while it does: each use of a tool as a call and a result, and at the end what the answer
//! rests on. Must not know who uses the tools, or how events travel.

use super::Asker;
use super::toolbox::{Citation, Harvest, ToolError, Toolbox};
use super::wall::Wall;
use crate::ports::records::RecordKind;
use crate::ports::streams::EventName;
use crate::streams::Teller;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Where events go. Must return at once.
pub(crate) trait Voice: Send + Sync {
    /// Says one event.
    fn tell(&self, name: EventName, data: Map<String, Value>);

    /// Says the next piece of the answer.
    fn delta(&self, provider: &str, attempt: u32, text: &str);
}

impl Voice for Teller {
    fn tell(&self, name: EventName, data: Map<String, Value>) {
        Self::tell(self, name, data);
    }

    fn delta(&self, provider: &str, attempt: u32, text: &str) {
        let about = [("provider".to_owned(), provider.into()), ("attempt".to_owned(), attempt.into())];
        Self::delta(self, &Map::from_iter(about), text);
    }
}

/// One answer in the making.
pub(crate) struct Narration<'a> {
    pub(crate) tools: &'a Toolbox,
    pub(crate) asker: &'a Asker,
    pub(crate) wall: Wall,
    pub(crate) voice: &'a dyn Voice,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    calls: u32,
    /// Everything that tools gave, each once, in their order.
    seen: Vec<Citation>,
    known: HashSet<(RecordKind, String)>,
}

impl<'a> Narration<'a> {
    pub(crate) fn new(tools: &'a Toolbox, asker: &'a Asker, wall: Wall, voice: &'a dyn Voice) -> Self {
        Self { tools, asker, wall, voice, noted: Mutex::default() }
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a tool is asked for. Answers the id that its result will carry.
    pub(crate) fn begin(&self, name: &str, arguments: &Value) -> String {
        let call_id = {
            let mut noted = self.noted();
            noted.calls += 1;
            format!("call_{}", noted.calls)
        };
        self.tell(EventName::ToolCall, json!({ "call_id": call_id, "name": name, "arguments": arguments }));
        call_id
    }

    /// Says what came of it.
    pub(crate) fn end(&self, call_id: &str, name: &str, result: &Result<Harvest, ToolError>) {
        let told = match result {
            Ok(harvest) => {
                self.remember(harvest);
                json!({ "call_id": call_id, "name": name, "summary": harvest.summary(), "rows": harvest.rows(self.wall),
                    "more": harvest.more() })
            }
            Err(error) => json!({ "call_id": call_id, "name": name, "summary": error.detail, "rows": [], "more": false,
                "error": { "code": error.code, "detail": error.detail } }),
        };
        self.tell(EventName::ToolResult, told);
    }

    /// Uses a tool, and says so.
    pub(crate) async fn call(&self, name: &str, arguments: &Value) -> Result<Harvest, ToolError> {
        let call_id = self.begin(name, arguments);
        let result = self.tools.use_tool(self.asker, self.wall, name, arguments).await;
        self.end(&call_id, name, &result);
        result
    }

    fn remember(&self, harvest: &Harvest) {
        let mut noted = self.noted();
        for citation in harvest.citations() {
            if noted.known.insert((citation.kind, citation.id.clone())) {
                noted.seen.push(citation);
            }
        }
    }

    /// How many tools were used.
    pub(crate) fn calls(&self) -> u32 {
        self.noted().calls
    }

    /// Says what `answer` rests on: things that tools gave and that it names by their id, never an id that no tool gave.
    pub(crate) fn cite(&self, answer: &str) -> usize {
        let items: Vec<Citation> = {
            let noted = self.noted();
            noted.seen.iter().filter(|citation| names(answer, &citation.id)).cloned().collect()
        };
        self.tell(EventName::Citations, json!({ "items": items }));
        items.len()
    }

    fn tell(&self, name: EventName, data: Value) {
        if let Value::Object(data) = data {
            self.voice.tell(name, data);
        }
    }
}

/// Whether `text` has this id as a word of its own: `t1` is not in `t12`.
fn names(text: &str, id: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
    !id.is_empty()
        && text
            .match_indices(id)
            .any(|(at, found)| !part(text[..at].chars().next_back()) && !part(text[at + found.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_named_as_a_whole() {
        assert!(names("see `t1`.", "t1") && names("t1", "t1") && names("t12 and t1", "t1"));
        assert!(
            !names("t12", "t1") && !names("at1", "t1") && !names("t1-2", "t1") && !names("", "t1") && !names("x", "")
        );
    }
}
