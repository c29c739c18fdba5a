#![doc = include_str!("../README.md")]

pub mod agents;
pub mod answers;
pub mod classify;
pub mod deliver;
pub mod desk;
pub mod failpoint;
pub mod group_commit;
pub mod helm;
pub mod intake;
pub mod metered;
pub mod minds;
pub mod missions;
pub mod observe;
pub mod ports;
pub mod query;
pub mod reason;
pub mod replay;
pub mod reports;
pub mod retain;
pub mod route;
pub mod streams;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod track;
mod under_way;
pub mod worker;
