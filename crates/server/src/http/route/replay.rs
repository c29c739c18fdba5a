//! `POST /route/replay/{id}`: once more. Must not plan.

use super::decider;
use super::replay_dto::{ReplayDto, ReplayRequestDto};
use crate::http::caller::Caller;
use crate::http::idempotency::Operation;
use crate::http::json::OptionalJsonBody;
use crate::http::path_id::PathId;
use crate::http::problem::{Problem, kind};
use actix_web::HttpResponse;
use actix_web::web::Data;
use dispatch_pipeline::replay::{Replay, Wish};
use uuid::Uuid;

/// Does something once more.
#[utoipa::path(
    post, path = "/route/replay/{id}", operation_id = "createReplay", tag = "route", summary = "Do it once more",
    description = "Replays an event, a unit, a classification, a dispatch or a delivery: from `classify` its messages are understood anew, from `route` \
                   the policy of today plans anew, from `deliver` what did not succeed is due again. What succeeded or is under way is left alone and \
                   named in `skipped`, unless it is forced: then it is done exactly once more, however often the request is repeated with the same \
                   `Idempotency-Key`. With `dry_run` nothing is changed: `difference` shows what would be.",
    params(("id" = String, Path, description = "Any of these ids", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d62")),
    request_body(content = ReplayRequestDto, description = "May be left out"),
    responses(
        (status = 200, description = "What would be done; with `dry_run`", body = ReplayDto),
        (status = 202, description = "What is done; `nothing` where there is nothing to do", body = ReplayDto),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong"),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`replay_not_found`: nothing that can be replayed has this id"),
        (status = 409, description = "`unit_claimed`: a worker has it now; `unit_pending`: it is due already; `unit_held`: it waits for a yes or a no; \
                                      `classification_superseded`: the id is of what its messages meant before; `not_understood`: replay it from \
                                      `classify`; `nothing_to_replay`: its burst is open, or nothing is done about it"),
        (status = 413, description = "`payload_too_large`: more than 64 KiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`limit_exceeded`: a reason of more than 500 characters"),
        (status = 502, description = "`classification_failed`; with `dry_run`, from `classify`"),
        (status = 503, description = "`database_unavailable`, `classifier_unavailable`"),
    ),
)]
pub async fn create(
    caller: Caller,
    operation: Operation,
    id: PathId,
    replay: Data<Replay>,
    OptionalJsonBody(body): OptionalJsonBody<ReplayRequestDto>,
) -> Result<HttpResponse, Problem> {
    let named = Uuid::try_parse(&id.0).map_err(|_| Problem::new(&kind::REPLAY_NOT_FOUND))?;
    let wish = Wish { from: body.from.map(Into::into), force: body.force };
    let by = decider(&caller, &operation, body.reason)?;
    if body.dry_run {
        return Ok(HttpResponse::Ok().json(ReplayDto::from(replay.rehearse(named, wish).await?)));
    }
    Ok(HttpResponse::Accepted().json(ReplayDto::from(replay.replay(named, wish, &by, None).await?)))
}
