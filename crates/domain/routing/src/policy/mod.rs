//! The policy: what is done about a classification. Pure: the same classification and file give the same decision.

mod announce;
mod ask;
mod confirm;
mod decide;
mod endpoints;
mod file;

#[cfg(test)]
mod tests;

pub(crate) use decide::reply_to;

pub use confirm::{Choice, Unplannable, Wanted};
pub use endpoints::{Endpoint, Endpoints, ExternalAgent, TASK_ORCHESTRATOR};
pub use file::{Policy, PolicyError};
