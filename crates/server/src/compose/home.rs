//! Port calls run on the process' own runtime, never on an HTTP thread's. Must not know what a port does.
//!
//! Each HTTP thread has a small runtime that ends with it. A database connection is driven by the runtime it was made on,
//! so one made there would die while another thread, or the worker that drains last, still uses it. And a client that
//! hangs up drops its handler: here the call goes on, so that nothing is cut off half-way. Intake is at home by itself
//! (`dispatch_pipeline::group_commit`).

use async_trait::async_trait;
use dispatch_mission::ids::MissionId;
use dispatch_mission::mission::Mission;
use dispatch_mission::mission_store::{
    MissionCursor, MissionFilter, MissionOrder, MissionPage, MissionStore, MissionStoreError,
};
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::stories::{Stories, Story};
use std::future::Future;
use std::sync::Arc;
use thiserror::Error;
use tokio::runtime::Handle;
use tracing::Instrument;

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
        filter: &MissionFilter,
        order: MissionOrder,
        after: Option<&MissionCursor>,
        limit: u32,
    ) -> Result<MissionPage, MissionStoreError> {
        let (filter, after) = (filter.clone(), after.cloned());
        let answer =
            self.run(move |store| async move { store.list(&filter, order, after.as_ref(), limit).await }).await;
        answer.unwrap_or_else(|cut_off| Err(MissionStoreError::Unavailable(cut_off.into())))
    }

    async fn find(&self, id: &MissionId) -> Result<Option<Mission>, MissionStoreError> {
        let id = id.clone();
        let answer = self.run(move |store| async move { store.find(&id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(MissionStoreError::Unavailable(cut_off.into())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
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
