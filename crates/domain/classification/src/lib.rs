#![doc = include_str!("../README.md")]

pub mod classification;
pub mod classifier;
pub mod local;
pub mod taxonomy;

#[cfg(feature = "testing")]
pub mod testing;
