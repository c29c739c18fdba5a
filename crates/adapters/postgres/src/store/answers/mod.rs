//! What the `AnswerQueue` port does, one step per file. It must not know what an answer leads to.

pub(super) mod append;
pub(super) mod claim;
pub(super) mod settle;
