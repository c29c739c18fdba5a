//! The stages against a real PostgreSQL with a database of Operations Center in it, oddities and all.

#![allow(clippy::unwrap_used, missing_docs)]

mod backfill;
mod locks;
mod lost;
mod others;
mod preflight;
mod sessions;
mod statements;
mod support;
mod verify;
mod walks;
mod way;
