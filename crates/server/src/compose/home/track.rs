//! What was routed is followed at home.

use super::AtHome;
use async_trait::async_trait;
use dispatch_routing::dead_letters::{DeadCursor, DeadFilter, DeadLetters, DeadPage};
use dispatch_routing::dispatch_status::{DispatchStatus, DispatchStatuses};
use dispatch_routing::queue::QueueError;
use uuid::Uuid;

#[async_trait]
impl DispatchStatuses for AtHome<dyn DispatchStatuses> {
    async fn find(&self, id: Uuid) -> Result<Option<DispatchStatus>, QueueError> {
        let answer = self.run(move |statuses| async move { statuses.find(id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }
}

#[async_trait]
impl DeadLetters for AtHome<dyn DeadLetters> {
    async fn list(&self, filter: &DeadFilter, after: Option<&DeadCursor>, limit: u32) -> Result<DeadPage, QueueError> {
        let (filter, after) = (filter.clone(), after.copied());
        let answer = self.run(move |dead| async move { dead.list(&filter, after.as_ref(), limit).await }).await;
        answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into())))
    }
}
