#![doc = include_str!("../README.md")]

pub mod connect;
pub mod embedded;
pub mod migrate;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
