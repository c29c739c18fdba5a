#![doc = include_str!("../README.md")]

mod answer;
mod ask;
mod classifier;
mod converser;
mod failure;
#[cfg(test)]
mod fake;
mod found;
mod gate;
mod leave_out;
mod prompt;
mod provider;
mod transport;

pub use classifier::LlmClassifier;
pub use converser::LlmConverser;
pub use gate::State;
pub use prompt::VERSION as PROMPT_VERSION;
pub use provider::{Kind, Prices, Provider, ProviderOptions, providers};
