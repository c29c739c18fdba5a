//! The `ClassificationStore` port over `dispatch.classifications` and `dispatch.classification_requests`.
//!
//! It must not know who classified.

pub(super) mod row;

use std::collections::BTreeMap;

use async_trait::async_trait;
use diesel::sql_types::{Bool, Float, Int2, Nullable, Text, Timestamp, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dispatch_classification::classification::SCHEMA_VERSION;
use dispatch_classification::classifier::Classified;
use dispatch_classification::taxonomy::{GroupKey, ListingType, TaskKey};
use dispatch_mission::ids::{ClassificationId, OperationId};
use dispatch_mission::signal::Source;
use dispatch_pipeline::ports::classifications::{
    ClassificationStore, ClassificationStoreError, KeptClassification, Preview, Question,
};

use super::error::StoreError;
use super::sql::sql;
use super::{clean, jsonb};
use crate::connect::Pool;

const CLASSIFICATION: &str = "
INSERT INTO dispatch.classifications (
    classification_id, schema_version, message_type, group_key, task_key, listing_type, address, assignee_hint, due_date,
    task_title, confidence, explanations, provenance)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13::jsonb)
ON CONFLICT (classification_id) DO NOTHING";

const REQUEST: &str = "
INSERT INTO dispatch.classification_requests (
    classification_id, principal, operation_id, place, text, source, said_at, metadata, rule, auto_dispatch, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::json, $9, $10, $11)
ON CONFLICT DO NOTHING";

/// What texts were understood to mean that somebody asked about.
#[derive(Clone, Debug)]
pub struct PgClassifications {
    pool: Pool,
}

impl PgClassifications {
    /// On this pool.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl ClassificationStore for PgClassifications {
    async fn keep(
        &self,
        id: ClassificationId,
        question: &Question,
        classified: &Classified,
        preview: &Preview,
    ) -> Result<KeptClassification, ClassificationStoreError> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        let kept = connection
            .transaction(async |connection| keep(connection, id, question, classified, preview).await)
            .await
            .or_else(|error| if matches!(error, Keeping::Answered) { Ok(()) } else { Err(error) });
        if let Err(Keeping::Failed(error)) = kept {
            return Err(error.into());
        }
        let standing = match question.operation {
            Some((operation, place)) => row::of_operation(&mut connection, operation).await?.remove(&place),
            None => row::by_id(&mut connection, id).await?,
        };
        standing.ok_or_else(|| ClassificationStoreError::Unavailable("the answer was removed meanwhile".into()))
    }

    async fn answered(
        &self,
        operation: OperationId,
    ) -> Result<BTreeMap<u16, KeptClassification>, ClassificationStoreError> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        Ok(row::of_operation(&mut connection, operation).await?)
    }

    async fn find(&self, id: ClassificationId) -> Result<Option<KeptClassification>, ClassificationStoreError> {
        let mut connection = self.pool.get().await.map_err(StoreError::Connect)?;
        Ok(row::by_id(&mut connection, id).await?)
    }
}

/// Why nothing was kept.
enum Keeping {
    /// The operation has an answer at this place, which stands; what was begun is rolled back.
    Answered,
    Failed(StoreError),
}

impl<E: Into<StoreError>> From<E> for Keeping {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn keep(
    connection: &mut AsyncPgConnection,
    id: ClassificationId,
    question: &Question,
    classified: &Classified,
    preview: &Preview,
) -> Result<(), Keeping> {
    let meaning = &classified.classification;
    sql(CLASSIFICATION)
        .bind::<SqlUuid, _>(id.0)
        .bind::<Int2, _>(i16::from(SCHEMA_VERSION))
        .bind::<Text, _>(meaning.meaning.message_type().as_str())
        .bind::<Nullable<Text>, _>(meaning.meaning.group_key().map(GroupKey::as_str))
        .bind::<Nullable<Text>, _>(meaning.meaning.task_key().map(TaskKey::as_str))
        .bind::<Nullable<Text>, _>(meaning.listing.kind.map(ListingType::as_str))
        .bind::<Nullable<Text>, _>(meaning.listing.address.as_deref().map(clean))
        .bind::<Nullable<Text>, _>(meaning.assignee_hint.as_deref().map(clean))
        .bind::<Nullable<Timestamp>, _>(meaning.due_date)
        .bind::<Nullable<Text>, _>(meaning.task_title.as_ref().map(|title| clean(title.as_str())))
        .bind::<Float, _>(meaning.confidence.get())
        .bind::<Text, _>(jsonb(&meaning.explanations)?)
        .bind::<Text, _>(jsonb(&classified.provenance)?)
        .execute(connection)
        .await?;
    let asked = sql(REQUEST)
        .bind::<SqlUuid, _>(id.0)
        .bind::<Text, _>(&question.principal)
        .bind::<Nullable<SqlUuid>, _>(question.operation.map(|(operation, _)| operation.0))
        .bind::<Nullable<Int2>, _>(question.operation.map(|(_, place)| i16::try_from(place).unwrap_or(i16::MAX)))
        .bind::<Text, _>(clean(&question.text))
        .bind::<Nullable<Text>, _>(question.source.map(Source::as_str))
        .bind::<Timestamptz, _>(question.said_at)
        .bind::<Text, _>(serde_json::to_string(&question.metadata)?)
        .bind::<Text, _>(&preview.rule)
        .bind::<Bool, _>(preview.routing.auto_dispatch)
        .bind::<Text, _>(&preview.routing.reason)
        .execute(connection)
        .await?;
    if asked == 0 { Err(Keeping::Answered) } else { Ok(()) }
}
