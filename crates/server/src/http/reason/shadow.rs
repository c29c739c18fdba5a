//! What `POST /reason/classify` would make of a request that the old contract answers: read and answered by the new one, and
//! nothing is kept or told. Must not know the old contract.

use super::bodies::ClassifyRequestDto;
use super::dto::ClassificationDto;
use crate::http::json;
use crate::http::problem::Problem;
use actix_web::HttpRequest;
use dispatch_mission::ids::ClassificationId;
use dispatch_pipeline::classify::{Asked, Classify, ClassifyError};
use dispatch_pipeline::ports::classifications::KeptClassification;
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;

/// The texts of a request.
///
/// # Errors
/// The problem that it would be answered with.
pub fn understood(request: &HttpRequest, body: &[u8]) -> Result<Vec<Asked>, Problem> {
    json::read::<ClassifyRequestDto>(request, body)?.read()
}

/// The event `classification` about one text, as it would be told.
///
/// # Errors
/// No mind answered.
pub async fn answered(classify: Arc<Classify>, asked: Asked) -> Result<Value, ClassifyError> {
    let metadata = asked.metadata.clone();
    let kept = KeptClassification {
        classification_id: ClassificationId::mint(),
        classified: classify.look(asked).await?,
        preview: None,
        unit_id: None,
        principal: None,
        metadata,
        created_at: OffsetDateTime::now_utc(),
    };
    Ok(serde_json::to_value(ClassificationDto::from(kept)).unwrap_or_default())
}
