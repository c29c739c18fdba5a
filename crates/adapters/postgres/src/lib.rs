#![doc = include_str!("../README.md")]

pub mod connect;
pub mod embedded;
pub mod migrate;
#[cfg(feature = "testing")]
pub mod testing;
