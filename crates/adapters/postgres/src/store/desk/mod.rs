//! What changing missions is made of, one statement or two each. It must not know when which of them is done.

pub(super) mod change;
pub(super) mod create;
pub(super) mod logbook;
pub(super) mod operation;
pub(super) mod people;
