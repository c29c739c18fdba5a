//! What a model said that it does not take, and that is therefore left out of what it is asked. For a while: behind one
//! name, models and gateways change. Must not know why it is asked.

use rig_core::completion::CompletionRequest;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So long it is believed; one call more an hour is cheap.
const BELIEVED: Duration = Duration::from_secs(3600);

/// Parts of a request that some models do not take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Structured output by a JSON schema.
    Schema,
    /// A temperature.
    Temperature,
}

impl Part {
    /// Whether `request` has it.
    pub fn stands_in(self, request: &CompletionRequest) -> bool {
        match self {
            Self::Schema => request.output_schema.is_some(),
            Self::Temperature => request.temperature.is_some(),
        }
    }
}

/// What one model does not take.
#[derive(Debug)]
pub struct LeaveOut {
    /// Its vendor says so.
    never_temperature: bool,
    until: Mutex<Until>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Until {
    schema: Option<Instant>,
    temperature: Option<Instant>,
}

impl LeaveOut {
    /// For a model that is known to take no temperature, or not known for it.
    pub fn new(never_temperature: bool) -> Self {
        Self { never_temperature, until: Mutex::default() }
    }

    /// `request` as the model takes it.
    pub fn of(&self, request: &CompletionRequest) -> CompletionRequest {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let believed = |until: Option<Instant>| until.is_some_and(|until| until > Instant::now());
        let mut request = request.clone();
        if believed(until.schema) {
            request.output_schema = None;
        }
        if self.never_temperature || believed(until.temperature) {
            request.temperature = None;
        }
        request
    }

    /// The model said it about a request that had this part.
    pub fn learn(&self, part: Part) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let part = match part {
            Part::Schema => &mut until.schema,
            Part::Temperature => &mut until.temperature,
        };
        *part = Some(Instant::now() + BELIEVED);
    }
}
