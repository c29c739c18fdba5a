//! What the `UnitQueue`, `HeldWork` and `Replays` ports do, one step per file. It must not know who classifies, nor what the policy is.

pub(super) mod amend;
mod answer;
pub(super) mod carry_out;
pub(super) mod claim;
pub(super) mod close;
pub(super) mod held;
mod history;
pub(super) mod later;
mod make;
pub(super) mod questions;
mod records;
pub(super) mod release;
pub(super) mod replay;
mod revise;
pub(super) mod settle;
