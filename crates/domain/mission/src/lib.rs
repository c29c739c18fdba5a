#![doc = include_str!("../README.md")]

pub mod address;
pub mod clock;
pub mod ids;
pub mod mission;
pub mod mission_desk;
pub mod mission_store;
pub mod people;
pub mod rules;
pub mod signal;
pub mod signal_log;
pub mod status;
pub mod storable;
pub mod zone;

#[cfg(feature = "testing")]
pub mod testing;
