//! The policy: what is done about a classification. Pure: the same classification and file give the same decision.

mod confirm;
mod decide;
mod file;

#[cfg(test)]
mod tests;

pub use confirm::{Choice, Unplannable, Wanted};
pub use file::{Policy, PolicyError};
