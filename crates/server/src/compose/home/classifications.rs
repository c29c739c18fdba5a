//! What texts were understood to mean is kept at home.

use super::AtHome;
use async_trait::async_trait;
use dispatch_classification::classifier::Classified;
use dispatch_mission::ids::{ClassificationId, OperationId};
use dispatch_pipeline::ports::classifications::{
    ClassificationStore, ClassificationStoreError, KeptClassification, Preview, Question,
};
use std::collections::BTreeMap;

#[async_trait]
impl ClassificationStore for AtHome<dyn ClassificationStore> {
    async fn keep(
        &self,
        id: ClassificationId,
        question: &Question,
        classified: &Classified,
        preview: &Preview,
    ) -> Result<KeptClassification, ClassificationStoreError> {
        let (question, classified, preview) = (question.clone(), classified.clone(), preview.clone());
        let kept = self.run(move |store| async move { store.keep(id, &question, &classified, &preview).await }).await;
        kept.unwrap_or_else(|cut_off| Err(ClassificationStoreError::Unavailable(cut_off.into())))
    }

    async fn answered(
        &self,
        operation: OperationId,
    ) -> Result<BTreeMap<u16, KeptClassification>, ClassificationStoreError> {
        let answer = self.run(move |store| async move { store.answered(operation).await }).await;
        answer.unwrap_or_else(|cut_off| Err(ClassificationStoreError::Unavailable(cut_off.into())))
    }

    async fn find(&self, id: ClassificationId) -> Result<Option<KeptClassification>, ClassificationStoreError> {
        let answer = self.run(move |store| async move { store.find(id).await }).await;
        answer.unwrap_or_else(|cut_off| Err(ClassificationStoreError::Unavailable(cut_off.into())))
    }
}
