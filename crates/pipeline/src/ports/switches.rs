//! The `EndpointSwitches` port: which endpoints and agents are switched off because they answered that nobody listens
//! there, and switching one on again. Must not know how they are told.

use super::StoreUnavailable;
use async_trait::async_trait;
use dispatch_mission::signal::Recipient;
use time::OffsetDateTime;

/// One that is switched off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SwitchedOff {
    /// Which one.
    pub recipient: Recipient,
    /// Since when.
    pub since: OffsetDateTime,
    /// Deliveries that wait for it; 10,000 stands for that many or more.
    pub waiting: u32,
}

/// Keeps who is switched off.
#[async_trait]
pub trait EndpointSwitches: Send + Sync {
    /// All that are switched off, by name.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn off(&self) -> Result<Vec<SwitchedOff>, StoreUnavailable>;

    /// Switches `recipient` on again because `by` says so, and notes that. What waits for it is due soon. Answers whether it
    /// was off.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was changed.
    async fn switch_on(&self, recipient: &Recipient, by: &str) -> Result<bool, StoreUnavailable>;
}
