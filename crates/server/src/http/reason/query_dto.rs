//! Questions on the wire, and the data of the events that answer them. A member that is not known is refused.

use super::dto::{ProvenanceDto, UsageDto};
use crate::http::caller::Caller;
use crate::http::missions::mirror;
use crate::http::problem::{Problem, ProblemField, kind};
use crate::openapi::JsonObject;
use dispatch_pipeline::ports::identity::Scope;
use dispatch_pipeline::ports::records::{RecordKind, Viewer};
use dispatch_pipeline::query::{Asker, Line, MOST_HISTORY_LINES, MOST_LINE_CHARS, MOST_QUESTION_CHARS, Question, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A question, and what was said before it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QueryRequest, example = json!({
    "question": "And what is overdue?",
    "history": [
        { "role": "user", "content": "What is open on 12 Elm?" },
        { "role": "assistant", "content": "3 missions are open on 12 Elm." },
    ],
}))]
pub struct QueryRequestDto {
    /// What is asked: 1 to 2000 characters.
    #[schema(min_length = 1, max_length = 2_000)]
    pub question: String,
    /// What was said before, the oldest first: at most 50 lines. As much of it is read as fits, from the newest on.
    #[schema(nullable = false, max_items = 50)]
    pub history: Option<Vec<QueryLineDto>>,
}

/// One line of a conversation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QueryLine, example = json!({ "role": "user", "content": "What is open on 12 Elm?" }))]
pub struct QueryLineDto {
    /// Who said it.
    pub role: QueryRoleDto,
    /// What was said: at most 8000 characters.
    #[schema(max_length = 8_000)]
    pub content: String,
}

mirror! {
    /// Who said a line of a conversation.
    #[schema(as = QueryRole, example = "user")]
    QueryRoleDto of Role, "snake_case", {
        /// Whoever asks.
        User,
        /// Dispatch.
        Assistant,
    }
}

mirror! {
    /// What kind of thing an answer rests on.
    #[schema(as = RecordKind, example = "mission")]
    #[allow(missing_docs)] // the nouns of the API
    RecordKindDto of RecordKind, "snake_case", {
        Mission, Listing, Staff, Realtor, Event, Unit, Classification, Delivery, Dispatch,
    }
}

/// The first event of an answer: who will be asked. `stream_id` is in it too.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = QueryMetadataEvent, example = json!({ "stream_id": "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e", "mind": "local" }))]
pub struct QueryMetadataEventDto {
    /// The stream, for `GET /reason/stream/{stream_id}`.
    pub stream_id: String,
    /// Who is asked first: a model's provider, or `local`. Who answered in the end stands in `complete`.
    pub mind: String,
}

/// A search begins.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ToolCallEvent, example = json!({
    "call_id": "call_1", "name": "search_missions", "arguments": { "address": "12 Elm", "statuses": ["active"] },
}))]
pub struct ToolCallEventDto {
    /// Unique in this stream; its `tool_result` has the same.
    pub call_id: String,
    /// The tool: `search_missions`, `search_listings`, `find_people`, `search_messages`, `held_work`, `search_deliveries`,
    /// `tell_story`. A model may also ask for one that does not exist.
    pub name: String,
    /// What is searched for. A model may write anything here; what it may not ask for is answered with an error.
    pub arguments: JsonObject,
}

/// A search has ended.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ToolResultEvent, example = json!({
    "call_id": "call_1", "name": "search_missions", "summary": "1 mission", "more": false,
    "rows": [{ "mission_id": "m-1", "kind": "agent_task", "title": "Order the lockbox", "status": "active" }],
}))]
pub struct ToolResultEventDto {
    /// As in the `tool_call`.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// What was found, for people: `3 missions`.
    pub summary: String,
    /// What was found: 50 rows at most. Their members are those of the thing; times stand as an instant and in words.
    pub rows: Vec<JsonObject>,
    /// Whether there are more than these.
    pub more: bool,
    /// Why there is no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<ToolErrorDto>,
}

/// Why a tool had no result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = ToolError, example = json!({ "code": "not_allowed", "detail": "whoever asks may not see this" }))]
pub struct ToolErrorDto {
    /// `invalid_arguments`, `not_allowed`, `not_found`, `unknown_tool`, `repeated`, `too_many`, `cutover_expand_due`, `unavailable`.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// What the answer rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = CitationsEvent, example = json!({ "items": [{ "kind": "mission", "id": "m-1", "label": "Order the lockbox" }] }))]
pub struct CitationsEventDto {
    /// Things that the answer names by their id; each was found by a tool. May be empty.
    pub items: Vec<CitationDto>,
}

/// One thing that an answer rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Citation, example = json!({ "kind": "mission", "id": "m-1", "label": "Order the lockbox" }))]
pub struct CitationDto {
    /// What kind of thing it is.
    pub kind: RecordKindDto,
    /// Its id.
    pub id: String,
    /// What people call it.
    pub label: String,
}

/// The last event of an answer.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = QueryCompleteEvent, example = json!({
    "status": "success", "text": "**1 mission is open on “12 Elm”:**\n\n- **Order the lockbox** — unclaimed (`m-1`)",
    "provenance": { "provider": "local", "model": "intents-1", "latency_ms": 3.2 }, "latency_ms": 3.2, "tool_calls": 1,
}))]
pub struct QueryCompleteEventDto {
    /// Always `success`: a stream that fails ends with `error` instead.
    pub status: String,
    /// The whole answer, as Markdown: the deltas of the highest attempt together.
    pub text: String,
    /// Who answered.
    pub provenance: ProvenanceDto,
    /// How long it took.
    pub latency_ms: f64,
    /// What all calls to models came to, where any provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub usage: Option<UsageDto>,
    /// How many tools were used.
    #[schema(format = Int32)]
    pub tool_calls: i32,
}

impl QueryRequestDto {
    /// The question, if it is of a sensible size.
    pub(super) fn read(self) -> Result<Question, Problem> {
        if self.question.trim().is_empty() {
            let field = ProblemField::pointer("/question", "must have one character at least that can be seen");
            return Err(Problem::new(&kind::INVALID_BODY).errors(vec![field]));
        }
        if self.question.chars().count() > MOST_QUESTION_CHARS {
            return Err(too_much("/question", format!("must have {MOST_QUESTION_CHARS} characters at most")));
        }
        let history = self.history.unwrap_or_default();
        if history.len() > MOST_HISTORY_LINES {
            return Err(too_much("/history", format!("must have {MOST_HISTORY_LINES} lines at most")));
        }
        if let Some(at) = history.iter().position(|line| line.content.chars().count() > MOST_LINE_CHARS) {
            let pointer = format!("/history/{at}/content");
            return Err(too_much(&pointer, format!("must have {MOST_LINE_CHARS} characters at most")));
        }
        let line = |line: QueryLineDto| Line { role: line.role.into(), content: line.content };
        Ok(Question { text: self.question, history: history.into_iter().map(line).collect() })
    }
}

fn too_much(pointer: &str, detail: String) -> Problem {
    Problem::new(&kind::LIMIT_EXCEEDED).errors(vec![ProblemField::pointer(pointer, detail)])
}

/// Whoever asks, with their rights.
pub(in crate::http) fn asker(caller: &Caller) -> Asker {
    let viewer = Viewer {
        sight: caller.sight(),
        observes: caller.may(Scope::Observe),
        staff: caller.staff().map(|member| member.staff_id.clone()),
    };
    Asker { viewer, missions: caller.may(Scope::Missions) }
}
