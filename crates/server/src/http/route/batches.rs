//! `POST /route/replays`, `GET /route/replays/{replay_id}`, `POST /route/replays/{replay_id}/cancel`: many at once.

use super::batch_dto::{BatchDto, BatchPreviewDto, BatchRequestDto};
use super::decider;
use crate::http::caller::Caller;
use crate::http::idempotency::Operation;
use crate::http::json::JsonBody;
use crate::http::path_id::PathId;
use crate::http::problem::{Problem, kind};
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use dispatch_mission::ids::ReplayId;
use dispatch_pipeline::replay::Batches;
use uuid::Uuid;

/// Begins to replay many.
#[utoipa::path(
    post, path = "/route/replays", operation_id = "createReplays", tag = "route", summary = "Do many once more",
    description = "Replays these `ids`, or the dead letters that the filters say, what ended first first: chosen now, replayed one after another at a \
                   bounded rate, by whichever worker comes by. `all` takes every dead letter. With `force`, `states: [\"delivered\"]` and `since` it \
                   does once more what succeeded. With `dry_run` nothing begins: it answers what would be replayed. `GET /route/replays/{replay_id}` shows how far it is.",
    request_body = BatchRequestDto,
    responses(
        (status = 200, description = "What would be replayed; with `dry_run`", body = BatchPreviewDto),
        (status = 202, description = "It goes on", body = BatchDto),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong"),
        (status = 401, description = "`authentication_required`"),
        (status = 413, description = "`payload_too_large`: more than 64 KiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`limit_exceeded`: more than may be in one"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn create(
    caller: Caller,
    operation: Operation,
    batches: Data<Batches>,
    JsonBody(body): JsonBody<BatchRequestDto>,
) -> Result<HttpResponse, Problem> {
    let by = decider(&caller, &operation, body.reason.clone())?;
    let asked = body.read(by)?;
    if body.dry_run {
        return Ok(HttpResponse::Ok().json(BatchPreviewDto::from(batches.preview(&asked).await?)));
    }
    let batch = batches.begin(&asked).await?;
    Ok(HttpResponse::Accepted().json(BatchDto::from(batch)))
}

/// Shows how far many replays are.
#[utoipa::path(
    get, path = "/route/replays/{replay_id}", operation_id = "getReplays", tag = "route", summary = "Show how far many replays are",
    description = "How many are replayed, left alone, refused, and still to be replayed.",
    params(("replay_id" = String, Path, description = "As it was answered", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d70")),
    responses(
        (status = 200, description = "How far it is", body = BatchDto),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`replay_not_found`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn show(id: PathId, batches: Data<Batches>) -> Result<Json<BatchDto>, Problem> {
    found(batches.find(read(&id)?).await?.map(Into::into))
}

/// Ends many replays.
#[utoipa::path(
    post, path = "/route/replays/{replay_id}/cancel", operation_id = "cancelReplays", tag = "route", summary = "Replay no more of them",
    description = "What is not replayed yet stays as it is. One that has ended stays as it ended.",
    params(("replay_id" = String, Path, description = "As it was answered", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d70")),
    responses(
        (status = 200, description = "How far it came", body = BatchDto),
        (status = 400, description = "`idempotency_key_invalid`"),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`replay_not_found`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn cancel(id: PathId, batches: Data<Batches>) -> Result<Json<BatchDto>, Problem> {
    found(batches.cancel(read(&id)?).await?.map(Into::into))
}

fn read(id: &PathId) -> Result<ReplayId, Problem> {
    Uuid::try_parse(&id.0).map(ReplayId).map_err(|_| Problem::new(&kind::REPLAY_NOT_FOUND))
}

fn found(batch: Option<BatchDto>) -> Result<Json<BatchDto>, Problem> {
    batch.map(Json).ok_or_else(|| Problem::new(&kind::REPLAY_NOT_FOUND))
}
