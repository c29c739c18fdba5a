//! `GET /route/held`, `GET /route/held/{unit_id}`, `POST /route/held/{unit_id}/dismiss`. Must not decide anything.

use super::bodies::DismissalDto;
use super::decider;
use super::dto::{DismissedDto, HeldPageDto, HeldUnitDto};
use super::query::{HeldParameters, HeldQuery};
use crate::http::caller::Caller;
use crate::http::idempotency::Operation;
use crate::http::json::OptionalJsonBody;
use crate::http::path_id::PathId;
use crate::http::problem::{Problem, kind};
use actix_web::web::{Data, Json};
use dispatch_mission::ids::UnitId;
use dispatch_pipeline::route::Route;
use uuid::Uuid;

/// Lists what waits for a person.
#[utoipa::path(
    get, path = "/route/held", operation_id = "listHeld", tag = "route", summary = "List what waits for a person",
    description = "One page of the units of messages that Dispatch does not act on without a person's word, what has waited longest first: \
                   why, what they say and seem to mean, and what would be done. Take the next page by passing `next_cursor` as `cursor`. \
                   `POST /route/dispatch` says yes, `POST /route/held/{unit_id}/dismiss` says no.",
    params(HeldParameters),
    responses(
        (status = 200, description = "One page", body = HeldPageDto),
        (status = 400, description = "`invalid_parameters`; `errors` names each"),
        (status = 401, description = "`authentication_required`"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn list(query: HeldQuery, route: Data<Route>) -> Result<Json<HeldPageDto>, Problem> {
    Ok(Json(route.held(&query.filter, query.after.as_ref(), query.limit).await?.into()))
}

/// Shows one unit that waits for a person.
#[utoipa::path(
    get, path = "/route/held/{unit_id}", operation_id = "getHeld", tag = "route", summary = "Show one that waits for a person",
    description = "One unit of messages, while it is held.",
    params(("unit_id" = String, Path, description = "As in the list or the story", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60")),
    responses(
        (status = 200, description = "The unit", body = HeldUnitDto),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`held_not_found`: there is none, or it waits for nobody any more"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn show(id: PathId, route: Data<Route>) -> Result<Json<HeldUnitDto>, Problem> {
    let found = route.find(unit(&id)?).await?;
    found.map(|waiting| Json(waiting.into())).ok_or_else(|| Problem::new(&kind::HELD_NOT_FOUND))
}

/// Ends a held unit without doing anything.
#[utoipa::path(
    post, path = "/route/held/{unit_id}/dismiss", operation_id = "dismissHeld", tag = "route", summary = "Say no",
    description = "Nothing is done about this unit of messages. Who said so, and why, stands in its story. Of a yes and a no at once one counts, \
                   and the other is refused.",
    params(("unit_id" = String, Path, description = "As in the list or the story", example = "01930f5e-7c1a-7b3e-9d43-2f6b8a1c0d60")),
    request_body(content = DismissalDto, description = "May be left out"),
    responses(
        (status = 200, description = "Dismissed", body = DismissedDto),
        (status = 400, description = "`invalid_body`; `errors` points at what is wrong"),
        (status = 401, description = "`authentication_required`"),
        (status = 404, description = "`held_not_found`: there is none"),
        (status = 409, description = "`already_routed`: it was dispatched, `detail` names the dispatch; `not_held`: it waits for nobody any more"),
        (status = 413, description = "`payload_too_large`: more than 64 KiB"),
        (status = 415, description = "`unsupported_media_type`: not JSON"),
        (status = 422, description = "`limit_exceeded`: a reason of more than 500 characters"),
        (status = 503, description = "`database_unavailable`"),
    ),
)]
pub async fn dismiss(
    caller: Caller,
    operation: Operation,
    id: PathId,
    route: Data<Route>,
    OptionalJsonBody(body): OptionalJsonBody<DismissalDto>,
) -> Result<Json<DismissedDto>, Problem> {
    let by = decider(&caller, &operation, body.reason)?;
    Ok(Json(route.dismiss(unit(&id)?, None, by).await?.into()))
}

fn unit(id: &PathId) -> Result<UnitId, Problem> {
    Uuid::try_parse(&id.0).map(UnitId).map_err(|_| Problem::new(&kind::HELD_NOT_FOUND))
}
