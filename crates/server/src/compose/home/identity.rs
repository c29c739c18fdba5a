//! The ports behind authentication, called from HTTP threads. Must not know what they do.

use super::AtHome;
use async_trait::async_trait;
use dispatch_mission::people::{Login, People, PeopleError, StaffMember};
use dispatch_pipeline::ports::StoreUnavailable;
use dispatch_pipeline::ports::api_keys::{ApiKey, ApiKeyId, ApiKeys, NewApiKey};

#[async_trait]
impl People for AtHome<dyn People> {
    async fn staff_by_login(&self, login: &Login) -> Result<Option<StaffMember>, PeopleError> {
        let login = login.clone();
        let answer = self.run(move |people| async move { people.staff_by_login(&login).await }).await;
        answer.unwrap_or_else(|cut_off| Err(PeopleError(cut_off.into())))
    }
}

#[async_trait]
impl ApiKeys for AtHome<dyn ApiKeys> {
    async fn create(&self, key: &NewApiKey) -> Result<ApiKey, StoreUnavailable> {
        let key = key.clone();
        let answer = self.run(move |keys| async move { keys.create(&key).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn list(&self) -> Result<Vec<ApiKey>, StoreUnavailable> {
        let answer = self.run(|keys| async move { keys.list().await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn find(&self, prefix: &str) -> Result<Option<ApiKey>, StoreUnavailable> {
        let prefix = prefix.to_owned();
        let answer = self.run(move |keys| async move { keys.find(&prefix).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn revoke(&self, key_id: ApiKeyId) -> Result<Option<ApiKey>, StoreUnavailable> {
        let answer = self.run(move |keys| async move { keys.revoke(key_id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }

    async fn used(&self, key_id: ApiKeyId) -> Result<(), StoreUnavailable> {
        let answer = self.run(move |keys| async move { keys.used(key_id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(StoreUnavailable(cut_off.into())))
    }
}
