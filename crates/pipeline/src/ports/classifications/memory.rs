//! A `ClassificationStore` in memory, for tests. It keeps the contract of the real one; it knows no units.

use super::{ClassificationStore, ClassificationStoreError, KeptClassification, Preview, Question};
use async_trait::async_trait;
use dispatch_classification::classifier::Classified;
use dispatch_mission::ids::{ClassificationId, OperationId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use time::OffsetDateTime;

/// Answers in memory.
#[derive(Default)]
pub struct MemoryClassifications(Mutex<State>);

#[derive(Default)]
struct State {
    down: bool,
    kept: BTreeMap<ClassificationId, KeptClassification>,
    of_operations: BTreeMap<(OperationId, u16), ClassificationId>,
}

impl MemoryClassifications {
    /// With this among them; it may be a unit's.
    #[must_use]
    pub fn with(kept: KeptClassification) -> Self {
        let state = State { kept: BTreeMap::from([(kept.classification_id, kept)]), ..State::default() };
        Self(Mutex::new(state))
    }

    /// From now on it does not answer, or does again.
    pub fn set_down(&self, down: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).down = down;
    }

    fn look<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, ClassificationStoreError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.down { Err(ClassificationStoreError::Unavailable("it is down".into())) } else { Ok(work(&mut state)) }
    }
}

#[async_trait]
impl ClassificationStore for MemoryClassifications {
    async fn keep(
        &self,
        id: ClassificationId,
        question: &Question,
        classified: &Classified,
        preview: &Preview,
    ) -> Result<KeptClassification, ClassificationStoreError> {
        self.look(|state| {
            let first = question.operation.and_then(|place| state.of_operations.get(&place).copied());
            let fresh = || KeptClassification {
                classification_id: id,
                classified: classified.clone(),
                preview: Some(preview.clone()),
                unit_id: None,
                principal: Some(question.principal.clone()),
                metadata: question.metadata.clone(),
                created_at: OffsetDateTime::now_utc(),
            };
            let kept = state.kept.entry(first.unwrap_or(id)).or_insert_with(fresh).clone();
            state.of_operations.extend(question.operation.map(|place| (place, kept.classification_id)));
            kept
        })
    }

    async fn answered(
        &self,
        operation: OperationId,
    ) -> Result<BTreeMap<u16, KeptClassification>, ClassificationStoreError> {
        self.look(|state| {
            let of_it = state.of_operations.iter().filter(|((of, _), _)| *of == operation);
            of_it.filter_map(|((_, place), id)| Some((*place, state.kept.get(id)?.clone()))).collect()
        })
    }

    async fn find(&self, id: ClassificationId) -> Result<Option<KeptClassification>, ClassificationStoreError> {
        self.look(|state| state.kept.get(&id).cloned())
    }
}

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    crate::testing::classifications_contract(&MemoryClassifications::default()).await;
}
