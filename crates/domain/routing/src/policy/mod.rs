//! The policy: what is done about a classification. Pure: the same classification and file give the same decision.

mod announce;
mod ask;
mod condition;
mod confirm;
mod decide;
mod deliveries;
mod endpoints;
mod file;
mod problem;
mod reach;
mod read;
mod read_programs;
mod read_rules;
mod rule;
mod toml_walk;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use deliveries::reply_to;

pub use condition::{Band, Bound, Circumstances, Condition, Facts, Files, Hours};
pub use confirm::{Choice, Unplannable, Wanted};
pub use endpoints::{Endpoint, Endpoints, ExternalAgent, TASK_ORCHESTRATOR};
pub use file::{BUILT_IN, Policy, Question, Receipt};
pub use problem::{PolicyError, Problem};
pub use reach::{Doubt, Warning};
pub use rule::{Action, Notice, Rule, Rules, To};
pub use words::{day_of, key_of};
