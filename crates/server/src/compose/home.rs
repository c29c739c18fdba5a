//! Port calls run on the process' own runtime, never on an HTTP thread's. Must not know what a port does.
//!
//! Each HTTP thread has a small runtime that ends with it. A database connection is driven by the runtime it was made on,
//! so one made there would die while another thread, or the worker that drains last, still uses it. And a client that
//! hangs up drops its handler: here the call goes on, so that nothing is cut off half-way. Intake is at home by itself
//! (`dispatch_pipeline::group_commit`).

mod agents;
mod answers;
mod classifications;
mod held_work;
mod identity;
mod replays;
mod track;

use async_trait::async_trait;
use dispatch_mission::ids::{MissionId, OperationId};
use dispatch_mission::mission::Mission;
use dispatch_mission::mission_desk::{MissionAction, MissionDesk, MissionDeskError, NewMission, Request};
use dispatch_mission::mission_store::{
    MissionCursor, MissionFilter, MissionOrder, MissionPage, MissionStore, MissionStoreError,
};
use dispatch_mission::people::Sight;
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::idempotency::{Claim, Fingerprint, IdempotencyStore, ScopeKey, StoredAnswer};
use dispatch_pipeline::ports::stories::{Stories, Story};
use dispatch_routing::delivery_reports::{DeliveryReport, DeliveryReports, Recorded};
use dispatch_routing::queue::QueueError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::runtime::Handle;
use tracing::Instrument;

/// Twilio gives up after 15 s; an honest 503 in time is better than no answer.
const REPORT_BUDGET: Duration = Duration::from_secs(5);

/// Why a call has no answer. Says nothing of what a panic said, for that may quote what was worked on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
enum CutOff {
    #[error("the call panicked")]
    Panicked,
    #[error("the process is stopping")]
    Stopped,
}

/// A port whose calls run at home.
pub struct AtHome<P: ?Sized> {
    port: Arc<P>,
    home: Handle,
}

impl<P: ?Sized + Send + Sync + 'static> AtHome<P> {
    /// Over `port`; the runtime that this is called on is home.
    pub fn new(port: Arc<P>) -> Arc<Self> {
        Arc::new(Self { port, home: Handle::current() })
    }

    async fn run<T, F>(&self, call: impl FnOnce(Arc<P>) -> F) -> Result<T, CutOff>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let call = self.home.spawn(call(Arc::clone(&self.port)).in_current_span());
        call.await.map_err(|ended| if ended.is_panic() { CutOff::Panicked } else { CutOff::Stopped })
    }
}

#[async_trait]
impl MissionStore for AtHome<dyn MissionStore> {
    async fn list(
        &self,
        sight: Sight,
        filter: &MissionFilter,
        order: MissionOrder,
        after: Option<&MissionCursor>,
        limit: u32,
    ) -> Result<MissionPage, MissionStoreError> {
        let (filter, after) = (filter.clone(), after.cloned());
        let answer =
            self.run(move |store| async move { store.list(sight, &filter, order, after.as_ref(), limit).await }).await;
        answer.unwrap_or_else(|cut_off| Err(MissionStoreError::Unavailable(cut_off.into())))
    }

    async fn find(&self, sight: Sight, id: &MissionId) -> Result<Option<Mission>, MissionStoreError> {
        let id = id.clone();
        let answer = self.run(move |store| async move { store.find(sight, &id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(MissionStoreError::Unavailable(cut_off.into())))
    }
}

#[async_trait]
impl MissionDesk for AtHome<dyn MissionDesk> {
    async fn create(&self, mission: &NewMission, request: &Request) -> Result<Mission, MissionDeskError> {
        let (mission, request) = (mission.clone(), request.clone());
        let answer = self.run(move |desk| async move { desk.create(&mission, &request).await }).await;
        answer.unwrap_or_else(|cut_off| Err(MissionDeskError::Unavailable(cut_off.into())))
    }

    async fn act(
        &self,
        id: &MissionId,
        action: &MissionAction,
        request: &Request,
    ) -> Result<Mission, MissionDeskError> {
        let (id, action, request) = (id.clone(), action.clone(), request.clone());
        let answer = self.run(move |desk| async move { desk.act(&id, &action, &request).await }).await;
        answer.unwrap_or_else(|cut_off| Err(MissionDeskError::Unavailable(cut_off.into())))
    }
}

#[async_trait]
impl IdempotencyStore for AtHome<dyn IdempotencyStore> {
    async fn claim(&self, scope: &ScopeKey, asked: &Fingerprint, lease: Duration) -> Result<Claim, StoreUnavailable> {
        let (scope, asked) = (scope.clone(), asked.clone());
        let answer = self.run(move |store| async move { store.claim(&scope, &asked, lease).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn finish(
        &self,
        scope: &ScopeKey,
        operation: OperationId,
        answer: &StoredAnswer,
    ) -> Result<bool, StoreUnavailable> {
        let (scope, answer) = (scope.clone(), answer.clone());
        let finished = self.run(move |store| async move { store.finish(&scope, operation, &answer).await }).await;
        finished.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn release(&self, scope: &ScopeKey, operation: OperationId) -> Result<(), StoreUnavailable> {
        let scope = scope.clone();
        let answer = self.run(move |store| async move { store.release(&scope, operation).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn reopen(&self, scope: &ScopeKey, stream: &str) -> Result<(), StoreUnavailable> {
        let (scope, stream) = (scope.clone(), stream.to_owned());
        let answer = self.run(move |store| async move { store.reopen(&scope, &stream).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn purge(&self, limit: u32) -> Result<u32, StoreUnavailable> {
        let answer = self.run(move |store| async move { store.purge(limit).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }
}

#[async_trait]
impl Stories for AtHome<dyn Stories> {
    async fn find(&self, id: &str) -> Result<Option<Story>, StoreUnavailable> {
        let id = id.to_owned();
        let answer = self.run(move |stories| async move { stories.find(&id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }
}

#[async_trait]
impl DeliveryReports for AtHome<dyn DeliveryReports> {
    async fn record(&self, report: DeliveryReport) -> Result<Recorded, QueueError> {
        let record = self.run(move |store| async move { store.record(report).await });
        match tokio::time::timeout(REPORT_BUDGET, record).await {
            Ok(answer) => answer.unwrap_or_else(|cut_off| Err(QueueError::Unavailable(cut_off.into()))),
            // It may still be noted; the same report again changes nothing.
            Err(late) => Err(QueueError::Unavailable(late.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Notify;

    struct Slow(Arc<Notify>);

    #[async_trait]
    impl Stories for Slow {
        async fn find(&self, _: &str) -> Result<Option<Story>, StoreUnavailable> {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.0.notify_one();
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_goes_on_when_its_caller_is_gone() {
        let done = Arc::new(Notify::new());
        let stories: Arc<dyn Stories> = Arc::new(Slow(Arc::clone(&done)));
        let stories = AtHome::new(stories);
        let hung_up = tokio::time::timeout(Duration::from_millis(5), stories.find("x")).await;
        assert!(hung_up.is_err());
        tokio::time::timeout(Duration::from_secs(5), done.notified()).await.expect("it went on");
    }

    struct Bad;

    #[async_trait]
    impl Stories for Bad {
        async fn find(&self, _: &str) -> Result<Option<Story>, StoreUnavailable> {
            panic!("about somebody's words")
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error_without_its_words() {
        let stories: Arc<dyn Stories> = Arc::new(Bad);
        let error = AtHome::new(stories).find("x").await.expect_err("cut off");
        assert!(!format!("{error:?}").contains("words"), "{error:?}");
    }
}
