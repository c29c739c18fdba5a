//! What agents do is kept at home.

use super::AtHome;
use async_trait::async_trait;
use dispatch_mission::signal::Recipient;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::agents::{AgentLog, Tally};
use dispatch_pipeline::ports::switches::{EndpointSwitches, SwitchedOff};
use std::collections::BTreeMap;

#[async_trait]
impl AgentLog for AtHome<dyn AgentLog> {
    async fn add(&self, tallies: &BTreeMap<String, Tally>) -> Result<(), StoreUnavailable> {
        let tallies = tallies.clone();
        let answer = self.run(move |log| async move { log.add(&tallies).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn read(&self) -> Result<BTreeMap<String, Tally>, StoreUnavailable> {
        let answer = self.run(move |log| async move { log.read().await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn purge(&self) -> Result<u32, StoreUnavailable> {
        let answer = self.run(move |log| async move { log.purge().await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }
}

#[async_trait]
impl EndpointSwitches for AtHome<dyn EndpointSwitches> {
    async fn off(&self) -> Result<Vec<SwitchedOff>, StoreUnavailable> {
        let answer = self.run(move |switches| async move { switches.off().await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn switch_on(&self, recipient: &Recipient, by: &str) -> Result<bool, StoreUnavailable> {
        let (recipient, by) = (recipient.clone(), by.to_owned());
        let answer = self.run(move |switches| async move { switches.switch_on(&recipient, &by).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }
}
