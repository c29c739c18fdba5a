//! What every [`Records`](crate::ports::records::Records) owes its callers, on one small invented brokerage, and a fake that
//! holds it in memory.

mod contract;
mod memory;
mod world;

pub use contract::records_contract;
pub use memory::MemoryRecords;
pub use world::{KnownPerson, NOW, World, account_of, world};
