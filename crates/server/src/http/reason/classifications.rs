//! `/reason/classifications`: the same as one answer, and as it was kept. Must not know who thinks.

use super::bodies::ClassifyRequestDto;
use super::dto::{ClassificationDto, ClassificationListDto};
use crate::http::caller::Caller;
use crate::http::idempotency::Operation;
use crate::http::json::JsonBody;
use crate::http::path_id::PathId;
use crate::http::problem::{Problem, kind};
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use dispatch_mission::ids::ClassificationId;
use dispatch_pipeline::classify::Classify;
use dispatch_pipeline::ports::identity::Scope;
use uuid::Uuid;

/// Says what messages mean.
#[utoipa::path(
    post, path = "/reason/classifications", operation_id = "createClassification", tag = "reason", summary = "Classify messages",
    description = "The same as `POST /reason/classify` in one answer: what one message means (`message`), or what each of several does \
                   (`messages`), always as `items`. They are kept, and nothing is made of them. It takes less than half a minute: \
                   what the models have not understood by then the local classifier does (`fallback_reason` `deadline`).",
    request_body = ClassifyRequestDto,
    responses(
        (status = 201, description = "What each message means; one of them for `message`", body = ClassificationListDto),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong"),
        (status = 401, description = "`authentication_required`"),
        (status = 413, description = "`payload_too_large`: more than 1 MiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`limit_exceeded`: a message of more than 16000 characters, or more than 50 messages; `classification_rejected`"),
        (status = 502, description = "`classification_failed`: no classifier's answer can be used"),
        (status = 503, description = "`classifier_unavailable`, or `database_unavailable`"),
    ),
)]
pub async fn create(
    caller: Caller,
    operation: Operation,
    classify: Data<Classify>,
    JsonBody(body): JsonBody<ClassifyRequestDto>,
) -> Result<HttpResponse, Problem> {
    let questions = classify.take(caller.principal(), operation.id(), body.read()?);
    let kept = classify.into_inner().answer_at_home(questions).await?;
    Ok(HttpResponse::Created().json(ClassificationListDto::from(kept)))
}

/// Shows a classification.
#[utoipa::path(
    get, path = "/reason/classifications/{classification_id}", operation_id = "getClassification", tag = "reason",
    summary = "Show a classification",
    description = "As it was made: for whoever asked for it, and with scope `observe` for everybody's and for those of messages that came in.",
    params(("classification_id" = String, Path, description = "As in the answer, the event or the story",
        example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d5e")),
    responses(
        (status = 200, description = "The classification", body = ClassificationDto),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`classification_not_found`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn show(caller: Caller, id: PathId, classify: Data<Classify>) -> Result<Json<ClassificationDto>, Problem> {
    let unknown = || Problem::new(&kind::CLASSIFICATION_NOT_FOUND);
    let id = Uuid::try_parse(&id.0).map(ClassificationId).map_err(|_| unknown())?;
    let found = classify.find(id, caller.principal(), caller.may(Scope::Observe)).await?;
    Ok(Json(found.ok_or_else(unknown)?.into()))
}
