//! An `AgentLog` in memory, for tests. It forgets nothing.

use super::{AgentLog, Tally};
use crate::ports::StoreUnavailable;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Tallies in memory.
#[derive(Default)]
pub struct MemoryAgentLog(Mutex<BTreeMap<String, Tally>>);

#[async_trait]
impl AgentLog for MemoryAgentLog {
    async fn add(&self, tallies: &BTreeMap<String, Tally>) -> Result<(), StoreUnavailable> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (agent, tally) in tallies {
            held.entry(agent.clone()).or_default().add(tally.clone());
        }
        Ok(())
    }

    async fn read(&self) -> Result<BTreeMap<String, Tally>, StoreUnavailable> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn purge(&self) -> Result<u32, StoreUnavailable> {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_log_in_memory_keeps_the_contract() {
        crate::testing::agent_log_contract(&MemoryAgentLog::default()).await;
    }
}
