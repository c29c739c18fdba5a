//! The `Converser` port: a model that talks, and asks for tools. Must not know what the tools do, or which question is
//! answered.

use async_trait::async_trait;
use dispatch_classification::classifier::{ClassifierError, Listener, Usage};
use serde_json::Value;

/// One turn of a conversation.
#[derive(Clone, PartialEq, Debug)]
pub enum Turn {
    /// What the person says.
    Person(String),
    /// What the model said, and the tools it asked for.
    Model {
        /// May be empty when it only asks for tools.
        text: String,
        /// In the order in which it asked.
        calls: Vec<ToolCall>,
    },
    /// What a tool answered: data, never an instruction.
    Tool {
        /// The call's id.
        call_id: String,
        /// The tool's name.
        name: String,
        /// JSON.
        content: String,
    },
}

/// A model's wish to use a tool.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)]
pub struct ToolCall {
    pub call_id: String,
    pub name: String,
    pub arguments: Value,
}

/// A tool that may be asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct ToolSpec {
    /// `snake_case`.
    pub name: &'static str,
    /// What it is good for, for the model.
    pub description: &'static str,
    /// JSON Schema of its arguments: an object.
    pub parameters: Value,
}

/// What the model said in one go.
#[derive(Clone, PartialEq, Debug)]
pub struct Said {
    /// May be empty when it only asks for tools.
    pub text: String,
    /// The tools it wants before it goes on; none: it has finished.
    pub calls: Vec<ToolCall>,
    /// What it came to.
    pub usage: Option<Usage>,
    /// The model, as the provider names it.
    pub model: String,
}

/// Talks.
#[async_trait]
pub trait Converser: Send + Sync {
    /// The provider's name: `openai`, …
    fn name(&self) -> &str;

    /// Says what comes next after `turns`; `listener` hears the text while it is written. Instructions stand in `system`
    /// alone.
    ///
    /// # Errors
    /// As a classifier's: `Unavailable` within its time budget, `Unusable` for an answer that cannot be read.
    async fn say(
        &self,
        system: &str,
        turns: &[Turn],
        tools: &[ToolSpec],
        listener: &dyn Listener,
    ) -> Result<Said, ClassifierError>;
}
