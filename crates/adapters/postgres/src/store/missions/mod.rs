//! How missions are asked for and read. It must not change one.

pub(super) mod query;
pub(super) mod row;
