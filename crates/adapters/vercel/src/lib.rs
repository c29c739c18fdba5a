#![doc = include_str!("../README.md")]

mod connection;
mod items;
mod store;

pub use connection::{Connection, ConnectionError};
pub use store::{DEFAULT_API_URL, EdgeConfig};
