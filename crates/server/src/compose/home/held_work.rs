//! Held work is shown and decided at home.

use super::AtHome;
use async_trait::async_trait;
use dispatch_mission::ids::{ClassificationId, OperationId, UnitId};
use dispatch_routing::held_work::{
    Confirmation, Dismissal, Dismissed, Dispatched, HeldCursor, HeldFilter, HeldPage, HeldUnit, HeldWork,
    HeldWorkError, RoutedUnit,
};

#[async_trait]
impl HeldWork for AtHome<dyn HeldWork> {
    async fn list(
        &self,
        filter: &HeldFilter,
        after: Option<&HeldCursor>,
        limit: u32,
    ) -> Result<HeldPage, HeldWorkError> {
        let (filter, after) = (filter.clone(), after.copied());
        let answer = self.run(move |held| async move { held.list(&filter, after.as_ref(), limit).await }).await;
        answer.unwrap_or_else(|cut_off| Err(HeldWorkError::Unavailable(cut_off.into())))
    }

    async fn find(&self, unit: UnitId) -> Result<Option<HeldUnit>, HeldWorkError> {
        let answer = self.run(move |held| async move { held.find(unit).await }).await;
        answer.unwrap_or_else(|cut_off| Err(HeldWorkError::Unavailable(cut_off.into())))
    }

    async fn of_classification(&self, id: ClassificationId) -> Result<HeldUnit, HeldWorkError> {
        let answer = self.run(move |held| async move { held.of_classification(id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(HeldWorkError::Unavailable(cut_off.into())))
    }

    async fn confirmed(&self, operation: OperationId) -> Result<Option<Dispatched>, HeldWorkError> {
        let answer = self.run(move |held| async move { held.confirmed(operation).await }).await;
        answer.unwrap_or_else(|cut_off| Err(HeldWorkError::Unavailable(cut_off.into())))
    }

    async fn confirm(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError> {
        let confirmation = confirmation.clone();
        let answer = self.run(move |held| async move { held.confirm(&confirmation).await }).await;
        answer.unwrap_or_else(|cut_off| Err(HeldWorkError::Unavailable(cut_off.into())))
    }

    async fn routed(&self, id: ClassificationId) -> Result<RoutedUnit, HeldWorkError> {
        let answer = self.run(move |held| async move { held.routed(id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(HeldWorkError::Unavailable(cut_off.into())))
    }

    async fn add(&self, confirmation: &Confirmation) -> Result<Dispatched, HeldWorkError> {
        let confirmation = confirmation.clone();
        let answer = self.run(move |held| async move { held.add(&confirmation).await }).await;
        answer.unwrap_or_else(|cut_off| Err(HeldWorkError::Unavailable(cut_off.into())))
    }

    async fn dismiss(&self, dismissal: &Dismissal) -> Result<Dismissed, HeldWorkError> {
        let dismissal = dismissal.clone();
        let answer = self.run(move |held| async move { held.dismiss(&dismissal).await }).await;
        answer.unwrap_or_else(|cut_off| Err(HeldWorkError::Unavailable(cut_off.into())))
    }
}
