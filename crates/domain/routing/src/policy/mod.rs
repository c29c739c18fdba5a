//! The policy: what is done about a classification. Pure: the same classification and file give the same decision.

mod decide;
mod file;

pub use file::{Policy, PolicyError};
