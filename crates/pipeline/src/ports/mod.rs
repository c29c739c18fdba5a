//! Ports that no domain crate needs. Adapters use these and nothing else of this crate.

pub mod agents;
pub mod api_keys;
pub mod classifications;
pub mod converser;
pub mod doorbell;
pub mod flag;
pub mod flip_watch;
pub mod idempotency;
pub mod identity;
pub mod records;
pub mod retention;
pub mod statistics;
pub mod stories;
pub mod streams;
pub mod switches;
pub mod vitals;
pub mod worker_registry;

use thiserror::Error;

/// What any of these ports may answer instead: the store behind it did not answer. The same call may succeed later.
#[derive(Debug, Error)]
#[error("the store is unavailable")]
pub struct StoreUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);
