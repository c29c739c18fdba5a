#![doc = include_str!("../README.md")]

pub mod answer;
pub mod backoff;
pub mod courier;
pub mod dead_letters;
pub mod delivery;
pub mod delivery_queue;
pub mod delivery_reports;
pub mod destination;
pub mod dispatch_status;
pub mod event;
pub mod held_work;
pub mod lane;
pub mod plan;
pub mod policy;
pub mod queue;
pub mod replay;
pub mod replay_batches;
pub mod storage;
pub mod unit;
pub mod unit_queue;

#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "testing")]
pub mod testing_courier;
