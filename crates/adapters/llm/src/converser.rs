//! `LlmConverser`: turns of a conversation to a model, its next words and wishes for tools back. Must not know what the
//! tools do.

use crate::ask::Hearing;
use crate::failure::Failure;
use crate::gate::Use;
use crate::provider::Provider;
use async_trait::async_trait;
use dispatch_classification::classifier::{ClassifierError, Listener};
use dispatch_pipeline::ports::converser::{Converser, Said, ToolCall, ToolSpec, Turn};
use rig_core::completion::{CompletionRequest, ToolDefinition};
use rig_core::message::{
    AssistantContent, AssistantMessage, CallId, Message, ToolName, ToolResult, ToolResultContent, UserContent,
};
use std::sync::Arc;
use tokio::time::Instant;

/// What a model says in one go.
const MAX_TOKENS: u64 = 2000;
/// An answer in words takes longer to write than a classification.
const BUDGETS: u32 = 4;

/// Talks by asking one provider.
#[derive(Debug)]
pub struct LlmConverser {
    provider: Arc<Provider>,
}

impl LlmConverser {
    /// One that shares `provider`'s gate with its classifier.
    #[must_use]
    pub fn new(provider: Arc<Provider>) -> Self {
        Self { provider }
    }
}

#[async_trait]
impl Converser for LlmConverser {
    fn name(&self) -> &str {
        self.provider.name()
    }

    async fn say(
        &self,
        system: &str,
        turns: &[Turn],
        tools: &[ToolSpec],
        listener: &dyn Listener,
    ) -> Result<Said, ClassifierError> {
        let request = request(system, turns, tools)
            .ok_or_else(|| ClassifierError::unusable("invalid_answer", "there is nothing to answer"))?;
        let deadline = Instant::now() + self.provider.timeout * BUDGETS;
        let answer = self.provider.ask(&request, Use::OnRequest, &mut Hearing::new(listener), deadline).await;
        let answer = answer.map_err(Failure::into_error)?;
        let calls = answer.response.tool_calls().map(|call| ToolCall {
            call_id: call.id.wire().into_owned(),
            name: call.function.name.as_str().to_owned(),
            arguments: call.function.arguments_value(),
        });
        let (calls, text) = (calls.collect::<Vec<_>>(), answer.response.text());
        if calls.is_empty() && text.trim().is_empty() {
            return Err(ClassifierError::unusable("invalid_answer", "the model said nothing"));
        }
        let model = self.provider.who_answered(&answer.response);
        Ok(Said { text, calls, usage: answer.usage, model })
    }
}

/// The conversation in the library's words; none when nobody has said anything.
fn request(system: &str, turns: &[Turn], tools: &[ToolSpec]) -> Option<CompletionRequest> {
    let mut history = messages(turns);
    let last = history.pop()?;
    let tools = tools.iter().filter_map(|tool| {
        Some(ToolDefinition::new(ToolName::new(tool.name).ok()?, tool.description, tool.parameters.clone()))
    });
    let request = CompletionRequest::new(last).messages(history).preamble(system).temperature(0.0);
    Some(request.max_tokens(MAX_TOKENS).tools(tools.collect()))
}

/// Answers of tools that follow each other are one turn, for that is how providers pair them with the calls.
fn messages(turns: &[Turn]) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for turn in turns {
        match turn {
            Turn::Person(text) if text.trim().is_empty() => {}
            Turn::Person(text) => messages.push(Message::user(text)),
            Turn::Model { text, calls } => {
                let text = (!text.trim().is_empty()).then(|| AssistantContent::text(text));
                let calls = calls.iter().filter_map(|call| {
                    let name = ToolName::new(&call.name).ok()?;
                    Some(AssistantContent::tool_call(&call.call_id, name, call.arguments.clone()))
                });
                let content: Vec<_> = text.into_iter().chain(calls).collect();
                if !content.is_empty() {
                    messages.push(Message::Assistant(AssistantMessage::new(content)));
                }
            }
            Turn::Tool { call_id, name, content } => {
                let Ok(name) = ToolName::new(name) else { continue };
                let content = vec![ToolResultContent::text(content)];
                let result = ToolResult { call: CallId::from_wire(call_id), name, content, is_error: false };
                match messages.last_mut() {
                    Some(Message::User { content }) if holds_results(content) => {
                        content.push(UserContent::ToolResult(result));
                    }
                    _ => messages.push(Message::tool_results(vec![result])),
                }
            }
        }
    }
    messages
}

fn holds_results(content: &[UserContent]) -> bool {
    content.iter().any(|content| matches!(content, UserContent::ToolResult(_)))
}

#[cfg(test)]
mod tests;
