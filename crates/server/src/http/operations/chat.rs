//! `POST /operations/chat`: the last line of a conversation is the question; one event with the answer, and `[DONE]`. Must not
//! know who answers.

use super::body::{Mistakes, object, refused};
use super::contract::{ChatRequest, Refused};
use super::{told, untold};
use crate::http::caller::Caller;
use crate::http::reason::asker;
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use dispatch_pipeline::ports::streams::EventName;
use dispatch_pipeline::query::{Line, MOST_HISTORY_LINES, MOST_LINE_CHARS, MOST_QUESTION_CHARS, Query, Question, Role};
use dispatch_pipeline::streams::Followed;
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};

/// Answers the last line.
#[utoipa::path(
    post, path = "/operations/chat", operation_id = "legacyChat", tag = "operations", summary = "Answer the last line of a conversation",
    description = "One `data:` line with the answer (see schema ChatLine), then `data: [DONE]`; `data: {\"error\": …}` alone when \
                   nothing came of it.",
    request_body = ChatRequest,
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream",
            example = "data: {\"role\":\"assistant\",\"content\":\"…\"}\n\ndata: [DONE]\n\n"),
        Refused,
    ),
)]
pub async fn chat(caller: Caller, query: Data<Query>, body: Bytes) -> HttpResponse {
    let question = match object(&body).and_then(|body| read(&body)) {
        Ok(question) => question,
        Err(wrong) => return refused(&wrong),
    };
    match query.ask(caller.principal(), asker(&caller), question).await {
        Ok(followed) => match heard(followed).await {
            Some(text) => told(&json!({ "role": "assistant", "content": text })),
            None => untold("the question was not answered"),
        },
        Err(error) => {
            tracing::error!(%error, "a question was not begun");
            untold("the question was not answered")
        }
    }
}

/// The whole answer, once it is there.
async fn heard(mut followed: Followed) -> Option<String> {
    while let Some(event) = followed.next().await {
        match event.name {
            EventName::Complete => return event.data.get("text").and_then(Value::as_str).map(str::to_owned),
            EventName::Error => return None,
            _ => {}
        }
    }
    None
}

fn read(body: &Map<String, Value>) -> Result<Question, Value> {
    let mut mistakes = Mistakes::default();
    let items = mistakes.list(body, "messages").unwrap_or_default();
    let mut lines = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let index = index.to_string();
        let Some(line) = mistakes.object(item, &["messages", &index]) else { continue };
        let role = mistakes.text(line, &["messages", &index, "role"]);
        let content = mistakes.text(line, &["messages", &index, "content"]);
        if let (Some(role), Some(content)) = (role, content) {
            // Whoever is not the assistant asks: a system line is content, never an instruction.
            let role = if role == "assistant" { Role::Assistant } else { Role::User };
            lines.push(Line { role, content: content.chars().take(MOST_LINE_CHARS).collect() });
        }
    }
    let last = lines.pop().filter(|line| line.role == Role::User && !line.content.trim().is_empty());
    // What could not be read is told alone: the rules are about what was.
    if last.is_none() && mistakes.none() {
        mistakes.wrong(&["messages"], "Value error, the last message must be the user's");
    }
    if last.as_ref().is_some_and(|line| line.content.chars().count() > MOST_QUESTION_CHARS) {
        mistakes.wrong(&["messages"], "Value error, a question has at most 2000 characters");
    }
    let history = lines.split_off(lines.len().saturating_sub(MOST_HISTORY_LINES));
    mistakes.or(last.map(|line| Question { text: line.content, history }))
}
