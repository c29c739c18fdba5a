#![doc = include_str!("../README.md")]

mod catalogue;
mod crossing;
mod engine;
mod gate;
mod generate;
mod lock;
mod model;
mod names;
mod ops;
mod options;
mod plan;
mod position;
mod preflight;
#[cfg(test)]
mod properties;
mod quote;
mod remarks;
mod report;
mod session;
mod spec;
mod stages;
mod state;
mod walking;

pub use lock::host;
pub use options::Options;
pub use position::Position;
pub use remarks::{Remark, remark, remarks};
pub use report::{Blocker, Done, Event, Finding, Level, Reporter, Stage, Stop};
pub use session::{Connector, DbError};
pub use spec::{Added, Column, DEFAULT, Hook, Notify, Rename, Spec, SpecError, Table};
pub use stages::run;
pub use tokio_postgres::Client;
pub use walking::Walking;
