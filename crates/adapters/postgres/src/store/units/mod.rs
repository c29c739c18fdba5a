//! What the `UnitQueue` port does, one step per file. It must not know who classifies, nor what the policy is.

pub(super) mod amend;
pub(super) mod claim;
pub(super) mod close;
mod records;
pub(super) mod release;
pub(super) mod settle;
