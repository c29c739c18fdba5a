//! Parity: the old contract, replayed request by request against a server that speaks both. Under its prefix and under the flag's
//! old value each answer is the recorded one, but for the documented differences; under the new value an unprefixed path answers
//! as its successor does. Must not know how the server comes to an answer.

mod compare;
mod recorded;
mod replay;
mod target;

pub use compare::Pattern;
pub use recorded::{Documented, Recorded, Set};
pub use replay::{Outcome, replay};
pub use target::Target;

use serde::Serialize;

/// Where an answer is not what it should be.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Difference {
    /// The name of the recorded request.
    pub request: String,
    /// What was called, and under which value of the flag.
    pub asked: String,
    /// `status`, `header …`, `event 1 /task_key`, `/detail/0/loc`.
    pub at: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}
